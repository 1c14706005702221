"""`wbsite train`: weights that load again, with what is needed to repeat the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.models import load
from wbsite.models.weights import read_provenance
from wbsite.train.base import Experiment, Recipe
from wbsite.train.experiment import train_experiment


def folder(root: Path, classes: int) -> Path:
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for label in range(classes):
            path = root / split / f"class{label}" / "0.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(rng.integers(0, 255, (32, 32, 3), np.uint8)).save(path)
    return root


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> str:
    """An experiment of one epoch on one of the project's networks."""
    experiment = Experiment("short", "simplified_32", Recipe(epochs=1, batch=5))
    known = registry.entries

    def entries(kind: str) -> tuple[object, ...]:
        return (*known(kind), experiment) if kind == "experiments" else known(kind)

    monkeypatch.setattr(registry, "entries", entries)
    return experiment.name


def test_trained_weights_load_and_say_how_they_were_made(short: str, tmp_path: Path) -> None:
    path, reached = train_experiment(
        short, f"imagefolder:{folder(tmp_path / 'pictures', 10)}", 0, "cpu", tmp_path / "out", Progress()
    )
    assert path.name == "simplified_32-cifar10.safetensors"
    record = read_provenance(path)["training"]
    assert record["command"] == "wbsite train short --dataset imagefolder:PATH --seeds 0"
    assert record["seed"] == 0
    assert record["test accuracy"] == round(reached, 4)
    assert str(tmp_path) not in str(record)
    model = load("simplified_32", weights_dir=path.parent)
    assert model.provenance["training"] == record


def test_a_data_set_with_other_classes_is_refused(short: str, tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="10 outputs"):
        train_experiment(short, f"imagefolder:{folder(tmp_path, 3)}", 0, "cpu", tmp_path / "out", Progress())
    assert not (tmp_path / "out").exists()


def test_a_class_without_a_test_picture_is_refused(short: str, tmp_path: Path) -> None:
    """Its accuracy would be one of the other classes alone."""
    (folder(tmp_path / "pictures", 10) / "val" / "class7" / "0.png").unlink()
    with pytest.raises(WbsiteError, match="no picture to test on of 'class7'"):
        train_experiment(short, f"imagefolder:{tmp_path / 'pictures'}", 0, "cpu", tmp_path / "out", Progress())
    assert not (tmp_path / "out").exists()


def test_an_unknown_experiment_gets_the_nearest_names(tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="unknown experiment 'simplifed_32'") as error:
        train_experiment("simplifed_32", None, 0, "cpu", tmp_path, Progress())
    assert "simplified_32" in error.value.hint
