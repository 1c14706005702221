"""Photographs in any format come out as a viewer shows them, or are refused; nobody analyses white rectangles."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wbsite.core.errors import WbsiteError
from wbsite.core.pictures import DIVIDED, INKS, OPAQUE, STRETCHED, TURNED, as_shown, summary
from wbsite.core.progress import Progress
from wbsite.datasets._photographs import caption, pictures
from wbsite.datasets.imagefolder import load, read_picture
from wbsite.models.base import Preprocess

RAMP = np.linspace(0, 1, 48).reshape(6, 8)
"""Six rows, eight columns, brighter from left to right and from top to bottom."""
EIGHT = np.round(RAMP * 255)
ORIENTATION = 0x0112


def written(path: Path, image: Image.Image, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def reread(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    with Image.open(path) as image:
        shown, remarks = as_shown(image)
        return np.asarray(shown).astype(float), remarks


def test_sixteen_bits_become_eight_and_not_white(tmp_path: Path) -> None:
    sixteen = Image.fromarray(np.round(RAMP * 65535).astype(np.uint16))
    for name in ("a.png", "a.tif"):
        pixels, remarks = reread(written(tmp_path / name, sixteen))
        assert np.abs(pixels - EIGHT).max() <= 1
        assert remarks == (DIVIDED,)


@pytest.mark.parametrize("values", [RAMP, RAMP * 4000 - 1000, RAMP * 1e-3 + 3])
def test_floats_are_not_black(tmp_path: Path, values: np.ndarray) -> None:
    pixels, remarks = reread(written(tmp_path / "a.tif", Image.fromarray(values.astype(np.float32))))
    assert np.abs(pixels - EIGHT).max() <= 1
    assert remarks == (STRETCHED,)


def test_floats_from_0_to_1_keep_their_brightness(tmp_path: Path) -> None:
    half = Image.fromarray((RAMP / 2).astype(np.float32))
    assert np.abs(reread(written(tmp_path / "a.tif", half))[0] - EIGHT / 2).max() <= 1


def test_values_that_are_no_numbers_are_refused_with_the_files_name(tmp_path: Path) -> None:
    values = RAMP.astype(np.float32)
    values[2, 3] = np.nan
    for split in ("train", "val"):
        written(tmp_path / split / "cat" / "hole.tif", Image.fromarray(values))
    with pytest.raises(WbsiteError, match=r"hole\.tif cannot be read .*NaN"):
        load(str(tmp_path), "train", 6, Progress())
    with pytest.raises(WbsiteError, match=r"hole\.tif cannot be read .*NaN"):
        list(pictures(f"imagefolder:{tmp_path}", 6, Progress(), Counter()))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_photographs_are_turned_as_the_camera_was_held(tmp_path: Path, orientation: int) -> None:
    stored = np.zeros((40, 60, 3), np.uint8)
    stored[:10, :20] = 255, 0, 0
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = written(tmp_path / "a.png", Image.fromarray(stored), exif=exif)
    upright = {
        2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1], 5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1), 7: np.rot90(stored, 2).transpose(1, 0, 2), 8: np.rot90(stored, 1),
    }[orientation]  # fmt: skip
    pixels, remarks = reread(path)
    assert np.array_equal(pixels, upright)
    assert remarks == (TURNED,)
    height, width = upright.shape[:2]
    sizes = []
    part = read_picture(path, 20, lambda w, h: sizes.append((w, h)) or (0, 0, w, h))
    assert sizes == [(width, height)]  # crops are chosen on the upright picture
    whole = np.asarray(Image.fromarray(upright).resize((20, 20), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    assert np.array_equal(part, whole)


def test_what_is_transparent_is_white_whatever_colour_lies_behind(tmp_path: Path) -> None:
    red = np.zeros((6, 8, 4), np.uint8)
    red[..., 0] = 255
    red[:, :4, 3] = 255
    palette = Image.fromarray(red[..., :3]).convert("P")
    grey = np.stack([np.full((6, 8), 10, np.uint8), red[..., 3]], -1)
    for image, options, colour in (
        (Image.fromarray(red), {}, (255, 0, 0)),
        (Image.fromarray(grey), {}, 10),
        (palette, {"transparency": palette.getpixel((0, 0))}, None),
    ):
        pixels, remarks = reread(written(tmp_path / "a.png", image, **options))
        assert np.all(pixels[:, -1] == 255)
        assert colour is None or np.all(pixels[:, 0] == colour)
        assert remarks == (OPAQUE,)
    red[..., 3] = 255
    assert reread(written(tmp_path / "b.png", Image.fromarray(red)))[1] == ()


def test_bits_palettes_and_inks_are_read(tmp_path: Path) -> None:
    bits, remarks = reread(written(tmp_path / "a.png", Image.fromarray(EIGHT > 127)))
    assert np.array_equal(bits, np.where(EIGHT > 127, 255, 0))
    assert remarks == ()
    colours = Image.fromarray(np.stack([EIGHT, 255 - EIGHT, EIGHT * 0], -1).astype(np.uint8))
    assert reread(written(tmp_path / "a.gif", colours.quantize(64)))[0].shape == (6, 8, 3)
    inks, remarks = reread(written(tmp_path / "a.tif", colours.convert("CMYK")))
    assert np.abs(inks - np.asarray(colours)).max() <= 1
    assert remarks == (INKS,)


def test_preprocessing_takes_any_picture() -> None:
    sixteen = Image.fromarray(np.round(RAMP * 65535).astype(np.uint16))
    plain = Image.fromarray(EIGHT.astype(np.uint8))
    for preprocess in (Preprocess(crop=6), Preprocess(crop=6, mean=(0.5,), std=(0.5,))):
        assert (preprocess(sixteen) - preprocess(plain)).abs().max() < 0.03


def test_what_was_done_is_said_once(tmp_path: Path) -> None:
    sixteen = Image.fromarray(np.round(RAMP * 65535).astype(np.uint16))
    for split in ("train", "val"):
        for name in ("a", "b"):
            written(tmp_path / split / "cat" / f"{name}.png", sixteen)
        written(tmp_path / split / "cat" / "c.png", Image.fromarray(EIGHT.astype(np.uint8)))
    lines: list[str] = []
    progress = Progress()
    progress.line = lines.append  # type: ignore[method-assign]
    source, remarks = f"imagefolder:{tmp_path}", Counter[str]()
    assert {image.mode for _, image in pictures(source, 6, progress, remarks)} == {"L"}
    assert summary(remarks) == f"2 {DIVIDED}"
    assert caption(source, 3, remarks).endswith(f"(2 {DIVIDED})")
    load(str(tmp_path), "train", 6, progress)
    assert len(lines) == 2
    assert all(f": 2 {DIVIDED}" in line for line in lines)
