"""What a page is told of a suite: its results, or why there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.render.page import Writing
from wbsite.render.pages.articles import pages
from wbsite.results.base import Result, value
from wbsite.results.site import Gap, Site


class Spread(Result, analysis="spread", summary="how far apart runs are"):
    """What a suite that tests make up has for a result."""

    best: dict[str, float] = value("the highest accuracy")


NOTHING = {"title": "speck", "results": {}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a model without results, and a suite of which one analysis failed."""
    found = Store(tmp_path / "store")
    found.put("ab" * 32, Spread(best={"accuracy": 0.75}).contents(), {})
    results = {"spread": {"": {"key": "ab" * 32}}, "clusters": {"": {"failed": "too few"}}}
    found.put_record("models/speck", {"id": "speck", **NOTHING})
    found.put_record(
        "suites/specks", {"id": "specks", "title": "specks", "inputs": {"a": 1}, "results": results, "devices": ["cpu"]}
    )
    found.put_record("last", {"models": ["speck"], "suites": ["specks"]})
    return found


def test_results_gaps_and_facts(store: Store) -> None:
    suite = Site(store, None).suite("specks")
    assert isinstance(suite.result_or_gap(Spread), Spread)
    assert suite.result_or_gap("clusters") == Gap("too few", failed=True)
    assert suite.result("clusters") is None
    assert suite.result_or_gap("dips") == Gap("the analysis dips has not been run on it", failed=False)
    assert [analysis for analysis, _, _ in suite.failures()] == ["clusters"]
    assert suite.facts["devices"] == ["cpu"]
    assert "inputs" not in suite.facts, "a page would be made again in every checkout"


def test_a_suite_that_was_not_computed_is_a_gap_that_says_what_to_do(store: Store) -> None:
    store.put_record("last", {"models": ["speck"]})
    suite = Site(store, None).suite("specks")
    found = suite.result_or_gap(Spread)
    assert isinstance(found, Gap)
    assert not found.failed
    assert "wbsite train specks" in found.reason
    assert not suite.facts
    assert not list(suite.failures())


def test_a_damaged_record_of_a_suite_is_said(store: Store, tmp_path: Path) -> None:
    (tmp_path / "store" / "records" / "suites" / "specks.json").write_text("{")
    with pytest.raises(WbsiteError, match=r"record of specks in the store .* is damaged"):
        Site(store, None)


def test_an_article_states_a_suites_numbers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    every = registry.entries
    monkeypatch.setattr(registry, "entries", lambda kind: (*every(kind), *([Spread] if kind == "results" else [])))
    writing = Writing(Site(store, None), "articles/a")
    assert writing.value("suite:specks/spread/best/accuracy", 2) == "0.75"
    assert writing.words()["suite"]("specks").result("spread") is not None
    for path, said in (
        ("suite:specks/spread/worst", "'worst'"),
        ("suite:specks/clusters/k", "no result clusters for specks"),
        ("suite:motes/spread/best", "no result spread for motes"),
        ("suite:specks", "unknown analysis"),
    ):
        with pytest.raises(WbsiteError, match=said):
            writing.value(path)


def test_an_article_is_made_again_when_a_suites_results_change(store: Store) -> None:
    before = [page.inputs for page in pages(Site(store, None))]
    record = store.record("suites/specks")
    assert record is not None
    store.put_record("suites/specks", {**record, "inputs": {"a": 2}})
    assert [page.inputs for page in pages(Site(store, None))] == before
    store.put_record("suites/specks", {**record, "results": {}})
    assert [page.inputs for page in pages(Site(store, None))] != before
