"""The finished site as its reader meets it: served by mkdocs, drawn by a browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url: str, process: subprocess.Popen[str], patience: float = 90.0) -> str:
    """The page at an address, as soon as something answers there."""
    end = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.2)


def test_mkdocs_serve_shows_the_landing_page_and_a_layer(rebuilt: Path) -> None:
    """What the last line of `wbsite build` tells the user to do."""
    port = free_port()
    command = [sys.executable, "-m", "mkdocs", "serve", "--dev-addr", f"127.0.0.1:{port}", "--no-livereload"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=rebuilt, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, text=True, **quiet)
    try:
        assert "Speck" in fetch(f"http://127.0.0.1:{port}/", process)
        assert "conv2" in fetch(f"http://127.0.0.1:{port}/models/speck/conv2/", process)
    finally:
        process.terminate()
        process.wait(20)


def draw_charts(page: Any, at_least: int) -> None:
    """Scrolls to every chart, since none is drawn before it comes near the view, and waits until all are drawn."""
    charts = page.locator(".wb-chart")
    assert charts.count() >= at_least
    for i in range(charts.count()):
        charts.nth(i).scroll_into_view_if_needed()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.wb-chart')].every(chart => chart.dataset.drawn === 'true')",
        timeout=60_000,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_layer_page_draws_its_units_and_charts_without_a_complaint(served: str, browser: Any, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{served}/models/speck/conv3/#unit-7")
    page.wait_for_selector(".wb-units canvas")
    draw_charts(page, at_least=3)
    drawn = page.evaluate(
        """() => [...document.querySelectorAll('.wb-units canvas')].map(canvas => {
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(data).size;
        })"""
    )
    assert drawn
    assert max(drawn) > 3, "the unit grid is empty"
    assert "unit 7" in page.locator(".wb-units-chosen").inner_text()
    page.goto(f"{served}/articles/weight-banding/")
    draw_charts(page, at_least=1)
    described = page.locator(".wb-chart").evaluate_all("boxes => boxes.map(box => box.ariaLabel)")
    assert all(described), "a chart says nothing of itself"
    assert "Vega visualization" not in described
    page.wait_for_load_state("networkidle")
    context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith((served, "data:", "blob:"))] == []
