"""What a suite's runs measured is in the store too, and a store that fails costs no training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import nn

from wbsite.core import registry
from wbsite.core.store import Store
from wbsite.models.base import Preprocess
from wbsite.run.clean import named_keys
from wbsite.train.base import Preset, Recipe, Suite, Trial
from wbsite.train.deposit import deposit
from wbsite.train.measure_banding import BandingMeasures, describe
from wbsite.train.runs import Run


class Mote(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, classes)

    def forward(self, x: Any) -> Any:
        return self.fc(self.second(self.first(x).relu()).relu().mean((2, 3)))


@pytest.fixture
def train(work: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Trains a suite of one experiment for one epoch on a few made-up pictures."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for label in range(8):
            path = work / "pictures" / split / f"class{label % 2}" / f"{label}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (16, 16, 3), np.uint8)).save(path)
    preset = Preset("tiny", "imagefolder:", Preprocess(crop=16), (), 0, Recipe(epochs=1, batch=4), (0.0,))
    trial = Trial("mote", "a mote", "main", lambda preset, classes: Mote(classes))
    suite = Suite(
        "motes", "what motes do", (trial,), (preset,), article="weight-banding", measure=BandingMeasures,
        describe=describe,
    )  # fmt: skip
    every = registry.entries
    with monkeypatch.context() as patch:
        patch.setattr(registry, "entries", lambda kind: (suite,) if kind == "suites" else every(kind))
        yield lambda *more: cli(
            "train", "motes", "--dataset", f"imagefolder:{work / 'pictures'}", "--seeds", "0", "--device", "cpu", *more
        )


RESULT = Path("build/train/motes/pictures-tiny/mote-seed0.npz")


def test_a_finished_run_is_in_the_store_with_its_history_and_curve(train: Callable[..., Any]) -> None:
    ran = train("--store", "results")
    assert ran.status == 0, ran.err
    store, run = Store("results"), Run.read(RESULT)
    record = store.record("runs/motes/pictures-tiny/mote-seed0")
    assert record is not None
    entry = store.get(record["key"])
    assert entry is not None
    assert entry.values["accuracy"] == run.record["accuracy"]
    assert entry.values["provenance"] == run.record["provenance"]
    assert list(entry.table("history")["epoch"]) == [row["epoch"] for row in run.record["history"]]
    assert list(entry.table("curve").columns) == ["epoch", "loss", "accuracy"]
    assert set(entry.arrays) == {"first", "second"}
    assert named_keys(store) == set(store.keys()), "`wbsite clean` keeps it"
    assert train("--store", "results").status == 0
    assert store.keys() == [entry.key]


def test_a_store_that_cannot_be_written_is_said_before_anything_is_trained(train: Callable[..., Any]) -> None:
    Path("results").write_text("not a folder")
    ran = train("--store", "results")
    assert ran.status == 2
    assert "the store" in ran.err
    assert "--store" in ran.err
    assert not RESULT.exists()


def test_a_store_that_fails_later_leaves_the_result(train: Callable[..., Any]) -> None:
    Path("results").mkdir()
    Path("results/locks").write_text("not a folder")
    ran = train("--store", "results")
    assert ran.status == 2
    assert f"{RESULT} is kept, but not in the store" in ran.err
    assert Run.read(RESULT).record["experiment"] == "mote"
    Path("results/locks").unlink()
    assert train("--store", "results").status == 0
    assert len(Store("results").keys()) == 1


def test_a_run_without_history_can_be_stored(write_run: Callable[..., Path], tmp_path: Path) -> None:
    path = write_run(tmp_path, "baseline", 0, history=[], curve=[])
    entry = deposit(Run.read(path), path, Store(tmp_path / "store"))
    assert list(entry.table("history").columns) == ["epoch"]
    assert entry.table("history").empty
    assert "history" not in entry.values
