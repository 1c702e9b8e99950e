"""The operations page names every alert, and only alerts, panels and metrics that there are."""

import json
import re
from pathlib import Path

import yaml
from prometheus_client import REGISTRY

from deploy.operate.doctor.stages import STAGES
from shared import metrics

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/operations.md").read_text()
ALERTS = {
    rule["alert"]
    for group in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}


def test_every_alert_is_there() -> None:
    assert {alert for alert in ALERTS if not re.search(rf"\b{alert}\b", PAGE)} == set()


def test_every_alert_named_is_there() -> None:
    errors = {"DiskFullError", "InternalError"}
    assert set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", PAGE)) - errors <= ALERTS


def test_every_panel_named_is_there() -> None:
    dashboard = json.loads((ROOT / "deploy/grafana/dashboards/spine.json").read_text())
    titles = {panel["title"] for panel in dashboard["panels"]}
    named = re.findall(r'(?:[Pp]anel |, |: |in )"([A-Z][^"]+)"', PAGE)
    assert len(named) >= 4
    assert set(named) <= titles


def test_every_metric_named_is_there() -> None:
    assert metrics.DELIVERY_ACCEPTED
    known = {
        name + suffix
        for family in REGISTRY.collect()
        for name in (family.name,)
        for suffix in ("", "_total" if family.type == "counter" else "")
    }
    assert set(re.findall(r"`(telltale_(?!owner|monitor)[a-z_]+)`", PAGE)) <= known


def test_the_doctor_stages_named_are_there() -> None:
    names = {stage.name for stage in STAGES}
    named = set(re.findall(r"^(?:ok|broken) +([a-z]+) +[0-9]+ ms", PAGE, re.MULTILINE)) | set(
        re.findall(r"(?:stage|breaks at) `([a-z]+)`", PAGE)
    )
    assert named
    assert named <= names
