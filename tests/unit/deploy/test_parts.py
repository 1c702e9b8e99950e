from pathlib import Path

import pytest

from deploy.local.credentials import load_credentials
from deploy.local.kafka import render_properties
from deploy.local.parts import OUR_SERVICES, service_parts
from deploy.local.redis_server import render_config
from deploy.local.settings import CHECKOUT, StackSettings
from deploy.provision.roles import ROLES

_DEFAULT_PORTS = {
    "kafka_port": 19092,
    "kafka_controller_port": 19093,
    "postgres_port": 15432,
    "redis_port": 16379,
    "gateway_port": 8080,
    "insights_port": 8081,
    "scorer_port": 8082,
    "persister_port": 8083,
    "demo_port": 8090,
}


@pytest.mark.parametrize(("name", "port"), _DEFAULT_PORTS.items())
def test_default_ports(name: str, port: int) -> None:
    assert StackSettings.model_fields[name].default == port


@pytest.mark.parametrize("name", _DEFAULT_PORTS)
def test_every_port_is_moved_by_its_variable(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"TELLTALE_{name.upper()}", "23456")
    assert getattr(StackSettings(), name) == 23456


def test_a_relative_home_counts_from_the_checkout() -> None:
    assert StackSettings(home=Path(".elsewhere")).root == CHECKOUT / ".elsewhere"


def test_instances_have_different_tags(tmp_path: Path) -> None:
    assert StackSettings(home=tmp_path / "a").tag != StackSettings(home=tmp_path / "b").tag


def test_services_get_their_port_their_role_and_nobody_elses_password(tmp_path: Path) -> None:
    settings = StackSettings(home=tmp_path, persister_port=23456)
    credentials = load_credentials(tmp_path)
    parts = {part.name: part for part in service_parts(settings, credentials)}
    for service in OUR_SERVICES:
        environment = " ".join(parts[service.name].environment.values())
        held = {role.name for role in ROLES if credentials.password(role.name) in environment}
        assert held == {role for _, role in service.roles}
    assert parts["persister"].environment["TELLTALE_HTTP_PORT"] == "23456"
    assert parts["persister"].ports[0].variable == "TELLTALE_PERSISTER_PORT"


def test_the_broker_listens_on_this_machine_only(tmp_path: Path) -> None:
    properties = dict(
        line.split("=", 1)
        for line in render_properties(StackSettings(home=tmp_path, kafka_port=1234), tmp_path).splitlines()
    )
    assert properties["listeners"].startswith("PLAINTEXT://127.0.0.1:1234,")
    assert properties["auto.create.topics.enable"] == "false"
    assert properties["group.initial.rebalance.delay.ms"] == "0"


def test_redis_wants_a_password_and_listens_on_this_machine_only(tmp_path: Path) -> None:
    lines = render_config(StackSettings(home=tmp_path), tmp_path, "pass").splitlines()
    assert "requirepass pass" in lines
    assert "bind 127.0.0.1" in lines
