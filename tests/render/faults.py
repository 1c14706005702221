"""What a browser finds wrong with the pages of a built site.

    python tests/render/faults.py site                          every page, served, then without scripts
    python tests/render/faults.py --folder offline              a site made with --offline, from its folder (file://)
    python tests/render/faults.py site --pages 'models/*/'      some of its pages

Each page is opened at three widths, light and dark, and scrolled to its end. A fault is an error on the console or in
a script, a request that fails or goes elsewhere, a page wider than its window, and a figure with nothing in it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from waiting import until

WIDTHS = (390, 768, 1440)
SCHEMES = ("light", "dark")
HEIGHT = 900
SETTLED = 150
"""Milliseconds for what a page starts when the part below comes into view."""

LOADED = 300_000
"""Milliseconds within which a page must have come, however busy the machine."""

PATIENCE = 20_000
"""Milliseconds that a figure may take to be drawn: machines that test are slow."""

EMPTY_FIGURES = """
() => {
  const seen = (element) => element.getClientRects().length > 0 && element.getBoundingClientRect().height > 1;
  const shows = (element) => seen(element) && (
    (element.matches("img") ? element.naturalWidth > 0 : element.matches("svg, canvas, table, video, math"))
    || getComputedStyle(element).backgroundImage.startsWith("url"));
  const empty = (figure) => {
    const body = [...figure.children].filter((part) => !part.matches("figcaption, .wb-tools, .wb-method"));
    const drawn = (part) => [part, ...part.querySelectorAll("*")].some(shows);
    const filled = (part) => drawn(part) || (seen(part) && part.innerText?.trim());
    return !body.some(filled);
  };
  const failed = [...document.querySelectorAll(".wb-chart-failed")].map((chart) => chart.textContent);
  const nothing = [...document.querySelectorAll("figure")].filter(empty);
  nothing[0]?.scrollIntoView(); // where its script fills it
  return [...nothing.map((figure) => `nothing in figure ${figure.id}`), ...failed];
}
"""

WIDER = """
() => {
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over <= 0) return "";
  const reaches = (element) => Math.abs(element.getBoundingClientRect().right - over - innerWidth) < 1.5;
  const widest = [...document.querySelectorAll("body *")].find(reaches);
  const which = widest ? `, as is <${widest.localName} class="${widest.className}">` : "";
  return `${over} pixels wider than the window${which}`;
}
"""


@dataclass(frozen=True)
class View:
    """How a page is looked at."""

    width: int
    scheme: str = "light"
    scripts: bool = True

    def __str__(self) -> str:
        return f"{self.width} {self.scheme}{'' if self.scripts else ' without scripts'}"


VIEWS = tuple(View(width, scheme) for width in WIDTHS for scheme in SCHEMES)
STILL = tuple(View(width, scripts=False) for width in WIDTHS)
"""Without scripts nothing changes the scheme."""


def pages(site: Path) -> list[str]:
    """Every page of a site as a file below its folder, but for the one that is shown for those that are not there."""
    found = (path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return sorted(name for name in found if name != "404.html")


def faults(browser: Any, root: str, names: Iterable[str], view: View) -> Iterator[tuple[str, list[str]]]:
    """(page, what is wrong with it) of each page below an address.

    Args:
        root: the site's own address with a slash at its end; a request elsewhere is a fault.
    """
    context = browser.new_context(
        viewport={"width": view.width, "height": HEIGHT}, color_scheme=view.scheme, java_script_enabled=view.scripts
    )
    context.set_default_timeout(LOADED)
    try:
        for name in names:
            yield name, _faults(context, root, name, view.scripts)
    finally:
        context.close()


def _faults(context: Any, root: str, name: str, scripts: bool) -> list[str]:
    found: list[str] = []
    page = context.new_page()
    page.on("console", lambda said: said.type == "error" and found.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: found.append(f"script: {error}"))
    page.on("request", lambda sent: _is_foreign(sent.url, root) and found.append(f"asks elsewhere: {sent.url}"))
    page.on("requestfailed", lambda sent: found.append(f"request failed: {sent.url} ({sent.failure})"))
    page.on("response", lambda got: got.status >= 400 and found.append(f"answered with {got.status}: {got.url}"))
    try:
        page.goto(root + name, wait_until="load")
        height = page.evaluate("document.documentElement.scrollHeight")
        for top in range(0, height, HEIGHT):
            page.evaluate(f"scrollTo(0, {top})")
            page.wait_for_timeout(SETTLED)
        page.wait_for_load_state("networkidle")
        if scripts:
            _wait_until_filled(page)
        found += filter(None, [page.evaluate(WIDER)])
        found += page.evaluate(EMPTY_FIGURES)
    finally:
        page.close()
    return list(dict.fromkeys(found))


def _wait_until_filled(page: Any) -> None:
    """Waits until no figure is empty, or for as long as nobody would."""
    from playwright.sync_api import TimeoutError

    with suppress(TimeoutError):  # what is still empty is a fault
        until(page, f"() => ({EMPTY_FIGURES})().length === 0", timeout=PATIENCE)


def _is_foreign(address: str, root: str) -> bool:
    return not address.startswith((root, "data:", "blob:", "about:"))


@contextmanager
def chromium() -> Iterator[Any]:
    """An installed Chromium."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        # No sandbox: containers run as root, and every page opened here is our own.
        yield playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path, help="folder of a built site")
    parser.add_argument("--folder", action="store_true", help="open its files, as of a site made with --offline")
    parser.add_argument("--pages", default="*", help="pattern of the pages' names, as in 'models/*'")
    parser.add_argument("--views", default="*", help="pattern of the views, as in '390 *' or '*without scripts'")
    options = parser.parse_args()
    site = options.site.resolve()
    names = [name for name in pages(site) if fnmatch(name, options.pages)]
    views = [view for view in (*VIEWS, *STILL) if fnmatch(str(view), options.views)]
    from conftest import Quiet, serving

    wrong: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in names}
    with serving(site, Quiet) as address, chromium() as browser:
        root = f"{site.as_uri()}/" if options.folder else f"{address}/"
        for view in views:
            for name, found in faults(browser, root, names, view):
                for fault in found:
                    wrong[name][fault.replace(root, "/")].append(str(view))
            print(f"{view}: {sum(bool(wrong[name]) for name in names)} pages with faults so far", file=sys.stderr)
    for name, found in wrong.items():
        print(f"{name}: {len(found)} faults" if found else f"{name}: none")
        for fault, where in found.items():
            print(f"    {fault} [{'; '.join(where) if len(where) < len(views) else 'every view'}]")
    print(f"{len(names)} pages, {len(views)} views each: {sum(map(len, wrong.values()))} faults")
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(main())
