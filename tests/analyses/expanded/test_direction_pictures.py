"""Pictures of directions are kept some at a time, and a run that was killed comes to the same as one that was not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from wbsite.analyses.base import Context, Parts
from wbsite.analyses.expanded import direction_pictures
from wbsite.core.progress import Progress
from wbsite.core.store import Store
from wbsite.featurevis import Settings, Target
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess


@pytest.fixture
def context(tmp_path: Path) -> Callable[[str], Context]:
    """context(store): of a network of five units."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.Conv2d(5, 5, 3))
    module.eval().requires_grad_(False)
    spec = ModelSpec("made", "here", "Made", lambda: module, Preprocess(crop=20))

    def make(store: str) -> Context:
        parts = Parts(Store(tmp_path / store), "parts", {}, Progress())
        layers = discover(module, (3, 20, 20))
        return Context(LoadedModel(module, spec, "0" * 64), layers, None, torch.device("cpu"), {}, {}, parts=parts)

    return make


def test_a_killed_run_comes_to_the_same(context: Callable[[str], Context], monkeypatch: pytest.MonkeyPatch) -> None:
    axes = torch.eye(5).tolist()
    targets = {f"d{i}": Target("2", direction=tuple(axis)) for i, axis in enumerate(axes)}
    targets["again"] = targets["d4"]  # two names of one direction
    settings, made = Settings(size=16, steps=4), direction_pictures._made
    monkeypatch.setattr(direction_pictures, "AT_ONCE", {"cpu": 2})
    whole = made(context("undisturbed"), targets, settings)
    asked: list[int] = []
    visualize = direction_pictures.visualize

    def killed(model: Any, targets: Any, *rest: Any) -> Any:
        asked.append(len(targets))
        for done, picture in enumerate(visualize(model, targets, *rest)):
            if len(asked) == 2 and done:
                raise KeyboardInterrupt
            yield picture

    monkeypatch.setattr(direction_pictures, "visualize", killed)
    with pytest.raises(KeyboardInterrupt):
        made(context("killed"), targets, settings)
    resumed = made(context("killed"), targets, settings)
    assert asked == [2, 2, 2, 1], "behind what was kept, and a direction with two names once"
    assert list(resumed) == list(targets)
    assert resumed == whole
    assert resumed["again"] == resumed["d4"]
