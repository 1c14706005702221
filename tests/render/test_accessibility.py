"""Pages are readable by everyone: axe-core finds nothing serious on any kind of page, in either scheme and width."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGES = (
    "",
    "articles/",
    "articles/visualizing-weights/",
    "articles/weight-banding/",
    "articles/branch-specialization/",
    "articles/information-plane/",
    "models/",
    "models/speck/",
    "models/speck/conv3/?colours=even#unit-7",
    "models/speck/fc/",
    "compare/",
    "claims/",
    "terms/",
    "404.html",
)
RUN = "axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})"
"""All rules that are on by default, and that of how large what is clicked must be, which Lighthouse counts."""


@pytest.fixture(scope="module")
def axe(once: Callable[..., Path]) -> str:
    """The script of axe-core, by npm; skips where that cannot fetch it."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("axe-core is not here: npm, which fetches it, is not installed")

    def fetch(folder: Path) -> None:
        command = [npm, "pack", "--silent", "axe-core@4"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=120)
        shutil.unpack_archive(next(folder.glob("*.tgz")), folder, filter="data")

    try:
        folder = once("axe-core", fetch)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"axe-core is not here: npm did not fetch it ({error.stderr or error})")
    return (folder / "package" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(served: str, browser: Any, axe: str, scheme: str, width: int) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    found = []
    for name in PAGES:
        page = context.new_page()
        page.goto(f"{served}/{name}")
        charts = page.locator(".wb-chart")
        for i in range(charts.count()):
            charts.nth(i).scroll_into_view_if_needed()
        page.wait_for_function(
            "() => [...document.querySelectorAll('.wb-chart, .wb-units')].every(box => box.dataset.drawn)",
            timeout=60_000,
        )
        if "#unit" in name:
            page.wait_for_selector(".wb-unitpanel[data-shown] .wb-connection")
        if name == "compare/":
            page.wait_for_selector(".wb-compare[data-shown]")
        page.evaluate("for (const box of document.querySelectorAll('details')) box.open = true")
        page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")  # scripts follow the change
        page.evaluate(axe)
        for violation in page.evaluate(RUN)["violations"]:
            if violation["impact"] in ("serious", "critical"):
                found += [f"/{name}: {violation['id']}: {node['html'][:200]}" for node in violation["nodes"]]
        page.close()
    context.close()
    assert found == []
