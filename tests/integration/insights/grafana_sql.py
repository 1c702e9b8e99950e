"""Grafana's SQL macros and variables, written out as Grafana writes them for PostgreSQL."""

import re
from datetime import datetime, timedelta


def expand(text: str, *, start: datetime, end: datetime, interval: timedelta, tenant: str) -> str:
    """Give the SQL that Grafana would send.

    Parameters
    ----------
    text
        A panel's query.
    start, end
        The dashboard's range.
    interval
        Length of a point, as the panel's width gives it.
    tenant
        What stands for ``${tenant:sqlstring}``, quotes included.
    """
    seconds = int(interval.total_seconds())
    text = text.replace("${tenant:sqlstring}", tenant).replace("$__interval_ms", str(seconds * 1_000))
    text = re.sub(
        r"\$__timeGroupAlias\((\w+), \$__interval\)",
        rf'floor(extract(epoch from \1)/{seconds})*{seconds} AS "time"',
        text,
    )
    return re.sub(
        r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN '{start:%Y-%m-%dT%H:%M:%SZ}' AND '{end:%Y-%m-%dT%H:%M:%SZ}'", text
    )
