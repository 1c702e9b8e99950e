"""What ``GET /v1/kpis`` takes and answers, as OpenAPI shows it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from services.insights.kpis import ACTIONS, Step, Tally, Window, series, total
from shared.cloudevents import parse_rfc3339
from shared.contracts.verdict import Action
from shared.topics import Domain

_GROUPS: Final = "action|reason"
_SIX_DIGITS: Final = 6


def _time(text: object) -> object:
    """Take RFC 3339 only; pydantic alone would also take seconds since 1970."""
    if not isinstance(text, str):
        return text
    try:
        return parse_rfc3339(text.encode("ascii"))
    except ValueError:
        raise ValueError("an RFC 3339 time with a zone, such as 2026-03-01T17:45:00Z ('+' is sent as %2B)") from None


Rfc3339 = Annotated[AwareDatetime, BeforeValidator(_time, json_schema_input_type=AwareDatetime)]


class KpiParameters(BaseModel):
    """Query parameters. Others are refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)

    start: Rfc3339 | None = Field(
        None,
        alias="from",
        description="Start of the range, included: a whole UTC minute. Default: an hour before `to`.",
        examples=["2026-03-01T17:00:00Z"],
    )
    end: Rfc3339 | None = Field(
        None,
        alias="to",
        description="End of the range, not included: a whole UTC minute. Default: the end of the current minute.",
        examples=["2026-03-01T17:02:00Z"],
    )
    step: Step = Field(
        Step.MINUTE,
        description="Length of one point. Points start on UTC boundaries; the first and the last may be cut short.",
    )
    domain: Domain | None = Field(None, description="Only this domain. Default: all of them together.")
    group_by: str | None = Field(
        None,
        pattern=rf"^({_GROUPS})(,({_GROUPS}))*$",
        description="Add counts by `action`, by `reason`, or both, joined by a comma.",
        examples=["action,reason"],
    )

    @property
    def groups(self) -> set[str]:
        """What to count by."""
        return set(self.group_by.split(",")) if self.group_by else set()


class Kpis(BaseModel):
    """Counts, and what follows from them. A mean or rate of no verdicts is null."""

    batches: int = Field(description="Batches stored.")
    events: int = Field(description="Events and track samples in them.")
    verdicts: int = Field(description="Verdicts given.")
    dead_letters: int | None = Field(
        description="Messages that could not go on; null for one domain, since a dead letter may be of none."
    )
    mean_risk: float | None = Field(description="Mean risk score, 0..1; higher is riskier.")
    challenge_rate: float | None = Field(description="Share of verdicts with action CHALLENGE, 0..1.")
    review_rate: float | None = Field(description="Share of verdicts with action REVIEW, 0..1.")
    block_rate: float | None = Field(description="Share of verdicts with action BLOCK, 0..1.")
    by_action: dict[Action, int] = Field({}, description="Verdicts by action; with `group_by=action`.")
    by_reason: dict[str, int] = Field({}, description="Verdicts by reason code; with `group_by=reason`.")


class KpiPoint(Kpis):
    """The KPIs of one step."""

    start: datetime = Field(alias="from", description="Start of the point, included.")
    end: datetime = Field(alias="to", description="End of the point, not included.")


class KpiReport(BaseModel):
    """KPIs of a range: its totals, and a series with one point for every step."""

    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    step: Step
    domain: Domain | None
    totals: Kpis
    series: list[KpiPoint]


class ProblemItem(BaseModel):
    """One offending place."""

    pointer: str = Field(description="Where: `/query/` and the parameter's name.")
    code: str
    detail: str


class ProblemDocument(BaseModel):
    """An error (RFC 9457)."""

    type: str
    code: str = Field(description="Stable, machine-readable kind of error.")
    title: str
    status: int
    detail: str
    errors: list[ProblemItem] = []


def report(window: Window, tallies: Mapping[datetime, Tally], parameters: KpiParameters) -> dict[str, Any]:
    """Write the answer: a `KpiReport`, ready for JSON."""
    points = series(window, tallies)

    def kpis(tally: Tally) -> dict[str, Any]:
        return _kpis(tally, parameters.groups, of_one_domain=parameters.domain is not None)

    return {
        "from": _z(window.start),
        "to": _z(window.end),
        "step": window.step,
        "domain": parameters.domain,
        "totals": kpis(total(tally for _, _, tally in points)),
        "series": [{"from": _z(start), "to": _z(end)} | kpis(tally) for start, end, tally in points],
    }


def _kpis(tally: Tally, groups: set[str], *, of_one_domain: bool) -> dict[str, Any]:
    kpis: dict[str, Any] = {
        "batches": tally.batches,
        "events": tally.events,
        "verdicts": tally.verdict_count,
        "dead_letters": None if of_one_domain else tally.dead_letters,
        "mean_risk": _rounded(tally.mean_risk),
        "challenge_rate": _rounded(tally.rate("CHALLENGE")),
        "review_rate": _rounded(tally.rate("REVIEW")),
        "block_rate": _rounded(tally.rate("BLOCK")),
    }
    if "action" in groups:
        kpis["by_action"] = {action: tally.verdicts.get(action, 0) for action in ACTIONS}
    if "reason" in groups:
        kpis["by_reason"] = dict(sorted(tally.reasons.items(), key=lambda item: (-item[1], item[0])))
    return kpis


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, _SIX_DIGITS)


def _z(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
