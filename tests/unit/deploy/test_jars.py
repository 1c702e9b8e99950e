import hashlib
from pathlib import Path

import pytest

from deploy.local.errors import JarRefused
from deploy.local.jars import KAFKA_VERSION, LOCK_FILE, ROOTS, Jar, check, ensure_jars, parse_lock, render_lock


def _jar(cache: Path, coordinate: str, content: bytes) -> Jar:
    jar = Jar(hashlib.sha256(content).hexdigest(), coordinate)
    (cache / jar.file_name).write_bytes(content)
    return jar


def test_a_lock_survives_writing_and_reading() -> None:
    jars = [Jar("a" * 64, "org.example:one:1.0"), Jar("b" * 64, "org.example:two:2.0")]
    assert parse_lock(render_lock(reversed(jars))) == jars


@pytest.mark.parametrize("line", ["abc  org.example:one:1.0", "a" * 64 + "  org.example:one", "a" * 64])
def test_a_line_of_another_form_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="not a line of the jar lock file"):
        parse_lock(line)


def test_the_lock_file_names_kafka_its_log_binding_and_no_registry() -> None:
    text = LOCK_FILE.read_text()
    coordinates = {jar.coordinate for jar in parse_lock(text)}
    assert set(ROOTS) <= coordinates
    assert f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}" in coordinates
    assert "http" not in text


def test_the_lock_file_names_each_artifact_once() -> None:
    names = [jar.coordinate.rsplit(":", 1)[0] for jar in parse_lock(LOCK_FILE.read_text())]
    assert len(names) == len(set(names))


def test_cached_jars_are_used_without_fetching(tmp_path: Path) -> None:
    jars = [_jar(tmp_path, "org.example:one:1.0", b"one"), _jar(tmp_path, "org.example:two:2.0", b"two")]
    told: list[tuple[int, int]] = []
    paths = ensure_jars(tmp_path, jars, lambda done, total: told.append((done, total)))
    assert paths == [tmp_path / "one-1.0.jar", tmp_path / "two-2.0.jar"]
    assert told == []


def test_a_changed_jar_in_the_cache_is_refused(tmp_path: Path) -> None:
    jar = _jar(tmp_path, "org.example:one:1.0", b"one")
    (tmp_path / jar.file_name).write_bytes(b"something else")
    with pytest.raises(JarRefused, match=r"one-1\.0\.jar"):
        ensure_jars(tmp_path, [jar])


def test_the_right_bytes_pass(tmp_path: Path) -> None:
    jar = _jar(tmp_path, "org.example:one:1.0", b"one")
    check(tmp_path / jar.file_name, jar)
