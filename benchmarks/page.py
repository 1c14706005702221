"""How long a layer's page keeps its reader waiting: a layer of 512 units against one of 40.

    python benchmarks/page.py
    python benchmarks/page.py --repeats 20

Both pages are of one network, built here into a temporary folder and opened in turns in Chromium, which Playwright
drives as in the tests. Each is scrolled to its end while units are chosen. Reported are the milliseconds until its
units are drawn and the longest task of its scripts meanwhile, for which the page answers nothing; tasks under 50 ms,
which no reader notices, are not told apart and count as 50. A page made well takes no longer for more units.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
NETWORK = """
from torch import nn

class Wide(nn.Sequential):
    input_shape = (3, 32, 32)

def wide():
    return Wide(
        nn.Conv2d(3, 48, 5, padding=2), nn.ReLU(), nn.Conv2d(48, 24, 1), nn.ReLU(), nn.Conv2d(24, 512, 3, padding=1),
        nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(512, 40, 3, padding=1), nn.ReLU(),
    )
"""
PAGES = {"512 units": ("4", 512), "40 units": ("7", 40)}
"""Layer of the network → its folder, and how many units it has."""

TASKS = (
    "window.tasks = [];"
    "new PerformanceObserver(list => window.tasks.push(...list.getEntries().map(task => task.duration)))"
    ".observe({type: 'longtask', buffered: true})"
)
NOTICED = 50.0
"""Milliseconds from which a browser reports a task."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(build(Path(folder))) as address, sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=["--no-sandbox"]
        )
        print(f"Chromium {chromium.version}, {options.repeats} visits to each page")
        drawn: dict[str, list[float]] = {name: [] for name in PAGES}
        longest: dict[str, list[float]] = {name: [] for name in PAGES}
        for _ in range(options.repeats):
            for name, (layer, units) in PAGES.items():
                until, task = visit(chromium, f"{address}/{layer}/", units)
                drawn[name].append(until)
                longest[name].append(task)
        chromium.close()
    for title, measured in (("until drawn", drawn), ("longest task", longest)):
        wide, narrow = measured.values()
        for name, milliseconds in measured.items():
            print(
                f"{title:14}{name:10}{statistics.median(milliseconds):8.0f} ms"
                f" ({min(milliseconds):.0f} to {max(milliseconds):.0f})"
            )
        ratios = sorted(one / other for one, other in zip(wide, narrow, strict=True))
        print(f"{'':14}ratio     {statistics.median(ratios):8.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    return 0


def build(folder: Path) -> Path:
    """Builds the network's site; returns the folder of its layers' pages."""
    (folder / "wide_network.py").write_text(NETWORK)
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from wbsite.cli.app import main; main()"
    command = [sys.executable, "-c", code, "build", "--models", "wide_network:wide", "--articles", "weight-banding"]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return folder / "site" / "models" / "wide_network-wide"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the figures are what is printed."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a model's page, its site served from this process."""
    handler = functools.partial(Quiet, directory=str(folder.parents[1]))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/models/{folder.name}"
        server.shutdown()


def visit(chromium: Any, url: str, units: int) -> tuple[float, float]:
    """Milliseconds until a page's units are drawn, and of the longest task while it is read.

    Args:
        units: how many the layer has; the first, one in the middle and the last are chosen.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    view = context.new_page()
    view.add_init_script(TASKS)
    began = time.perf_counter()
    view.goto(url)
    view.wait_for_selector(".wb-units[data-drawn]")
    until = 1000 * (time.perf_counter() - began)
    view.wait_for_load_state("networkidle")
    view.evaluate("window.tasks.length = 0")
    view.mouse.move(640, 450)
    for _ in range(20):
        view.mouse.wheel(0, 400)
        view.wait_for_timeout(30)
    for unit in (0, units // 2, units - 1):
        view.evaluate(f"location.hash = '#unit-{unit}'")
        view.wait_for_selector(f'.wb-unitpanel[data-shown="{unit}"]')
        for _ in range(5):
            view.mouse.wheel(0, 300)
            view.wait_for_timeout(30)
    view.wait_for_timeout(200)
    longest = max(view.evaluate("window.tasks"), default=NOTICED)
    context.close()
    return until, longest


if __name__ == "__main__":
    sys.exit(main())
