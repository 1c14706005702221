"""Two layers beside each other: from an address, by menus and keys, on one scale, narrow, and without a script."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.core.store import Store
from wbsite.render.pages.compare import comparable
from wbsite.results.banding.banding import Banding
from wbsite.results.site import Site

PICTURED = ["conv1", "conv2", "conv3"]
"""Layers of the network that have rows and columns."""


@pytest.fixture
def opened(served: str, browser: Any) -> Any:
    """opened("?a=speck/conv1", width=390): the page, once both layers are there."""
    contexts, complaints = [], []

    def open_page(query: str = "", width: int = 1280, **settings: Any) -> Any:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **settings))
        page = contexts[-1].new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{served}/compare/{query}")
        page.wait_for_selector(".wb-compare[data-shown]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def both(page: Any, layers: str) -> None:
    page.wait_for_selector(f'.wb-compare[data-shown="{layers}"]')


def test_the_index_has_every_layer_with_pictures_and_its_h(built: Path) -> None:
    folder = built / "site" / "compare"
    (model,) = json.loads((folder / "layers.json").read_text())
    stored = Site(Store(built / "build" / "store"), None).models[0]
    assert [layer["name"] for layer in model["layers"]] == PICTURED == [x.name for x in comparable(stored)]
    for layer in model["layers"]:
        banding = stored.result(Banding, layer["name"])
        assert banding is not None
        assert layer["H"]["weights"] == pytest.approx(
            [banding.weights.index, banding.weights.low, banding.weights.high], abs=1e-4
        )
        page = folder.parent / "models" / model["slug"] / layer["slug"]
        assert all((page / name).is_file() for name in layer["sprites"].values())


def test_an_address_names_both_layers(opened: Callable[..., Any]) -> None:
    page = opened("?a=speck/conv2&b=speck/conv3&order=H_weights&of=nmf")
    both(page, "speck/conv2 speck/conv3")
    assert page.locator(".wb-compare-sides h2").all_inner_texts() == ["A conv2 · Speck", "B conv3 · Speck"]
    assert page.get_by_label("Order by").input_value() == "H_weights"
    said = page.locator(".wb-compare-chart svg").evaluate_all("charts => charts.map(chart => chart.ariaLabel)")
    assert len(said) == 3
    assert "conv2: 8 units, median" in said[1]
    assert "conv3: 10 units, median" in said[1]
    assert page.locator(".wb-compare-sides dd").all_inner_texts()[2].count("to") == 1, "H is given with its interval"


def test_units_of_both_layers_are_drawn_to_one_scale_and_in_one_order(opened: Callable[..., Any]) -> None:
    page = opened("?a=speck/conv1&b=speck/conv3")
    widths = page.locator(".wb-compare .wb-units-stage > canvas").evaluate_all(
        "grids => grids.map(grid => parseFloat(grid.style.width))"
    )
    scale = (widths[0] - 4 - 5 * 4) / (6 * 5)  # six units of 5 by 5 weights, four pixels between them
    assert scale == int(scale)
    assert widths[1] == 10 * 3 * scale + 9 * 4 + 4
    page.get_by_label("Order by").select_option("norm")
    page.wait_for_url("**order=norm**")
    names = [option.text_content() for option in page.locator(".wb-compare [role=option]").all()]
    assert len(names) == 2
    for place, layer in enumerate(("conv1", "conv3")):
        table = page.evaluate(f"fetch('../models/speck/{layer}/unit-grid.csv').then(answer => answer.text())")
        head, *rows = (line.split(",") for line in table.strip().splitlines())
        strongest = max(rows, key=lambda row: float(row[head.index("norm")]))
        assert names[place].startswith(f"unit {strongest[0]},")


def test_menus_swap_and_back_choose(opened: Callable[..., Any]) -> None:
    page = opened("?a=speck/conv1&b=speck/conv2")
    page.locator(".wb-compare-choice select").first.select_option("speck/conv3")
    both(page, "speck/conv3 speck/conv2")
    assert page.url.endswith("?a=speck/conv3&b=speck/conv2")
    page.get_by_role("button", name="Swap").press("Enter")
    both(page, "speck/conv2 speck/conv3")
    page.go_back()
    both(page, "speck/conv3 speck/conv2")
    page.go_back()
    both(page, "speck/conv1 speck/conv2")
    assert page.locator(".wb-compare-choice select").first.input_value() == "speck/conv1"


def test_what_is_not_there_is_said_and_a_network_stands_for_its_last_layer(opened: Callable[..., Any]) -> None:
    page = opened("?a=speck&b=speck/conv9")
    both(page, "speck/conv3 speck/conv2")
    assert "This site has no layer speck/conv9." in page.locator(".wb-compare [role=status]").inner_text()


def test_a_unit_leads_to_its_panel(opened: Callable[..., Any]) -> None:
    page = opened("?a=speck/conv2&b=speck/conv3")
    page.locator(".wb-compare canvas").nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector('.wb-unitpanel[data-shown="1"]')
    assert "/models/speck/conv3/" in page.url


def test_it_fits_a_telephone_and_takes_a_touch(opened: Callable[..., Any]) -> None:
    page = opened("?a=speck/conv2&b=speck/conv3", width=390, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    first, second = (side.bounding_box() for side in page.locator(".wb-compare-sides section").all())
    assert second["y"] >= first["y"] + first["height"], "they are not below each other"
    page.locator(".wb-compare canvas").first.tap(position={"x": 10, "y": 10})
    page.wait_for_selector('.wb-unitpanel[data-shown="0"]')
    assert "/models/speck/conv2/" in page.url


def test_pages_of_layers_and_networks_lead_there(served: str, browser: Any) -> None:
    page = browser.new_page()
    for address, layer in (("models/speck/conv2/", "conv2"), ("models/speck/", "conv3")):
        page.goto(f"{served}/{address}")
        page.locator(".wb-crumbs").get_by_text("compare with").click()
        page.wait_for_selector(".wb-compare[data-shown]")
        assert page.locator(".wb-compare-sides h2").first.inner_text() == f"A {layer} · Speck"
    page.goto(f"{served}/models/speck/fc/")
    assert page.locator(".wb-crumbs").get_by_text("compare with").count() == 0, "it has no pictures"
    assert page.locator(".wb-tabs a", has_text="Compare").count() == 1
    page.close()


def test_without_a_script_it_says_so_and_lists_the_layers(served: str, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served}/compare/")
    assert "takes JavaScript" in page.locator(".wb-compare").inner_text()
    addresses = {link.get_attribute("href") for link in page.locator(".md-content a").all()}
    assert {f"../models/speck/{name}/" for name in PICTURED} <= addresses
    context.close()
