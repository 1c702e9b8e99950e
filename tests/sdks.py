"""``python -m tests.sdks``: try what is published and who consumes verdicts; the last line is one JSON object."""

import json
import sys
from typing import Final

import pytest

# By what is tried: the tests that try it.
_TRIED: Final = {
    "python_package": "tests/integration/sdk/test_wheel.py",
    "npm_packages": "tests/browser/test_packages.py",
    "consumer_python": "tests/integration/consumers/test_consumers.py",
    "consumer_java": "tests/integration/consumers/test_consumers.py",
    "consumer_go": "tests/integration/consumers/test_consumers.py",
}


class Outcomes:
    """What became of each, as pytest reports it."""

    def __init__(self) -> None:
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a phase of a test. One of all languages counts for each."""
        place, _, name = report.nodeid.partition("::")
        here = [tried for tried, path in _TRIED.items() if path == place]
        named = [tried for tried in here if name.endswith(f"[{tried.removeprefix('consumer_')}]")]
        if not report.passed:
            self.failed.update(named or here)
        elif report.when == "call":
            self.passed.update(named or here)


def main() -> int:
    """Run and print; give pytest's exit code."""
    outcomes = Outcomes()
    code = int(pytest.main(["-q", *dict.fromkeys(_TRIED.values())], plugins=[outcomes]))
    ok = outcomes.passed - outcomes.failed
    sys.stdout.write(json.dumps({tried: "ok" if tried in ok else "failed" for tried in _TRIED}) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
