"""Pages made in several processes are those made in one, and what goes wrong in one of them is said."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from altair.utils import schemapi

from wbsite.core import machine, registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import DamagedEntry, Store
from wbsite.render import parallel
from wbsite.render.page import Page
from wbsite.results.site import Site


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processors, which are worth using for any two pages."""
    monkeypatch.setattr(machine, "processors", lambda: 2)
    monkeypatch.setattr(parallel, "WORTHWHILE", 1)


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.usefixtures("two")
def test_pages_are_those_of_one_process(
    rebuilt: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(rebuilt / "build" / "docs")
    shutil.rmtree(rebuilt / "build" / "docs")
    monkeypatch.setattr("wbsite.render.page.figure_html", None)  # none is drawn here
    ran = cli("render", "--strict")
    assert ran.status == 0, ran.err
    assert content(rebuilt / "build" / "docs") == before


@pytest.mark.usefixtures("two")
def test_a_damaged_result_is_found_and_computed_again(rebuilt: Path, build: Callable[..., Any]) -> None:
    record = json.loads((rebuilt / "build" / "store" / "records" / "models" / "speck.json").read_text())
    key = record["results"]["banding"]["conv2"]["key"]
    (rebuilt / "build" / "store" / "objects" / key[:2] / key / "values.json").write_bytes(b"{}")
    before = content(rebuilt / "site")
    shutil.rmtree(rebuilt / "build" / "docs")
    ran = build()
    assert ran.status == 0, ran.err
    assert "damaged in the store: " in ran.err
    assert content(rebuilt / "site") == before


@pytest.mark.usefixtures("two")
def test_a_mistake_in_an_article_is_said(rebuilt: Path, cli: Callable[..., Any]) -> None:
    shutil.copytree(Path(__file__).resolve().parents[2] / "content", rebuilt / "content", dirs_exist_ok=True)
    article = rebuilt / "content" / "weight-banding.md"
    article.write_text(article.read_text() + '\n{{ figure("nonsense") }}\n')
    ran = cli("render")
    assert ran.status == 2
    assert "unknown figure 'nonsense'" in ran.err
    assert "Traceback" not in ran.err


def _killed(site: Site) -> list[Page]:
    return [Page(name, "", lambda: os.kill(os.getpid(), signal.SIGKILL)) for name in "ab"]  # type: ignore[arg-type, return-value]


@pytest.mark.usefixtures("two")
def test_a_process_that_is_killed_is_said(built: Path) -> None:
    site = Site(Store(built / "build" / "store"), None)
    with pytest.raises(WbsiteError, match="was killed, perhaps for want of memory"):
        list(parallel.made(_killed(site), site, _killed))


def test_errors_come_whole_from_other_processes() -> None:
    import pickle

    error = DamagedEntry("abc", "values.json")
    other = pickle.loads(pickle.dumps(error))
    assert (type(other), str(other), other.key) == (DamagedEntry, str(error), "abc")


def _telling(site: Site) -> list[Page]:
    """Each says whether Altair checks the parts of a chart while it is made."""
    return [Page(name, "", lambda: {"said": str(schemapi.DEBUG_MODE).encode()}) for name in "ab"]


@pytest.mark.parametrize("processors", [1, 2])
def test_charts_are_checked_in_tests_and_not_in_builds(
    built: Path, processors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "processors", lambda: processors)
    monkeypatch.setattr(parallel, "WORTHWHILE", 1)
    site = Site(Store(built / "build" / "store"), None)
    assert [files["said"] for _, files in parallel.made(_telling(site), site, _telling)] == [b"False"] * 2
    assert schemapi.DEBUG_MODE


def test_processes_that_make_pages_are_forked_from_one_that_knows_every_figure() -> None:
    code = "import sys, wbsite.render.preloaded; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {figure.draw.__module__ for figure in registry.entries("figures")} <= set(ran.stdout.split())
    assert "torch" not in ran.stdout.split()
