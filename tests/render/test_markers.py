"""No name acts: a site whose every name, title, path, label and front matter holds marks, in Chromium.

Every page is opened twice: as its reader meets it, and with its content security policy switched off, so that it is
the escaping that holds. A figure, template or kind of page that is added is in the site by itself.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from faults import pages
from markers import (
    MARKS,
    NETWORK,
    NOT_A_FIGURE_OF_IT,
    OWN,
    OWN_FILE,
    add_failed,
    as_shown,
    layer_names,
    marked_store,
    write_project,
)

from wbsite.core import registry
from wbsite.core.store import Store

LISTEN = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
window.alert = window.confirm = window.prompt = () => { window.marked = 1; };
"""

INJECTED = """() => {
  const acts = (element) => [...element.attributes].some(({ name, value }) =>
    /^on/.test(name) || (/^(href|src|action)$/.test(name) && /^\\s*javascript:/i.test(value)));
  return [...document.querySelectorAll("*")]
    .filter((element) => element.matches("[data-marked], #marked, iframe, object, embed, base") || acts(element))
    .map((element) => element.outerHTML.slice(0, 200));
}"""

POINT_AT = """() => { // marks of charts, for the boxes beside them
  for (const mark of document.querySelectorAll(".wb-chart-live svg :is(.mark-symbol, .mark-rect) path")) {
    const { x, y } = mark.getBoundingClientRect(), place = { bubbles: true, clientX: x + 1, clientY: y + 1 };
    for (const kind of ["pointerover", "pointermove"]) mark.dispatchEvent(new PointerEvent(kind, place));
    for (const kind of ["mouseover", "mousemove"]) mark.dispatchEvent(new MouseEvent(kind, place));
  }
}"""

OWN_TAGS = re.compile(r"</?(code|span|strong|em|div|figure|small|table|t[dhr]|li|sup)\b|class=\"wb-")
"""What a page shows where markup of wbsite's own was escaped; no mark holds it."""


@pytest.fixture(scope="module")
def marked(
    process: Callable[..., Any], plug_in: Callable[..., Path], built: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of the site."""
    import torch

    from wbsite.models.base import ModelSpec, Preprocess
    from wbsite.models.weights import file_name, write_checkpoint

    folder = tmp_path_factory.mktemp("marked") / "a\"><svg data-marked onload=window['marked']=1>"
    folder.mkdir()
    code = NETWORK.format(names=layer_names(), title=" ".join(MARKS[:6]), note=" ".join(MARKS[6:]))
    package = plug_in(
        folder.parent / "package", "marked_plugin", "[wbsite.models]\nmarked = marked_plugin:MODELS\n", code
    )
    space: dict[str, Any] = {}
    exec(code, space)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        state = space["Marked"]().state_dict()
    (folder / OWN_FILE).write_text(OWN.format(name=MARKS[0]), encoding="utf-8")
    weights = folder / "weights"
    weights.mkdir()
    spec = ModelSpec("marked", "own", "", space["Marked"], Preprocess(crop=16))
    classes = ", ".join(mark.replace(",", ";") for mark in MARKS[:3])
    written = {"training": {"classes": classes}, **{mark: mark for mark in MARKS}, "about": list(MARKS)}
    write_checkpoint(state, spec, written, weights / file_name(spec))

    shutil.copytree(built / "build" / "store", folder / "build" / "store")
    path = os.pathsep.join((os.environ["PYTHONPATH"], str(package)))
    models = ("--models", f"marked,./{OWN_FILE}:Own", "--weights-dir", str(weights))
    ran = process(folder, "compute", *models, PYTHONPATH=path)
    assert ran.status == 0, ran.err
    store = Store(folder / "build" / "store")
    assert marked_store(store, frozenset(layer_names())) > 100
    add_failed(store)
    for name in store.records("suites"):
        facts = store.record(name)
        assert facts is not None
        facts |= {key: f"{facts[key]} {MARKS[0]} {MARKS[2]}" for key in ("title", "summary") if key in facts}
        store.put_record(name, facts)
    write_project(folder, [(figure.name, GIVEN[figure.of]) for figure in registry.entries("figures")])
    for article in (Path(__file__).parents[2] / "content").glob("*.md"):
        shutil.copy(article, folder / "content")
    ran = process(folder, "render", PYTHONPATH=path)
    assert ran.status == 3, ran.err
    assert "could not be drawn" not in ran.err, ran.err
    return folder


GIVEN = {
    "site": "",
    "model": ", model=site.working[0]",
    "layer": ", model=site.working[0], layer=site.working[0].layers[1]",
}
"""What an article says that a figure is to be drawn of."""


@pytest.fixture(scope="module")
def address(marked: Path, serve: Callable[[Path], str]) -> str:
    return serve(marked / "site")


@pytest.fixture(scope="module")
def names(marked: Path) -> list[str]:
    return pages(marked / "site")


def visit(context: Any, address: str) -> Iterator[Any]:
    page = context.new_page()
    page.goto(address, wait_until="load")
    height = page.evaluate("document.documentElement.scrollHeight")
    for top in range(0, min(height, 60_000), 1500):
        page.evaluate(f"scrollTo(0, {top})")
        page.wait_for_timeout(40)
    page.wait_for_load_state("networkidle")
    yield page
    page.close()


@pytest.mark.parametrize("guarded", [False, True], ids=["without its policy", "with its policy"])
def test_no_script_runs_and_no_element_comes_of_a_name(
    browser: Any, address: str, names: list[str], guarded: bool
) -> None:
    context = browser.new_context(bypass_csp=not guarded, viewport={"width": 1280, "height": 1500})
    context.add_init_script(LISTEN)
    context.set_default_timeout(120_000)
    dialogs, wrong = [], {}
    context.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for name in names:
        for page in visit(context, f"{address}/{name}"):
            for details in page.query_selector_all("details"):
                details.evaluate("element => { element.open = true; }")
            for grid in page.query_selector_all(".wb-units-stage > canvas")[:1]:
                grid.click(position={"x": 8, "y": 8})
            page.evaluate(POINT_AT)
            found = {
                "scripts": page.evaluate("window.marked ?? 0"),
                "elements": page.evaluate(INJECTED),
                "violations": page.evaluate("window.violations"),
                "own markup shown": OWN_TAGS.findall(page.inner_text("body")),
            }
            if any(found.values()):
                wrong[name] = {what: many for what, many in found.items() if many}
    context.close()
    assert not dialogs
    assert not wrong, json.dumps(wrong, indent=1)[:6000]
    assert len(names) > 20


def test_a_page_shows_the_names_themselves(browser: Any, address: str, marked: Path) -> None:
    title, layers = as_shown(" ".join(MARKS[:6])), [as_shown(name) for name in layer_names()]
    page = browser.new_page()
    page.goto(f"{address}/models/marked/")
    shown = " ".join(page.inner_text("article").split())
    assert " ".join(page.inner_text("h1").split()).removesuffix("¶") == title
    assert page.title().startswith(title)
    for layer in layers:
        assert layer in shown
    for link, layer in zip(page.query_selector_all(".wb-layers th a"), layers, strict=True):
        assert " ".join(link.inner_text().split()) == layer
    hrefs = [link.get_attribute("href") for link in page.query_selector_all(".wb-layers th a")]
    for href, layer in zip(hrefs, layers, strict=True):
        page.goto(f"{address}/models/marked/{href}")
        assert " ".join(page.inner_text("h1").split()).removesuffix("¶") == layer
        assert page.title().startswith(layer)
    page.goto(f"{address}/articles/marked/")
    front = [" ".join(MARKS[i : i + 4]) for i in (0, 4, 8, 12)]
    assert " ".join(page.inner_text("h1").split()) == as_shown(front[0])
    assert page.get_attribute("meta[name=description]", "content") == as_shown(front[1])
    assert page.get_attribute("meta[name=citation_author]", "content") == as_shown(front[2])
    assert page.get_attribute("meta[name=citation_author_institution]", "content") == as_shown(front[3])
    assert page.title().startswith(as_shown(front[0]))
    page.close()


def test_the_search_shows_names_as_they_are(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.add_init_script(LISTEN)
    page.goto(f"{address}/")
    page.fill("[data-md-component=search-query]", "unit 1 marked")
    page.focus("[data-md-component=search-query]")
    page.wait_for_selector(".md-search-result__item")
    assert page.evaluate("window.marked ?? 0") == 0
    assert page.evaluate(INJECTED) == []
    assert "<img src=x data-marked" in page.inner_text(".md-search-result")
    page.close()


def test_files_beside_pages_hold_names_as_text(marked: Path) -> None:
    """Drawings, the feed, and what scripts read."""
    for path in (marked / "site").rglob("*.svg"):
        if "assets/" in path.as_posix():
            continue
        for element in ElementTree.fromstring(path.read_bytes()).iter():
            assert not element.tag.endswith(("}script", "}foreignObject")), path
            assert not any(name == "data-marked" or name.startswith("on") for name in element.attrib), path
    feed = ElementTree.fromstring((marked / "site" / "feed.xml").read_bytes())
    titles = [element.text for element in feed.iter("{http://www.w3.org/2005/Atom}title")]
    assert as_shown(" ".join(MARKS[:4])) in [as_shown(title or "") for title in titles]
    for path in (marked / "site").rglob("*.json"):
        json.loads(path.read_bytes())


def test_every_figure_and_template_was_in_the_site(marked: Path) -> None:
    text = (marked / "site" / "articles" / "marked" / "index.html").read_text(encoding="utf-8")
    drawn = set(re.findall(r'id="fig-own-([\w-]+)"', text))
    everything = {figure.name for figure in registry.entries("figures")}
    assert everything - drawn <= NOT_A_FIGURE_OF_IT, "draw it of the marked network, or say why it has none"
    held = unescape(text)
    assert sum(mark.split("\n")[0] in held for mark in MARKS) > 10
