"""Results that were promised and are not in the store: said, and never taken for done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from wbsite.core.store import Store
from wbsite.run import executors
from wbsite.run.plan import Task
from wbsite.run.worker import Outcome


def elsewhere(tasks: Sequence[Task], *given: object) -> Iterator[Outcome]:
    """Workers that compute everything and keep it on disks of their own."""
    yield from map(Outcome, tasks)


def test_workers_that_do_not_share_the_store_are_said(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "on_cluster", elsewhere)
    ran = bench.compute("--scheduler", "tcp://127.0.0.1:8786")
    assert ran.status == 2
    assert "results were computed and are not in the store" in ran.err
    assert "the workers do not share it with this machine" in ran.err
    assert "The results are in" not in ran.out
    results = (Store("build/store").record("models/speck") or {})["results"]
    assert all("key" not in place for layers in results.values() for place in layers.values())
    monkeypatch.undo()


def test_results_that_went_meanwhile_are_gaps(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    every = executors.outcomes

    def losing(tasks: Sequence[Task], *given: Any) -> Iterator[Outcome]:
        for number, outcome in enumerate(every(tasks, *given)):
            if number == 0:
                Store("build/store").remove(outcome.task.key)
            yield outcome

    with monkeypatch.context() as patch:
        patch.setattr(executors, "outcomes", losing)
        ran = bench.compute()
    assert ran.status == 3
    assert "1 of " in ran.err
    assert "are not in the store" in ran.err
    again = bench.compute()
    assert again.status == 0, again.err


def test_an_export_of_them_ends_with_a_sentence(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "outcomes", elsewhere)
    ran = bench.export("pieces")
    assert ran.status == 2
    assert "are not there to export" in ran.err


def test_a_damaged_record_is_said_and_made_again_without_computing(bench: Any) -> None:
    assert bench.compute().status == 0
    computed = bench.computed
    for name in ("models/speck", "last", "unfinished/models/speck"):
        path = Path("build/store/records") / f"{name}.json"
        whole = path.read_bytes()
        path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
        ran = bench.compute()
        assert ran.status == 0, ran.err
        assert f"damaged in the store: the record {name}" in ran.err
        assert path.read_bytes() == whole
    assert bench.computed == computed


def test_clean_keeps_what_a_damaged_or_lost_record_may_name(bench: Any) -> None:
    assert bench.compute().status == 0
    keys, path = Store("build/store").keys(), Path("build/store/records/models/speck.json")
    whole = path.read_bytes()
    for data in (whole[:-20], None):
        path.unlink()
        if data is not None:
            path.write_bytes(data)
        ran = bench.command("clean")
        assert ran.status == 2
        assert "models/speck" in ran.err
        assert Store("build/store").keys() == keys
        path.write_bytes(whole)
    assert bench.command("clean").status == 0
