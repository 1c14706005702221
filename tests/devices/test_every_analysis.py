"""Every analysis on a GPU that exists in name only: nothing is left on the CPU by mistake, and results are the same."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wbsite.core import registry
from wbsite.core.store import Entry, Store

from .pretended_gpu import pretended_gpu

NETS = """
import torch
from torch import nn
from torch.nn import functional as F

class Shuffled(nn.Module):
    input_shape = (3, 16, 16)

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.norm = nn.Conv2d(3, 6, 5, padding=2), nn.BatchNorm2d(6)
        self.left, self.right = nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.block, self.fc = nn.Conv2d(16, 16, 3, padding=1), nn.Linear(16, 2)
        self.register_buffer("some", torch.tensor([0, 1, 2, 3]))
        self.register_buffer("order", torch.arange(16).view(2, 8).T.flatten())
        self.register_buffer("gain", torch.full((16, 1, 1), 0.5))

    def forward(self, x):
        x = F.local_response_norm(self.norm(self.stem(x)).relu(), 3)
        x = torch.cat([self.left(x[:, self.some]), self.right(x)], 1)[:, self.order].relu()
        x = x + self.gain * self.block(x)
        return self.fc(F.max_pool2d(x, 4).mean((2, 3))[:, torch.arange(16, device=x.device)])

def on_gpu():
    return Shuffled().to("cuda")
"""
"""A network whose constants choose channels and put them in another order, made on the CPU or on the GPU."""

TOLERANCE = 1e-5
"""Relative; of arrays, to their largest number. The processor is the same, but some operations take another way."""

PICTURES = {"unit_pictures", "direction_pictures"}
"""Drawn in bfloat16 on a GPU: compared by what there is of them."""


def different(ours: Any, theirs: Any, name: str) -> Iterator[str]:
    """Names of values that differ by more than rounding."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        for key in ours:
            yield from different(ours[key], theirs[key], f"{name}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from different(*pair, f"{name}[{i}]")
    elif isinstance(ours, float) and isinstance(theirs, float):
        if not math.isclose(ours, theirs, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield f"{name}: {ours} instead of {theirs}"
    elif ours != theirs and name != ".device":
        yield f"{name}: {ours} instead of {theirs}"


def differences(ours: Entry, theirs: Entry) -> Iterator[str]:
    """What differs in a result."""
    assert set(ours._files) == set(theirs._files)
    assert set(ours.arrays) == set(theirs.arrays)
    if theirs.about["analysis"] in PICTURES:
        return
    yield from different(ours.values, theirs.values, "")
    for name, array in theirs.arrays.items():
        largest = np.abs(array[np.isfinite(array)]).max(initial=0)
        if not np.allclose(ours.arrays[name], array, rtol=TOLERANCE, atol=TOLERANCE * largest, equal_nan=True):
            yield name
    for file in theirs._files:
        if file.endswith(".parquet"):
            name = file.removesuffix(".parquet")
            try:
                pd.testing.assert_frame_equal(ours.table(name), theirs.table(name), rtol=TOLERANCE, atol=TOLERANCE)
            except AssertionError as error:
                yield f"{name}: {error}"


@pytest.fixture
def nets(work: Path) -> Iterator[str]:
    """Name of a module in the working folder."""
    (work / "nets_of_devices.py").write_text(NETS)
    yield "nets_of_devices"
    sys.modules.pop("nets_of_devices", None)


def test_every_analysis_gives_the_same_on_another_device(
    cli: Callable[..., Any], built: Path, speck_weights: Path
) -> None:
    with pretended_gpu() as refused:
        ran = cli("compute", "--models", "speck", "--weights-dir", str(speck_weights), "--device", "cuda")
    assert ran.status == 0, ran.err
    assert not refused
    here, there = Store(built / "build" / "store"), Store("build/store")
    compared, wrong = set(), {}
    for theirs in filter(None, map(here.get, here.keys())):
        analysis = theirs.about["analysis"]
        if "part" in theirs.about:  # of some it is said in their keys what computed them
            continue
        ours = there.get(theirs.key)
        assert ours is not None, analysis
        compared.add(analysis)
        if names := list(differences(ours, theirs)):
            wrong[f"{analysis} {theirs.about.get('layer', '')}"] = names
    assert not wrong
    assert compared == {analysis.name for analysis in registry.entries("analyses")}


@pytest.mark.parametrize(("factory", "device"), [("Shuffled", "cuda"), ("on_gpu", "cuda"), ("on_gpu", "cpu")])
def test_constants_of_a_network_go_where_it_is_computed(
    cli: Callable[..., Any], nets: str, factory: str, device: str
) -> None:
    """Wherever its factory put them. Analyses that follow channels and weights through the network."""
    with pretended_gpu() as refused:
        ran = [cli("doctor", f"{nets}:{factory}", "--device", device)]
        for analysis in ("connections", "connectivity", "gradients", "long_range"):
            ran.append(cli("export", analysis, "--model", f"{nets}:{factory}", "--device", device))
    assert [each.status for each in ran] == [0] * len(ran), [each.err for each in ran]
    assert not refused
