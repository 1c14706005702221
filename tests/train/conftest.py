"""Small folders of pictures, and a suite small enough to be trained in a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wbsite.core import registry
from wbsite.models.base import Preprocess
from wbsite.models.networks import heads
from wbsite.models.networks.simplified import Simplified
from wbsite.train.base import Preset, Recipe, Suite, Trial
from wbsite.train.job import load_feeds
from wbsite.train.measure_banding import BandingMeasures, describe


def write_pictures(
    root: Path, train: int = 8, test: int = 4, classes: int = 3, size: int = 16, suffix: str = ".png"
) -> Path:
    """So many noisy pictures a class in root/train and root/val; brightness tells the class."""
    rng = np.random.default_rng(0)
    for split, count in (("train", train), ("val", test)):
        for label in range(classes):
            folder = root / split / f"class{label}"
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 100, (size, size, 3)) + 150 * label // max(1, classes - 1)
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:03}{suffix}")
    return root


def small(preset: Preset, classes: int, head: Callable[..., torch.nn.Module] | None = None) -> Simplified:
    return Simplified(preset.widths, preset.pools, classes, size=preset.size, head=head)


def tiny_suite(recipe: Recipe) -> Suite:
    """A suite `tiny` of three experiments."""
    preset = Preset(
        "small", "imagefolder:", Preprocess(crop=16), ((4,), (6,), (6, 6)), 1, recipe, moments=(0.0, 0.5, 1.0, 2.0, 3.0)
    )
    trials = (
        Trial("baseline", "baseline", "main", small),
        Trial("turned", "turned", "main", small, recipe_changes={"turn": 1}, parameters={"turn": 90}),
        Trial(
            "flat", "no pooling", "main", lambda preset, classes: small(preset, classes, heads.FullyConnected),
            seed_offset=1000,
        ),
    )  # fmt: skip
    return Suite("tiny", "for tests", trials, (preset,), article="", measure=BandingMeasures, describe=describe)


@pytest.fixture
def suite_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Recipe], Suite]:
    """Makes `tiny`, with this recipe, one of the suites."""
    known = registry.entries

    def make(recipe: Recipe) -> Suite:
        suite = tiny_suite(recipe)

        @cache
        def entries(kind: str) -> tuple[object, ...]:
            return (*known(kind), suite) if kind == "suites" else known(kind)

        monkeypatch.setattr(registry, "entries", entries)
        return suite

    return make


@pytest.fixture
def tiny(suite_of: Callable[[Recipe], Suite]) -> Suite:
    """The suite `tiny`: two epochs of six steps on 24 pictures."""
    return suite_of(Recipe(epochs=2, batch=4, shift=1))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three classes of eight pictures to train on and four to test on."""
    return write_pictures(tmp_path / "pictures")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread, and no pictures of another test."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    load_feeds.cache_clear()
    yield
    torch.set_num_threads(before)
