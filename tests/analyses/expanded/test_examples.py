"""The worked example is true only if a unit made to be what is looked for is the one that is found."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from expanded_results import cancellation
from torch import nn

from wbsite.analyses.base import Context
from wbsite.analyses.expanded.examples import ANALYSES
from wbsite.core.store import Entry, Store
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.results.expanded.examples import Examples, Finding
from wbsite.results.site import Gap

HIGH_LOW, GREY, COLOUR, CENTRE, LINES = 5, 2, 9, 7, 11


class Planted(nn.Module):
    """Filters 0–3 are fine and grey, 4–7 coarse and grey, 8–11 coarse colours.

    Of `second`, HIGH_LOW reads fine filters above and coarse ones below, GREY grey ones and COLOUR colourful ones
    anywhere; of `third`, CENTRE is excited by GREY in the middle and by COLOUR around it.
    """

    def __init__(self, bottleneck: bool = False) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 12, 7, padding=3)
        self.second = nn.Conv2d(12, 14, 3, padding=1)
        self.joined = nn.ReLU()
        self.squeeze = nn.Conv2d(14, 5, 1) if bottleneck else nn.Identity()
        self.third = nn.Conv2d(5 if bottleneck else 14, 16, 3, padding=1)
        with torch.no_grad():
            self.plant(bottleneck)

    def plant(self, bottleneck: bool) -> None:
        axis = torch.arange(7.0) - 3
        blob = torch.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / 6)
        for i in range(4):
            phase = i * math.pi / 4
            fine = torch.cos(2.2 * (math.cos(phase) * axis[:, None] + math.sin(phase) * axis[None])) * blob
            coarse = torch.cos(0.4 * (math.cos(phase) * axis[:, None] + math.sin(phase) * axis[None])) * blob
            opponent = torch.tensor([[1.0, -1, 0], [-1, 1, 0], [0, 1, -1], [-1, 0, 1]])[i]
            for place, picture, colour in (
                (i, fine, torch.ones(3)),
                (4 + i, coarse, torch.ones(3)),
                (8 + i, coarse, opponent),
            ):
                picture = picture * colour[:, None, None]
                self.first.weight[place] = picture / picture.norm()
        second, third = self.second.weight, self.third.weight
        second[HIGH_LOW] = 0
        second[HIGH_LOW, :4, 0] = second[HIGH_LOW, 4:8, 2] = 1
        second[HIGH_LOW, :4, 2] = second[HIGH_LOW, 4:8, 0] = -1
        second[GREY] = second[COLOUR] = 0
        second[GREY, :8, 1, 1] = second[COLOUR, 8:, 1, 1] = 1
        second[GREY, 8:, 1, 1] = second[COLOUR, :8, 1, 1] = -1
        if not bottleneck:
            ring = torch.ones(3, 3)
            ring[1, 1] = -6
            third[CENTRE] = 0
            third[CENTRE, GREY], third[CENTRE, COLOUR] = -ring, ring

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.third(self.squeeze(self.joined(self.second(self.first(x).relu())))).relu()


def loaded(build: Callable[[], nn.Module], crop: int = 32) -> LoadedModel:
    torch.manual_seed(3)
    module = build().eval()
    return LoadedModel(module, ModelSpec("planted", "made", "Planted", build, Preprocess(crop=crop)), "0")


def analysed(
    build: Callable[[], nn.Module], needs: Mapping[str, Entry] | None = None, crop: int = 32, **params: Any
) -> Examples:
    model = loaded(build, crop)
    layers = discover(model.module, model.spec.input_shape)
    params = {**ANALYSES[0].parameters("quick"), **params}
    return ANALYSES[0].run(Context(model, layers, None, torch.device("cpu"), params, needs or {}))


@pytest.fixture(scope="module")
def planted() -> Examples:
    return analysed(Planted)


@pytest.fixture(scope="module")
def narrowed() -> Examples:
    return analysed(lambda: Planted(bottleneck=True))


def found(result: Examples, name: str) -> Finding:
    finding = result.finding(name)
    assert isinstance(finding, Finding), finding
    return finding


def first(result: Examples, name: str) -> tuple[str, int]:
    unit = found(result, name).first
    return unit.layer, unit.channel


def reason(result: Examples, name: str) -> str:
    finding = result.finding(name)
    assert isinstance(finding, Gap), finding
    return finding.reason


def test_the_unit_that_is_a_black_and_white_centre_is_found(planted: Examples) -> None:
    assert first(planted, "black-and-white-centre") == ("third", CENTRE)
    finding = found(planted, "black-and-white-centre")
    assert finding.beyond_chance
    assert finding.runner_up is not None
    assert finding.score > finding.runner_up.score
    assert finding.considered == 16


def test_the_high_low_detector_is_found_and_which_side_is_fine(planted: Examples) -> None:
    assert first(planted, "high-low") == ("second", HIGH_LOW)
    assert found(planted, "high-low").first.angle == pytest.approx(90, abs=1)


def test_the_unit_of_grey_against_colour_leads_its_family(planted: Examples) -> None:
    assert first(planted, "black-and-white") == ("second", GREY)
    assert len(found(planted, "black-and-white").units) == 6


def test_the_centre_shows_what_it_was_made_of(planted: Examples) -> None:
    centre = planted.centre
    assert centre is not None and centre.further is not None and planted.centre_kernels is not None
    assert {(item.layer, item.unit) for item in centre.inputs[:2]} == {("second", GREY), ("second", COLOUR)}
    assert planted.centre_kernels.shape == (5, 3, 3)
    grey = next(i for i, item in enumerate(centre.inputs) if item.unit == GREY)
    assert planted.centre_kernels[grey, 1, 1] == 6
    further = centre.further
    assert {item.layer for item in further.inputs} == {"first"}
    factors = {item.unit: item.factor for item in further.inputs}
    assert len({factors[i] for i in range(8, 12) if i in factors}) == 1, "colours go together"
    colourful, other = further.colour[factors[8]], further.colour[1 - factors[8]]
    assert colourful is not None and other is not None
    assert colourful > other


def test_position_weights_are_the_columns_of_the_kernel(planted: Examples) -> None:
    layer, channel = first(planted, "example")
    directions = [direction for direction in planted.directions if direction.name.startswith("position")]
    assert len(directions) == 9
    assert {(direction.place, direction.side) for direction in directions} == {(layer, "input")}
    kernel = loaded(Planted).module.get_submodule(layer).weight.detach()[channel]
    assert planted.position_norms is not None
    for direction in directions:
        y, x = map(int, direction.name.split("-")[1:])
        assert torch.from_numpy(planted.vectors[direction.name]).equal(kernel[:, y, x])
        assert planted.position_norms[y, x] == pytest.approx(float(kernel[:, y, x].norm()))


def test_across_a_bottleneck_directions_are_of_the_wide_map(narrowed: Examples, planted: Examples) -> None:
    assert "no spatial convolution" in reason(planted, "bottleneck")
    assert first(narrowed, "bottleneck") == first(narrowed, "example")
    bottleneck = narrowed.bottleneck
    assert bottleneck is not None
    assert (bottleneck.layers, bottleneck.channels, bottleneck.wide) == (["squeeze"], 5, 14)
    assert {item.layer for item in bottleneck.direct} == {"squeeze"}
    assert {item.layer for item in bottleneck.across} == {"second"}
    places = {direction.place for direction in narrowed.directions if direction.name.startswith("position")}
    assert places == {"squeeze"}


def test_factors_are_measured_against_groups_that_are_no_family(planted: Examples) -> None:
    family = planted.families["high-low"]
    assert family.by_count == sorted(family.by_count)
    assert family.by_count[1] == pytest.approx(family.explained, abs=1e-4)
    assert len(family.by_count_random) == 5
    assert len(family.units) == 2
    assert family.property == "frequency"
    means = [mean for mean in family.property_means if mean is not None]
    assert max(means) > 0 > min(means), "one factor is fine, one coarse"
    assert planted.excitatory["high-low"].shape == (6, 3, 3, 2)


def test_all_kernels_of_one_pair_of_layers_are_kept(planted: Examples) -> None:
    assert planted.pair is not None and planted.pair_kernels is not None
    assert (planted.pair.target, len(planted.pair.sources)) == ("third", 14)
    kept = torch.from_numpy(planted.pair_kernels)
    torch.testing.assert_close(kept, loaded(Planted).module.third.weight.detach().half())


def test_pictures_are_bounded_and_those_found_come_first(planted: Examples) -> None:
    few = analysed(Planted, pictures=4)
    assert sum(map(len, few.pictures.values())) == 4
    assert CENTRE in few.pictures["third"]
    assert few.unpictured > 0
    assert planted.unpictured == 0
    for unit in found(planted, "oriented-sources").units:
        assert unit.channel in planted.pictures[unit.layer]


class Sigmoid(nn.Module):
    """Nothing can be expanded through it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Conv2d(3, 4, 5), nn.Conv2d(4, 5, 3), nn.Conv2d(5, 6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.third(self.second(self.first(x).sigmoid()).sigmoid())


def test_where_weights_cannot_be_expanded_the_reason_is_given_and_the_rest_is_there() -> None:
    result = analysed(Sigmoid)
    for name in ("black-and-white-centre", "high-low", "oriented-targets"):
        assert "has no linear form" in reason(result, name)
    assert first(result, "example")[0] == "third"


@pytest.mark.parametrize("layers", [[], [nn.Conv2d(3, 4, 3)], [nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)]])
def test_a_shallow_network_has_reasons_in_place_of_units(layers: list[nn.Module]) -> None:
    def build() -> nn.Module:
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(3))

    def ready() -> nn.Module:
        module = build()
        module(torch.zeros(2, 3, 32, 32))
        return module

    result = analysed(ready)
    assert "too few" in reason(result, "high-low")
    assert isinstance(result.finding("example"), Finding) == (len(layers) == 2)


class Residual(nn.Module):
    """What its spatial layers read is a sum of several layers' units."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 5, padding=2)
        self.layers = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x).relu()
        for layer in self.layers:
            x = x + layer(x).relu()
        return x


def test_in_a_residual_stream_no_single_unit_is_named() -> None:
    """Its channels are sums of units: a picture or a property of one of them would be a guess."""
    result = analysed(Residual)
    assert "no single unit" in reason(result, "oriented-sources")
    assert result.positions is not None
    assert {item.layer for item in result.positions.inputs} == {""}
    assert result.agreement is None
    layer, channel = first(result, "example")
    assert channel in result.pictures[layer]


def test_what_the_examples_of_other_analyses_want_is_pictured(tmp_path: Path) -> None:
    asks = cancellation(wanted={"first": [3], "second": [13]}).contents()
    pictures = analysed(Planted, {"cancellation": Store(tmp_path).put("0" * 64, asks, {})}, pictures=20).pictures
    assert 3 in pictures["first"]
    assert 13 in pictures["second"]


def test_one_colour_channel_leaves_frequency_to_go_by() -> None:
    torch.manual_seed(0)

    def grey() -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.Conv2d(8, 9, 3))

    model = LoadedModel(
        grey().eval(), ModelSpec("g", "made", "G", grey, Preprocess(crop=28, mean=(0.5,), std=(0.5,))), "0"
    )
    layers = discover(model.module, model.spec.input_shape)
    context = Context(model, layers, None, torch.device("cpu"), ANALYSES[0].parameters("quick"), {})
    result = ANALYSES[0].run(context)
    assert "do not differ in colour" in reason(result, "black-and-white-centre")
    assert len(found(result, "high-low").units) == 6


def test_on_inceptionv1_the_units_are_where_the_article_found_its_own(bvlc: LoadedModel) -> None:
    """By the same rules, on a network nobody planted anything in."""
    layers = discover(bvlc.module, bvlc.spec.input_shape)
    context = Context(bvlc, layers, None, torch.device("cpu"), ANALYSES[0].parameters("quick"), {})
    result = ANALYSES[0].run(context)
    assert result.levels.early == ["mixed3a_3x3", "mixed3a_5x5"]
    assert result.levels.late == ["mixed3b_3x3", "mixed3b_5x5"]
    for name in ("black-and-white-centre", "high-low", "black-and-white"):
        assert found(result, name).beyond_chance, name
    assert len(result.directions) <= 40
    assert sum(map(len, result.pictures.values())) <= 110
