"""`wbsite check`: each rule on a small real site, kept and broken, so that no defect reaches a reader unseen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wbsite.core.errors import WbsiteError
from wbsite.render.check.check import FIRST_LOAD_BUDGET, HTML_BUDGET, Problem, check_site
from wbsite.render.check.page_parts import srcset_urls
from wbsite.render.check.style_parts import read_style

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40

Site = Callable[..., Path]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Writes a site: the body of index.html, the head of index.html, and further files by their paths."""

    def write(body: str = "", head: str = "", files: dict[str, str | bytes] | None = None) -> Path:
        page = f"<!doctype html><html><head><title>t</title>{head}</head><body>{body}</body></html>"
        for name, content in {"index.html": page, **(files or {})}.items():
            path = tmp_path / "site" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return tmp_path / "site"

    return write


def found(folder: Path, base: str | None = None) -> list[tuple[str, str]]:
    return [(problem.page, problem.kind) for problem in check_site(folder, base)]


LAYER = '<h1 id="top-units">Units</h1><div data-units="0:4, 8:10"></div><a name="old"></a>'


@pytest.mark.parametrize(
    ("link", "kind"),
    [
        ('<a href="layers/">', None),
        ('<a href="layers">', None),
        ('<a href="/layers/index.html?order=H#top-units">', None),
        ('<a href="layers/#old">', None),
        ('<a href="layers/#unit-3">', None),
        ('<a href="layers/#unit-9">', None),
        ('<a href="layers/#:~:text=Units">', None),
        ('<a href="#top">', None),
        ('<a href="">', None),
        ('<a href="mailto:a@b.c">', None),
        ('<a href="https://distill.pub/2020/circuits">', None),
        ('<a href="a%20b.txt#page=2">', None),
        ('<a href="layer/">', "dead link"),
        ('<a href="Layers/">', "dead link"),
        ('<a href="../outside.html">', "dead link"),
        ('<a href="a%20b.txt/">', "dead link"),
        ('<a href="http://[broken">', "dead link"),
        ('<a href="layers/#unit-4">', "dead anchor"),
        ('<a href="layers/#unit-03">', "dead anchor"),
        ('<a href="layers/#units">', "dead anchor"),
        ('<a href="#nowhere">', "dead anchor"),
        ('<div data-spec="none.json">', "dead link"),
        ('<div data-url="none.json">', "dead link"),
        ('<div data-sprite="none.png">', "dead link"),
        ('<div data-href="layers/#unit-99">', "dead anchor"),
        ('<div data-sprite="">', "dead link"),
        ('<img alt="a" src="none.png">', "dead link"),
        ('<img alt="a" src="a.png" srcset="a.png 1x, b.png 2x">', "dead link"),
        ('<script src="none.js"></script>', "dead link"),
        ('<p style="background: url(none.png)">', "dead link"),
        ('<style>p { background: url("none.png") }</style>', "dead link"),
        ('<div data-units="3">', "dead anchor"),
    ],
)
def test_links_and_anchors(site: Site, link: str, kind: str | None) -> None:
    folder = site(link, files={"layers/index.html": LAYER, "a b.txt": "data", "a.png": PNG})
    assert found(folder) == ([("index.html", kind)] if kind else [])


def test_links_from_the_hosts_root_follow_the_base_path(site: Site) -> None:
    home = '<link rel="canonical" href="https://someone.github.io/wbsite/">'
    files: dict[str, str | bytes] = {"404.html": '<a href="/wbsite/layers/">', "layers/index.html": LAYER}
    folder = site(head=home, files=files)
    assert found(folder) == [], "the base path is in the first page's canonical address"
    assert found(folder, base="/other/") == [("404.html", "dead link")]
    assert found(folder, base="wbsite") == []
    assert found(site(head=home.replace("/wbsite/", "/wbsite/index.html"), files=files)) == []


@pytest.mark.parametrize(
    ("image", "sound"),
    [
        ('<img src="a.png" alt="Kernels of conv1">', True),
        ('<img src="a.png" alt="" role="presentation">', True),
        ('<img src="a.png" alt="" aria-hidden="true">', True),
        ('<img src="a.png">', False),
        ('<img src="a.png" alt="">', False),
        ('<img src="a.png" alt="  ">', False),
        ('<img src="a.png" role="presentation">', False),
    ],
)
def test_images_say_what_they_show(site: Site, image: str, sound: bool) -> None:
    assert found(site(image, files={"a.png": PNG})) == ([] if sound else [("index.html", "missing alt")])


DOWNLOAD = '<a href="a.csv" download>data</a>'


@pytest.mark.parametrize(
    ("figure", "kind"),
    [
        (f'<figure class="wide wb-figure" aria-label="Banding by depth">{DOWNLOAD}</figure>', None),
        (f'<figure class="wb-figure"><div role="img" aria-label="Bands"></div>{DOWNLOAD}</figure>', None),
        (f'<figure class="wb-figure"><img src="a.png" alt="Bands">{DOWNLOAD}</figure>', None),
        ("<figure><p>not ours</p></figure>", None),
        (f'<figure class="wb-figure" aria-label=" ">{DOWNLOAD}</figure>', "missing alt"),
        (f'<figure class="wb-figure"></figure><p role="img" aria-label="x">{DOWNLOAD}', "missing alt"),
        ('<figure class="wb-figure" aria-label="B"></figure>' + DOWNLOAD, "figure without data"),
        ('<figure class="wb-figure" aria-label="B"><a href="a.csv">no download</a></figure>', "figure without data"),
        ('<figure class="wb-figure" aria-label="B"><a href="data:," download>d</a></figure>', "figure without data"),
    ],
)
def test_figures_are_labelled_and_offer_their_data(site: Site, figure: str, kind: str | None) -> None:
    kinds = {problem.kind for problem in check_site(site(figure, files={"a.csv": "x", "a.png": PNG}))}
    assert kind in kinds if kind else kinds == set()


def test_a_download_that_is_not_there_is_no_data(site: Site) -> None:
    figure = '<figure class="wb-figure" aria-label="B"><a href="gone.csv" download>d</a></figure>'
    assert found(site(figure)) == [("index.html", "dead link"), ("index.html", "figure without data")]


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ({"data": {"url": "depth.json"}, "mark": "point"}, None),
        ({"data": {"url": "/charts/depth.json"}, "mark": "point"}, None),
        ({"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "data": {"values": [{"a": 1}]}}, None),
        ({"layer": [{"mark": "bar", "data": {"url": "depth.json"}}]}, None),
        ({"data": {"url": "charts/depth.json"}, "mark": "point"}, "figure without data"),
        ({"data": {"url": ""}, "mark": "point"}, "figure without data"),
        ({"mark": "point"}, "figure without data"),
        ([1, 2], "figure without data"),
        ({"data": {"url": "https://example.org/depth.json"}}, "other host"),
        ({"data": {"name": "d"}, "transform": [{"from": {"data": {"url": "//h/x.csv"}}}]}, "other host"),
    ],
)
def test_charts_have_their_data(site: Site, spec: object, kind: str | None) -> None:
    files: dict[str, str | bytes] = {"charts/chart.json": json.dumps(spec), "charts/depth.json": "[]"}
    folder = site('<div data-spec="charts/chart.json"></div>', files=files)
    assert found(folder) == ([("index.html", kind)] if kind else [])


def test_a_damaged_specification_is_named(site: Site) -> None:
    [problem] = check_site(site('<div data-spec="chart.json"></div>', files={"chart.json": '{"data": '}))
    assert problem.kind == "figure without data" and "chart.json" in problem.detail


@pytest.mark.parametrize(
    ("body", "sound"),
    [
        ('<link rel="canonical" href="https://someone.github.io/">', True),
        ('<a href="//example.org/">elsewhere</a>', True),
        ('<img alt="a" src="data:image/gif;base64,R0lGOD">', True),
        ('<script>const home = "https://example.org/"; fetch("layers.json")</script>', True),
        ('<script type="application/ld+json">{"url": "fetch(\'https://example.org\')"}</script>', True),
        ('<script src="https://cdn.example.org/vega.js"></script>', False),
        ('<script src="//cdn.example.org/vega.js"></script>', False),
        ('<link rel="stylesheet" href="https://fonts.example.org/css">', False),
        ('<link rel="preconnect" href="https://fonts.example.org">', False),
        ('<link rel="shortcut icon" href="https://example.org/i.png">', False),
        ('<img alt="a" src="https://example.org/a.png">', False),
        ('<img alt="a" srcset="https://example.org/a.png 2x">', False),
        ('<iframe src="https://example.org/"></iframe>', False),
        ('<video src="https://example.org/a.mp4"></video>', False),
        ('<picture><source srcset="https://example.org/a.webp"></picture>', False),
        ('<style>@import "https://example.org/a.css";</style>', False),
        ('<p style="background: url(https://example.org/a.png)">', False),
        ("<script>fetch('https://example.org/x.json')</script>", False),
        ('<script type="module">import x from "https://example.org/x.js"</script>', False),
        ("<script>const x = await import(`https://example.org/x.js`)</script>", False),
        ('<script>image.src = "//example.org/x.png"</script>', False),
        ('<div data-url="https://example.org/x.json"></div>', False),
        ('<a href="https://github.com/x/y" data-md-component="source">the theme asks for stars</a>', False),
        ('<pre class="mermaid">the theme asks for its library</pre>', False),
    ],
)
def test_nothing_is_asked_of_another_host(site: Site, body: str, sound: bool) -> None:
    assert found(site(body)) == ([] if sound else [("index.html", "other host")])


def test_style_sheets_are_followed(site: Site) -> None:
    css = """/* url(commented.png) */ @import url("more.css");
    @font-face { font-family: F; src: url(f.woff2) format("woff2"), url(f.woff) }
    p { background: url('data:image/svg+xml,<svg a="/*"/>') } q { background: url(https://example.org/q.png) }"""
    files: dict[str, str | bytes] = {"css/site.css": css, "css/more.css": "b { cursor: url( ../a.png ) }", "a.png": PNG}
    folder = site(head='<link rel="stylesheet" href="css/site.css">', files={**files, "css/f.woff2": b"0"})
    assert found(folder) == [("css/site.css", "dead link"), ("css/site.css", "other host")]


def test_a_heavy_page_is_reported(site: Site) -> None:
    assert found(site("a" * (HTML_BUDGET - 500))) == []
    [problem] = check_site(site("a" * (HTML_BUDGET + 1)))
    assert problem.kind == "page weight" and "300 KB of HTML" in problem.detail


MB = 1_000_000


@pytest.mark.parametrize(
    ("head", "counted"),
    [
        ('<link rel="stylesheet" href="big.css">', 1.2),
        ('<link rel="stylesheet" href="imports.css">', 1.2),
        ('<link rel="stylesheet" href="image.css">', 1.2),
        ('<link rel="stylesheet" href="font.css">', 0),
        ('<link rel="preload" as="font" href="big.woff2">', 1.2),
        ('<link rel="prefetch" href="big.js">', 0),
        ('<script src="big.js"></script>', 1.2),
        ('<script defer src="big.js"></script><script src="big.js"></script>', 1.2),
        ('<img alt="a" src="big.png">', 1.2),
        ('<img alt="a" src="big.png" loading="lazy">', 0),
        ('<img alt="a" src="small.png" srcset="small.png 1x, big.png 2x">', 1.2),
        ('<div data-sprite="big.png"></div>', 0),
        ("<style>p { background: url(big.png) }</style>", 1.2),
        ('<script id="__config" type="application/json">{"base": ".", "search": "big.js"}</script>', 1.2),
    ],
)
def test_first_load_counts_what_a_browser_fetches_unasked(site: Site, head: str, counted: float) -> None:
    big = b" " * (12 * MB // 10)
    files: dict[str, str | bytes] = {f"big.{end}": big for end in ("css", "js", "png", "woff2")}
    files |= {
        "small.png": PNG,
        "imports.css": '@import "big.css";',
        "image.css": "p { background: url(big.png) }",
        "font.css": "@font-face { src: url(big.woff2) }",
        "search/search_index.json": "{}",
        "other.js": b" " * (9 * MB // 10),
    }
    problems = check_site(site(head=f'<script src="other.js"></script>{head}', files=files))
    assert [problem.kind for problem in problems] == (["page weight"] if counted else [])
    if counted:
        assert "big." in problems[0].detail, "the heaviest files are named"
    assert FIRST_LOAD_BUDGET == 2 * MB


def test_an_id_stands_once_on_a_page(site: Site) -> None:
    other = '<p id="a"></p>'
    assert found(site('<p id="a"></p><p id="b"></p>', files={"other.html": other})) == []
    [problem] = check_site(site('<p id="a"></p>\n<p id="a"></p>', files={"other.html": other}))
    assert problem == Problem("index.html", "duplicate id", "'a' stands on lines 1, 2")


def test_a_folder_without_a_site_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="no site at"):
        check_site(tmp_path / "none")
    (tmp_path / "data.json").write_text("{}")
    with pytest.raises(WbsiteError, match="no HTML page"):
        check_site(tmp_path)


def test_three_hundred_pages_take_seconds(site: Site) -> None:
    nav = "".join(
        f'<li class="md-nav__item"><a class="md-nav__link" href="../p{n}/#a">P{n}</a></li>' for n in range(300)
    )
    page = f'<h1 id="a">P</h1><nav><ul>{nav}</ul></nav><p>{"prose " * 500}</p>'
    folder = site(files={f"p{n}/index.html": page for n in range(300)})
    start = time.process_time()
    assert found(folder) == []
    assert time.process_time() - start < 10


def test_addresses_with_commas_and_quotes_are_read_whole() -> None:
    assert srcset_urls("a.png, b.png 2x") == ["a.png", "b.png"]
    assert srcset_urls("data:image/png;base64,AA== 1x, c,d.png 100w") == ["data:image/png;base64,AA==", "c,d.png"]
    assert read_style("""a{b:url("x y.png")} c{d:url('e.png')}""").images == ("x y.png", "e.png")
