"""What customers install: wheel and sdist build, and the wheel works in a fresh environment, with extras or without."""

import os
import site
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import telltale

PROJECT = Path(telltale.__file__).parents[2]
UV = Path(sys.executable).with_name("uv")


def run(*arguments: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [*map(str, arguments)], capture_output=True, text=True, timeout=300, env=os.environ | environment
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build with the pinned build tool."""
    out = tmp_path_factory.mktemp("dist")
    run(
        UV,
        "--no-config",
        "build",
        "--quiet",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        out,
        PROJECT,
    )
    return out


@pytest.fixture(scope="module")
def python(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and the dependencies that are pinned for this project, and nothing of ours."""
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home, with_pip=False)
    fresh = home / "bin" / "python"
    [wheel] = built.glob("*.whl")
    run(UV, "--no-config", "pip", "install", "--quiet", "--no-deps", "--python", fresh, wheel)
    purelib = Path(run(fresh, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    # As a path of sys.path only: files of path configuration in there, which name this checkout, are not read.
    (purelib / "pinned.pth").write_text("".join(f"{path}\n" for path in site.getsitepackages()))
    return fresh


def test_the_wheel_holds_the_package_its_types_and_its_entry_point(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    assert wheel.name == f"telltale-{telltale.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        [entry_points] = [name for name in names if name.endswith("entry_points.txt")]
        assert "telltale = telltale._cli:main" in opened.read(entry_points).decode()
    ours = {f"telltale/{path.relative_to(PROJECT / 'src' / 'telltale')}" for path in sources()}
    assert {name for name in names if name.startswith("telltale/")} == ours
    assert {"telltale/py.typed", "telltale/_cli/people.jsonl.gz"} <= names


def test_the_sdist_holds_what_the_wheel_is_built_from(built: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {f"src/telltale/{path.relative_to(PROJECT / 'src' / 'telltale')}" for path in sources()} <= names
    assert {"README.md", "CHANGELOG.md", "pyproject.toml"} <= names
    assert not any("cache" in name for name in names)


def sources() -> list[Path]:
    """Files of the package, without what Python leaves behind."""
    found = (PROJECT / "src" / "telltale").rglob("*")
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


def test_it_can_be_imported_and_is_not_this_checkout(python: Path) -> None:
    told = run(python, "-c", "import telltale; print(telltale.__version__, telltale.__file__)", PYTHONPATH="")
    version, path = told.split()
    assert version == telltale.__version__
    assert str(PROJECT) not in path


def test_the_command_line_works(python: Path) -> None:
    command = python.with_name("telltale")
    assert "dead-letters" in run(command, "--help", PYTHONPATH="")
    assert telltale.__version__ in run(command, "--version", PYTHONPATH="")


def test_without_its_extras_the_command_line_says_what_it_needs(python: Path) -> None:
    program = "import sys; sys.modules['click'] = None; from telltale._cli import main; main()"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: the command line needs click: pip install 'telltale[cli]'\n"


@pytest.mark.timeout(320)
def test_its_types_are_seen_by_who_installs_it(python: Path, tmp_path: Path) -> None:
    file = tmp_path / "uses.py"
    file.write_text(
        "import telltale\n\n\n"
        "async def ask(client: telltale.AsyncClient) -> int:\n"
        '    status = await client.session_status("x")\n'
        "    reveal_type(status.result)\n"
        "    return status.user_id\n"
    )
    mypy = Path(sys.executable).with_name("mypy")
    done = subprocess.run(
        [mypy, "--strict", "--no-incremental", "--config-file=", "--python-executable", python, file],
        capture_output=True, text=True, timeout=300, cwd=tmp_path, env={**os.environ, "MYPYPATH": ""},
    )  # fmt: skip
    assert 'Revealed type is "telltale._models.SessionResult | None"' in done.stdout, done.stdout
    assert 'Incompatible return value type (got "str | None", expected "int")' in done.stdout
    assert "import-untyped" not in done.stdout
