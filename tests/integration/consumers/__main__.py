"""``python -m tests.integration.consumers``: run these tests; the last line is one JSON object, ``ok`` by language."""

import json
import sys
from pathlib import Path

import pytest

from tests.integration.consumers.languages import BUILDS


class Outcomes:
    """What became of each language, as pytest reports it."""

    def __init__(self) -> None:
        self.passed: dict[str, int] = dict.fromkeys(BUILDS, 0)
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a phase of a test."""
        languages = [name for name in BUILDS if report.nodeid.endswith(f"[{name}]")] or list(BUILDS)
        if not report.passed:
            self.failed.update(languages)
        elif report.when == "call":
            for language in languages:
                self.passed[language] += 1


def main() -> int:
    """Run and print; give pytest's exit code."""
    outcomes = Outcomes()
    code = int(pytest.main(["-q", str(Path(__file__).parent)], plugins=[outcomes]))
    ok = {name: bool(count) and name not in outcomes.failed for name, count in outcomes.passed.items()}
    sys.stdout.write(json.dumps({name: "ok" if fine else "failed" for name, fine in ok.items()}) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
