import os
import socket
from pathlib import Path

import psutil

from deploy.local.host import free_ports, holder_of, others_can_enter, port_is_free, recorded_process


def test_a_listening_port_is_not_free_and_its_holder_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not port_is_free(port)
        assert str(os.getpid()) in holder_of(port)
    assert port_is_free(port)


def test_free_ports_differ() -> None:
    assert len(set(free_ports(5))) == 5


def test_a_recorded_process_is_found(tmp_path: Path) -> None:
    record = tmp_path / "pid"
    record.write_text(f"{os.getpid()}\n")
    started_s = psutil.Process().create_time()
    os.utime(record, (started_s, started_s))
    found = recorded_process(record)
    assert found is not None
    assert found.pid == os.getpid()


def test_a_process_that_only_has_the_same_number_is_not_ours(tmp_path: Path) -> None:
    record = tmp_path / "pid"
    record.write_text(f"{os.getpid()}\n")
    long_before_s = psutil.Process().create_time() - 3600
    os.utime(record, (long_before_s, long_before_s))
    assert recorded_process(record) is None


def test_no_record_no_process(tmp_path: Path) -> None:
    assert recorded_process(tmp_path / "pid") is None
    (tmp_path / "pid").write_text("")
    assert recorded_process(tmp_path / "pid") is None


def test_a_closed_directory_on_the_way_keeps_others_out(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    inside = closed / "inside"
    inside.mkdir(parents=True)
    closed.chmod(0o700)
    assert not others_can_enter(inside)
