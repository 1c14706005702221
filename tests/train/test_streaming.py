"""Pictures that do not fit into memory: the same ones at every reading, their own labels, and no other pictures."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wbsite import datasets
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets import imagefolder
from wbsite.models.base import Preprocess
from wbsite.train import streaming
from wbsite.train.base import Recipe, Suite
from wbsite.train.batches import Batches
from wbsite.train.job import Job, train_job
from wbsite.train.streaming import CROP_AREA, CROP_RATIO, StreamedBatches, files_to_stream, random_box

from .conftest import write_pictures

CPU, SIZE = torch.device("cpu"), 12
RECIPE = Recipe(epochs=2, batch=4, shift=4, sway=10.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photographs of three classes, 40 × 30 pixels; brightness tells the class."""
    root = write_pictures(tmp_path / "photographs", train=6, test=3, size=32, suffix=".jpg")
    for path in root.rglob("*.jpg"):
        Image.open(path).resize((40, 30)).save(path)
    return root


def batches(folder: Path, split: str = "train", workers: int = 0) -> StreamedBatches:
    found = StreamedBatches.from_files(imagefolder.files(str(folder), split), Preprocess(crop=SIZE), CPU)
    return replace(found, workers=workers)


def equal(first: list[tuple[torch.Tensor, torch.Tensor]], second: list[tuple[torch.Tensor, torch.Tensor]]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a, c) and torch.equal(b, d) for (a, b), (c, d) in zip(first, second, strict=True)
    )


def test_an_epoch_is_the_same_at_every_reading_and_another_at_the_next(folder: Path) -> None:
    first, again = (list(batches(folder).train(RECIPE, 3, 1)) for _ in range(2))
    assert [tuple(x.shape) for x, _ in first] == [(4, 3, SIZE, SIZE)] * 4
    assert equal(first, again)
    assert not equal(first, list(batches(folder).train(RECIPE, 3, 0)))
    assert not equal(first, list(batches(folder).train(RECIPE, 4, 1)))


def test_an_epoch_begun_in_its_middle_shows_the_rest(folder: Path) -> None:
    assert equal(list(batches(folder).train(RECIPE, 3, 1))[2:], list(batches(folder).train(RECIPE, 3, 1, first_step=2)))


def test_workers_read_what_one_process_reads(folder: Path) -> None:
    alone, helped = batches(folder), batches(folder, workers=2)
    assert equal(list(alone.train(RECIPE, 0, 0, first_step=1)), list(helped.train(RECIPE, 0, 0, first_step=1)))


def test_processes_that_share_a_batch_read_their_own_rows_of_it(folder: Path) -> None:
    whole = list(batches(folder).train(RECIPE, 0, 0))
    halves = [
        list(batches(folder).train(RECIPE, 0, 0, rows=lambda n, half=half: slice(half * n // 2, (half + 1) * n // 2)))
        for half in (0, 1)
    ]
    for (x, y), (one, first), (two, second) in zip(whole, *halves, strict=True):
        assert torch.allclose(torch.cat((one, two)), x, atol=1e-5)
        assert torch.equal(torch.cat((first, second)), y)


def test_labels_stay_with_their_pictures(folder: Path) -> None:
    data = batches(folder)
    seen = [*data.train(replace(RECIPE, batch=3), 0, 0), *batches(folder, "test").test()]
    for x, y in seen:
        brightness = (x[:, 0].mean((1, 2)) * data.preprocess.std[0] + data.preprocess.mean[0]) * 255
        assert torch.equal(((brightness - 50) / 75).round().long(), y)


def test_an_epoch_shows_every_picture_once(folder: Path) -> None:
    labels = torch.cat([y for _, y in batches(folder).train(replace(RECIPE, batch=3), 0, 0)])
    assert labels.bincount().tolist() == [6, 6, 6]


def test_test_pictures_are_those_held_in_memory(folder: Path) -> None:
    held = Batches.from_pictures(
        datasets.load(f"imagefolder:{folder}", "test", SIZE, Progress()), Preprocess(crop=SIZE), CPU
    )
    assert equal(list(batches(folder, "test").test(RECIPE, 4)), list(held.test(RECIPE, 4)))


def test_an_unreadable_picture_is_named(folder: Path) -> None:
    (folder / "train" / "class1" / "003.jpg").write_bytes(b"no picture")
    with pytest.raises(WbsiteError, match=r"003\.jpg cannot be read as a picture"):
        list(batches(folder).train(RECIPE, 0, 0))


def test_crops_lie_within_the_picture_and_cover_its_share() -> None:
    chance = random.Random(0)
    boxes = np.array([random_box(60, 30, chance) for _ in range(500)])
    assert (boxes[:, :2] >= 0).all() and (boxes[:, 2] <= 60 + 1e-9).all() and (boxes[:, 3] <= 30 + 1e-9).all()
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    area = wide * high / 1800
    assert area.min() > 0.15 and area.max() <= CROP_AREA[1]
    free = (wide < 59) & (high < 29.9)
    assert (wide / high)[free].min() > CROP_RATIO[0] - 1e-9 and (wide / high)[free].max() < CROP_RATIO[1] + 1e-9
    assert len(np.unique(boxes.round(6), axis=0)) == 500


def test_a_jpeg_decoded_small_is_the_picture_decoded_whole(tmp_path: Path) -> None:
    y, x = np.mgrid[:400, :600]
    pixels = np.stack((x / 600, y / 400, (np.sin(x / 40) + np.cos(y / 30)) / 4 + 0.5), 2) * 255
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "a.jpg", quality=95)
    Image.open(tmp_path / "a.jpg").save(tmp_path / "a.png")
    box = (33.0, 21.5, 550.25, 380.0)
    small, whole = (
        imagefolder.read_picture(tmp_path / name, 32, lambda width, height: box).astype(float)
        for name in ("a.jpg", "a.png")
    )
    assert np.abs(small - whole).mean() < 2
    assert np.abs(small - whole).max() < 12


def test_pictures_are_streamed_where_they_would_not_fit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, needed = f"imagefolder:{folder}", 27 * 3 * SIZE * SIZE
    assert files_to_stream(source, SIZE, CPU) is None
    monkeypatch.setattr(streaming, "MOST_BYTES", needed)
    assert files_to_stream(source, SIZE, CPU) is None
    monkeypatch.setattr(streaming, "MOST_BYTES", needed - 1)
    files = files_to_stream(source, SIZE, CPU)
    assert files is not None
    assert [len(part.names) for part in files] == [18, 9]
    monkeypatch.setattr(streaming, "MOST_BYTES", 8 * 2**30)
    monkeypatch.setattr(streaming, "memory_bytes", lambda device: 2 * needed - 2)
    assert files_to_stream(source, SIZE, CPU) is not None
    assert files_to_stream("textures", 224, CPU) is None


def test_a_streamed_run_says_so_and_another_file_is_another_data_set(
    tiny: Suite, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "MOST_BYTES", 0)
    monkeypatch.setattr(streaming, "worker_count", lambda: 0)
    job = Job("tiny", "baseline", 0, "small", f"imagefolder:{folder}", None, "cpu", tmp_path / "out")
    about = train_job(job, Progress()).record["provenance"]
    assert about["pictures"] == "streamed, randomly cropped"
    assert about["training pictures"] == 18
    before = imagefolder.files(str(folder), "train").digest
    assert about["dataset SHA-256"] == before
    (folder / "train" / "class0" / "000.jpg").rename(folder / "train" / "class0" / "zzz.jpg")
    assert imagefolder.files(str(folder), "train").digest != before
