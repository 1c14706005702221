"""Executors: a cluster gives the results that one process gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wbsite.core.store import Store


def test_workers_store_what_one_process_stores(
    built: Path, tmp_path: Path, process: Callable[..., Any], speck_weights: Path
) -> None:
    pytest.importorskip("distributed", reason="wbsite[cluster] is not installed")
    ran = process(tmp_path, "compute", "--models", "speck", "--weights-dir", str(speck_weights), "--workers", "1")
    assert ran.status == 0, ran.err
    inline, workers = Store(built / "build" / "store"), Store(tmp_path / "build" / "store")
    assert workers.damaged() == []
    assert workers.keys() == inline.keys()
    assert workers.record("suites/banding")["results"] == inline.record("suites/banding")["results"]  # type: ignore[index]
    for key in sorted(inline.keys()):
        one, other = inline.get(key), workers.get(key)
        assert one is not None
        assert other is not None
        assert other.values == one.values
        assert set(other.arrays) == set(one.arrays)
        for name, array in one.arrays.items():
            np.testing.assert_array_equal(other.arrays[name], array, err_msg=f"{one.about} {name}")


def test_a_scheduler_that_does_not_answer_is_said(
    process: Callable[..., Any], tmp_path: Path, speck_weights: Path
) -> None:
    pytest.importorskip("distributed", reason="wbsite[cluster] is not installed")
    ran = process(
        tmp_path, "compute", "--models", "speck", "--weights-dir", str(speck_weights), "--scheduler", "tcp:nonsense"
    )
    assert ran.status == 2
    assert "no Dask scheduler answers at 'tcp:nonsense'" in ran.err
    assert "Traceback" not in ran.err
