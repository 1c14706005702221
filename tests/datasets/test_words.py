"""Letters in rows and columns: labels are those of the picture, layouts differ in what they say and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from wbsite import datasets
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets import words
from wbsite.datasets.base import Pictures, check_trainable
from wbsite.datasets.words import CELL, LAYOUTS, LETTERS, glyph


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "COUNTS", {"train": 24, "test": 8})


def load(layout: str, split: str = "train", size: int = 48) -> Pictures:
    return datasets.load(f"words:{layout}", split, size, Progress())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_has_pictures_of_one_area_and_labels_of_its_classes(layout: str) -> None:
    found = load(layout)
    assert len(found.images) == len(found.labels) == 24
    assert found.images.shape[2] * found.images.shape[3] == 48 * 48
    assert found.labels.min() >= 0 and found.labels.max() < len(found.classes)
    assert load(layout).digest == found.digest
    assert load(layout, "test").digest != found.digest


def test_pictures_that_are_to_be_the_same_are() -> None:
    """Or an experiment and its control would differ in more than the task."""
    for direction in ("rows", "columns"):
        square, presence = load(f"square_{direction}"), load(f"presence_{direction}")
        np.testing.assert_array_equal(square.images, presence.images)
        occurring = [np.flatnonzero(row).tolist() for row in presence.labels]
        assert occurring == [sorted(set(row)) for row in square.labels.tolist()]
    rows, turned = load("rows"), load("turned")
    np.testing.assert_array_equal(turned.images, np.rot90(rows.images, -1, (2, 3)))
    np.testing.assert_array_equal(turned.labels, rows.labels)
    upright, lying = load("detector_rows"), load("detector_turned")
    np.testing.assert_array_equal(lying.images, np.rot90(upright.images, -1, (2, 3)))
    np.testing.assert_array_equal(lying.labels, np.rot90(upright.labels, -1, (1, 2)))


@pytest.mark.parametrize("layout", ["rows", "columns", "square_rows", "square_columns"])
def test_each_cell_shows_the_letter_of_its_label(layout: str) -> None:
    """The letter that covers the picture's ink best, wherever it is in the cell, is nearly always the label's."""
    found = load(layout)
    right = total = 0
    for image, labels in zip(found.images.astype(float).sum(1), found.labels, strict=True):
        ink = np.abs(image - np.median(image))
        for place, label in enumerate(labels):
            cell = slice(CELL * place, CELL * (place + 1))
            strip = ink[:, cell] if "rows" in layout else ink[cell]
            right += LETTERS[label] == best(strip)
            total += 1
    assert right / total > 0.7, f"{right} of {total}"


def best(strip: np.ndarray) -> str:
    """The letter whose shape correlates best with some window."""
    scores = {}
    for letter in LETTERS:
        for size in words.SIZES:
            ink = glyph(letter, size)
            if ink.shape[0] <= strip.shape[0] and ink.shape[1] <= strip.shape[1]:
                windows = np.lib.stride_tricks.sliding_window_view(strip, ink.shape).reshape(-1, ink.size)
                shape = ink.ravel() - ink.mean()
                score = (windows @ shape) / np.linalg.norm(shape)
                scores[letter] = max(scores.get(letter, -np.inf), score.max())
    return max(scores, key=scores.__getitem__)


def test_a_detector_is_told_where_the_ink_is() -> None:
    found = load("detector_rows")
    inside = found.labels.repeat(2, 1).repeat(2, 2).astype(bool)
    for image, mask in zip(found.images.astype(float).mean(1), inside, strict=True):
        assert 0.02 < mask.mean() < 0.6
        assert image[mask].std() > image[~mask].std()


def test_what_cannot_be_drawn_or_used_is_refused() -> None:
    with pytest.raises(WbsiteError, match="unknown layout of words 'row'") as caught:
        load("row")
    assert "rows" in caught.value.hint
    with pytest.raises(WbsiteError, match="multiples of 24 pixels, and 50"):
        load("rows", size=50)
    found = load("rows")
    with pytest.raises(WbsiteError, match="8 labels; one is wanted"):
        check_trainable(found, found, "words:rows")
