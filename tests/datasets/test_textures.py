"""The control data set has no preferred direction, and is the same whenever it is drawn."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from wbsite import datasets
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets.base import Pictures
from wbsite.datasets.textures import HIGHEST, TEXTURES, Stream, pictures, tiles

LABELS = range(len(TEXTURES))


@pytest.fixture(scope="module")
def drawn() -> Pictures:
    return pictures("train", 32, 20_000, Progress())


def power(fields: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean spectral power of (n, side, side), the radius in cycles a pixel and the direction in degrees, 0 to 180."""
    frequency = np.fft.fftfreq(fields.shape[-1])
    y, x = np.meshgrid(frequency, frequency, indexing="ij")
    return (np.abs(np.fft.fft2(fields)) ** 2).mean(axis=0), np.hypot(x, y), np.degrees(np.arctan2(y, x)) % 180


@pytest.mark.parametrize("label", LABELS)
def test_rows_and_columns_of_a_class_are_alike(drawn: Pictures, label: int) -> None:
    """Or the control would have a band of its own."""
    own = drawn.images[drawn.labels == label].astype(np.float64)
    along_x, along_y = (np.square(np.diff(own, axis=axis)).mean() for axis in (3, 2))
    assert along_x / along_y == pytest.approx(1, abs=0.01)
    by_row, by_column = (own.mean(axis=axis).var(axis=-1).mean() for axis in (3, 2))
    assert by_row / by_column == pytest.approx(1, abs=0.1), "rows and columns as wholes"


@pytest.mark.parametrize("label", LABELS)
def test_each_direction_of_the_spectrum_has_the_same_power(label: int) -> None:
    """The diagonals too: a square pixel grid would favour them or the axes if the texture reached its corners."""
    texture, side = TEXTURES[label], 240
    gain = texture.gain(side)
    fields = np.concatenate([tiles(texture, gain, side, Stream(3, i))[:, 0] for i in range(60)])
    spectrum, radius, direction = power(fields)
    share, modes = np.zeros(4), 0
    for low, high in pairwise(np.linspace(0.02, HIGHEST, 32)):
        ring = (radius >= low) & (radius < high)
        if spectrum[ring].sum() > 0.005 * spectrum.sum():
            sectors = [ring & (np.abs((direction - centre + 90) % 180 - 90) < 22.5) for centre in (0, 45, 90, 135)]
            share += ring.sum() * np.array([spectrum[sector].mean() for sector in sectors]) / spectrum[ring].mean()
            modes += ring.sum()
    assert np.abs(share / modes - 1).max() < 0.02, "by sector, each ring measured by its own mean"
    outside = (spectrum * (radius > 0.5)).sum() / spectrum.sum()
    assert outside < 0.002, "power in the corners of the grid, where there are diagonals alone"


def test_classes_are_balanced_and_distinct(drawn: Pictures) -> None:
    assert np.bincount(drawn.labels).tolist() == [2000] * 10
    assert np.bincount(drawn.labels[:100]).tolist() == [10] * 10, "any beginning is balanced"
    assert len(set(drawn.classes)) == 10


def test_brightness_and_colour_do_not_give_the_class_away(drawn: Pictures) -> None:
    """Or a network would not need to look at the texture."""
    means = np.array([drawn.images[drawn.labels == label].mean(axis=(0, 2, 3)) for label in LABELS])
    assert np.abs(means - means.mean()).max() < 3
    clipped = ((drawn.images == 0) | (drawn.images == 255)).mean()
    assert clipped < 0.02


def test_the_same_bytes_each_time_and_of_any_beginning(drawn: Pictures) -> None:
    again = pictures("train", 32, 990, Progress())
    np.testing.assert_array_equal(again.images, drawn.images[:990])
    np.testing.assert_array_equal(again.labels, drawn.labels[:990])


def test_the_bytes_are_those_of_every_other_machine() -> None:
    """Or runs trained on two machines would not be of one data set."""
    first = pictures("test", 16, 40, Progress()).images
    assert hashlib.sha256(first.tobytes()).hexdigest()[:16] == "f6f57b08109119ab"


def test_no_picture_is_in_both_splits_or_twice(drawn: Pictures) -> None:
    held_out = pictures("test", 32, 2000, Progress())
    both = np.concatenate([drawn.images[:2000], held_out.images]).reshape(4000, -1)
    assert len(np.unique(both, axis=0)) == 4000
    assert held_out.classes == drawn.classes


@pytest.mark.parametrize("size", [8, 33, 64, 300])
def test_any_size(size: int) -> None:
    found = pictures("test", size, 20, Progress())
    assert found.images.shape == (20, 3, size, size)
    assert found.images.dtype == np.uint8
    assert found.images.std(axis=(1, 2, 3)).min() > 5


def test_it_is_a_data_set_by_name() -> None:
    found = datasets.load("textures", "test", 8, Progress())
    assert found.images.shape == (10_000, 3, 8, 8)
    assert found.labels.dtype == np.int64
    assert found.images.flags.c_contiguous


def test_nothing_may_stand_after_the_colon(tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="nothing after the colon") as error:
        datasets.load(f"textures:{tmp_path}", "train", 32, Progress())
    assert "imagefolder:PATH" in error.value.hint
