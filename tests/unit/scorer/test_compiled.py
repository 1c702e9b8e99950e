"""Compiled loops: they take what they were made for, nothing else, and work where nothing can be written."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from deploy.local.settings import CHECKOUT
from services.scorer.compiled import compiled
from services.scorer.domains.behavior import drawing, motion, pace, pointer, samples, strokes


def total(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    found = 0.0
    for value in values:
        found += value
    return found


def test_a_loop_is_compiled_and_refuses_other_types() -> None:
    quick = compiled("f8(f8[::1])")(total)

    assert isinstance(quick, Dispatcher)
    assert quick(np.array([1.0, 2.5])) == 3.5
    with pytest.raises(TypeError):
        quick(np.array([1, 2]))


def test_where_nothing_can_be_written_loops_are_compiled_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    script = "from services.scorer.domains.behavior.samples import off_axis; print(off_axis(5 + 3j))"
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "file"), "NUMBA_CACHE_DIR": ""}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "2.0\n"
    assert "NUMBA_CACHE_DIR" in done.stderr


def test_what_is_kept_belongs_to_these_sources(tmp_path: Path) -> None:
    script = "import services.scorer.domains.behavior.samples"
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "NUMBA_CACHE_DIR": ""}
    subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, env=environment, check=True)

    [kept] = (tmp_path / "telltale").iterdir()
    assert kept.name.startswith("loops-")
    assert list(kept.rglob("samples.off_axis-*.nbi"))


@pytest.mark.parametrize("module", [drawing, motion, pace, pointer, samples, strokes])
def test_no_fold_is_left_to_be_compiled_while_a_batch_waits(module: object) -> None:
    loops = [
        one
        for one in vars(module).values()
        if isinstance(one, Dispatcher) and one.targetoptions.get("inline") != "always"
    ]

    assert loops
    assert all(loop.signatures for loop in loops)
