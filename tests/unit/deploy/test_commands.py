"""What a person is told when a command cannot do its work."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.local.cli import main
from deploy.local.host import free_ports
from deploy.provision.cli import main as provision


@pytest.mark.parametrize("command", ["up", "down", "status", "logs"])
def test_a_wrong_setting_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str) -> None:
    monkeypatch.setenv("TELLTALE_HOME", str(tmp_path))
    monkeypatch.setenv("TELLTALE_GATEWAY_PORT", "abc")
    done = CliRunner().invoke(main, [command])
    assert done.exit_code == 1
    assert done.stderr.startswith("error: TELLTALE_GATEWAY_PORT=abc: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words", [[], ["tenant", "add", "acme"], ["tenant", "threshold", "acme", "60"], ["key", "revoke", "tt_0011_hidden"]]
)
def test_a_system_that_does_not_run_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    kafka, postgres = free_ports(2)
    monkeypatch.setenv("TELLTALE_KAFKA_BOOTSTRAP", f"127.0.0.1:{kafka}")
    monkeypatch.setenv("TELLTALE_POSTGRES_PORT", str(postgres))
    for role in ("ADMIN", "OWNER", "PERSISTER", "GATEWAY", "INSIGHTS", "MONITOR", "OPERATOR"):
        monkeypatch.setenv(f"TELLTALE_{role}_PASSWORD", "none")
    done = CliRunner().invoke(provision, words)
    assert done.exit_code == 1
    assert "`make up` starts it" in done.stderr
    assert isinstance(done.exception, SystemExit)
    assert "hidden" not in done.output
