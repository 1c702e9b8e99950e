"""What a panel is, in the few words our dashboards need."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["stat", "timeseries", "stacked", "bars", "table"]
Source = Literal["prometheus", "postgres"]

WIDTH: Final = 24  # Grafana's grid


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel.

    Parameters
    ----------
    text
        PromQL or SQL.
    legend
        Name of the series, with ``{{label}}``; of SQL the column names it.
    """

    text: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Parameters
    ----------
    title, description
        For the reader. The description says what it means when the panel looks wrong.
    unit
        Grafana's unit id.
    queries
        What it shows.
    kind
        How it shows it.
    width
        Columns of the 24.
    thresholds
        Colours by value: each counts from its value upwards; the first has none.
    names
        Words shown instead of values.
    source
        Where the queries run.
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    width: int = 8
    thresholds: tuple[tuple[str, float | None], ...] = ()
    names: tuple[tuple[str, str, str], ...] = ()
    source: Source = "prometheus"


@dataclass(frozen=True, slots=True)
class Row:
    """A titled row of panels, all of one height; what does not fit the width goes on."""

    title: str
    height: int
    panels: tuple[Panel, ...]


def quantiles(metric: str, by: str = "") -> tuple[Query, ...]:
    """Give p50, p95 and p99 of a histogram, for each value of a label when one is named."""
    labels, suffix = (f"le, {by}", f" {{{{{by}}}}}") if by else ("le", "")
    return tuple(
        Query(
            f"histogram_quantile({quantile}, sum by ({labels}) (rate({metric}_bucket[$__rate_interval])))",
            f"{name}{suffix}",
        )
        for name, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    )
