"""Computing a target's own responses alone gives the same responses, and the same gradients for the pictures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from wbsite.featurevis import Settings, Target, variants
from wbsite.featurevis.fast.focus import focused
from wbsite.featurevis.image_model import ImageModel, image_model
from wbsite.featurevis.objectives import readouts
from wbsite.graph.tape import Program
from wbsite.models.base import LoadedModel

CPU = torch.device("cpu")
EXACT = Settings(size=24, precision="float32")


class Wide(nn.Module):
    """Layers of every form that is focused: the picture's own, with a batch norm, in groups; and some that are not."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 40, 5)
        self.normed = nn.Conv2d(40, 36, 3, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(36)
        self.grouped = nn.Conv2d(36, 60, 3, padding=1, groups=3)
        self.depthwise = nn.Conv2d(60, 60, 3, groups=60)
        self.narrow = nn.Conv2d(60, 12, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.normed(self.first(x).relu())).relu()
        return self.narrow(self.depthwise(self.grouped(x).relu()).relu())


@pytest.fixture(scope="module")
def wide(loaded: Callable[..., LoadedModel]) -> LoadedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        module = Wide()
        module.norm.running_mean.normal_()
        module.norm.running_var.uniform_(0.5, 2)
        return loaded(module)


def unit(layer: str, count: int) -> list[Target]:
    return [Target(layer, 5 * i % 36, sign=(-1) ** i) for i in range(count)]


def direction(layer: str, channels: int, seed: int) -> Target:
    drawn = torch.randn(channels, generator=torch.Generator().manual_seed(seed))
    return Target(layer, direction=tuple(drawn.tolist()))


def seen(model: ImageModel, targets: list[Target], focus: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, int]:
    """Scores, strongest responses, the gradients of the first, and the channels that are computed in the end."""
    read, run = readouts(model.tape, targets, CPU), None
    run = model.program(read)
    if focus:
        run, read = focused(run, read)
    pictures = torch.rand(len(targets), 3, 24, 24, generator=torch.Generator().manual_seed(0)).requires_grad_()
    values = run(model.network_input(pictures))
    scores, strongest = torch.zeros(len(targets)), torch.zeros(len(targets))
    for readout in read:
        scores = scores.index_put((readout.rows,), readout.scores(values, 1.0, 0.1))
        strongest[readout.rows] = readout.strongest(values).detach()
    (gradient,) = torch.autograd.grad(scores.sum(), pictures)
    return scores.detach(), strongest, gradient, sum(readout.focused for readout in read)


@pytest.mark.parametrize(
    ("targets", "count"),
    [
        (unit("first", 20), 1),
        (unit("normed", 3), 1),
        (unit("grouped", 35), 1),
        ([*unit("grouped", 7), direction("grouped", 60, 1), direction("grouped", 60, 2), Target("grouped", 59)], 1),
        ([direction("normed", 36, 3), Target("normed", 4, position=(2, 3)), Target("normed", 4, position="centre")], 1),
        ([*unit("grouped", 2), *unit("first", 2), Target("grouped", 40)], 1),  # the first layer is read by others too
        (unit("depthwise", 4), 0),
        ([Target("narrow", 3)], 0),
        ([*variants(Target("normed", 1), 3), Target("normed", 2)], 0),
        ([Target("narrow", 3, side="input"), Target("depthwise", 3)], 0),
    ],
)
def test_responses_and_gradients_are_those_of_the_whole_layer(
    wide: LoadedModel, targets: list[Target], count: int
) -> None:
    model = image_model(wide, targets, EXACT, CPU)
    *expected, none = seen(model, targets, focus=False)
    *found, layers = seen(model, targets, focus=True)
    assert (none, layers) == (0, count)
    for value, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(value, wanted, rtol=1e-4, atol=1e-6)


def test_no_more_units_are_computed_than_there_are_pictures(wide: LoadedModel) -> None:
    targets = unit("normed", 3)
    model = image_model(wide, targets, EXACT, CPU)
    read = readouts(model.tape, targets, CPU)
    run = model.program(read)
    assert isinstance(run, Program)
    whole = run(torch.rand(3, 3, 24, 24))[read[0].value]
    focus, (narrow,) = focused(run, read)
    assert whole.shape[:2] == (3, 36)
    assert focus(torch.rand(3, 3, 24, 24))[narrow.value].shape == (3, *whole.shape[2:])


def test_weights_that_are_no_numbers_spoil_their_own_unit_alone(loaded: Callable[..., LoadedModel]) -> None:
    module = Wide()
    with torch.no_grad():
        module.normed.weight[7] = torch.nan
    targets = [Target("normed", 6), Target("normed", 7), Target("normed", 8)]
    model = image_model(loaded(module), targets, EXACT, CPU)
    _, strongest, _, _ = seen(model, targets, focus=True)
    assert strongest.isnan().tolist() == [False, True, False]


def test_a_network_that_is_run_by_its_own_code_is_left_as_it_is(wide: LoadedModel) -> None:
    targets = unit("normed", 2)
    read = readouts(image_model(wide, targets, EXACT, CPU).tape, targets, CPU)

    def own(x: torch.Tensor) -> dict[int, torch.Tensor]:
        return {read[0].value: x}

    assert focused(own, read) == (own, read)
