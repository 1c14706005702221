"""Kernels and units as every figure shows them: colours mean the same everywhere, tiles lead to the right unit."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.render.figure import Scene
from wbsite.render.kernels import (
    NEGATIVE,
    POSITIVE,
    kernel_img,
    map_img,
    scale_legend,
    signed_colours,
    unit_number,
    unit_tile,
)
from wbsite.results.site import Site

CSS = Path(__file__).parents[2] / "templates/assets/css/kernels.css"


def pixels(html: str) -> np.ndarray:
    """What the <img> of a kernel shows, (kh, kw, 3)."""
    data = re.search(r'src="data:image/webp;base64,([^"]+)"', html)
    assert data
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data[1]))).convert("RGB"))


@pytest.fixture
def scene(built: Path) -> Scene:
    site = Site(Store(built / "build" / "store"), ["speck"])
    return Scene(site, site.models[0], up="../")


def test_excitation_is_red_inhibition_blue_and_zero_white() -> None:
    shown = pixels(kernel_img(np.array([[1.0, 0.0, -1.0]]), 1.0, "a kernel"))
    assert ["#{:02x}{:02x}{:02x}".format(*pixel) for pixel in shown[0]] == [POSITIVE, "#ffffff", NEGATIVE]


def test_colours_compare_between_kernels_of_one_scale() -> None:
    weak, strong = (signed_colours(np.array([[weight]]), 2.0)[0, 0] for weight in (0.5, 2.0))
    assert weak[1] > strong[1], "a weaker weight is nearer to white"
    np.testing.assert_array_equal(signed_colours(np.array([9.0]), 2.0)[0], strong)


def test_a_kernel_of_zeros_is_white_whatever_the_scale() -> None:
    assert (pixels(kernel_img(np.zeros((3, 3)), 0.0, "nothing")) == 255).all()


def test_the_sign_is_said_in_words_for_those_who_do_not_see_the_colours() -> None:
    html = kernel_img(np.array([[0.1, -0.25]]), 1.0, 'unit 3 of "conv"')
    assert 'alt="unit 3 of &#034;conv&#034;; strongest weight −0.25, inhibitory"' in html
    assert "all weights zero" in kernel_img(np.zeros((1, 1)), 1.0, "x")


@pytest.mark.parametrize(
    ("shape", "size"), [((3, 3), (70, 70)), ((1, 7), (70, 10)), ((7, 1), (10, 70)), ((1, 1), (70, 70))]
)
def test_a_kernel_keeps_its_proportions(browser: Any, shape: tuple[int, int], size: tuple[int, int]) -> None:
    page = browser.new_page()
    style = "<style>.md-typeset { --wb-tile: 70px }</style>"
    page.set_content(f'{style}<div class="md-typeset">{kernel_img(np.ones(shape), 1.0, "x")}</div>')
    page.add_style_tag(path=CSS)
    box = page.locator("img").bounding_box()
    page.close()
    assert (box["width"], box["height"]) == pytest.approx(size, abs=0.1)


def test_a_map_of_many_positions_is_a_file_of_its_own() -> None:
    """Or an article of maps would weigh more than a page may."""
    files: dict[str, bytes] = {}
    assert "data:image/webp" in map_img(np.eye(9), 1.0, "a map", "small", files)
    assert not files
    outside = map_img(-np.eye(67), 1.0, "a map", "large", files)
    assert 'src="large.webp"' in outside and "inhibitory" in outside
    shown = np.asarray(Image.open(io.BytesIO(files["large.webp"])).convert("RGB"))
    assert shown.shape == (67, 67, 3)
    assert "#{:02x}{:02x}{:02x}".format(*shown[66, 66]) == NEGATIVE


def test_the_legend_says_where_the_colours_end() -> None:
    legend = scale_legend(0.0314)
    assert "−0.031" in legend and "+0.031" in legend
    assert f"linear-gradient(90deg, {NEGATIVE}, #fff, {POSITIVE})" in CSS.read_text(encoding="utf-8")


def test_a_tile_leads_to_the_units_permalink(scene: Scene) -> None:
    tile = unit_tile(scene, "conv2", 5)
    assert 'href="../models/speck/conv2/#unit-5"' in tile
    assert "<b>5</b>" in tile or 'loading="lazy"' in tile


def test_channels_of_the_picture_are_named_by_their_colours(scene: Scene) -> None:
    assert "<b>green</b>" in unit_tile(scene, "input", 1)
    assert "href" not in unit_tile(scene, "input", 1)


def test_a_unit_that_does_not_exist_is_named(scene: Scene) -> None:
    assert scene.model is not None
    with pytest.raises(WbsiteError, match="channel 8"):
        unit_number(scene.model, "conv2", 8)
    with pytest.raises(WbsiteError, match="'conv9'"):
        unit_tile(scene, "conv9", 0)
