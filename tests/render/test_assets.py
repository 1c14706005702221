"""Charts draw from the site's own files: a reader's browser asks no other host for anything."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from wbsite.core.errors import WbsiteError
from wbsite.render import assets

CITATIONS = Path(__file__).resolve().parents[2] / "templates" / "assets"

CHART_PAGE = """<!doctype html><meta charset="utf-8"><title>chart</title><div id="chart"></div>
<script>const n = 1, t = 2, e = 3;</script>
<script src="vega.js"></script>
<script>
  fetch("charts/chart.json").then((answer) => answer.json()).then((spec) =>
    vegaEmbed("#chart", spec, {actions: false, renderer: "svg", loader: {baseURL: "charts/"}})
  ).then(() => { document.body.dataset.drawn = "yes"; });
</script>"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: requests are read from the browser instead."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address it is served at, by a real server on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield tmp_path, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def watched(browser: Any) -> Iterator[tuple[Any, list[str], list[str]]]:
    """A browser page, the addresses it asks for, and the errors and warnings on its console."""
    page = browser.new_page()
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    yield page, requests, errors
    page.close()


def hosts(requests: list[str]) -> set[str]:
    return {urlsplit(url).netloc for url in requests if urlsplit(url).scheme in ("http", "https", "ws", "wss")}


def test_an_altair_chart_draws_from_our_own_bundle(
    served: tuple[Path, str], watched: tuple[Any, list[str], list[str]]
) -> None:
    import altair

    folder, address = served
    page, requests, errors = watched
    (folder / "charts").mkdir()
    (folder / "charts" / "depth.json").write_text(json.dumps([{"layer": i, "H": i / 7 - 0.5} for i in range(7)]))
    chart = altair.Chart("depth.json").mark_point().encode(x="layer:Q", y="H:Q").properties(width=200)
    (folder / "charts" / "chart.json").write_text(json.dumps(chart.to_dict()))
    (folder / "vega.js").write_text(assets.vega_bundle(), encoding="utf-8")
    (folder / "favicon.ico").write_bytes(b"")
    (folder / "index.html").write_text(CHART_PAGE, encoding="utf-8")

    page.goto(f"{address}/index.html")
    page.wait_for_selector("body[data-drawn=yes]", timeout=15_000)

    assert page.locator("#chart .mark-symbol.role-mark path").count() == 7
    assert hosts(requests) == {urlsplit(address).netloc}
    assert f"{address}/charts/depth.json" in requests
    assert errors == [], "a Vega-Lite of another version warns here"


def test_a_citation_opens_by_keyboard_and_closes_by_escape(
    served: tuple[Path, str], watched: tuple[Any, list[str], list[str]]
) -> None:
    from wbsite.render.citations import Bibliography

    folder, address = served
    page, _, errors = watched
    (folder / "assets").symlink_to(CITATIONS)
    (folder / "favicon.ico").write_bytes(b"")
    bibliography = Bibliography.read(CITATIONS.parents[1] / "content" / "refs.bib")
    (folder / "index.html").write_text(
        '<!doctype html><meta charset="utf-8"><title>c</title><link rel="stylesheet" href="assets/css/citations.css">'
        f'<p style="text-align: right">Bands {bibliography.cite("petrov2021weight")}</p>{bibliography.references()}'
        '<script src="assets/js/citations.js"></script>',
        encoding="utf-8",
    )
    page.set_viewport_size({"width": 390, "height": 700})
    page.goto(f"{address}/index.html")
    card = page.locator(".wb-cite-card")
    assert not card.is_visible()
    page.keyboard.press("Tab")
    card.wait_for(state="visible")
    edges = card.bounding_box()
    assert edges["x"] >= 0 and edges["x"] + edges["width"] <= 390, "the card leaves a phone's window"
    page.keyboard.press("Escape")
    card.wait_for(state="hidden")
    assert errors == []


def test_the_bundle_is_the_same_in_another_process() -> None:
    code = (
        "import hashlib; from wbsite.render.assets import vega_bundle;"
        " print(hashlib.sha256(vega_bundle().encode()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == assets._digest(assets.vega_bundle()), "every build would rewrite the script and spoil caches"


def test_a_damaged_cached_bundle_is_made_again(tmp_path: Path) -> None:
    script = assets.vega_bundle(tmp_path)
    [kept] = tmp_path.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    assert assets.vega_bundle(tmp_path) == script == assets.vega_bundle()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [whole]


def test_bundle_follows_altairs_vega_lite() -> None:
    assert assets._closest("6.1.0", ["5.21", "6.1", "6.4"]) == "6.1"
    assert assets._closest("6.9.0", ["5.21", "6.1", "6.4"]) == "6.4"
    with pytest.raises(WbsiteError, match=r"writes Vega-Lite 7\.0\.0.*6\.4"):
        assets._closest("7.0.0", ["5.21", "6.4"])
