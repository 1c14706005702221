"""A user's own folder of pictures is read whole, in a fixed order, or refused with the file's name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wbsite import datasets
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress


def picture(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (8, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "val"):
        picture(tmp_path / split / "cat" / "a.png", (255, 0, 0))
        picture(tmp_path / split / "cat" / "b.webp", (250, 0, 0))
        picture(tmp_path / split / "dog" / "deep" / "c.jpg", (0, 0, 255), (20, 12))
    return tmp_path


def load(path: Path | str, split: str = "train", size: int = 8) -> object:
    return datasets.load(f"imagefolder:{path}", split, size, Progress())


def test_pictures_labels_and_classes_are_read_in_order_of_their_names(folder: Path) -> None:
    found = load(folder)
    assert found.classes == ("cat", "dog")
    assert found.labels.tolist() == [0, 0, 1]
    assert found.images.shape == (3, 3, 8, 8)
    assert found.images.dtype == np.uint8
    assert found.images[0, 0].min() == 255
    assert found.images[2, 2].min() > 240


def test_val_serves_as_the_test_split(folder: Path) -> None:
    assert len(load(folder, "test").labels) == 3


def test_the_digest_changes_with_a_single_pixel(folder: Path) -> None:
    before = load(folder).digest
    assert load(folder).digest == before
    changed = Image.new("RGB", (8, 8), (255, 0, 0))
    changed.putpixel((3, 3), (254, 0, 0))
    changed.save(folder / "train" / "cat" / "a.png")
    assert load(folder).digest != before


def test_an_unreadable_picture_is_named(folder: Path) -> None:
    broken = folder / "train" / "dog" / "broken.png"
    broken.write_bytes(b"\x89PNG not really")
    with pytest.raises(WbsiteError, match=r"broken\.png cannot be read as a picture") as error:
        load(folder)
    assert "Repair or remove" in error.value.hint


def test_a_picture_cut_short_is_named(folder: Path) -> None:
    path = folder / "train" / "cat" / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(WbsiteError, match=r"a\.png cannot be read"):
        load(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train" / "cat").mkdir(parents=True)
    with pytest.raises(WbsiteError, match="holds no pictures") as error:
        load(tmp_path)
    assert "CLASS/picture" in error.value.hint


def test_a_folder_without_splits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="has no train/ inside"):
        load(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="is not a folder"):
        load(tmp_path / "nowhere")


def test_no_folder_at_all_is_refused() -> None:
    with pytest.raises(WbsiteError, match="no folder given"):
        load("")


def test_an_unknown_data_set_gets_the_nearest_names() -> None:
    with pytest.raises(WbsiteError, match="unknown data set 'cifra10'") as error:
        datasets.load("cifra10", "train", 32, Progress())
    assert "cifar10" in error.value.hint


def test_cifar10_at_another_size_is_refused() -> None:
    with pytest.raises(WbsiteError, match="32 pixels, not 64"):
        datasets.load("cifar10", "train", 64, Progress())


def test_cifar10_that_is_not_there_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="neither in") as error:
        datasets.load(f"cifar10:{tmp_path}", "train", 32, Progress())
    assert "imagefolder:PATH" in error.value.hint
