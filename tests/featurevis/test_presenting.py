"""Stimuli are seen whole, without padding, in the middle of what a unit sees; all layers of a group see the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.featurevis import presentation
from wbsite.featurevis.presentation import present, seen_together, smallest_canvas
from wbsite.graph.partial_pass import PartialPass, WholePass
from wbsite.graph.receptive_field import receptive_field, receptive_field_in_input
from wbsite.graph.recording import record
from wbsite.graph.tape import INPUT
from wbsite.models.untrained import untrained
from wbsite.ops.tuning.stimuli import Field, battery


class Branched(nn.Module):
    """Strides, padding, a pool, and two branches that see differently far."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 5, stride=2, padding=2)
        self.near = nn.Conv2d(6, 4, 1)
        self.far = nn.Conv2d(6, 4, 5, padding=2)
        self.joined = nn.Conv2d(8, 5, 3, padding=1)
        self.fc = nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.max_pool2d(self.first(x).relu(), 3, stride=2, ceil_mode=True)
        x = torch.cat((self.near(x).relu(), self.far(x).relu()), 1)
        return self.fc(self.joined(x).relu().mean((2, 3)))


@pytest.fixture(scope="module")
def network() -> Branched:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return Branched().eval().requires_grad_(False)


def test_responses_are_those_of_a_canvas_on_which_no_padding_is_near(
    network: Branched, loaded: Callable[..., Any]
) -> None:
    """Against the slow way: the whole network on a canvas of 95 pixels, the stimulus in the middle of a position."""
    found, shown, responses = present(loaded(network, side=64), ["near", "far"], torch.device("cpu"))
    assert not found.padded
    assert found.side == 5 + 2 * 2 + 4 * 4
    assert max(found.size) < 50
    assert {name: part.shape for name, part in responses.items()} == {
        "near": (len(shown), 4), "far": (len(shown), 4),
    }  # fmt: skip
    rows, canvas = slice(0, len(shown), 37), 95
    position = 12
    middle = 4 * position + 2  # of what the pool sees: first position's rows -2…6
    field = Field.of((canvas, canvas), (middle, middle), found.side)
    pictures = (torch.cat(list(shown.batches(field, 64)))[rows] + 0.5 - 0.45) / 0.25
    with torch.no_grad():
        for name in ("near", "far"):
            pooled = [
                nn.functional.max_pool2d(network.first(x).relu(), 3, stride=2, ceil_mode=True)
                for x in (pictures, torch.full((1, 3, canvas, canvas), 0.2))
            ]
            seen, blank = (getattr(network, name)(x).relu() for x in pooled)
            around = slice(position - 1, position + 2)
            expected = (seen - blank)[:, :, around, around].amax((2, 3)).clamp_min(0)
            np.testing.assert_allclose(responses[name][rows], expected, atol=1e-5)


@pytest.mark.parametrize("way", ["batches", "live"])
def test_what_is_held_of_a_batch_is_bounded(
    network: Branched, loaded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """All layers' maps are held until all are there: of a thousand layers, tens of gigabytes at the usual batch."""
    if way == "live":
        suited = presentation._suited
        monkeypatch.setattr(presentation, "_suited", lambda *given: replace(suited(*given), way="live"))
    layers, batches = ["near", "far", "joined"], list[int]()
    passed = PartialPass if way == "batches" else WholePass
    run = passed.__call__

    def counted(self: Any, x: torch.Tensor, plan: Any) -> Any:
        batches.append(len(x))
        assert plan.kept > 1
        return run(self, x, plan)

    monkeypatch.setattr(passed, "__call__", counted)
    *_, usual = present(loaded(network, side=64), layers, torch.device("cpu"))
    assert max(batches) > 2
    batches.clear()
    monkeypatch.setattr(presentation, "_KEPT", 1)
    *_, bounded = present(loaded(network, side=64), layers, torch.device("cpu"))
    assert max(batches) == 1
    for name in layers:
        np.testing.assert_allclose(bounded[name], usual[name], atol=1e-5)


def test_fields_in_the_input_are_those_along_the_paths_to_each_value(network: Branched) -> None:
    tape = record(network, (3, 64, 64))
    values = {value for call in tape.calls for value in call.outputs}
    fields = {value: receptive_field(tape.path(INPUT, value), INPUT, value) for value in values}
    assert {value: receptive_field_in_input(tape, value) for value in values} == fields
    assert len(set(fields.values())) > 4 and None in fields.values()


def test_what_sees_more_than_the_usual_input_is_shown_the_usual_input(
    network: Branched, loaded: Callable[..., Any]
) -> None:
    tape = record(network, (3, 32, 32))
    small = smallest_canvas(tape, ["joined"], (32, 32))
    assert small.padded and small.size == (32, 32) and small.side == 32
    assert abs(small.centre[0] - 15.5) <= 2
    assert all(high - low == 3 for low, high in (small.positions["joined"].rows, small.positions["joined"].columns))
    with pytest.raises(WbsiteError, match="no map"):
        smallest_canvas(tape, ["fc"], (32, 32))


def test_a_stimulus_in_the_middle_of_a_blank_canvas_and_nothing_else_counts(loaded: Callable[..., Any]) -> None:
    """A unit that is on without a stimulus responds by what it adds; one that is only silenced does not respond."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 5)
            self.conv.weight.data = torch.stack([torch.full((3, 5, 5), 0.01), torch.zeros(3, 5, 5)])
            self.conv.bias.data = torch.tensor([5.0, 5.0])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x).relu()

    _, shown, found = present(loaded(Two().eval().requires_grad_(False)), ["conv"], torch.device("cpu"))
    white = shown.families["discs"].query("shape == 'uniform' and axis == 'black-white' and polarity == 1")
    response = shown.split(found["conv"])["discs"]
    assert response[white.index[0], 0] > 0.1
    assert response[shown.families["discs"].query("shape == 'uniform' and polarity == -1").index[0], 0] < 1e-5
    assert (found["conv"][:, 1] == 0).all()


def test_an_untrained_copy_responds_by_its_own_weights_whichever_is_measured_first(loaded: Callable[..., Any]) -> None:
    """The network itself may have been measured by another process, or in an earlier build."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = loaded(Branched().eval().requires_grad_(False), side=64)
    _, _, first = present(untrained(model, 0), ["near"], torch.device("cpu"))
    _, _, own = present(model, ["near"], torch.device("cpu"))
    _, _, second = present(untrained(model, 0), ["near"], torch.device("cpu"))
    np.testing.assert_array_equal(first["near"], second["near"])
    assert (first["near"] - own["near"]).abs().max() > 0.01


def test_groups_that_see_the_same_are_shown_it_together(network: Branched, loaded: Callable[..., Any]) -> None:
    """On a small input all of them see more than there is; on a large one each has a canvas of its own."""
    groups, device = [["near"], ["far"], ["joined"], ["fc"]], torch.device("cpu")
    assert seen_together(loaded(network, side=64), groups, device) == groups
    small = loaded(network, side=16)
    assert seen_together(small, groups, device) == [["near"], ["far", "joined"], ["fc"]]
    _, _, together = present(small, ["far", "joined"], device)
    for layer in ("far", "joined"):
        canvas, _, alone = present(small, [layer], device)
        assert canvas.size == (16, 16)
        torch.testing.assert_close(together[layer], alone[layer], rtol=1e-5, atol=1e-6)


def test_stimuli_are_shown_in_pieces_that_make_up_the_battery() -> None:
    """Of each piece, all beyond its radius is grey: nothing is computed there."""
    shown = battery(40)
    whole, numbers = Field.of((51, 51), (25, 25), shown.side), []
    for piece in shown.pieces():
        for part, pictures in piece.batches(whole, 50):
            outside = torch.hypot(whole.x, whole.y) >= piece.radius
            assert pictures[:, :, outside].abs().max() < 1e-6
            assert len(part) == len(pictures)
            numbers.append(part)
    assert sorted(np.concatenate(numbers).tolist()) == list(range(len(shown)))
    assert len({piece.radius for piece in shown.pieces()}) > 3


def test_grey_networks_see_no_colour(loaded: Callable[..., Any]) -> None:
    network = nn.Sequential(nn.Conv2d(1, 3, 9))
    network[0].weight.data = torch.randn(3, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    model = loaded(network, 32, mean=(0.5,), std=(0.5,))
    _, shown, found = present(model, ["0"], torch.device("cpu"))
    assert set(shown.families) == {"gratings", "contours", "discs"}
    assert {axis for rows in shown.families.values() for axis in rows["axis"]} == {"black-white"}
    assert (found["0"].amax(0) > 0).all()


@pytest.mark.parametrize("side", [7, 32, 91])
def test_stimuli_stay_in_the_displays_range_and_have_equal_contrast(side: int) -> None:
    shown = battery(side)
    field = Field.of((side + 6, side + 6), ((side + 5) / 2,) * 2, side)
    pictures = torch.cat(list(shown.batches(field, 128)))
    assert len(pictures) == len(shown) < 2500
    assert pictures.abs().max() <= 0.5
    assert pictures[:, :, 0].abs().max() < 1e-6, "grey at the canvas's edge"
    gratings = shown.families["gratings"]
    energy = pictures[: len(gratings)].square().sum((1, 2, 3)).numpy()
    same = gratings.assign(energy=energy).groupby(["frequency", "orientation", "phase"])["energy"]
    assert ((same.max() - same.min()) / same.max()).max() < 1e-4, "colour against luminance on equal terms"
    mean = pictures[: len(gratings)].mean(1)[(gratings["axis"] != "black-white").to_numpy().copy()]
    assert mean.abs().max() < 1e-6, "colour of equal luminance"


def test_too_small_to_show_anything() -> None:
    with pytest.raises(WbsiteError, match="stimuli of 1 pixels show nothing"):
        battery(1)
