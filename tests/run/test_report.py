"""The page on a run: what was computed, what the store had, what failed, with time and memory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from wbsite.core import machine
from wbsite.core.store import Store
from wbsite.render.pages._report import page, write_report


def reported(folder: Path) -> dict[str, Any]:
    record = Store(folder / "build" / "store").record("report")
    assert record is not None
    return record


def test_every_task_is_told_with_its_time_and_memory(bench: Any, work: Path) -> None:
    assert bench.compute().status == 0
    first = reported(work)
    states = {(row["analysis"], row["layer"]): row["state"] for row in first["tasks"]}
    assert set(states.values()) == {"computed"}
    assert {analysis for analysis, _ in states} == {"survey", "pieces", "labelled", "brightness"}
    assert all(row["seconds"] >= 0 for row in first["tasks"])
    if machine.PeakMemory().bytes is not None:
        assert all(10_000_000 < row["memory"] < 100_000_000_000 for row in first["tasks"])
    assert {"wbsite", "Python", "torch", "mkdocs"} <= first["versions"].keys()
    assert any(row["reason"] == "no convolution" for row in first["skipped"])


def test_what_the_store_had_and_what_failed_are_told_apart(
    bench: Any, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.compute().status == 0
    with bench.edited("survey"), monkeypatch.context() as patch:
        patch.setattr("wbsite.run.worker.choose", _broken)
        assert bench.compute().status == 3
    again = reported(work)
    states = {row["analysis"]: row["state"] for row in again["tasks"]}
    assert states["brightness"] == "taken from the store"
    assert states["survey"] == "failed"
    assert any("no device today" in row["reason"] for row in again["tasks"] if row["state"] == "failed")
    assert any("no device today" in line for line in again["messages"])


def _broken(name: str) -> None:
    raise RuntimeError("no device today")


def test_nothing_to_do_leaves_it_as_it_is(bench: Any, work: Path) -> None:
    assert bench.compute().status == 0
    before = reported(work)
    assert bench.compute().status == 0
    assert reported(work) == before


def test_the_page_shows_names_as_they_are(work: Path) -> None:
    """And runs none of them."""
    name = "<script>alert(1)</script>"
    task = {"analysis": "nmf", "subject": name, "layer": name, "state": "failed", "seconds": 1.25, "memory": 2_000_000}
    record = {
        "began": "then", "ended": "now", "where": "here", "versions": {"wbsite": "1"}, "messages": [name],
        "tasks": [{**task, "reason": name}], "skipped": [{"analysis": "x", "subject": name, "layer": "", "reason": ""}],
    }  # fmt: skip
    html = page(record)
    assert "<script" not in html and html.count("&lt;script&gt;") == 5
    assert re.search(r"1\.25.*>2<", html)
    store = Store(work / "store")
    assert write_report(store) is None, "no run is known"
    store.prepare()
    store.put_record("report", record)
    path = write_report(store)
    assert path is not None and path.read_text() == html


def test_peak_memory_is_that_since_it_was_asked_for() -> None:
    if machine.PeakMemory().bytes is None:
        pytest.skip("this system does not tell")
    before = bytearray(b"\1") * 80_000_000
    del before
    peak = machine.PeakMemory()
    start = peak.bytes or 0
    held = bytearray(b"\1") * 60_000_000
    assert (peak.bytes or 0) >= start + 50_000_000
    del held
