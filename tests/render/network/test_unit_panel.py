"""A page for every unit: what it shows belongs to the unit, links lead somewhere, and a wide layer stays light."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from wide_layer import DEAD, DIFFERING, QUICK, RESEEDED, UNPICTURED, shown

from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.render.check.check import FIRST_LOAD_BUDGET, HTML_BUDGET, check_site
from wbsite.render.figure import Drawing, Scene
from wbsite.render.network._connection_data import UnitConnections, scale_of
from wbsite.render.network.unit_inputs import draw as draw_inputs
from wbsite.render.network.unit_panel import UNITS, levels
from wbsite.results.network.connections import Connections
from wbsite.results.site import Gap, Site


def chunks(page: Path) -> list[dict[str, Any]]:
    text = (page / "index.html").read_text()
    named = re.search(r'data-panels="([^"]*)"', text)
    assert named
    return [json.loads((page / name).read_text()) for name in named[1].split()]


def test_a_page_of_512_units_is_light_and_sound(wide: Path, page: Path) -> None:
    assert (page / "index.html").stat().st_size <= HTML_BUDGET
    assert check_site(wide / "site") == []  # its page weights among them
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


def test_kernels_of_a_panel_share_a_scale_and_are_the_networks(wide: Path, page: Path) -> None:
    site = Site(Store(wide / "build" / "store"), None)
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
    wide: Path, work: Path, cli: Callable[..., Any]
) -> None:
    """Its panels say which of the other layers' units have one."""
    shutil.copytree(wide, work, dirs_exist_ok=True)
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
    figure = view.locator("figure", has=view.locator(".wb-unitpanel")).text_content() or ""
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
    view.get_by_label("Show").select_option("sprite-pictures")
    view.wait_for_load_state("networkidle")
    pixel = view.evaluate(
        "(() => { const canvas = document.querySelector('.wb-units-stage > canvas'), step = 44, side = 2;"
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
    view.locator(".wb-units-stage > canvas").click(position={"x": 10, "y": 10})
    shown(view, 0)
    view.locator(".wb-units-stage > canvas").focus()
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
    view.wait_for_function("() => document.querySelector('.wb-unitpanel-said').textContent.includes('no unit 512')")
    assert "its units are 0 to 511" in view.locator(".wb-unitpanel").inner_text()
    assert not view.locator(".wb-unitpanel-shown").is_visible()


def test_a_picture_that_the_network_disagrees_with_is_marked_and_not_among_the_small_ones(
    opened: Callable[..., Any], wide: Path
) -> None:
    view = opened(f"#unit-{DIFFERING}")
    shown(view, DIFFERING)
    assert "wb-unit-differs" in view.locator(".wb-unitpanel-picture").get_attribute("class")
    figure = view.locator("figure", has=view.locator(".wb-unitpanel")).text_content() or ""
    assert "The network is shown one picture at a time." in figure
    assert "To 1 of these pictures the network itself does not respond" in figure


def test_what_cannot_be_loaded_is_said(browser: Any, wide_page: str) -> None:
    context = browser.new_context()
    view = context.new_page()
    view.route("**/panels-1.json", lambda route: route.fulfill(status=404))
    view.goto(f"{wide_page}#unit-40")
    view.wait_for_function(
        "() => document.querySelector('.wb-unitpanel-said').textContent.includes('could not be loaded')"
    )
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
    assert columns >= (2 if width == 390 else 3)


def test_a_wide_layers_page_loads_little_until_units_are_chosen(browser: Any, wide_page: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    view = context.new_page()
    loaded: list[int] = []
    view.on("requestfinished", lambda request: loaded.append(request.sizes()["responseBodySize"]))
    view.goto(wide_page)
    view.wait_for_selector(".wb-units[data-drawn]")
    view.wait_for_load_state("networkidle")
    context.close()
    assert 0 < sum(loaded) <= FIRST_LOAD_BUDGET


# In articles


def scene(wide: Path, **options: Any) -> Scene:
    site = Site(Store(wide / "build" / "store"), None)
    return Scene(site, site.models[0], site.models[0].layer("4"), up="../../", options=options)


@pytest.mark.parametrize("kind", ["input", "across", "output"])
def test_one_units_connections_stand_in_an_article_as_pictures(wide: Path, kind: str) -> None:
    drawing = draw_inputs(scene(wide, unit=40, kind=kind, count=6))
    assert isinstance(drawing, Drawing)
    assert drawing.body.count('class="wb-kernel"') == 6
    assert 'src="../../models/wide_network-wide/4/unit-40.webp"' in drawing.body
    assert len(drawing.body) < 20_000
    assert len(drawing.data) == 6 * 9, "one row a weight"
    assert ("is left after" in drawing.method) == (kind == "across")


def test_an_article_is_told_of_a_unit_or_kind_that_is_not_there(wide: Path) -> None:
    with pytest.raises(WbsiteError, match="has no unit 512"):
        draw_inputs(scene(wide, unit=512))
    with pytest.raises(WbsiteError, match="kind 'inputs'"):
        draw_inputs(scene(wide, unit=3, kind="inputs"))
    first = replace(scene(wide, kind="across"), layer=scene(wide).model.layer("0"))  # type: ignore[union-attr]
    assert isinstance(draw_inputs(first), Gap), "the first layer reads through no bottleneck"
