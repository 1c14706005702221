"""The structure before the branches: which layers are looked at, planted structure, and published weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from wbsite.analyses.base import Context
from wbsite.analyses.branches.connectivity import PROPERTIES, run
from wbsite.core.filing.documents import canonical
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.results.branches.connectivity import Connectivity

PARAMS = {"draws": 200, "null": 40, "seeds": 3, "null_communities": 9, "largest": 20_000, "seed": 0}


def analysed(module: nn.Module, missing: tuple[str, ...] = (), channels: int = 3, **params: int) -> Connectivity:
    spec = ModelSpec("made", "here", "Made", lambda: module, Preprocess(crop=16, mean=(0.5,) * channels))
    model = LoadedModel(module.eval().requires_grad_(False), spec, "0" * 64, missing)
    layers = discover(module, spec.input_shape)
    result = run(Context(model, layers, None, torch.device("cpu"), {**PARAMS, **params}, {}))
    canonical(result.contents().values)
    return result


def planted(units: int = 24) -> nn.Sequential:
    """Half of the filters are coarse and colourful, half fine and grey; each half of the second layer reads one, and
    overall strengths have nothing to do with it."""
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, units, 7), nn.Conv2d(units, 20, 3)
    half = units // 2
    at = torch.arange(7.0)
    for unit in range(units):
        phase = torch.rand(1) * 6
        if unit < half:
            colour, wave = torch.tensor([1.0, -0.5, -0.5]) + 0.2 * torch.randn(3), torch.ones(7)
        else:
            colour, wave = torch.ones(3) + 0.1 * torch.randn(3), torch.cos(2 * torch.pi * 0.3 * at + phase)
        first.weight.data[unit] = colour[:, None, None] * wave[None, :, None] * torch.ones(7)
    scale = 1 + 3 * torch.rand(units)
    second.weight.data *= scale[:, None, None]
    second.weight.data[:10, :half] *= 4
    second.weight.data[10:, half:] *= 4
    return nn.Sequential(first, nn.BatchNorm2d(units), nn.ReLU(), nn.MaxPool2d(2), second)


@pytest.fixture(scope="module")
def found() -> Connectivity:
    return analysed(planted())


def test_a_planted_structure_is_the_first_factor_and_the_communities(found: Connectivity) -> None:
    rows = found.rows.set_index(["factor", "property"])
    assert list(rows.loc[1].index) == list(PROPERTIES)
    # Ranks inside the two halves are noise, so that a perfect division is a ρ of about 0.75.
    for name, sign in (("chroma", 1), ("frequency", -1)):
        row = rows.loc[1, name]
        assert 0.6 < sign * row["rho"] < 1
        assert row["low"] < row["rho"] < row["high"]
        assert row["p"] == 1 / 201 and row["units"] == 24
    factors = found.factors
    assert factors["value"][0] > 1.5 * factors["null_limit"][0]
    assert factors["value"][1] < 1.2 * factors["null_limit"][1]
    assert found.balanced[0].same > 0.7
    communities = found.communities
    assert communities is not None
    assert communities.count == 2
    assert communities.stability == pytest.approx(1)
    assert communities.modularity > 1.5 * communities.null_high
    chroma = communities.explained["chroma"]
    assert chroma.eta is not None and chroma.chance is not None
    assert chroma.eta > 0.6 > 3 * chroma.chance
    inputs = found.inputs
    assert inputs["community"][:12].nunique() == inputs["community"][12:].nunique() == 1
    assert (inputs["factor_1"][:12] > 0).all() and (inputs["factor_1"][12:] < 0).all()
    assert min(community.inside or 0 for community in communities.each) > 0.7


def test_random_weights_have_no_factor_beyond_chance() -> None:
    torch.manual_seed(1)
    found = analysed(nn.Sequential(nn.Conv2d(3, 24, 5), nn.ReLU(), nn.Conv2d(24, 20, 3)))
    assert found.factors["p"].min() > 0.02
    rows = found.rows
    assert (rows["q"] > 0.05).all()


class Shortcut(nn.Module):
    """A first block and its shortcut read the first convolution; the next block reads their sum."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12)
        self.inner, self.down = nn.Conv2d(12, 8, 1), nn.Conv2d(12, 16, 1)
        self.outer, self.next = nn.Conv2d(8, 16, 3, padding=1), nn.Conv2d(16, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 2)
        return self.next((self.outer(self.inner(x).relu()) + self.down(x)).relu())


def test_all_direct_readers_are_taken_together() -> None:
    found = analysed(Shortcut())
    assert [reader.layer for reader in found.readers] == ["inner", "down"]
    outputs = found.outputs
    assert outputs.groupby("layer", sort=False)["unit"].count().to_dict() == {"inner": 8, "down": 16}
    assert found.residuals is not None and found.residuals.shape == (24, 12)


def test_a_filter_of_zeros_and_one_that_nothing_reads_are_counted_and_left_out() -> None:
    module = planted()
    module[0].weight.data[0] = 0
    module[4].weight.data[:, 1] = 0
    found = analysed(module)
    assert (found.dead, found.unread) == (1, 1)
    assert set(found.rows["units"]) == {22}
    inputs = found.inputs
    assert inputs["factor_1"].isna().tolist() == [False, True] + [False] * 22
    assert inputs["community"][1] == -1


def test_a_network_of_grey_pictures_has_no_chroma_to_correlate() -> None:
    found = analysed(nn.Sequential(nn.Conv2d(1, 10, 5), nn.ReLU(), nn.Conv2d(10, 9, 3)), channels=1)
    rows = found.rows.set_index(["factor", "property"])["rho"]
    assert rows.isna()[1, "chroma"] and rows.notna()[1, "orientation_selectivity"]


def test_many_pairs_of_units_are_not_divided_and_it_is_said() -> None:
    found = analysed(planted(), largest=100)
    assert found.communities is None
    assert found.communities_reason == "480 pairs of units are more than the 100 that are divided"
    assert (found.inputs["community"] == -1).all()


class Added(nn.Module):
    """Nothing reads the first convolution alone."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.c(self.a(x) + self.b(x))


@pytest.mark.parametrize(
    ("module", "missing", "said"),
    [
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=2)), (), "in 2 groups"),
        (nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.Conv2d(6, 8, 3)), (), "does not read the picture"),
        (nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3)), (), "one position only"),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(1568, 4)), (), "no convolution reads"),
        (Added(), (), "no convolution reads the units of its first one, a, and nothing else"),
        (nn.Sequential(nn.Flatten(), nn.Linear(768, 4)), (), "no convolution"),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3)), ("1.weight",), "does not hold 1"),
        (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 2, 3)), (), "too few units"),
    ],
)
def test_what_is_not_fit_is_said_in_words(module: nn.Module, missing: tuple[str, ...], said: str) -> None:
    found = analysed(module, missing)
    assert said in found.reason
    assert not found.fit
    assert all(table.empty for table in (found.rows, found.factors, found.inputs, found.outputs))


def published(shared_data: Callable[[str], Path], folder: Path, file: str, name: str, weights: str) -> Connectivity:
    from wbsite.models import load
    from wbsite.models.convert import convert

    convert(shared_data(f"weights/{file}"), name, weights, folder)
    model = load(f"{name}@{weights}", weights_dir=folder)
    layers = discover(model.module, model.spec.input_shape)
    return run(Context(model, layers, None, torch.device("cpu"), PARAMS, {}))


def test_the_first_factor_of_googlenet_goes_with_colour(bvlc: Any) -> None:
    layers = discover(bvlc.module, bvlc.spec.input_shape)
    found = run(Context(bvlc, layers, None, torch.device("cpu"), PARAMS, {}))
    assert (found.first, found.readers[0].layer) == ("conv2d0", "conv2d1")
    rows = found.rows.set_index(["factor", "property"])
    assert rows.loc[1, "chroma"]["rho"] == pytest.approx(0.82, abs=0.02)
    assert rows.loc[1, "chroma"]["low"] > 0.6
    assert abs(rows.loc[2, "chroma"]["rho"]) < 0.3
    assert found.balanced[0].chroma > 0.7
    assert (found.factors["value"] > found.factors["null_limit"]).all()


def test_groups_of_the_original_alexnet_are_given_as_the_reason(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    found = published(shared_data, tmp_path, "alexnet_groups2_int8.npz", "alexnet", "bvlc")
    assert "conv2 reads the units of conv1 in 2 groups" in found.reason
