"""Write ``docs/detection.md`` and its plots."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib
import numpy as np
from matplotlib import pyplot

from services.scorer.lab.measures import reliability, threshold_at
from services.scorer.lab.recordings.sources import SOURCES as RECORDINGS
from services.scorer.lab.results import Group, Results

matplotlib.use("Agg")

_DPI: Final = 80
_FIGURES: Final = (
    ("auc", "AUC", "at least 0.97"),
    ("recall_at_fpr_01", "recall at 1 % of people", "at least 0.90"),
    ("recall_at_fpr_001", "recall at 0.1 % of people", ""),
    ("worst_family_recall", "worst family's recall at 1 % of people", "at least 0.60"),
    ("worst_cohort_fpr", "worst cohort's share of CHALLENGE or worse", "at most 0.01"),
    ("calibration_error", "expected calibration error of `risk_score`", "at most 0.05"),
    ("events_to_detect_obvious", "events until an obvious bot is stopped, worst median", "at most 30"),
)


def write_report(folder: Path, families: Results, sources: Results, notes: Sequence[str]) -> None:
    """Write the page and its plots.

    Parameters
    ----------
    families
        Bots judged without their family, people without their person.
    sources
        Everybody judged without anything from their source.
    notes
        What the reader has to know of this run.
    """
    plots = folder / "detection"
    plots.mkdir(parents=True, exist_ok=True)
    _plot_risk(families, plots / "risk.png")
    _plot_calibration(families, plots / "calibration.png")
    _plot_events(families, plots / "events.png")
    (folder / "detection.md").write_text(_page(families, sources, notes), encoding="utf-8")


def _page(families: Results, sources: Results, notes: Sequence[str]) -> str:
    one, other = families.headline(), sources.headline()
    rows = [(told, _text(one[name]), _text(other[name]), aim) for name, told, aim in _FIGURES]
    line = threshold_at(families.score[families.bot < 0.5], 0.01, families.weight[families.bot < 0.5])
    listed = "\n".join(f"- {note}" for note in notes)
    return f"""# Detection

How rules and models together tell people from bots they never met. `make eval` makes this page again.

{_table(("figure", "new families", "new sources", "aimed at"), rows)}

- **New families**: each family of bots, and each person, is judged by models that learned without it. The calibration
  learned without it too.
- **New sources**: people and bots are judged by models that learned without anything from their source: another
  recorder, other screens, other tasks. This is the harder and, for a new customer, the more honest figure.
- Sources weigh the same; in one, each family of bots does, and each session of people. No copy stands on both sides.
- The score is the verdict's `risk_score` after the last event, as the live pipeline gives it. No random split is used.
{listed}

## Bots, by family

Recall is the share above the risk that 1 % of people exceed ({line:.2f}). Stopped means an action other than ALLOW.

{_bots(families, sources)}

## People, by cohort

{_people(families, sources)}

![Risk by group](detection/risk.png)

## Calibration

Of sessions told a risk of 0.8, eight in ten should be bots, if half of all sessions are.

![Calibration](detection/calibration.png)

## How soon

Share of bots stopped, and of people, by the events seen.

![Events until detection](detection/events.png)

## Recordings of people

Besides those of DELBOT-Mouse, Balabit and Aalto; `python -m services.scorer.lab.recordings FOLDER` makes files of them.
None of them is part of this project. What a licence says, or that none is stated, is as of their repositories.

{_recordings()}

## Score your own recordings

```sh
python -m services.scorer.lab.evaluate --sessions FILE.jsonl.gz --out verdicts.jsonl
```

- A line is one session: `{{"session_id": "a", "label": "human", "group": "mouse", "events": [...]}}`. `label` (`human`
  or `bot`) and `group` may be missing; `"screen": [width, height]` may be given.
- Events are those of the [contracts](contracts.md): objects such as
  `{{"type": "pointer.move", "occurred_at": "2026-01-01T00:00:00.016Z", "x": 10, "y": 20}}`, and tracks, told apart by
  their list `t`. An object's time may be a number, `t` or `occurred_at`, in milliseconds. Rows
  `[t_ms, "move", x, y]` and `[press_ms, release_ms, key]` are taken too.
- Only pointer, only keys, or both; 10 to 1,000 Hz; pixels, percent, shares of the screen or device units.
- Bad lines are told on stderr, bad events left out and counted; the rest goes on.
- Each session gives a line with `session_id`, `risk_score`, `trust_score`, `action`, `confidence`, `reasons`,
  `events_to_decision` (events seen when the last action was first given, to stay) and `events`; the last line on
  stdout sums up, with AUC, recall and calibration when there are labels.
"""


def _recordings() -> str:
    rows = [
        (one.name, ", ".join(one.readers), one.licence, str(one.people or "-"), one.task) for one in RECORDINGS
    ]  # fmt: skip
    return _table(("source", "repository on GitHub", "licence", "people", "task"), rows)


def _bots(families: Results, sources: Results) -> str:
    other = {group.name: group for group in sources.groups}
    rows = [
        (
            group.name, str(group.sessions), _share(group.recall), _share(other[group.name].recall),
            _share(group.stopped), _count(group.detected_after), _reasons(group),
        )
        for group in families.groups if group.bot
    ]  # fmt: skip
    heads = ("family", "sessions", "recall", "recall, new source", "stopped", "after events", "reasons")
    return _table(heads, rows)


def _people(families: Results, sources: Results) -> str:
    other = {group.name: group for group in sources.groups}
    rows = [
        (
            group.name, str(group.sessions), _share(group.stopped), _share(group.ever_stopped),
            _share(other[group.name].stopped), f"{100 * (1 - group.risk[1]):.0f}",
            f"{100 * (1 - group.risk[2]):.0f}",
        )
        for group in families.groups if not group.bot
    ]  # fmt: skip
    heads = ("cohort", "sessions", "stopped", "at any batch", "new source", "median trust", "lower quarter")
    return _table(heads, rows)


def _reasons(group: Group) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in group.reasons[:3] if share >= 0.05)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) and value < 1 else f"{value:g}"


def _plot_risk(results: Results, path: Path) -> None:
    groups = results.groups
    figure, axes = pyplot.subplots(figsize=(9, 0.24 * len(groups) + 1))
    for row, group in enumerate(groups):
        colour = "tab:red" if group.bot else "tab:blue"
        low, middle, high = group.risk
        axes.plot([low, high], [row, row], color=colour, linewidth=5, alpha=0.4, solid_capstyle="butt")
        axes.plot([middle], [row], "o", color=colour, markersize=4)
    axes.set_yticks(range(len(groups)), [group.name for group in groups], fontsize=7)
    axes.axvline(0.45, color="grey", linewidth=0.8)
    axes.set(xlim=(0, 1), xlabel="risk_score: median and quartiles; people blue, bots red; CHALLENGE right of the line")
    _save(figure, path)


def _plot_calibration(results: Results, path: Path) -> None:
    rows = reliability(results.score, results.bot, results.weight)
    figure, axes = pyplot.subplots(figsize=(5, 4))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes.scatter(
        [told for _, told, _, _ in rows], [true for _, _, true, _ in rows], s=[600 * share + 5 for *_, share in rows]
    )
    axes.set(xlabel="risk_score", ylabel="share of bots; size: share of sessions", xlim=(0, 1), ylim=(-0.02, 1.02))
    _save(figure, path)


def _plot_events(results: Results, path: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 4))
    after = np.array([10, 20, 30, 40, 50, 100, 150, 200, 300, 400, 600, 800])
    for bot, colour in ((True, "tab:red"), (False, "tab:blue")):
        for group in results.groups:
            if group.bot is bot:
                times = [c.detected_after for c in results.courses if c.session.origin.group == group.name]
                share = [np.mean([time is not None and time <= limit for time in times]) for limit in after]
                axes.plot(after, share, color=colour, alpha=0.45, linewidth=1)
    axes.set(xscale="log", xlabel="events seen", ylabel="share stopped; a line a group", ylim=(-0.02, 1.02))
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=_DPI, metadata={"Software": None})
    pyplot.close(figure)
