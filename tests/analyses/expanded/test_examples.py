"""The worked example is true only if a unit made to be what is looked for is the one that is found."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from wbsite.analyses.base import Context
from wbsite.analyses.expanded.examples import ANALYSES
from wbsite.core.store import Contents
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess

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


def analysed(build: Callable[[], nn.Module], needs: dict[str, Any] | None = None, **params: Any) -> Contents:
    model = loaded(build)
    layers = discover(model.module, model.spec.input_shape)
    given = {**ANALYSES[0].parameters("quick"), **params}
    return ANALYSES[0].run(Context(model, layers, None, torch.device("cpu"), given, needs or {}))


@pytest.fixture(scope="module")
def planted() -> Contents:
    return analysed(Planted)


@pytest.fixture(scope="module")
def narrowed() -> Contents:
    return analysed(lambda: Planted(bottleneck=True))


def first(result: Contents, name: str) -> tuple[str, int]:
    unit = result.values["found"][name]["units"][0]
    return unit["layer"], unit["channel"]


def test_the_unit_that_is_a_black_and_white_centre_is_found(planted: Contents) -> None:
    assert first(planted, "black-and-white-centre") == ("third", CENTRE)
    found = planted.values["found"]["black-and-white-centre"]
    assert found["score"] > found["null"]
    assert found["score"] > found["runner_up"]["score"]
    assert found["considered"] == 16


def test_the_high_low_detector_is_found_and_which_side_is_fine(planted: Contents) -> None:
    assert first(planted, "high-low") == ("second", HIGH_LOW)
    assert planted.values["found"]["high-low"]["units"][0]["angle"] == pytest.approx(90, abs=1)


def test_the_unit_of_grey_against_colour_leads_its_family(planted: Contents) -> None:
    assert first(planted, "black-and-white") == ("second", GREY)
    assert len(planted.values["found"]["black-and-white"]["units"]) == 6


def test_the_centre_shows_what_it_was_made_of(planted: Contents) -> None:
    shown = planted.values["shown"]["centre"]
    assert {(row["layer"], row["unit"]) for row in shown["inputs"][:2]} == {("second", GREY), ("second", COLOUR)}
    assert planted.arrays["centre_kernels"].shape == (5, 3, 3)
    grey = next(i for i, row in enumerate(shown["inputs"]) if row["unit"] == GREY)
    assert planted.arrays["centre_kernels"][grey, 1, 1] == 6
    assert {row["layer"] for row in shown["back"]} == {"first"}
    factors = {row["unit"]: row["factor"] for row in shown["back"]}
    assert len({factors[i] for i in range(8, 12) if i in factors}) == 1, "colours go together"
    assert shown["colour"][factors[8]] > shown["colour"][1 - factors[8]]


def test_position_weights_are_the_columns_of_the_kernel(planted: Contents) -> None:
    layer, channel = first(planted, "example")
    asked = [d for d in planted.values["directions"] if d["name"].startswith("position")]
    assert len(asked) == 9
    assert {(d["place"], d["side"]) for d in asked} == {(layer, "input")}
    kernel = loaded(Planted).module.get_submodule(layer).weight.detach()[channel]
    for direction in asked:
        _, y, x = direction["name"].split("-")
        vector = planted.arrays[f"direction/{direction['name']}"]
        assert torch.from_numpy(vector).equal(kernel[:, int(y), int(x)])
        assert planted.arrays["position_norms"][int(y), int(x)] == pytest.approx(
            float(kernel[:, int(y), int(x)].norm())
        )


def test_across_a_bottleneck_directions_are_of_the_wide_map(narrowed: Contents, planted: Contents) -> None:
    assert "no spatial convolution" in planted.values["found"]["bottleneck"]["reason"]
    assert first(narrowed, "bottleneck") == first(narrowed, "example")
    shown = narrowed.values["shown"]["bottleneck"]
    assert (shown["layers"], shown["channels"], shown["wide"]) == (["squeeze"], 5, 14)
    assert {row["layer"] for row in shown["direct"]} == {"squeeze"}
    assert {row["layer"] for row in shown["across"]} == {"second"}
    places = {d["place"] for d in narrowed.values["directions"] if d["name"].startswith("position")}
    assert places == {"squeeze"}


def test_factors_are_measured_against_groups_that_are_no_family(planted: Contents) -> None:
    shown = planted.values["shown"]["high-low"]
    assert shown["by_count"] == sorted(shown["by_count"])
    assert shown["by_count"][1] == pytest.approx(shown["explained"], abs=1e-4)
    assert len(shown["by_count_random"]) == 5
    assert len(shown["units"]) == 2
    assert shown["property"][0] == "frequency"
    assert max(shown["property"][1:]) > 0 > min(shown["property"][1:]), "one factor is fine, one coarse"
    assert planted.arrays["high-low/excitatory"].shape == (6, 3, 3, 2)


def test_all_kernels_of_one_pair_of_layers_are_kept(planted: Contents) -> None:
    pair = planted.values["shown"]["pair"]
    assert (pair["target"], len(pair["sources"])) == ("third", 14)
    kept = torch.from_numpy(planted.arrays["pair_kernels"])
    torch.testing.assert_close(kept, loaded(Planted).module.third.weight.detach().half())


def test_pictures_are_bounded_and_those_found_come_first(planted: Contents) -> None:
    few = analysed(Planted, pictures=4)
    assert sum(map(len, few.values["pictures"].values())) == 4
    assert CENTRE in few.values["pictures"]["third"]
    assert few.values["unpictured"] > 0
    assert planted.values["unpictured"] == 0
    for unit in planted.values["found"]["oriented-sources"]["units"]:
        assert unit["channel"] in planted.values["pictures"][unit["layer"]]


class Sigmoid(nn.Module):
    """Nothing can be expanded through it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Conv2d(3, 4, 5), nn.Conv2d(4, 5, 3), nn.Conv2d(5, 6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.third(self.second(self.first(x).sigmoid()).sigmoid())


def test_where_weights_cannot_be_expanded_the_reason_is_given_and_the_rest_is_there() -> None:
    found = analysed(Sigmoid).values["found"]
    for name in ("black-and-white-centre", "high-low", "oriented-targets"):
        assert "has no linear form" in found[name]["reason"]
    assert found["example"]["units"][0]["layer"] == "third"


@pytest.mark.parametrize("layers", [[], [nn.Conv2d(3, 4, 3)], [nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)]])
def test_a_shallow_network_has_reasons_in_place_of_units(layers: list[nn.Module]) -> None:
    def build() -> nn.Module:
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(3))

    def ready() -> nn.Module:
        module = build()
        module(torch.zeros(2, 3, 32, 32))
        return module

    found = analysed(ready).values["found"]
    assert "too few" in found["high-low"]["reason"]
    assert ("units" in found["example"]) == (len(layers) == 2)


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
    values = analysed(Residual).values
    assert "no single unit" in values["found"]["oriented-sources"]["reason"]
    assert {row["layer"] for row in values["shown"]["position"]["inputs"]} == {""}
    assert "oriented" not in values["shown"]
    example = values["found"]["example"]["units"][0]
    assert example["channel"] in values["pictures"][example["layer"]]


def test_what_the_examples_of_other_analyses_want_is_pictured(planted: Contents) -> None:
    asks = SimpleNamespace(values={"wanted": {"first": [3], "second": [13]}})
    pictures = analysed(Planted, needs={"cancellation": asks}, pictures=20).values["pictures"]
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
    found = ANALYSES[0].run(context).values["found"]
    assert "do not differ in colour" in found["black-and-white-centre"]["reason"]
    assert len(found["high-low"]["units"]) == 6


def test_on_inceptionv1_the_units_are_where_the_article_found_its_own(bvlc: LoadedModel) -> None:
    """By the same rules, on a network nobody planted anything in."""
    layers = discover(bvlc.module, bvlc.spec.input_shape)
    context = Context(bvlc, layers, None, torch.device("cpu"), ANALYSES[0].parameters("quick"), {})
    values = ANALYSES[0].run(context).values
    assert values["levels"]["early"] == ["mixed3a_3x3", "mixed3a_5x5"]
    assert values["levels"]["late"] == ["mixed3b_3x3", "mixed3b_5x5"]
    for name in ("black-and-white-centre", "high-low", "black-and-white"):
        assert values["found"][name]["score"] > values["found"][name]["null"], name
    assert len(values["directions"]) <= 40
    assert sum(map(len, values["pictures"].values())) <= 110
