"""Score outside recordings through the live pipeline, batch by batch as they would arrive."""

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from services.scorer.lab.batching import inputs_of
from services.scorer.lab.measures import auc, calibration_error, recall_at
from services.scorer.lab.sessions import BadLine, Session, read_sessions
from services.scorer.pipeline import Ruleset, fold
from shared.contracts.verdict import Verdict


@dataclass(slots=True)
class Summary:
    """What became of a file."""

    sessions: int = 0
    empty: int = 0
    bad_lines: int = 0
    events: int = 0
    refused_events: int = 0
    risk: list[float] = field(default_factory=list)
    bot: list[float] = field(default_factory=list)
    groups: defaultdict[str, list[tuple[str, bool]]] = field(default_factory=lambda: defaultdict(list))
    to_decision: list[int] = field(default_factory=list)

    def add(self, session: Session, row: dict[str, Any]) -> None:
        """Count one session."""
        self.sessions += 1
        self.events += row["events"]
        self.refused_events += session.refused
        self.empty += not row["events"]
        if session.label is None:
            return
        bot, stopped = session.label == "bot", row["action"] != "ALLOW"
        self.risk.append(row["risk_score"])
        self.bot.append(float(bot))
        self.groups[f"{session.label}/{session.group}"].append((session.label, stopped))
        if bot and stopped and row["events_to_decision"] is not None:
            self.to_decision.append(row["events_to_decision"])

    def describe(self) -> dict[str, Any]:
        """Give the summary as JSON-ready data; measures only where labels allow."""
        told: dict[str, Any] = {
            "sessions": self.sessions,
            "empty_sessions": self.empty,
            "bad_lines": self.bad_lines,
            "events": self.events,
            "refused_events": self.refused_events,
        }
        if not self.risk:
            return told
        risk, bot = np.array(self.risk), np.array(self.bot)
        return told | {
            "labelled": len(risk),
            "auc": _rounded(auc(risk, bot)),
            "recall_at_fpr_01": _rounded(recall_at(risk, bot, 0.01)),
            "recall_at_fpr_001": _rounded(recall_at(risk, bot, 0.001)),
            "people_not_allowed": _share(
                stopped for group in self.groups.values() for label, stopped in group if label == "human"
            ),
            "bots_not_allowed": _share(
                stopped for group in self.groups.values() for label, stopped in group if label == "bot"
            ),
            "calibration_error": _rounded(calibration_error(risk, bot)),
            "events_to_decision_bots_median": float(np.median(self.to_decision)) if self.to_decision else None,
            "not_allowed_by_group": {
                name: _share(stopped for _, stopped in group) for name, group in sorted(self.groups.items())
            },
        }


def verdicts_of(session: Session, ruleset: Ruleset) -> Iterator[tuple[int, Verdict]]:
    """Fold a session batch by batch; give each verdict with the events seen by then."""
    state, seen = None, 0
    for item in inputs_of(session):
        state, verdict, _ = fold(state, item, ruleset)
        if verdict is not None:
            seen += verdict.event_count
            yield seen, verdict


def score_session(session: Session, ruleset: Ruleset) -> dict[str, Any]:
    """Judge one session; give its line of the answer.

    ``events_to_decision`` is how many events had been seen when the last action was first given, to stay; none while
    nothing is decided.
    """
    verdicts = list(verdicts_of(session, ruleset))
    row: dict[str, Any] = {"session_id": session.session_id}
    if session.label is not None:
        row["label"] = session.label
    if not verdicts:
        return row | _NOTHING_SEEN
    seen, last = verdicts[-1]
    decided = seen
    for at, verdict in reversed(verdicts):
        if verdict.action != last.action or verdict.label == "undecided":
            break
        decided = at
    return row | {
        "risk_score": last.risk_score,
        "trust_score": last.trust_score,
        "action": last.action,
        "confidence": last.confidence,
        "reasons": [reason.code for reason in last.reasons],
        "events_to_decision": None if last.label == "undecided" else decided,
        "events": seen,
    }


def score_file(source: Path, target: Path, ruleset: Ruleset) -> Summary:
    """Score every session of a file; write one line each, in the file's order. What is no session is told on stderr."""
    summary, console = Summary(), Console(file=sys.stderr)
    source.open("rb").close()  # a file that cannot be read leaves none behind
    with target.open("w", encoding="utf-8") as out, console.status("scoring sessions") as status:
        for item in read_sessions(source):
            if isinstance(item, BadLine):
                summary.bad_lines += 1
                console.print(f"line {item.number} left out: {item.why}", markup=False)
                continue
            row = score_session(item, ruleset)
            summary.add(item, row)
            out.write(json.dumps(row) + "\n")
            status.update(f"scoring sessions: {summary.sessions} done")
    return summary


_NOTHING_SEEN: dict[str, Any] = {
    "risk_score": 0.0,
    "trust_score": 100,
    "action": "ALLOW",
    "confidence": 0.0,
    "reasons": [],
    "events_to_decision": None,
    "events": 0,
}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _share(hits: Iterable[bool]) -> float | None:
    found = list(hits)
    return round(sum(found) / len(found), 4) if found else None
