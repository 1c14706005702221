"""What a process may use: never more than its affinity and its control group allow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wbsite.core import machine

PROCESSORS = machine.processors


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a control group of 16 processors."""
    monkeypatch.setattr(machine, "_CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000\n", 16), ("400000 100000\n", 4), ("150000 100000\n", 2), ("50000 100000\n", 1), ("", 16)],
)
def test_processors(group: Path, quota: str, expected: int) -> None:
    (group / "cpu.max").write_text(quota)
    assert PROCESSORS() == expected


def test_free_memory_is_the_least_of_the_machines_and_the_groups(group: Path) -> None:
    of_machine = machine.free_memory()
    (group / "memory.max").write_text("max\n")
    (group / "memory.current").write_text("100\n")
    assert of_machine is None or machine.free_memory() == pytest.approx(of_machine, rel=0.2)
    (group / "memory.max").write_text("4100\n")
    assert machine.free_memory() == 4000
    (group / "memory.current").write_text("5000\n")
    assert machine.free_memory() == 0
