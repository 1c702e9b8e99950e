from pathlib import Path

from deploy.local.logs import LogFile, follow


def test_only_whole_new_lines_are_given(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    log = LogFile(path)
    assert log.new_lines() == []
    path.write_text("one\ntw")
    assert log.new_lines() == ["one"]
    with path.open("a") as file:
        file.write("o\n")
    assert log.new_lines() == ["two"]


def test_a_rotated_log_is_followed_in_its_new_file(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n")
    log = LogFile(path)
    assert log.last_lines() == ["old"]
    path.rename(tmp_path / "a.log.1")
    path.write_text("new and longer than the old one\n")
    assert log.new_lines() == ["new and longer than the old one"]


def test_following_starts_with_the_last_lines_of_each(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("".join(f"{number}\n" for number in range(50)))
    (tmp_path / "b.log").write_text("first\n")

    def append(_: float) -> None:
        with (tmp_path / "b.log").open("a") as file:
            file.write("later\n")

    lines = follow(tmp_path, ["a", "b"], wait=append)
    assert [next(lines) for _ in range(12)] == [
        *(("a", str(number)) for number in range(40, 50)),
        ("b", "first"),
        ("b", "later"),
    ]
