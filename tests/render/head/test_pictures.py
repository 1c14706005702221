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


def sheet_of(columns: int, rows: int, side: int = 5) -> Image.Image:
    """White units with transparent lines between them."""
    pixels = np.full((rows * (side + 1) - 1, columns * (side + 1) - 1, 4), 255, np.uint8)
    pixels[side :: side + 1], pixels[:, side :: side + 1] = 0, 0
    return Image.fromarray(pixels)


def runs(line: np.ndarray) -> set[int]:
    """Lengths of what is white in a line."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], line > 127, [0]]).astype(int)))
    return set(np.diff(edges)[::2].tolist())


def test_what_a_figure_compares_is_shown_whole_and_with_no_place_empty() -> None:
    """Three sheets stood in two rows, so that a quarter of the picture was black and the rest was cut."""
    sheets = []
    for shade in (60, 130, 250):
        buffer = io.BytesIO()
        Image.fromarray(np.full((23, 23, 3), shade, np.uint8)).save(buffer, "PNG")
        sheets.append(buffer.getvalue())
    shown = of_figures({"turned": {f"{i}.png": data for i, data in enumerate(sheets)}})
    assert shown is not None and len(shown.parts) == 3
    found = pixels(card(shown, "Banding", "site"))[:PICTURE]
    areas = [(found == shade).all(-1).mean() for shade in (60, 130, 250)]
    assert min(areas) == max(areas) > 0.25, "each is there, and as large as the others"


def test_sheets_side_by_side_are_all_there_in_a_narrow_picture_too() -> None:
    sheets = []
    for _ in range(3):
        buffer = io.BytesIO()
        sheet_of(4, 4).save(buffer, "PNG")
        sheets.append(buffer.getvalue())
    shown = of_figures({"turned": {f"{i}.png": data for i, data in enumerate(sheets)}})
    assert shown is not None
    found = pixels(teaser(shown))[..., 0]
    assert (found > 127).mean() > 0.5, "most of it is units, and not the black around them"
    middles = found[TEASER[1] // 2 - 20 : TEASER[1] // 2 + 20].max(0) > 127
    assert np.count_nonzero(np.diff(middles.astype(int)) == 1) == 6, "two columns of units of each of three"


def test_a_sheet_is_cut_between_units() -> None:
    """Units of one layer may be left out; none is shown in part."""
    for columns, rows in ((10, 10), (16, 6), (3, 40)):
        shown = Picture(sheet_of(columns, rows))
        found = pixels(card(shown, "Units", "site"))[:PICTURE]
        line, column = (found[..., 0].max(axis) for axis in (0, 1))
        assert len(runs(line)) == len(runs(column)) == 1 and runs(line) == runs(column), (columns, rows)
        assert (found > 127).mean() > 0.3


def test_a_title_ends_before_the_margin() -> None:
    """One of 45 letters was taken for a short one, and ran out of the card."""
    for title in ("What the weights of vision networks look like", "W" * 80, "Weights " * 30):
        found = pixels(card(None, title, "site"))[PICTURE + 45 :]
        assert (found[:, -50:] == 255).all(), title


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
