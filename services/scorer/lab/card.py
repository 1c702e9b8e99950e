"""The card of a model: what it is for, what it learned from, what it reads, where it must not be trusted."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from services.scorer.features import Feature
from services.scorer.models import ModelFile

Groups = Counter[tuple[str, str, bool]]


def card_of(file: ModelFile, facts: Mapping[str, Any], groups: Groups, table: Mapping[str, Feature]) -> str:
    """Write a model's card."""
    reach = {name: max(part.curve.height) - min(part.curve.height) for name, part in file.parts.items()}
    rows = "\n".join(
        f"| `{name}` | {table[name].unit} | {span:.2f} | {table[name].about} |"
        for name, span in sorted(reach.items(), key=lambda item: (-item[1], item[0]))
    )
    learned = "\n".join(
        f"| {group} | {'bots' if bot else 'people'} | {count} |" for (_, group, bot), count in sorted(groups.items())
    )
    enough = " and ".join(f"`{name}` of at least {least:g}" for name, least in file.enough.items())
    return f"""# Model `{file.name}`, version `{facts["version"]}`

{file.about} It is one signal beside the rules; alone it never blocks anyone.

- **Form**: additive logistic model, a curve a feature, {facts["features"]} features. A missing feature adds nothing.
- **Answers from**: {enough}; below that it says nothing.
- **Answer**: a probability of a bot, as if {facts["prior"]:.0%} of all sessions were, from
  {file.calibration.lowest:g} to {file.calibration.highest:g}. It is calibrated on sessions of families and people the
  fitted model had not met, by how much was seen (`{file.calibration.evidence}`).
- **Reads no** sizes, sampling rates, time zones or identities. Half of the rows it learned from are copies as other
  recorders would have written them.
- **Held-out AUC** on all prefixes of sessions, each family and person left out in turn: {facts["held_out_auc"]:.3f}.
  Fuller figures: `docs/detection.md`.

## Where it must not be trusted

- People who move unlike all it met (new devices, assistive technology) may look like programs; so it only ever adds to
  what rules say, and asks for a challenge rather than a block.
- Programs that replay a person's own recording, or let a person begin, look like people to it.
- Most people it learned from did a set task, in a lab or a browser; some sources hold a handful of people.

## Learned from

| group | who | sessions |
|---|---|---|
{learned}

## Features

Reach is the height between the lowest and the highest point of a feature's curve, in log odds before calibration.

| feature | unit | reach | meaning |
|---|---|---|---|
{rows}
"""
