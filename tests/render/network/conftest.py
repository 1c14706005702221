"""The site of a network with a wide layer, whose page is opened in a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import wide_layer

PAGE = Path("models", "wide_network-wide", "4")


@pytest.fixture(scope="session")
def wide(once: Callable[..., Path], process: Callable[..., Any]) -> Path:
    """A folder with the store and the site of the wide network. Look only."""
    return once("wide", lambda folder: wide_layer.make(folder, process))


@pytest.fixture(scope="session")
def page(wide: Path) -> Path:
    """Folder of the wide layer's page."""
    return wide / "site" / PAGE


@pytest.fixture(scope="module")
def wide_page(wide: Path, serve: Callable[[Path], str]) -> str:
    """Address of the wide layer's page."""
    return f"{serve(wide / 'site')}/{PAGE.as_posix()}/"


@pytest.fixture
def opened(browser: Any, wide_page: str) -> Iterator[Callable[..., Any]]:
    """Opens the page: opened("#unit-3", width=390, has_touch=True). Complaints of the page fail the test."""
    contexts, complaints = [], []

    def open_page(anchor: str = "", width: int = 1280, height: int = 900, **settings: Any) -> Any:
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **settings))
        view = contexts[-1].new_page()
        view.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        view.on("pageerror", lambda error: complaints.append(str(error)))
        view.goto(wide_page + anchor)
        view.wait_for_selector(".wb-units[data-drawn]")
        return view

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
