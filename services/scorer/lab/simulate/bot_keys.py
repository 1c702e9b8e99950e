"""How programs type: intervals and dwells from a constant, a range, a bell curve, or a table of people's times."""

from dataclasses import dataclass

from services.scorer.lab.simulate.fingers import draw_fingers, type_text
from services.scorer.lab.simulate.motion import Rng, log_normal
from services.scorer.lab.simulate.page import draw_page
from services.scorer.lab.simulate.stage import Key, Stage
from services.scorer.lab.simulate.text import draw_text

LAWS = ("constant", "range", "gaussian", "sampled", "pairs", "replay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyer:
    """A script's way of typing.

    Parameters
    ----------
    law
        How times are drawn; ``pairs`` knows what pairs of key classes take, ``replay`` repeats stolen times,
        ``inserted`` puts the text there without any key.
    interval_ms, dwell_ms
        Their centres; a dwell of 0 presses and releases at once.
    spread
        Relative spread.
    stolen
        Intervals and dwells of a person, for the laws that need some.
    """

    law: str
    interval_ms: float
    dwell_ms: float
    spread: float
    stolen: tuple[tuple[float, float, str], ...] = ()

    def type(self, stage: Stage, length: int, target: str | None) -> None:
        """Type some text; scripts make no slips."""
        if self.law == "inserted":
            return
        rng = stage.rng
        before = "other"
        begin = int(rng.integers(0, max(1, len(self.stolen))))
        for number, key in enumerate(draw_text(rng, length)):
            interval_ms, dwell_ms = self._times(rng, before, key.key_class, begin + number)
            stage.wait(interval_ms if number else 0.0)
            stage.keys.append(Key(stage.now_ms, dwell_ms, key.key_class, target))
            before = key.key_class
        stage.wait(self.dwell_ms)

    def press(self, stage: Stage, key_class: str, target: str | None) -> None:
        """Press one key."""
        interval_ms, dwell_ms = self._times(stage.rng, "other", key_class, 0)
        stage.keys.append(Key(stage.now_ms, dwell_ms, key_class, target))
        stage.wait(interval_ms)

    def _times(self, rng: Rng, before: str, key_class: str, number: int) -> tuple[float, float]:
        if self.law == "constant":
            return self.interval_ms, self.dwell_ms
        if self.law == "range":
            low, high = 1 - self.spread, 1 + self.spread
            return self.interval_ms * rng.uniform(low, high), self.dwell_ms * rng.uniform(low, high)
        if self.law == "gaussian":
            return (
                max(5.0, rng.normal(self.interval_ms, self.spread * self.interval_ms)),
                max(0.0, rng.normal(self.dwell_ms, self.spread * self.dwell_ms)),
            )
        if self.law == "sampled":
            return log_normal(rng, self.interval_ms, self.spread), log_normal(
                rng, max(1.0, self.dwell_ms), 0.5 * self.spread
            )
        if self.law == "replay":
            interval_ms, dwell_ms, _ = self.stolen[number % len(self.stolen)]
            return interval_ms * rng.uniform(0.95, 1.05), dwell_ms * rng.uniform(0.95, 1.05)
        alike = [row for row in self.stolen if row[2] == f"{before} {key_class}"] or list(self.stolen)
        return alike[int(rng.integers(len(alike)))][0], alike[int(rng.integers(len(alike)))][1]


def draw_keyer(rng: Rng, law: str | None = None) -> Keyer:
    """Draw a script, of one law or of any."""
    law = law or str(rng.choice(LAWS))
    return Keyer(
        law=law,
        interval_ms=log_normal(rng, 110, 0.5),
        dwell_ms=0.0 if rng.random() < 0.15 and law in {"constant", "range"} else log_normal(rng, 75, 0.3),
        spread=float(rng.uniform(0.15, 0.5)),
        stolen=_steal(rng) if law in {"pairs", "replay"} else (),
    )


def _steal(rng: Rng) -> tuple[tuple[float, float, str], ...]:
    """Record a person's times: interval, dwell and pair of classes."""
    stage = Stage(rng=rng, page=draw_page(rng, False, True), x=0, y=0)
    type_text(stage, draw_fingers(rng), int(rng.integers(80, 200)), None)
    pairs = zip(stage.keys, stage.keys[1:], strict=False)
    return tuple((b.down_ms - a.down_ms, b.dwell_ms, f"{a.key_class} {b.key_class}") for a, b in pairs)
