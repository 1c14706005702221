"""Training: a resumed run is the undisturbed one wherever it was interrupted; a run that fails keeps what is good."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets.base import Pictures
from wbsite.models.base import Preprocess
from wbsite.train import checkpoint, loop
from wbsite.train.base import Recipe
from wbsite.train.batches import Batches
from wbsite.train.loop import accuracy, learning_rate, steps_to_measure, train

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
    return Batches.from_pictures(Pictures(images, labels, ("dark", "bright")), Preprocess(crop=8), CPU)


class Interrupted(Progress):
    """Interrupts after a number of epochs, or of steps, as Ctrl-C would."""

    def __init__(self, epochs: int = -1, steps: int = -1) -> None:
        self.epochs, self.steps = epochs, steps

    def step(self, label: str, total: int | None = None) -> None:
        if self.epochs == 0:
            raise KeyboardInterrupt
        self.epochs -= 1

    def advance(self, amount: int = 1, note: str = "") -> None:
        if amount and self.steps == 0:
            raise KeyboardInterrupt
        self.steps -= amount


def weight_sum(module: nn.Module) -> list[dict[str, Any]]:
    """Something to measure."""
    return [{"sum": sum(p.sum().item() for p in module.parameters())}]


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


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 6, 11])
def test_a_run_interrupted_within_an_epoch_goes_on_exactly(
    steps: int, batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four steps an epoch; parameters, losses, accuracies and what is measured on the way are all the same."""
    measured = {"measure": weight_sum, "moments": (0, 0.25, 1, 1.5, 3)}
    whole, resumed = network(), network()
    history = train(whole, batches, batches, RECIPE, 1, tmp_path / "a.ckpt", Progress(), **measured)
    monkeypatch.setattr(loop, "SAVE_SECONDS", -1)
    with pytest.raises(KeyboardInterrupt):
        train(network(), batches, batches, RECIPE, 1, tmp_path / "b.ckpt", Interrupted(steps=steps), **measured)
    assert (tmp_path / "b.ckpt").exists() == (steps > 0)
    again = train(resumed, batches, batches, RECIPE, 1, tmp_path / "b.ckpt", Progress(), **measured)
    assert again == history
    assert [row["epoch"] for row in again.measured] == [0, 0.25, 1, 1.5, 3]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_checkpoints_within_an_epoch_change_nothing(
    batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = network(), network()
    train(first, batches, batches, RECIPE, 0, tmp_path / "a.ckpt", Progress())
    monkeypatch.setattr(loop, "SAVE_SECONDS", -1)
    train(second, batches, batches, RECIPE, 0, tmp_path / "b.ckpt", Progress())
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


def test_a_finished_run_is_not_trained_further(batches: Batches, tmp_path: Path) -> None:
    first, second = network(), network()
    history = train(first, batches, batches, RECIPE, 0, tmp_path / "a.ckpt", Progress())
    assert train(second, batches, batches, RECIPE, 0, tmp_path / "a.ckpt", Interrupted(epochs=0)) == history
    assert torch.equal(first[0].weight, second[0].weight)


def test_the_network_is_measured_before_training_and_at_its_end() -> None:
    assert steps_to_measure((0, 0.05, 0.1, 0.5, 1.0, 1.9, 2.0), 4) == {0: 0, 2: 0.5, 4: 1.0, 8: 2.0}
    assert steps_to_measure((0.05, 0.1, 1), 781) == {39: 0.05, 78: 0.1, 781: 1}


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


def test_a_checkpoint_of_which_a_weight_was_changed_is_refused(tmp_path: Path) -> None:
    """Or a run goes on from other weights than those it stopped with, and its result is kept as if nothing were."""
    path, identity = tmp_path / "run.ckpt", {"run": "a", "seed": 0}
    weights = torch.arange(600.0)
    checkpoint.save(path, identity, {"module": {"a": weights, "n": torch.tensor(3)}, "step": 2, "loss": [0.5, 0.25]})
    whole = path.read_bytes()
    assert torch.equal(checkpoint.load(path, identity)["module"]["a"], weights)
    place = whole.index(weights.numpy().tobytes())
    path.write_bytes(whole[: place + 400] + bytes([whole[place + 400] ^ 1]) + whole[place + 401 :])
    with pytest.raises(WbsiteError, match="digest"):
        checkpoint.load(path, identity)


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


def test_a_run_that_diverges_keeps_its_last_good_checkpoint(
    batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SAVE_SECONDS", -1)
    path = tmp_path / "a.ckpt"
    with pytest.raises(
        WbsiteError, match=r"wild: the (loss is (nan|inf)|network has weights .* finite) in epoch 1"
    ) as e:
        train(network(), batches, batches, replace(RECIPE, rate=1e25), 0, path, Progress(), run="wild")
    assert "lower learning rate" in e.value.hint
    saved = torch.load(path, weights_only=True)
    assert 0 < saved["step"] < 4
    assert all(bool(value.isfinite().all()) for value in saved["module"].values())


def test_weights_that_overflow_under_a_finite_loss_are_not_kept(
    batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SAVE_SECONDS", -1)
    with pytest.raises(WbsiteError, match="network has weights that are not finite in epoch 1"):
        train(network(), batches, batches, replace(RECIPE, rate=1e39), 0, tmp_path / "a.ckpt", Progress())
    assert not (tmp_path / "a.ckpt").exists()


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
