"""Writes a dashboard's JSON out of its rows of panels."""

import json
from collections.abc import Iterator
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Final

from deploy.grafana.model import WIDTH, Panel, Query, Row, Source

DASHBOARD: Final = Path(__file__).parent / "dashboards" / "spine.json"
_TYPE: Final[dict[Source, str]] = {"prometheus": "prometheus", "postgres": "grafana-postgresql-datasource"}
_VISUALISATION: Final = {"stacked": "timeseries", "bars": "bargauge"}
_TABLE_KINDS: Final = ("table", "bars", "stat")
_TENANTS: Final = (
    "SELECT DISTINCT tenant_id FROM kpi_batches_by_minute WHERE minute > now() - interval '1 day' ORDER BY 1"
)


def dashboard(uid: str, title: str, description: str, rows: tuple[Row, ...]) -> dict[str, Any]:
    """Give a dashboard as Grafana reads it."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["telltale"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "timezone": "utc",
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": [_source_variable("prometheus"), _source_variable("postgres"), _tenant_variable()]},
        "panels": list(_panels(rows)),
    }


def text(document: dict[str, Any]) -> str:
    """Write it as it is kept in the tree."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _panels(rows: tuple[Row, ...]) -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for row in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1},
            "panels": [],
        }
        x, y = 0, y + 1
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y = 0, y + row.height
            number += 1
            yield _panel(panel, number, {"x": x, "y": y, "w": panel.width, "h": row.height})
            x += panel.width
        y += row.height


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": number,
        "type": _VISUALISATION.get(panel.kind, panel.kind),
        "title": panel.title,
        "description": panel.description,
        "datasource": _source(panel.source),
        "gridPos": place,
        "targets": [
            _target(panel, query, letter) for query, letter in zip(panel.queries, ascii_uppercase, strict=False)
        ],
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel),
    }
    if panel.source == "postgres":
        document["interval"] = "1m"  # what the rows are counted by
    return document


def _target(panel: Panel, query: Query, letter: str) -> dict[str, Any]:
    target: dict[str, Any] = {"refId": letter, "datasource": _source(panel.source)}
    if panel.source == "prometheus":
        return target | {"expr": query.text, "legendFormat": query.legend, "range": True, "instant": False}
    shape = "table" if panel.kind in _TABLE_KINDS else "time_series"
    return target | {"rawSql": query.text, "rawQuery": True, "editorMode": "code", "format": shape}


def _field(panel: Panel) -> dict[str, Any]:
    steps = panel.thresholds or (("green", None),)
    field: dict[str, Any] = {
        "unit": panel.unit,
        "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": [{"color": colour, "value": value} for colour, value in steps]},
        "mappings": [
            {"type": "value", "options": {value: {"text": name, "color": colour}}}
            for value, name, colour in panel.names
        ],
    }
    if panel.kind in ("timeseries", "stacked"):
        field["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 30 if panel.kind == "stacked" else 8,
            "showPoints": "never",
            "spanNulls": False,  # a gap is told, not drawn over
            "stacking": {"mode": "normal" if panel.kind == "stacked" else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if panel.thresholds else "off"},
        }
    return field


def _options(panel: Panel) -> dict[str, Any]:
    last = {"calcs": ["lastNotNull"], "fields": "", "values": panel.kind == "bars"}
    by_kind: dict[str, dict[str, Any]] = {
        "stat": {"reduceOptions": last, "colorMode": "value", "graphMode": "area", "textMode": "auto"},
        "bars": {"reduceOptions": last, "orientation": "horizontal", "displayMode": "basic"},
        "table": {"showHeader": True, "cellHeight": "sm"},
    }
    lines = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return by_kind.get(panel.kind, lines)


def _source(source: Source) -> dict[str, str]:
    return {"type": _TYPE[source], "uid": f"${{{source}}}"}


def _source_variable(source: Source) -> dict[str, Any]:
    return {
        "name": source,
        "label": source.title(),
        "type": "datasource",
        "query": _TYPE[source],
        "current": {"text": f"telltale-{source}", "value": f"telltale-{source}"},
        "hide": 0,
    }


def _tenant_variable() -> dict[str, Any]:
    return {
        "name": "tenant",
        "label": "Tenant (SQL panels)",
        "type": "query",
        "datasource": _source("postgres"),
        "query": _TENANTS,
        "refresh": 2,
        "includeAll": True,
        "allValue": "'*'",  # put in as it is, so it brings its own quotes
        "current": {"text": "All", "value": "$__all"},
        "hide": 0,
    }
