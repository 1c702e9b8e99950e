"""The page on consuming verdicts shows a record as it is, and says of the examples what they hold."""

import importlib.util
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from shared.cloudevents import verdict_headers
from shared.contracts.verdict import Verdict, verdict_id
from shared.topics import DEFAULT_PARTITIONS, TOPICS, VERDICTS, partition_key

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "consume-verdicts.md").read_text()
EXAMPLES = ROOT / "examples" / "consumers"
SOURCES = {
    "python": ["python/consume_verdicts.py"],
    "java": ["java/src/main/java/telltale/ConsumeVerdicts.java"],
    "go": ["go/main.go", "go/verdict.go"],
}
TEXTS = {name: "".join((EXAMPLES / path).read_text() for path in paths) for name, paths in SOURCES.items()}
RECORD, LINE = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
VERDICT = msgspec.json.decode(RECORD, type=Verdict)
HEADERS = dict(re.findall(r"^\| `(ce_\w+|content-type)` \| `(.+?)` \|", PAGE, re.MULTILINE))
REASONS = re.findall(r"^\| `((?:ce_|the value).+?)` \|", PAGE.partition("## What cannot be read")[2], re.MULTILINE)


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("consume_verdicts", EXAMPLES / SOURCES["python"][0])
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_record_is_one_the_scorer_could_have_written() -> None:
    assert VERDICT.verdict_id == verdict_id(VERDICT.tenant_id, VERDICT.batch_id)
    assert sum(reason.contribution for reason in VERDICT.reasons) == VERDICT.risk_score
    # Nothing of the contract is missing, and nothing stands there that it does not have.
    assert json.loads(msgspec.json.encode(VERDICT)) == json.loads(RECORD)
    key = partition_key(VERDICT.tenant_id, VERDICT.subject.type, VERDICT.subject.id)
    assert f"`{key.decode()}`" in PAGE


def test_the_headers_are_those_of_the_record() -> None:
    written = verdict_headers(
        VERDICT,
        scored_at=datetime(2026, 3, 1, 12, 0, 1, 128_500, tzinfo=UTC),
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        source=("events.behavior.v1", 4711),
    )
    assert {name: value.decode() for name, value in written} == HEADERS


def test_the_line_is_what_comes_of_the_record(example: ModuleType) -> None:
    verdict = example.read([(name, value.encode()) for name, value in HEADERS.items()], RECORD.encode())
    assert json.loads(LINE) == example.row_of(verdict)


@pytest.mark.parametrize("language", TEXTS)
def test_every_reason_named_is_in_every_example(language: str) -> None:
    assert len(REASONS) == 4
    assert [reason for reason in REASONS if f'"{reason}"' not in TEXTS[language]] == []


@pytest.mark.parametrize("language", TEXTS)
def test_every_setting_of_every_example_is_named_with_its_default(language: str) -> None:
    rows = re.findall(r"^\| `(TELLTALE_\w+)` \|(?: `(.+?)`)? \|", PAGE.partition("## Three examples")[2], re.MULTILINE)
    read = re.findall(r'"(TELLTALE_\w+)", "(.*?)"', TEXTS[language])
    assert len(rows) == 4
    assert sorted(rows) == sorted(read)


def test_the_examples_keep_the_same_table() -> None:
    statements = {
        tuple(
            " ".join(found.split())
            for found in re.findall(r"(CREATE TABLE.+?\)|INSERT INTO.+?NOTHING)", text, re.DOTALL)
        )
        for text in TEXTS.values()
    }
    assert len(statements) == 1
    assert len(next(iter(statements))) == 2


def test_every_folder_entered_is_there() -> None:
    entered = re.findall(r"^cd (\S+) &&", PAGE, re.MULTILINE)
    assert {ROOT / folder for folder in entered} == {EXAMPLES / name for name in SOURCES}


def test_the_figures_are_those_of_the_topic() -> None:
    [topic] = [topic for topic in TOPICS if topic.name == VERDICTS]
    assert f"Kafka keeps them for {topic.retention_ms // 86_400_000} days" in PAGE
    assert f"There are {DEFAULT_PARTITIONS} partitions" in PAGE
    assert all(re.search(r"6_000|6 \* time.Second", text) for text in TEXTS.values())


def test_the_java_example_is_built_from_what_its_project_file_names() -> None:
    """The test compiles with the locked jars; a reader's Maven takes the versions of the project file."""
    pom = (EXAMPLES / "java" / "pom.xml").read_text()
    named = re.findall(
        r"<dependency>\s*<groupId>(.+?)</groupId>\s*<artifactId>(.+?)</artifactId>\s*<version>(.+?)</version>", pom
    )
    locked = (EXAMPLES / "java" / "jars.lock").read_text()
    assert len(named) == 4
    assert [":".join(one) for one in named if f"  {':'.join(one)}\n" not in locked] == []
