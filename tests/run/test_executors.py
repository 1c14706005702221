"""Executors: a cluster gives the results that one process gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.core.store import Store


def test_workers_store_what_one_process_stores(built: Path, recomputed: Path) -> None:
    """Their values are compared in the contract of analyses."""
    inline, workers = Store(built / "build" / "store"), Store(recomputed / "build" / "store")
    assert workers.damaged() == []
    assert workers.keys() == inline.keys()
    assert workers.record("suites/banding")["results"] == inline.record("suites/banding")["results"]  # type: ignore[index]


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
