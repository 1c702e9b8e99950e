import io

from rich.console import Console

from deploy.local.progress import Progress


def test_without_a_terminal_each_change_is_one_plain_line() -> None:
    out = io.StringIO()
    with Progress(Console(file=out, force_terminal=False)) as progress:
        progress.note("kafka", "starting")
        progress.note("kafka", "starting")
        progress.ready("kafka", "port 19092")
        progress.failed("redis", "[why]")
    lines = out.getvalue().splitlines()
    assert lines[0] == "kafka: starting"
    assert lines[1].startswith("kafka: ready in ")
    assert lines[2:] == ["redis: failed: [why]"]


def test_a_terminal_shows_every_part() -> None:
    out = io.StringIO()
    with Progress(Console(file=out, force_terminal=True, width=80)) as progress:
        progress.note("kafka", "starting")
        progress.ready("redis", "port 16379")
    assert "starting" in out.getvalue() and "port 16379" in out.getvalue()
