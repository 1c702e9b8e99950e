"""The dashboard as a document: what it names exists, what it shows is explained, and it fits its grid."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from deploy.grafana.build import DASHBOARD, text
from deploy.grafana.spine import SPINE
from shared import metrics

DEPLOY: Final = Path(DASHBOARD).parents[2]
SOURCES_YAML: Final = DEPLOY / "grafana" / "provisioning" / "datasources" / "telltale.yaml"
PANELS: Final = [panel for panel in SPINE["panels"] if panel["type"] != "row"]
TARGETS: Final = {
    f"{panel['title']} {target['refId']}": (panel, target) for panel in PANELS for target in panel["targets"]
}
# Given by prometheus_client and by Prometheus itself.
STANDARD: Final = re.compile(r"process_[a-z_]+|up")
NAME: Final = re.compile(r"\b(?:telltale|process)_[a-z_]+\b|\bup\b")


def ours() -> dict[str, tuple[str, ...]]:
    """Every series name of shared.metrics, with its labels."""
    series: dict[str, tuple[str, ...]] = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
            series |= {family.name + suffix: tuple(metric._labelnames) for suffix in suffixes}
    return series


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


QUERIES: Final = {name: target["expr"] for name, (_, target) in TARGETS.items() if "expr" in target} | {
    rule["alert"]: rule["expr"] for rule in rules()
}


def test_the_file_is_what_the_panels_say() -> None:
    assert DASHBOARD.read_text() == text(SPINE), "run: python -m deploy.grafana"


def test_ids_are_unique_and_titles_too() -> None:
    ids = [panel["id"] for panel in SPINE["panels"]]
    titles = [panel["title"] for panel in SPINE["panels"]]
    assert len(set(ids)) == len(ids)
    assert len(set(titles)) == len(titles)


def test_panels_fill_the_grid_without_overlap() -> None:
    taken = [panel["gridPos"] for panel in SPINE["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in taken)
    for one, other in combinations(taken, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y
    for y in {place["y"] for place in taken}:
        assert sum(place["w"] for place in taken if place["y"] == y) == 24, f"line {y} is not filled"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_explains_itself(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"]
    assert defaults["thresholds"]["steps"][0]["value"] is None
    assert panel["targets"]


@pytest.mark.parametrize(("panel", "target"), TARGETS.values(), ids=TARGETS)
def test_a_target_names_a_source_and_is_named(panel: dict[str, Any], target: dict[str, Any]) -> None:
    variables = {variable["name"]: variable for variable in SPINE["templating"]["list"]}
    provisioned = {source["uid"]: source["type"] for source in yaml.safe_load(SOURCES_YAML.read_text())["datasources"]}
    for source in (panel["datasource"], target["datasource"]):
        variable = variables[source["uid"].removeprefix("${").removesuffix("}")]
        assert variable["query"] == source["type"] == provisioned[variable["current"]["value"]]
    if "expr" in target:
        assert target["legendFormat"]


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_every_metric_named_exists_with_its_labels(query: str) -> None:
    known = ours()
    names = set(NAME.findall(query))
    assert names
    for name in names:
        assert name in known or STANDARD.fullmatch(name), f"{name} is in no table of metrics"
    by_labels = {label for by in re.findall(r"by \(([^)]*)\)", query) for label in by.replace(" ", "").split(",")}
    allowed = {label for name in names for label in known.get(name, ())} | {"le", "job"}
    assert by_labels <= allowed


def test_every_alert_says_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "action"}


def test_secrets_come_from_the_environment() -> None:
    for source in yaml.safe_load(SOURCES_YAML.read_text())["datasources"]:
        for secret in source.get("secureJsonData", {}).values():
            assert re.fullmatch(r"\$[A-Z_]+", secret)


def test_provisioning_points_at_the_dashboards() -> None:
    (provider,) = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/telltale.yaml").read_text())["providers"]
    assert provider["options"]["path"] == "$TELLTALE_DASHBOARDS"
    assert json.loads(DASHBOARD.read_text())["uid"] == "telltale-spine"


def test_every_service_is_scraped_where_it_listens() -> None:
    groups = yaml.safe_load((DEPLOY / "prometheus" / "targets" / "local.yml").read_text())
    assert {group["labels"]["job"]: group["targets"] for group in groups} == {
        "gateway": ["127.0.0.1:8080"],
        "insights": ["127.0.0.1:8081"],
        "scorer": ["127.0.0.1:8082"],
        "persister": ["127.0.0.1:8083"],
    }
