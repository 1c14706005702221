"""Training: a resumed run is the undisturbed one; augmentation moves pictures and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from wbsite.datasets.base import Pictures
from wbsite.errors import WbsiteError
from wbsite.models.base import Preprocess
from wbsite.progress import Progress
from wbsite.train.base import Recipe
from wbsite.train.loop import Batches, accuracy, learning_rate, random_shift, train

CPU = torch.device("cpu")
RECIPE = Recipe(epochs=3, batch=16, rate=5e-3)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.Linear(8 * 64, 2)
    )


@pytest.fixture(scope="module")
def batches() -> Batches:
    """Bright and dark pictures, to be told apart."""
    rng = np.random.default_rng(0)
    labels = np.arange(64) % 2
    images = (rng.integers(0, 120, (64, 3, 8, 8)) + 120 * labels[:, None, None, None]).astype(np.uint8)
    return Batches.of(Pictures(images, labels, ("dark", "bright")), Preprocess(crop=8), CPU)


class Interrupted(Progress):
    """Interrupts after a number of epochs, as Ctrl-C would."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def step(self, label: str, total: int | None = None) -> None:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_no_space_left_is_said_and_the_last_checkpoint_kept(batches: Batches, tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"
    with pytest.raises(KeyboardInterrupt):
        train(network(), batches, batches, RECIPE, 1, path, Interrupted(1))
    before = path.read_bytes()
    (tmp_path / f".run.ckpt.{os.getpid()}.partial").symlink_to("/dev/full")
    with pytest.raises(WbsiteError, match=r"run\.ckpt cannot be written \(No space left on device\)"):
        train(network(), batches, batches, RECIPE, 1, path, Progress())
    assert path.read_bytes() == before


def test_a_resumed_run_gives_the_very_parameters_of_an_undisturbed_one(batches: Batches, tmp_path: Path) -> None:
    whole, parts = network(), network()
    history = train(whole, batches, batches, RECIPE, 1, tmp_path / "whole.ckpt", Progress())
    with pytest.raises(KeyboardInterrupt):
        train(parts, batches, batches, RECIPE, 1, tmp_path / "parts.ckpt", Interrupted(2))
    resumed = network()
    again = train(resumed, batches, batches, RECIPE, 1, tmp_path / "parts.ckpt", Progress())
    assert again == history
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_it_learns(batches: Batches, tmp_path: Path) -> None:
    module = network()
    history = train(module, batches, batches, RECIPE, 0, tmp_path / "a.ckpt", Progress())
    assert history.loss[-1] < history.loss[0]
    assert accuracy(module, batches) == history.accuracy[-1] > 0.9


def test_another_seed_is_another_run(batches: Batches, tmp_path: Path) -> None:
    first, second = network(), network()
    train(first, batches, batches, RECIPE, 0, tmp_path / "a.ckpt", Progress())
    train(second, batches, batches, RECIPE, 1, tmp_path / "b.ckpt", Progress())
    assert not torch.equal(first[0].weight, second[0].weight)


def test_a_checkpoint_of_another_run_is_refused_and_kept(batches: Batches, tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    train(network(), batches, batches, RECIPE, 0, path, Progress())
    before = path.read_bytes()
    with pytest.raises(WbsiteError, match="belongs to another run"):
        train(network(), batches, batches, RECIPE, 7, path, Progress())
    assert path.read_bytes() == before


def test_a_damaged_checkpoint_is_refused(batches: Batches, tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    path.write_bytes(b"no checkpoint")
    with pytest.raises(WbsiteError, match="cannot be read") as error:
        train(network(), batches, batches, RECIPE, 0, path, Progress())
    assert "Delete it to start over" in error.value.hint


def test_a_loss_that_is_not_finite_ends_the_run(batches: Batches, tmp_path: Path) -> None:
    module = network()
    with torch.no_grad():
        module[5].weight.fill_(float("inf"))
    with pytest.raises(WbsiteError, match="the loss is"):
        train(module, batches, batches, RECIPE, 0, tmp_path / "a.ckpt", Progress())


def test_shifts_move_every_picture_by_its_own_offset() -> None:
    x = torch.arange(3 * 8 * 8, dtype=torch.uint8).reshape(1, 3, 8, 8).repeat(50, 1, 1, 1)
    shifted = random_shift(x, 2, torch.Generator().manual_seed(0))
    assert shifted.shape == x.shape
    assert len({tuple(picture.flatten().tolist()) for picture in shifted}) > 10
    padded = nn.functional.pad(x[:1].float(), (2,) * 4, mode="reflect").to(torch.uint8)[0]
    windows = {tuple(padded[:, i : i + 8, j : j + 8].flatten().tolist()) for i in range(5) for j in range(5)}
    assert all(tuple(picture.flatten().tolist()) in windows for picture in shifted)


def test_an_epoch_shows_every_picture_at_most_once(batches: Batches) -> None:
    plain = Recipe(epochs=1, batch=16, shift=0, flip=False)
    seen = torch.cat([x for x, _ in batches.train(plain, 0, 0)])
    assert len(seen) == 64
    assert len(torch.unique(seen.flatten(1), dim=0)) == 64


def test_the_learning_rate_rises_and_falls_to_nothing() -> None:
    rates = [learning_rate(step, 100, 1.0) for step in range(100)]
    assert max(rates) == 1.0
    assert rates.index(1.0) == 19
    assert rates[0] < 0.1
    assert rates[-1] < 1e-3
