"""Pictures that no classifier can be trained on are refused before hours are spent on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wbsite import datasets
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets.base import Pictures, check_trainable


def labelled(classes: str, labels: list[int]) -> Pictures:
    return Pictures(np.zeros((len(labels), 3, 4, 4), np.uint8), np.array(labels, np.int64), tuple(classes.split()))


def picture(path: Path, size: tuple[int, int] = (8, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (10, 20, 30)).save(path)


def checked(folder: Path) -> None:
    source = f"imagefolder:{folder}"
    check_trainable(*(datasets.load(source, split, 8, Progress()) for split in ("train", "test")), source)


def test_two_classes_with_a_picture_each_are_enough() -> None:
    check_trainable(labelled("cat dog", [0, 1]), labelled("cat dog", [1, 0]), "pets")


def test_one_class_is_refused_by_name(tmp_path: Path) -> None:
    """Its loss is zero from the first step on, and its accuracy says nothing."""
    picture(tmp_path / "train" / "cat" / "a.png")
    picture(tmp_path / "val" / "cat" / "b.png")
    with pytest.raises(WbsiteError, match="one class to train on, 'cat'; a classifier needs two") as error:
        checked(tmp_path)
    assert "one folder a class" in error.value.hint
    assert str(tmp_path) in error.value.message


def test_no_class_is_refused() -> None:
    with pytest.raises(WbsiteError, match="no class to train on"):
        check_trainable(labelled("", []), labelled("", []), "pets")


@pytest.mark.parametrize(("split", "said"), [("train", "train on"), ("val", "test on")])
def test_a_class_folder_without_pictures_is_named(tmp_path: Path, split: str, said: str) -> None:
    for each in ("train", "val"):
        for name in ("cat", "dog", "eel"):
            picture(tmp_path / each / name / "a.png")
    (tmp_path / split / "dog" / "a.png").unlink()
    (tmp_path / split / "dog" / "notes.txt").write_text("no picture")
    with pytest.raises(WbsiteError, match=f"no picture to {said} of 'dog'") as error:
        checked(tmp_path)
    assert "Add pictures" in error.value.hint


def test_a_hidden_folder_is_no_empty_class(tmp_path: Path) -> None:
    """Notebooks and file managers leave them everywhere."""
    for each in ("train", "val"):
        for name in ("cat", "dog"):
            picture(tmp_path / each / name / "a.png")
    (tmp_path / "train" / ".ipynb_checkpoints").mkdir()
    checked(tmp_path)


def test_classes_that_differ_between_the_splits_are_named(tmp_path: Path) -> None:
    """Labels are positions in the list of classes: tested against another list, they mean something else."""
    for place in ("train/cat", "train/dog", "val/dog", "val/eel"):
        picture(tmp_path / place / "a.png")
    with pytest.raises(WbsiteError, match="'cat' only to train on, 'eel' only to test on"):
        checked(tmp_path)


def test_another_order_of_the_classes_is_refused() -> None:
    with pytest.raises(WbsiteError, match="the same names in another order"):
        check_trainable(labelled("cat dog", [0, 1]), labelled("dog cat", [0, 1]), "pets")


def test_many_differing_classes_are_counted_not_listed() -> None:
    names = " ".join(f"c{i:02}" for i in range(40))
    with pytest.raises(WbsiteError, match=r"'c04' and 35 more only to train on") as error:
        check_trainable(labelled(names, list(range(40))), labelled("x y", [0, 1]), "pets")
    assert "c05" not in error.value.message


def test_pictures_of_mixed_sizes_are_fitted_from_their_centre(tmp_path: Path) -> None:
    """The shorter side is resized, the longer one cropped on both ends: nothing is squeezed."""
    green = (0, 200, 0)
    for name, (width, height) in {"wide": (60, 20), "tall": (20, 60), "even": (20, 20), "tiny": (6, 18)}.items():
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[:] = (200, 0, 0)
        side = min(width, height)
        top, left = (height - side) // 2, (width - side) // 2
        pixels[top : top + side, left : left + side] = green
        for split in ("train", "val"):
            path = tmp_path / split / name / "a.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(pixels).save(path)
    found = datasets.load(f"imagefolder:{tmp_path}", "train", 8, Progress())
    assert found.images.shape == (4, 3, 8, 8)
    beside = np.abs(found.images.astype(int) - np.reshape(green, (3, 1, 1)))
    assert beside.max() < 80, "the outermost pixels are interpolated with what is cut off"
    assert beside[..., 3:5, 3:5].max() == 0
    checked(tmp_path)
