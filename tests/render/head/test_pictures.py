"""Pictures that stand for a page show what its figures do."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from wbsite.render.head.pictures import CARD, PICTURE, TEASER, Picture, card, of_figures, teaser


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def plain(height: int, width: int, color: tuple[int, int, int]) -> bytes:
    return png(np.full((height, width, 3), color))


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_the_first_figure_with_a_picture_is_shown() -> None:
    drawn = {"diagram": {"diagram.csv": b"a\n"}, "units": {"u.png": plain(40, 60, (200, 10, 10)), "u.csv": b""}}
    shown = of_figures(drawn)
    assert shown is not None
    found = pixels(teaser(shown))
    assert found.shape == (TEASER[1], TEASER[0], 3)
    assert np.abs(found - (200, 10, 10)).max() < 12


def test_weights_keep_their_edges_when_enlarged() -> None:
    checks = np.indices((20, 35)).sum(0)[..., None] % 2 * 255 * np.ones(3)
    found = pixels(card(Picture(Image.fromarray(checks.astype(np.uint8)).convert("RGBA")), "Checks", "site"))
    assert set(np.unique(found[:PICTURE])) == {0, 255}, "enlarging blurred the weights"


def test_small_pictures_of_a_figure_are_side_by_side() -> None:
    colors = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0)]
    shown = of_figures({"units": {f"{i}.png": plain(5, 5, color) for i, color in enumerate(colors)}})
    assert shown is not None
    assert shown.image.size == (11, 11)
    assert {shown.image.getpixel(place)[:3] for place in ((2, 2), (8, 2), (2, 8), (8, 8))} == set(colors)


def test_a_chart_is_drawn_from_its_data_and_never_cut() -> None:
    spec = {
        "data": {"url": "c.csv"}, "mark": {"type": "rect", "color": "#ff0000"}, "width": 300, "height": 300,
        "encoding": {"x": {"field": "x", "type": "nominal", "axis": None}},
    }  # fmt: skip
    shown = of_figures({"c": {"c.csv": b"x\na\n", "c.vl.json": json.dumps(spec).encode()}})
    assert shown is not None
    assert shown.chart
    found = pixels(teaser(shown))
    red = (found[..., 0] > 200) & (found[..., 1] < 60)
    assert 0.2 < red.mean() < 0.6, "the bar is cut, or its data are not there"
    assert found[:, :20].min() > 240, "a chart stands whole on white"


@pytest.mark.parametrize("title", ["Weight Banding", "Was Gewichte über Netze sagen: ein langer Titel " * 3, "重み"])
def test_a_card_has_its_size_whatever_the_title(title: str) -> None:
    """Letters that the face lacks are left to the picture alone, instead of boxes."""
    found = pixels(card(None, title, "My site"))
    assert found.shape == (CARD[1], CARD[0], 3)
    has_words = (found[PICTURE + 5 :] == 255).all(-1).mean() > 0.5
    assert has_words == (title != "重み")


def test_a_page_without_pictures_still_has_one() -> None:
    assert of_figures({"table": {"table.csv": b""}}) is None
    assert len(np.unique(pixels(teaser(None)).reshape(-1, 3), axis=0)) > 2
