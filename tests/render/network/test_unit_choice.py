"""Choosing a unit: its panel is beside the grid and nothing jumps, by pointer, keyboard, touch, address and Back."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from wide_layer import shown

GRID = ".wb-units-stage > canvas"
COLOURS = ".wb-colours select"
SHIFT = """new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift = (window.shift ?? 0) + entry.value;
}).observe({type: 'layout-shift', buffered: true})"""
"""Adds up what moved on the page without the reader's doing."""


def tile(view: Any, place: int) -> dict[str, float]:
    """Where the middle of a tile of the grid is, in the grid."""
    across = view.evaluate("Math.floor((document.querySelector('.wb-units').clientWidth - 4 + 4) / 43)")
    return {"x": 2 + place % across * 43 + 19, "y": 2 + place // across * 43 + 19}  # 39 pixels and 4 between them


def scrolled(view: Any) -> float:
    return float(view.evaluate("scrollY"))


def focused(view: Any) -> str:
    return str(view.evaluate("document.activeElement.textContent || document.activeElement.tagName"))


@pytest.mark.parametrize("width", [1000, 1440])
def test_the_panel_is_beside_the_grid_and_nothing_jumps(opened: Callable[..., Any], width: int) -> None:
    view = opened(width=width)
    view.evaluate("window.scrollTo(0, 1500)")
    before = scrolled(view)
    view.locator(GRID).click(position=tile(view, 300))
    shown(view, 300)
    assert scrolled(view) == before
    grid, panel = view.locator(".wb-units").bounding_box(), view.locator(".wb-unitpanel").bounding_box()
    assert panel["x"] >= grid["x"] + grid["width"]
    heading = view.locator(".wb-unitpanel h3").bounding_box()
    assert 0 <= heading["y"] <= 900 - heading["height"], "the panel is out of sight"
    assert view.url.endswith("#unit-300")
    ring = view.locator(".wb-units-ring").bounding_box()
    assert ring["y"] + ring["height"] / 2 == pytest.approx(
        view.locator(GRID).bounding_box()["y"] + tile(view, 300)["y"], abs=2
    )


def test_back_and_forward_go_through_what_was_chosen(opened: Callable[..., Any]) -> None:
    view = opened()
    for unit in (3, 40):
        view.locator(GRID).click(position=tile(view, unit))
        shown(view, unit)
    view.get_by_role("button", name="next").click()
    shown(view, 41)  # a step, which takes the place of where it began
    view.go_back()
    shown(view, 3)
    view.go_back()
    view.wait_for_selector(".wb-unitpanel:not([data-shown])")
    assert "Choose a unit" in view.locator(".wb-unitpanel").inner_text()
    assert "#" not in view.url
    view.go_forward()
    shown(view, 3)


def test_the_keyboard_chooses_reads_on_and_comes_back(opened: Callable[..., Any]) -> None:
    view = opened()
    view.locator(GRID).focus()
    view.keyboard.press("End")
    shown(view, 511)
    ring = view.locator(".wb-units-ring").bounding_box()
    assert 0 <= ring["y"] <= 900 - ring["height"], "the cursor has left the screen"
    view.keyboard.press("Home")
    for key, unit in (("ArrowRight", 1), ("ArrowDown", None), ("ArrowUp", 1)):
        view.keyboard.press(key)
        if unit is not None:
            shown(view, unit)
    assert "unit 1, error" in view.locator(f"{GRID} [role=option]").text_content()
    view.wait_for_url("**/#unit-1")
    before = scrolled(view)
    view.keyboard.press("Enter")
    view.wait_for_function("() => document.activeElement.textContent === 'Unit 1 of 4'")
    assert scrolled(view) == before
    view.keyboard.press("Escape")
    assert view.evaluate(f"document.activeElement === document.querySelector('{GRID}')")
    shown(view, 1)
    view.keyboard.press("Escape")
    view.wait_for_selector(".wb-unitpanel:not([data-shown])")
    assert "#unit" not in view.url


def test_a_touch_opens_a_sheet_over_the_foot_of_a_narrow_screen(opened: Callable[..., Any]) -> None:
    view = opened(width=390, height=844, has_touch=True, is_mobile=True)
    view.evaluate("window.scrollTo(0, 1200)")
    before, grid = scrolled(view), view.locator(GRID).bounding_box()
    place = tile(view, 150)
    view.touchscreen.tap(grid["x"] + place["x"], grid["y"] + place["y"])
    shown(view, 150)
    assert scrolled(view) == before
    sheet = view.locator(".wb-unitpanel-shown").bounding_box()
    assert sheet["y"] + sheet["height"] == pytest.approx(844, abs=1)
    assert 0 < sheet["height"] < 0.6 * 844
    assert focused(view) == "Unit 150 of 4", "a screen reader would not be told"
    assert not view.locator(".wb-units-tip").is_visible(), "a finger does not hover"
    view.get_by_role("button", name="next").tap()
    shown(view, 151)
    view.get_by_role("button", name="close").tap()
    assert not view.locator(".wb-unitpanel-shown").is_visible()
    assert scrolled(view) == before
    assert "#unit" not in view.url
    assert view.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("anchor", ["", "#unit-300"])
def test_nothing_moves_while_the_page_is_drawn(browser: Any, wide_page: str, anchor: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    view = context.new_page()
    view.add_init_script(SHIFT)
    view.goto(wide_page + anchor)
    view.wait_for_selector(".wb-units[data-drawn]")
    if anchor:
        shown(view, 300)
        ring = view.locator(".wb-units-ring").bounding_box()
        assert 0 <= ring["y"] <= (900 if width == 1280 else 0.44 * 900), "the unit of the address is out of sight"
    view.wait_for_load_state("networkidle")
    assert view.evaluate("window.shift ?? 0") <= 0.05
    context.close()


def test_order_pictures_and_colours_are_in_the_address(opened: Callable[..., Any]) -> None:
    view = opened()
    view.get_by_label("Order by").select_option("similarity")
    view.get_by_label("Show").select_option("sprite-joint")
    view.locator(COLOURS).select_option("even")
    assert view.url.endswith("/4/?order=similarity&show=sprite-joint&colours=even")
    first = view.locator(GRID).evaluate("grid => grid.toDataURL()")
    view.reload()
    view.wait_for_selector(".wb-units[data-drawn]")
    menus = view.locator(".wb-units-controls select").evaluate_all("menus => menus.map(menu => menu.value)")
    assert menus == ["similarity", "sprite-joint", "even"]
    assert view.locator(GRID).evaluate("grid => grid.toDataURL()") == first
    view.locator(GRID).click(position=tile(view, 5))
    view.wait_for_selector(".wb-unitpanel[data-shown]")
    assert "?order=similarity&show=sprite-joint&colours=even#unit-" in view.url


GREEN_BLIND = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]])
"""Linear light as deuteranopes see it (Machado et al. 2009)."""


def linear(colour: np.ndarray) -> np.ndarray:
    """sRGB, 0 to 255 → linear light, 0 to 1."""
    share = colour / 255
    return np.asarray(np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4))


def hue_and_chroma(light: np.ndarray) -> np.ndarray:
    """Linear light → a and b of OKLab (Ottosson 2020)."""
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    mixed = np.array([[1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]])
    return np.asarray(mixed @ np.cbrt(np.clip(cones @ light, 0, None)))


def test_even_colours_are_equally_bright_and_differ_in_hue_for_the_colour_blind(opened: Callable[..., Any]) -> None:
    view = opened()
    legend = view.locator(".wb-colours-legend i")

    def lights() -> list[np.ndarray]:
        shots = [Image.open(io.BytesIO(legend.nth(i).screenshot())).convert("RGB") for i in range(3)]
        return [linear(np.asarray(shot, float)[shot.height // 2, shot.width // 2]) for shot in shots]

    def apart(colours: list[np.ndarray]) -> float:
        seen = [hue_and_chroma(GREEN_BLIND @ colour) for colour in colours]
        return min(float(np.linalg.norm(seen[i] - seen[j])) for i, j in ((0, 1), (0, 2), (1, 2)))

    plain = lights()
    assert [colour.round(2).tolist() for colour in plain] == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    view.locator(COLOURS).select_option("even")
    even = lights()
    luminance = [float(colour @ [0.2126, 0.7152, 0.0722]) for colour in even]
    assert luminance == pytest.approx([1 / 3] * 3, abs=0.01)
    assert np.sum(even, 0) == pytest.approx([1, 1, 1], abs=0.03)
    assert apart(even) > 3 * apart(plain)
    assert "orange, green and violet" in view.locator(".wb-colours-legend").get_attribute("aria-label")
    view.get_by_label("Show").select_option("sprite-pictures")
    view.wait_for_selector(".wb-colours", state="hidden")
    assert "wb-nmf" not in (view.locator(GRID).get_attribute("class") or ""), "pictures keep their own colours"


def test_links_look_like_links(opened: Callable[..., Any]) -> None:
    view = opened("#unit-40")
    shown(view, 40)
    link = view.locator("section[data-kind=input] a.wb-connection").first
    name = link.locator(".wb-connection-name")
    assert name.evaluate("one => getComputedStyle(one).textDecorationLine") == "underline"
    assert link.evaluate("one => getComputedStyle(one).cursor") == "pointer"
    picture = link.locator(".wb-unit > *").first
    before = picture.evaluate("one => getComputedStyle(one).boxShadow")
    link.hover()
    assert picture.evaluate("one => getComputedStyle(one).boxShadow") != before
    view.mouse.move(0, 0)
    view.keyboard.press("Tab")
    link.focus()
    assert link.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
