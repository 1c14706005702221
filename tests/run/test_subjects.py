"""A further kind of subject is one file: planned, computed, exported and computed again like the others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wbsite.core import registry
from wbsite.core.store import Store

SHELF = """
import hashlib
from dataclasses import dataclass
from pathlib import Path
import pandas as pd
from wbsite.analyses.base import Analysis
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents
from wbsite.run.subjects.base import Material, Subject, stamps

@dataclass(frozen=True)
class Shelf(Subject):
    name = "shelf"
    scopes = ("shelf",)
    order = 9
    token: str = "books"

    @classmethod
    def requested(cls, config, store, progress):
        return [cls()]

    @classmethod
    def exported(cls, analysis, config, model):
        return cls()

    def sources(self):
        return {"files": stamps(Path(self.token).glob("*"))}

    def load(self, profile):
        books = {path.name: path.read_text() for path in sorted(Path(self.token).glob("*"))}
        if not books:
            raise WbsiteError("the shelf is empty.", "Buy a book.")
        return Books(self, books)

class Books(Material):
    content = "books"

    def __init__(self, subject, books):
        super().__init__(subject, hashlib.sha256(repr(books).encode()).hexdigest())
        self.books = books

    def facts(self):
        return {"title": "Shelf", "article": "", "runs": {}, "experiments": {}, "summary": "", "devices": []}

    def layers_for(self, analysis):
        if analysis.scope == "shelf":
            yield "", ""

    def decides(self, analysis, layer):
        return {"books": self.digest}

    def context(self, analysis, task, common):
        return {**common, "books": self.books}

def words(context):
    rows = [{"book": name, "words": len(text.split())} for name, text in context["books"].items()]
    return Contents(tables={"rows": pd.DataFrame(rows)})

def longest(context):
    rows = context["needs"]["words"].table("rows").nlargest(1, "words")
    return Contents(tables={"rows": rows})

SUBJECTS = (Shelf,)
ANALYSES = (Analysis("longest", "shelf", "the longest book", longest, needs=("words",)),
            Analysis("words", "shelf", "words a book", words))
"""


@pytest.fixture
def shelf(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plug_in: Callable[..., Path]) -> Iterator[Path]:
    """The folder of books; the plug-in's analyses alone, and no models or suites."""
    points = "[wbsite.subjects]\nshelf = shelf_plugin:SUBJECTS\n[wbsite.analyses]\nshelf = shelf_plugin:ANALYSES\n"
    monkeypatch.syspath_prepend(str(plug_in(tmp_path / "plugin", "shelf_plugin", points, SHELF)))
    every = registry.entries

    def entries(kind: str) -> tuple[Any, ...]:
        own = [entry for entry in every(kind) if getattr(entry, "run", entry).__module__ == "shelf_plugin"]
        return tuple(own) if kind in ("analyses", "subjects") else every(kind)

    (work / "books").mkdir()
    (work / "books" / "a").write_text("to be or not to be")
    (work / "books" / "b").write_text("call me")
    with monkeypatch.context() as patch:
        patch.setattr(registry, "entries", entries)
        yield work / "books"
    sys.modules.pop("shelf_plugin", None)


def test_it_is_planned_computed_and_exported(shelf: Path, cli: Callable[..., Any]) -> None:
    ran = cli("compute")
    assert ran.status == 0, ran.err
    assert "compute 2 of 2 results" in ran.err
    assert cli("compute").err == ""
    assert cli("export", "longest").out.splitlines() == ["shelf,book,words", "books,a,6"]
    (shelf / "b").write_text("once upon a time in a land far away")
    assert "compute 2 of 2 results" in cli("compute").err
    exported = cli("export", "longest")
    assert exported.out.splitlines()[1] == "books,b,9"
    assert "compute" not in exported.err
    store = Store("build/store")
    assert set((store.record("suites/books") or {})["results"]) == {"longest", "words"}


def test_what_is_wrong_with_it_is_said_as_of_any_other(shelf: Path, cli: Callable[..., Any]) -> None:
    ran = cli("export", "words", "--model", "speck")
    assert ran.status == 2
    assert "words is computed of a shelf, not of a model" in ran.err
    for path in shelf.iterdir():
        path.unlink()
    ran = cli("compute")
    assert ran.status == 2
    assert "the shelf is empty.\nBuy a book." in ran.err
    ran = cli("compute", "--keep-going")
    assert ran.status == 3
    assert "books: the shelf is empty" in ran.err


def test_an_analysis_of_no_subject_is_refused(
    shelf: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would never be computed, and nobody would be told."""
    every = registry.entries
    with monkeypatch.context() as patch:
        patch.setattr(registry, "entries", lambda kind: () if kind == "subjects" else every(kind))
        ran = cli("export", "words")
    assert ran.status == 2
    assert "unknown scope 'shelf'" in ran.err
