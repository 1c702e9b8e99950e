# Needs only Python 3.11+ and make. Everything else comes with the first `make up` or `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv --no-config
# Entry points are left out: importing one starts things.
DOCTESTS := --doctest-modules shared services --ignore-glob='*/__main__.py'

.DEFAULT_GOAL := help
.PHONY: help setup sdk chromium up down restart status logs doctor reconcile dead-letters replay test check chaos bench soak simulate train eval lock rules schemas test-browser bench-sdk test-sdks

help:            ## List the commands
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/uv: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit("Telltale needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" if sys.version_info < (3, 11) else 0)'
	@echo "setup: creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

$(VENV)/.ready: $(BIN)/uv requirements/dev.txt
	@echo "setup: installing pinned dependencies"
	@quiet=$$([ -t 2 ] || echo --quiet); VIRTUAL_ENV=$(VENV) $(UV) pip sync $$quiet --require-hashes requirements/dev.txt requirements/bootstrap.txt
	@$(BIN)/python -c 'import pathlib, site; pathlib.Path(site.getsitepackages()[0], "telltale-client.pth").write_text("$(CURDIR)/sdks/python/src\n")'
	@touch $@

setup: $(VENV)/.ready ## Create the virtual environment with everything pinned

sdk: setup       ## Build the packages for browsers and React
	@$(BIN)/python -m deploy.sdks

chromium:
	@deploy/install-chromium.sh

up: setup        ## Start everything, replay recordings, stay until Ctrl-C (DETACH=1 returns and leaves it running)
	@$(BIN)/python -m deploy.local up $(if $(filter 1,$(DETACH)),--detach)

down: setup      ## Stop everything; data stays
	@$(BIN)/python -m deploy.local down

restart: setup   ## Start one part again with the code as it is now (SERVICE=name)
	@$(BIN)/python -m deploy.local restart $(if $(SERVICE),--service $(SERVICE))

status: setup    ## Show every part; fails when one is not ready
	@$(BIN)/python -m deploy.local status

logs: setup      ## Follow the logs (SERVICE=name for one)
	@$(BIN)/python -m deploy.local logs $(if $(SERVICE),--service $(SERVICE))

doctor: setup    ## Send a probe batch along the path and name the first broken stage
	@$(BIN)/python -m deploy.operate doctor

reconcile: setup ## Compare what clients were told, what Kafka holds and what PostgreSQL holds
	@$(BIN)/python -m deploy.operate reconcile

dead-letters: setup ## List the dead letters
	@$(BIN)/python -m deploy.operate dead-letters list

replay: setup    ## Judge a stored verdict's batches again and prove that the verdict is the same (ID=...)
	@$(BIN)/python -m deploy.operate replay $(or $(ID),$(error say which verdict: make replay ID=...))

lock: $(BIN)/uv  ## Resolve requirements/*.in into hashed lock files
	$(UV) pip compile -q --universal --generate-hashes --no-header --python-version 3.11 requirements/bootstrap.in -o requirements/bootstrap.txt
	$(UV) pip compile -q --universal --generate-hashes --no-header --python-version 3.11 requirements/runtime.in -o requirements/runtime.txt
	$(UV) pip compile -q --universal --generate-hashes --no-header --python-version 3.11 requirements/dev.in -o requirements/dev.txt

check: setup     ## Quick checks: lint, types, import boundaries, unit tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/unit
	$(BIN)/pytest -q $(DOCTESTS)

test: sdk chromium ## Everything: checks, then contract, integration and end-to-end suites on real parts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q $(DOCTESTS)
	$(BIN)/pytest tests

chaos: setup     ## Kill, stop and restart parts under load, then check every book (KILLS=200 SEED=1)
	@$(BIN)/python -m tests.chaos --kills $(or $(KILLS),200) --seed $(or $(SEED),1)

bench: setup     ## Measure every part beside its raw limit, and the whole path (PARTS="gateway path" for some)
	@$(BIN)/python -m benchmarks $(PARTS)

soak: setup      ## Steady load on a system of its own; memory, descriptors, lag and latency must stay flat (MINUTES=30)
	@$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),30)

simulate: setup  ## Write sessions of simulated people and bots (SESSIONS=1000 SEED=1 OUT=simulated.jsonl.gz)
	@$(BIN)/python -m services.scorer.lab.simulate --sessions $(or $(SESSIONS),1000) --seed $(or $(SEED),1) --out $(or $(OUT),simulated.jsonl.gz)

train: setup     ## Train the models that judge behaviour beside the rules
	@$(BIN)/python -m services.scorer.lab.train

eval: setup      ## Try the detector on makers it never met; writes docs/detection.md
	@$(BIN)/python -m services.scorer.lab.evaluate

schemas: setup   ## Write the JSON Schemas of the contracts anew; refuses a breaking change
	@$(BIN)/python -m shared.contracts.schema

test-browser: sdk chromium ## Try the browser SDK in Chromium: what leaves the page, what it costs, people and bots against the whole system
	@$(BIN)/pytest -q tests/browser
	@$(BIN)/python -m tests.browser.measure

bench-sdk: setup ## Measure the Python client beside plain HTTP
	@$(BIN)/python -m benchmarks.sdk

test-sdks: sdk   ## Install the packages into empty projects and run the consumers of verdicts in three languages
	@$(BIN)/python -m tests.sdks

rules: setup     ## List the rules
	@$(BIN)/python -m services.scorer.lab.rules
