"""Units that expanded weights misread: found where they are, compared with chance, shown with what really happened."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from wbsite.analyses.base import Context, Photographs
from wbsite.analyses.expanded import cancellation, gradients
from wbsite.core.store import Store
from wbsite.graph.dominators import Route
from wbsite.graph.layers import discover
from wbsite.graph.recording import Recorded
from wbsite.models import load
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.ops.expanded.cancellation import null_p_and_q, route_cancellation
from wbsite.ops.expanded.weights import expanded_weights
from wbsite.results.expanded.cancellation import Cancellation
from wbsite.results.expanded.gradients import Gradients

PARAMS = {"strongest": 6, "null_units": 400, "draws": 40, "seed": 0, "largest": 10**7, "shown": 3}


class Mirrored(nn.Module):
    """Unit 3 of `last` reads pairs of mirrored units of `middle`, so that their paths cancel."""

    input_shape = (3, 24, 24)

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.middle = nn.Conv2d(8, 24, 3, padding=1)
        self.last = nn.Conv2d(24, 12, 3, padding=1)
        with torch.no_grad():
            self.middle.weight[1::2] = -self.middle.weight[::2]
            self.last.weight[3] = self.last.weight[3, ::2].repeat_interleave(2, 0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.middle(self.first(x).relu()).relu()).mean((2, 3))


def context(module: nn.Module, cancelling: Cancellation | None = None, **params: Any) -> Context:
    """On ten pictures of noise; with what `cancellation` found, for an analysis that needs it."""
    spec = ModelSpec("network", "none", "Network", Mirrored, Preprocess(crop=24))
    inputs = torch.randn(10, 3, 24, 24, generator=torch.Generator().manual_seed(5))
    photographs = Photographs(inputs, "noise", 10, "10 pictures of noise", "0")
    model = LoadedModel(module.eval().requires_grad_(False), spec, "0")
    store, needs = Store("memory://cancellation"), {}
    if cancelling is not None:
        needs = {"cancellation": store.put(uuid.uuid4().hex, cancelling.contents(), {})}
    return Context(
        model, discover(module, spec.input_shape), None, torch.device("cpu"), params, needs,
        inputs={"photographs": lambda: photographs},
    )  # fmt: skip


@pytest.fixture(scope="module")
def mirrored() -> Mirrored:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Mirrored()


@pytest.fixture(scope="module")
def result(mirrored: Mirrored) -> Cancellation:
    return cancellation.run(context(mirrored, **PARAMS))


@pytest.fixture(scope="module")
def measured(mirrored: Mirrored, result: Cancellation) -> Gradients:
    return gradients.run(context(mirrored, result, units=2, photographs=8, cases=2))


def test_the_unit_whose_paths_cancel_comes_first(result: Cancellation) -> None:
    first = result.examples[0]
    assert (first.layer, first.unit) == ("last", 3)
    assert first.hidden == pytest.approx(1, abs=1e-4)
    assert max(first.q_signs, first.q_shuffle) < 0.1
    assert result.beyond_shuffle == result.beyond_signs == 1
    assert {skip.layer for skip in result.skipped} == {"first", "middle"}
    assert result.wanted["last"][0] == 3


def test_every_strong_pair_has_a_row_with_its_chance(result: Cancellation) -> None:
    rows, layers = result.rows, result.per_layer
    assert len(rows) == 12 * 6
    assert (rows["positive"] >= 0).all() and (rows["negative"] <= 0).all()
    assert np.allclose(rows["cancellation"], 1 - rows["net"] / (rows["positive"] - rows["negative"]), atol=1e-4)
    pairs = rows[rows["unit"] == 3]
    assert list(pairs["rank"]) == [1, 2, 3, 4, 5, 6]
    assert (pairs["p_signs"] < 0.01).all() and (pairs["coherence"] < 1e-3).all()
    assert list(layers["pairs"]) == [72]
    assert layers["cancelling_signs"].iloc[0] >= 1 / 12


def test_kernels_of_both_signs_add_up_to_the_expanded_weights(result: Cancellation, mirrored: Mirrored) -> None:
    through = result.through
    channels = through[(through["layer"] == "last") & (through["unit"] == 3)]["channel"].unique()
    expanded = expanded_weights(mirrored, "first", "last", [3])[0, channels].numpy()
    assert np.allclose(result.positive["0"] + result.negative["0"], result.net["0"], atol=1e-6)
    assert np.allclose(result.net["0"], expanded, atol=1e-6)
    assert result.contributions["0"].shape == (3, 3, 5, 5)
    sources = result.sources
    assert len(sources[(sources["layer"] == "last") & (sources["unit"] == 3)]) == 8


def test_a_layer_too_large_for_the_profile_is_named(mirrored: Mirrored) -> None:
    result = cancellation.run(context(mirrored, **{**PARAMS, "largest": 10}))
    assert any("more than the 10 of this profile" in skip.reason for skip in result.skipped)
    assert result.examples == [] and result.units == 0


def test_gradients_stay_within_the_bounds_and_differ_from_picture_to_picture(measured: Gradients) -> None:
    sources, rows = measured.sources, measured.rows
    assert [example.kind for example in measured.examples] == ["cancelling", "cancelling", "ordinary"]
    assert (sources[["outside_best", "outside_paths"]] == 0).all().all()
    assert (sources["largest_of_best"] <= 1 + 1e-5).all()
    cancelling = sources[sources["example"] == 0]
    assert np.abs(cancelling[["expanded_positive", "expanded_negative"]]).max().max() < 1e-5
    assert (cancelling["best_positive"] > 0.01).all()
    assert len(rows) == 3 * 4 * 8
    assert set(rows["photograph"]) <= set(range(10))
    assert (rows["excitation"] >= 0).all() and (rows["inhibition"] <= 0).all()


def test_typical_cases_are_as_many_as_asked_for(measured: Gradients) -> None:
    assert measured.typical["0"].shape == (2, 4, 5, 5)
    assert sum(case.photographs for case in measured.examples[0].cases) == measured.photographs_used == 8
    explained = measured.cases[measured.cases["example"] == 0]["explained"]
    assert explained.is_monotonic_increasing
    assert ((explained > 0) & (explained <= 1)).all()


def test_without_units_there_are_no_gradients(mirrored: Mirrored) -> None:
    nothing = cancellation.run(context(mirrored, **{**PARAMS, "largest": 10}))
    result = gradients.run(context(mirrored, nothing, units=2, photographs=8, cases=2))
    assert result.examples == []
    assert len(result.rows) == len(result.sources) == 0


@pytest.mark.parametrize("name", ["alexnet_32", "simplified_32"])
def test_networks_that_come_with_wbsite_have_units_to_show(name: str) -> None:
    model = load(name)
    layers = discover(model.module, model.spec.input_shape)
    params = cancellation.ANALYSES[0].parameters("quick")
    result = cancellation.run(Context(model, layers, None, torch.device("cpu"), params, {}))
    assert len(result.examples) == params["shown"]
    assert result.layers == 3


def test_boundary_detectors_of_inceptionv1_are_found_by_their_weights(bvlc: Any) -> None:
    """Photographs that excite them most show boundaries; here only that the same few units come out again."""
    measured = route_cancellation(Recorded.of(bvlc), Route("conv2d2", "mixed3a", "mixed3b_5x5"), draws=4)
    hidden = measured.pairs.hidden
    assert set(hidden.argsort(descending=True)[:3].tolist()) == {27, 34, 36}
    _, q = null_p_and_q(hidden, torch.cat([pairs.hidden for pairs in measured.nulls["shuffle"]]))
    assert (q[[27, 34, 36]] < 0.2).all()
