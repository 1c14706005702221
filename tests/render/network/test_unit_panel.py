"""A page for every unit: what it shows belongs to the unit, links lead somewhere, and a wide layer stays light."""

from __future__ import annotations

import base64
import functools
import http.server
import io
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store, result_key
from wbsite.featurevis import sheet
from wbsite.render.check.check import FIRST_LOAD_BUDGET, HTML_BUDGET, check_site
from wbsite.render.figure import Drawing, Scene
from wbsite.render.network._connection_data import UnitConnections, scale_of
from wbsite.render.network.unit_inputs import draw as draw_inputs
from wbsite.render.network.unit_panel import UNITS, levels
from wbsite.results.network.architecture import Architecture
from wbsite.results.network.connections import Connections
from wbsite.results.network.unit_pictures import PictureSettings, QuickPictures, UnitPictures
from wbsite.results.photographs import PhotographSet
from wbsite.results.site import Gap, Site

WIDE = """
from torch import nn

class Wide(nn.Sequential):
    input_shape = (3, 32, 32)

def wide():
    net = Wide(
        nn.Conv2d(3, 48, 5, padding=2), nn.ReLU(), nn.Conv2d(48, 24, 1), nn.ReLU(), nn.Conv2d(24, 512, 3, padding=1),
        nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(512, 40, 3, padding=1), nn.ReLU(),
    )
    nn.init.zeros_(net[4].weight[7:8].detach())
    return net
"""
"""A layer of 512 units that reads through a bottleneck; its unit 7 has no weights."""

DEAD, RESEEDED, UNPICTURED, DIFFERING, QUICK = 11, 12, 13, 14, 130
"""Of unit QUICK and those behind it there are small pictures alone."""


def picture(seed: int) -> bytes:
    """An encoded picture as feature visualization leaves it, of about the usual size."""
    noise = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 16, 3), np.uint8)).resize((128, 128))
    held = io.BytesIO()
    noise.save(held, "WEBP", quality=85)
    return held.getvalue()


def tiles(first: int, last: int) -> bytes:
    """A sheet of small pictures: that of unit i is as red as i, modulo 251."""
    red = torch.arange(first, last, dtype=torch.float32) % 251 / 255
    return sheet([torch.stack([red[i], *torch.zeros(2)])[:, None, None].expand(3, 32, 32) for i in range(len(red))], 16)


def put_pictures(store: Store, layer: str, units: int, first: int = 0) -> str:
    """Stores made-up pictures of a layer's units; returns the key."""
    shown = [channel for channel in range(units) if channel != UNPICTURED]
    rows = pd.DataFrame(
        {
            "unit": shown,
            "activation": [float("nan") if channel == DEAD else 6.0 for channel in shown],
            "photo_max": [0.0 if channel == DEAD else 4.0 for channel in shown],
            "ratio": [float("nan") if channel == DEAD else 1.5 for channel in shown],
            "own": [float("nan") if channel == DEAD else 2.5 if channel == DIFFERING else 6.0 for channel in shown],
            "agrees": [channel != DIFFERING for channel in shown],
            "dead": [channel == DEAD for channel in shown],
            "reseeded": [int(channel in (DEAD, RESEEDED)) for channel in shown],
            "quick": [channel >= QUICK for channel in shown],
        }
    )
    rows.loc[rows["unit"] == DIFFERING, "ratio"] = float("nan")
    files = {f"unit-{channel}.webp": picture(first + channel % 20) for channel in shown if channel < QUICK}
    small = PictureSettings(height=32, width=32, steps=8, parameterisation="fourier", seed=0)
    quick = QuickPictures(settings=small, count=units, checked=2, per_sheet=128, columns=16)
    if units > QUICK:
        files |= {name: tiles(i * 128, min(units, (i + 1) * 128)) for i, name in enumerate(quick.sheets)}
    key = result_key({"pictures": layer, "first": first})
    result = UnitPictures(
        units=units,
        shown=len(shown),
        settings=PictureSettings(height=128, width=128, steps=256, parameterisation="fourier", seed=0),
        quick=quick if units > QUICK else None,
        photographs=PhotographSet(name="made up", count=9, what="9 crops of a made-up photograph"),
        remark="The network is shown one picture at a time.",
        differing=(DIFFERING,) if DIFFERING in shown else (),
        rows=rows,
        files=files,
    )
    store.put(key, result.contents(), {"analysis": "unit_pictures"})
    return key


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory, process: Callable[..., Any]) -> Path:
    """A folder with the store and the site of the wide network, pictures made up."""
    from wbsite.run.plan import plan
    from wbsite.run.subjects.model import ModelSubject
    from wbsite.run.worker import run_task

    folder = tmp_path_factory.mktemp("wide")
    (folder / "wide_network.py").write_text(WIDE)
    store = Store(folder / "build" / "store")
    store.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        planned = plan(
            ModelSubject("wide_network:wide"), "quick", only=["architecture", "connections", "nmf", "filters"]
        )
        results: dict[str, dict[str, Any]] = {}
        for task in planned.tasks:
            outcome = run_task(task, store.url, "cpu")
            assert not outcome.failed, outcome.failed
            results.setdefault(task.analysis, {})[task.layer] = {"key": task.key}
    for (analysis, layer), reason in planned.skipped.items():
        results.setdefault(analysis, {})[layer] = {"skipped": reason}
    entry = store.get(results["architecture"][""]["key"])
    assert entry is not None
    units = {layer.name: layer.out_channels for layer in Architecture.read(entry).layers}
    results["unit_pictures"] = {name: {"key": put_pictures(store, name, count)} for name, count in units.items()}
    about = {"id": planned.subject.id, "token": planned.subject.token, "profile": "full", "digest": planned.digest}
    store.put_record(planned.subject.record, {**about, **planned.facts, "results": results})
    store.put_record("last", {"models": [planned.subject.id], "suites": [], "articles": []})
    ran = process(folder, "render", "--strict")
    assert ran.status == 0, ran.err
    return folder


@pytest.fixture(scope="module")
def page(computed: Path) -> Path:
    """Folder of the wide layer's page."""
    return computed / "site" / "models" / "wide_network-wide" / "4"


def chunks(page: Path) -> list[dict[str, Any]]:
    text = (page / "index.html").read_text()
    named = re.search(r'data-panels="([^"]*)"', text)
    assert named
    return [json.loads((page / name).read_text()) for name in named[1].split()]


def test_a_page_of_512_units_is_light_and_sound(computed: Path, page: Path) -> None:
    assert (page / "index.html").stat().st_size <= HTML_BUDGET
    assert check_site(computed / "site") == []  # its page weights among them
    assert max(path.stat().st_size for path in page.glob("panels-*.json")) < 150_000, (
        "one unit brings no more than this"
    )


def test_every_unit_is_in_one_file_and_every_link_leads_to_a_unit_that_exists(page: Path) -> None:
    found = chunks(page)
    assert [len(chunk["units"]) for chunk in found] == [UNITS] * (512 // UNITS)
    seen = set()
    for chunk in found:
        for unit in chunk["units"]:
            for kind in ("input", "across", "cancelled", "output"):
                for place, channel, state, *_ in unit[kind]["connections"]:
                    name, folder, first, panels, *_ = chunk["layers"][place]
                    seen.add((name, folder, first + channel, state, channel, panels))
    assert {name for name, *_ in seen} == {"0", "2", "7"}
    pages = {name: (page / folder / "index.html").read_text() for name, folder, *_ in seen}
    for name, folder, unit, state, channel, panels in seen:
        ranges = re.search(r'data-units="(\d+):(\d+)"', pages[name])
        assert ranges
        assert panels and int(ranges[1]) <= unit < int(ranges[2])
        assert (page / folder / f"unit-{channel}.webp").is_file() == bool(state)
        assert (state == 2) == (channel == DEAD)


def test_kernels_of_a_panel_share_a_scale_and_are_the_networks(computed: Path, page: Path) -> None:
    site = Site(Store(computed / "build" / "store"), None)
    model = site.models[0]
    result = model.result(Connections, "4")
    assert result is not None
    c = UnitConnections(model, model.layer("4"), result)
    shown = chunks(page)[0]["units"][3]
    for kind in ("input", "across", "output"):
        expected = c.of(kind, 3)
        together = [*c.of("across", 3), *c.of("cancelled", 3)] if kind == "across" else expected
        assert shown[kind]["scale"] == pytest.approx(scale_of(together), rel=1e-3)
        for packed, connection in zip(shown[kind]["connections"], expected, strict=True):
            levels = np.frombuffer(base64.b64decode(packed[4]), np.int8).reshape(packed[5:7])
            np.testing.assert_allclose(
                levels * shown[kind]["scale"] / 127, connection.kernel, atol=shown[kind]["scale"] / 200
            )


@pytest.mark.parametrize("size", [1.0, 1e-30, 1e-40, 1e-45])
@pytest.mark.filterwarnings("error")
def test_kernels_that_decay_made_tiny_keep_their_form(size: float) -> None:
    kernels = np.float32([[size, -size, 0]])
    assert levels(kernels, float(np.abs(kernels).max())).tolist() == [[127, -127, 0]]
    assert not levels(np.zeros((2, 3), np.float32), 0.0).any()


def test_a_page_is_made_again_when_pictures_of_another_layer_change(
    computed: Path, work: Path, cli: Callable[..., Any]
) -> None:
    """Its panels say which of the other layers' units have one."""
    shutil.copytree(computed, work, dirs_exist_ok=True)
    store = Store(work / "build" / "store")
    record = store.record("models/wide_network-wide")
    assert record is not None
    del record["results"]["unit_pictures"]["7"]
    store.put_record("models/wide_network-wide", record)
    assert cli("render").status == 0
    page = work / "site" / "models" / "wide_network-wide" / "4"
    assert {c[2] for chunk in chunks(page) for unit in chunk["units"] for c in unit["output"]["connections"]} == {0}
    assert not list((page.parent / "7").glob("unit-*.webp"))


# In the browser


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A test's output is for what went wrong."""


@pytest.fixture(scope="module")
def served(computed: Path) -> Iterator[str]:
    """Address of the wide layer's page."""
    handler = functools.partial(Quiet, directory=str(computed / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/models/wide_network-wide/4/"
        server.shutdown()
        thread.join()


@pytest.fixture
def opened(browser: Any, served: str) -> Iterator[Callable[..., Any]]:
    """Opens the page: opened("#unit-3", width=390). Complaints of the page fail the test."""
    contexts, complaints = [], []

    def open_page(anchor: str = "", **size: int) -> Any:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900, **size}))
        view = contexts[-1].new_page()
        view.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        view.on("pageerror", lambda error: complaints.append(str(error)))
        view.goto(served + anchor)
        view.wait_for_selector(".wb-units[data-drawn]")
        return view

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def shown(view: Any, unit: int) -> str:
    """What the panel of a unit says, as soon as it is there."""
    view.wait_for_selector(f'.wb-unitpanel[data-shown="{unit}"]')
    return view.locator(".wb-unitpanel").inner_text()


def redness(tile: Any) -> float:
    """Mean red of the upper left quarter of an element as it is on the screen: the lower right one has a mark."""
    image = np.asarray(Image.open(io.BytesIO(tile.screenshot())).convert("RGB"), np.float64)
    quarter = image[4 : len(image) // 2, 4 : image.shape[1] // 2]
    assert quarter[..., 1:].max() < 40, "nothing but red"
    return float(quarter[..., 0].mean())


@pytest.mark.parametrize("unit", [QUICK, 300, 511])
def test_a_small_picture_is_cut_out_of_its_sheet_and_said_to_be_a_first_look(
    opened: Callable[..., Any], unit: int
) -> None:
    view = opened(f"#unit-{unit}")
    assert "A first look, 32 pixels, 8 steps: the picture was made to excite the unit" in shown(view, unit)
    tile = view.locator(".wb-unitpanel-picture .wb-sheet")
    view.wait_for_load_state("networkidle")
    assert redness(tile) == pytest.approx(unit % 251, abs=12)
    figure = view.locator("figure", has=view.locator(".wb-unitpanel")).inner_text()
    assert f"128 pixels, 256 steps, {QUICK - 1} of 512 units of this layer; 32 pixels, 8 steps, 382 other" in figure


def test_small_pictures_are_beside_kernels_and_in_the_grid(opened: Callable[..., Any]) -> None:
    view = opened()
    view.goto(view.url.replace("/4/", "/7/#unit-0"))
    shown(view, 0)
    view.wait_for_load_state("networkidle")
    tiles = view.locator("section[data-kind=input] .wb-connection", has=view.locator(".wb-sheet"))
    assert tiles.count() > 3
    for i in range(3):
        unit = int(tiles.nth(i).get_attribute("href").rpartition("-")[2])
        assert redness(tiles.nth(i).locator(".wb-sheet")) == pytest.approx(unit % 251, abs=12)
    view.goto(view.url.replace("/7/#unit-0", "/4/"))
    view.wait_for_selector(".wb-units[data-drawn]")
    view.locator(".wb-units select").last.select_option("sprite-pictures")
    view.wait_for_load_state("networkidle")
    pixel = view.evaluate(
        "(() => { const canvas = document.querySelector('.wb-units > canvas'), step = 44, side = 2;"
        " const across = Math.floor((document.querySelector('.wb-units').clientWidth - 2 * side + 4) / step);"
        " const [x, y] = [side + (300 % across) * step + 20, side + Math.floor(300 / across) * step + 20];"
        " return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data]; })()"
    )
    assert pixel[0] == pytest.approx(300 % 251, abs=12) and max(pixel[1:3]) < 40


def test_a_permalink_opens_the_units_panel_in_view(opened: Callable[..., Any]) -> None:
    view = opened("#unit-100")
    said = shown(view, 100)
    assert "Unit 100 of 4" in said
    assert "1.50 times the strongest on the photographs" in said
    assert all(head in said for head in ("Strongest inputs", "across the bottleneck", "Strongest outputs"))
    top = view.locator(".wb-unitpanel").bounding_box()["y"]
    assert 0 <= top < 300
    assert view.locator(".wb-unitpanel section:visible .wb-kernel").count() > 30
    assert view.locator('.wb-unitpanel img:not([loading="lazy"])').count() == 1, "its own picture alone is not lazy"
    for kernel in view.locator(".wb-unitpanel .wb-kernel").all()[:5]:
        assert re.search(r"strongest weight [+−]\S+, (excit|inhibit)", kernel.get_attribute("aria-label"))


def test_units_are_chosen_by_pointer_keyboard_and_steps(opened: Callable[..., Any]) -> None:
    view = opened()
    assert "Choose a unit" in view.locator(".wb-unitpanel").inner_text()
    view.locator(".wb-units > canvas").click(position={"x": 10, "y": 10})
    shown(view, 0)
    view.locator(".wb-units > canvas").focus()
    view.keyboard.press("ArrowRight")
    shown(view, 1)
    view.keyboard.press("Enter")
    assert view.url.endswith("#unit-1")
    assert view.evaluate("document.activeElement.textContent") == "Unit 1 of 4"
    view.get_by_role("button", name="next").click()
    shown(view, 2)
    assert view.url.endswith("#unit-2")
    view.get_by_role("button", name="previous").click()
    shown(view, 1)


def test_a_connection_leads_to_the_other_units_own_panel(opened: Callable[..., Any]) -> None:
    view = opened("#unit-40")
    shown(view, 40)
    link = view.locator('section[data-kind="output"] a.wb-connection').first
    unit = int(link.get_attribute("href").rpartition("-")[2])
    link.click()
    view.wait_for_selector(f'.wb-unitpanel[data-shown="{unit}"]')
    assert "/7/" in view.url


def test_units_that_are_dead_unpictured_or_not_there_say_so(opened: Callable[..., Any]) -> None:
    view = opened(f"#unit-{DEAD}")
    assert "dead unit" in shown(view, DEAD)
    for unit, words in (
        (RESEEDED, "began again"),
        (UNPICTURED, "No picture was made"),
        (7, "All its weights are zero"),
        (DIFFERING, "a response of 6.00 was measured, and the network itself responds with 2.50"),
    ):
        view.evaluate(f"location.hash = '#unit-{unit}'")
        assert words in shown(view, unit)
    view.evaluate("location.hash = '#unit-512'")
    view.wait_for_function("document.querySelector('.wb-unitpanel-said').textContent.includes('no unit 512')")
    assert "its units are 0 to 511" in view.locator(".wb-unitpanel").inner_text()
    assert not view.locator(".wb-unitpanel-shown").is_visible()


def test_a_picture_that_the_network_disagrees_with_is_marked_and_not_among_the_small_ones(
    opened: Callable[..., Any], computed: Path
) -> None:
    view = opened(f"#unit-{DIFFERING}")
    shown(view, DIFFERING)
    assert "wb-unit-differs" in view.locator(".wb-unitpanel-picture").get_attribute("class")
    figure = view.locator("figure", has=view.locator(".wb-unitpanel")).inner_text()
    assert "The network is shown one picture at a time." in figure
    assert "To 1 of these pictures the network itself does not respond" in figure


def test_what_cannot_be_loaded_is_said(browser: Any, served: str) -> None:
    context = browser.new_context()
    view = context.new_page()
    view.route("**/panels-1.json", lambda route: route.fulfill(status=404))
    view.goto(f"{served}#unit-40")
    view.wait_for_function("document.querySelector('.wb-unitpanel-said').textContent.includes('could not be loaded')")
    context.close()


@pytest.mark.parametrize("width", [390, 1440])
def test_a_panel_fits_its_screen(opened: Callable[..., Any], width: int) -> None:
    view = opened("#unit-5", width=width)
    shown(view, 5)
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    columns = view.evaluate(
        "new Set([...document.querySelectorAll('section[data-kind=input] .wb-connection')]"
        ".map(one => Math.round(one.getBoundingClientRect().left))).size"
    )
    assert columns >= (2 if width == 390 else 6)


def test_a_wide_layers_page_loads_little_until_units_are_chosen(browser: Any, served: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    view = context.new_page()
    loaded: list[int] = []
    view.on("requestfinished", lambda request: loaded.append(request.sizes()["responseBodySize"]))
    view.goto(served)
    view.wait_for_selector(".wb-units[data-drawn]")
    view.wait_for_load_state("networkidle")
    context.close()
    assert 0 < sum(loaded) <= FIRST_LOAD_BUDGET


# In articles


def scene(computed: Path, **options: Any) -> Scene:
    site = Site(Store(computed / "build" / "store"), None)
    return Scene(site, site.models[0], site.models[0].layer("4"), up="../../", options=options)


@pytest.mark.parametrize("kind", ["input", "across", "output"])
def test_one_units_connections_stand_in_an_article_as_pictures(computed: Path, kind: str) -> None:
    drawing = draw_inputs(scene(computed, unit=40, kind=kind, count=6))
    assert isinstance(drawing, Drawing)
    assert drawing.body.count('class="wb-kernel"') == 6
    assert 'src="../../models/wide_network-wide/4/unit-40.webp"' in drawing.body
    assert len(drawing.body) < 20_000
    assert len(drawing.data) == 6 * 9, "one row a weight"
    assert ("is left after" in drawing.caption) == (kind == "across")


def test_an_article_is_told_of_a_unit_or_kind_that_is_not_there(computed: Path) -> None:
    with pytest.raises(WbsiteError, match="has no unit 512"):
        draw_inputs(scene(computed, unit=512))
    with pytest.raises(WbsiteError, match="kind 'inputs'"):
        draw_inputs(scene(computed, unit=3, kind="inputs"))
    first = replace(scene(computed, kind="across"), layer=scene(computed).model.layer("0"))  # type: ignore[union-attr]
    assert isinstance(draw_inputs(first), Gap), "the first layer reads through no bottleneck"
