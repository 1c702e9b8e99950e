"""Say how verdicts come out on recordings: ``python -m services.scorer.lab.evaluate FILE...``."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from services.scorer.lab.recordings import Recording, inputs_of, read_recordings
from services.scorer.pipeline import Ruleset, SubjectState, fold, load_ruleset
from shared.contracts.verdict import Verdict
from shared.topics import Domain


@dataclass(slots=True)
class GroupResult:
    """What became of one group's recordings.

    ``last`` counts the action after the last batch; ``flagged_once`` those that were not allowed at any batch.
    """

    label: str
    sessions: int = 0
    flagged_once: int = 0
    last: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, verdicts: list[Verdict]) -> None:
        """Count one recording's verdicts."""
        self.sessions += 1
        self.flagged_once += any(verdict.action != "ALLOW" for verdict in verdicts)
        self.last[verdicts[-1].action] += 1
        self.reasons.update(reason.code for reason in verdicts[-1].reasons)


def verdicts_of(recording: Recording, name: str, ruleset: Ruleset) -> list[Verdict]:
    """Fold a recording batch by batch."""
    state: SubjectState | None = None
    verdicts = []
    for item in inputs_of(recording, name):
        state, verdict, _ = fold(state, item, ruleset)
        if verdict is not None:
            verdicts.append(verdict)
    return verdicts


def evaluate(recordings: Iterable[Recording], ruleset: Ruleset) -> dict[str, GroupResult]:
    """Fold every recording as a session of its own; give the results by group."""
    results: defaultdict[str, GroupResult] = defaultdict(lambda: GroupResult(label=""))
    for index, recording in enumerate(recordings):
        verdicts = verdicts_of(recording, f"recording-{index}", ruleset)
        if verdicts:
            results[recording.group].label = recording.label
            results[recording.group].add(verdicts)
    return dict(results)


def result_table(results: dict[str, GroupResult]) -> Table:
    """Lay results out as a table."""
    table = Table("group", "label", "sessions", "not allowed", "at any batch", "last actions", "reasons")
    for group, result in sorted(results.items()):
        flagged = 1 - result.last["ALLOW"] / result.sessions
        counts = [" ".join(f"{name} {n}" for name, n in c.most_common()) for c in (result.last, result.reasons)]
        once = result.flagged_once / result.sessions
        table.add_row(group, result.label, str(result.sessions), f"{flagged:.1%}", f"{once:.1%}", *counts)
    return table


def main(paths: list[str]) -> None:
    """Evaluate the live rules on files of recordings."""
    recordings = (recording for path in paths for recording in read_recordings(Path(path)))
    Console(file=sys.stdout).print(result_table(evaluate(recordings, load_ruleset(Domain.BEHAVIOR))))


if __name__ == "__main__":
    main(sys.argv[1:])
