import configparser
import shlex
from pathlib import Path

import pytest

from deploy.local.host import Account
from deploy.local.parts import SERVERS, SERVICES, Part, Port
from deploy.local.settings import StackSettings
from deploy.local.supervision import render_config


async def _never() -> None:
    raise AssertionError("not asked in these tests")


def _part(name: str, group: str, **more: object) -> Part:
    values = {
        "name": name,
        "group": group,
        "command": ("/bin/run", "with space", "50%"),
        "ports": (Port(1, "TELLTALE_X_PORT", "X"),),
        "probe": _never,
        "pid_file": Path("/run") / f"{name}.pid",
    }
    return Part(**(values | more))  # type: ignore[arg-type]


def _read(tmp_path: Path, *parts: Part) -> configparser.RawConfigParser:
    # supervisord reads with these same comment rules, and expands % itself.
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=True)
    parser.read_string(render_config(StackSettings(home=tmp_path), parts, tmp_path / "s.sock"))
    return parser


def test_servers_start_before_services(tmp_path: Path) -> None:
    config = _read(tmp_path, _part("kafka", SERVERS), _part("redis", SERVERS), _part("gateway", SERVICES))
    assert config["group:servers"]["programs"] == "kafka,redis"
    assert config["group:services"]["programs"] == "gateway"
    assert int(config["group:servers"]["priority"]) < int(config["group:services"]["priority"])


def test_a_part_is_restarted_for_ever_and_started_only_when_told(tmp_path: Path) -> None:
    program = _read(tmp_path, _part("kafka", SERVERS))["program:kafka"]
    assert program["autostart"] == "false"
    assert program["autorestart"] == "true"
    assert program["startsecs"] == "0"  # no start counts as failed, so none is the last


def test_the_command_keeps_its_words(tmp_path: Path) -> None:
    program = _read(tmp_path, _part("kafka", SERVERS))["program:kafka"]
    words = shlex.split(program["command"].replace("%%", "%"))
    assert words[-4:] == ["/run/kafka.pid", "/bin/run", "with space", "50%"]
    assert "50%%" in program["command"]


def test_logs_are_rotated_in_the_state_directory(tmp_path: Path) -> None:
    program = _read(tmp_path, _part("kafka", SERVERS))["program:kafka"]
    assert program["stdout_logfile"] == str(tmp_path / "logs" / "kafka.log")
    assert program["redirect_stderr"] == "true"
    assert program["stdout_logfile_maxbytes"] != "0"


def test_a_part_may_run_as_another_user_and_be_stopped_by_its_own_signal(tmp_path: Path) -> None:
    part = _part("postgres", SERVERS, account=Account("nobody", 65534, 65534), stop_signal="INT", stop_wait_s=7)
    program = _read(tmp_path, part)["program:postgres"]
    assert (program["user"], program["stopsignal"], program["stopwaitsecs"]) == ("nobody", "INT", "7")


def test_variables_are_the_parts_own(tmp_path: Path) -> None:
    config = _read(tmp_path, _part("a", SERVICES, environment={"SECRET": "x%y;z"}), _part("b", SERVICES))
    assert config["program:a"]["environment"] == 'SECRET="x%%y;z"'
    assert "environment" not in config["program:b"]


@pytest.mark.parametrize("value", ['say "no"', "back\\slash", "two\nlines"])
def test_a_value_that_could_break_out_of_its_quotes_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ValueError, match="cannot be handed to a service"):
        render_config(StackSettings(home=tmp_path), [_part("a", SERVICES, environment={"X": value})], tmp_path / "s")
