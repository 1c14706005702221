"""A picture of what a recording makes of a network, where the network is another, shows nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.featurevis import Picture, Settings, Target, photograph_responses, quick_pictures, quick_settings, visualize
from wbsite.featurevis.execution import runner
from wbsite.featurevis.image_model import agreement, image_model
from wbsite.featurevis.presentation import present
from wbsite.featurevis.probes import probes
from wbsite.graph.recording import Recorded
from wbsite.models.base import LoadedModel

SETTINGS = Settings(size=24, steps=12, precision="float32")
CPU = torch.device("cpu")
Forward = Callable[["Net", torch.Tensor], torch.Tensor]


class Net(nn.Module):
    """Three convolutions with a forward pass of the test's own."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, padding=1)
        self.each = nn.Parameter(torch.randn(4, 4, 3, 3) / 6)
        self.norm, self.fc = nn.BatchNorm2d(4, track_running_stats=False), nn.Linear(6, 2)
        self.forward_of = forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.forward_of(self, x)

    def ending(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.b(x.relu()).relu().mean((2, 3)))


def rescaled(net: Net, x: torch.Tensor) -> torch.Tensor:
    low, high = float(x.min()), float(x.max())
    return net.ending(net.a((x - low) / (high - low + 1e-8)))


def branching(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.ending(net.a(x if x.mean() > 0 else -x))


def early(net: Net, x: torch.Tensor) -> torch.Tensor:
    x = net.a(x)
    return x.mean((2, 3)) if x.abs().mean() > 5 else net.ending(x * (2 if x.mean() > 0 else 1))


def without_gradients(net: Net, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return rescaled(net, x)


def changed_in_place(net: Net, x: torch.Tensor) -> torch.Tensor:
    """Autograd refuses to go back through this."""
    x = net.a(x / float(x.abs().max())).relu_()
    x += 1
    return net.ending(x)


def own_statistics(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.ending(net.norm(net.a(x)))


def centred(net: Net, x: torch.Tensor) -> torch.Tensor:
    return net.ending(net.a(x - x.mean(0, keepdim=True) / 2))


def padded(net: Net, x: torch.Tensor) -> torch.Tensor:
    x = net.a(x)
    return net.ending(torch.cat((x[:, :2], torch.zeros(x.size(0), 2, *x.shape[2:])), 1) + x)


def one_kernel_each(net: Net, x: torch.Tensor) -> torch.Tensor:
    """As conditional convolutions are written: the batch lies in the groups."""
    x = net.a(x)
    kernels = net.each.repeat(x.size(0), 1, 1, 1) * x.mean((1, 2, 3)).repeat_interleave(4).reshape(-1, 1, 1, 1)
    y = F.conv2d(x.reshape(1, -1, *x.shape[2:]), kernels, padding=1, groups=x.size(0))
    return net.ending(y.reshape(x.size(0), 4, *x.shape[2:]))


@pytest.fixture
def made(loaded: Callable[..., LoadedModel]) -> Callable[[Forward], LoadedModel]:
    def make(forward: Forward) -> LoadedModel:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(2)
            return loaded(Net(forward))

    return make


def own(model: LoadedModel, picture: Picture) -> float:
    """The module's strongest response at the unit that is pictured, by a hook of its own."""
    held: list[torch.Tensor] = []
    layer = model.module.get_submodule(picture.target.layer)
    handle = layer.register_forward_hook(lambda _m, _i, output: held.append(output.clone()))
    with torch.no_grad():
        model.module((picture.image[None] - 0.45) / 0.25)
    handle.remove()
    return held[0][0, picture.target.channel].max().item()


@pytest.mark.parametrize(
    ("forward", "way"),
    [
        (rescaled, "live"),
        (branching, "live"),
        (early, "live"),
        (without_gradients, "anew"),
        (changed_in_place, "anew"),
        (own_statistics, "batches"),
        (centred, "alone"),
        (padded, "batches"),
        (one_kernel_each, "alone"),
    ],
)
def test_activations_are_those_of_the_network_itself(
    made: Callable[[Forward], LoadedModel], forward: Forward, way: str
) -> None:
    model, targets = made(forward), [Target("b", channel) for channel in range(3)]
    assert image_model(model, targets, SETTINGS, CPU).way == way
    pictures = list(visualize(model, targets, SETTINGS))
    assert len(pictures) == 3
    for picture in pictures:
        assert picture.activation == pytest.approx(own(model, picture), rel=1e-3, abs=1e-5)
        assert picture.own == pytest.approx(picture.activation, rel=1e-3, abs=1e-5)
        assert picture.agrees
    assert any(not picture.dead for picture in pictures)


@pytest.mark.parametrize("forward", [own_statistics, centred, rescaled])
def test_a_picture_does_not_depend_on_which_others_are_made(
    made: Callable[[Forward], LoadedModel], forward: Forward
) -> None:
    model, target = made(forward), Target("b", 1)
    (alone,) = visualize(model, [target], SETTINGS)
    together = {p.target: p for p in visualize(model, [target, Target("b", 4), Target("a", 0)], SETTINGS)}
    torch.testing.assert_close(together[target].image, alone.image, atol=2e-3, rtol=0)


@pytest.mark.parametrize("forward", [branching, own_statistics, centred])
def test_photographs_and_stimuli_are_shown_to_the_network_itself(
    made: Callable[[Forward], LoadedModel], forward: Forward
) -> None:
    model, target = made(forward), Target("b", 2)
    shown = (probes(3, 24, 24) - 0.45) / 0.25
    expected = [own(model, Picture(target, x * 0.25 + 0.45, 0.0, 0.0, True, False, 0, 0)) for x in shown]
    found = photograph_responses(model, [target], shown, CPU)
    torch.testing.assert_close(found[0], torch.tensor(expected), atol=1e-5, rtol=1e-4)
    _, stimuli, responses = present(model, ["b"], CPU)
    assert responses["b"].shape == (len(stimuli), 6)
    assert (responses["b"].amax(0) > 0).any()


def test_a_picture_that_the_network_disagrees_with_is_marked(made: Callable[[Forward], LoadedModel]) -> None:
    """What only a finished picture sets off, no comparison beforehand can find."""

    def saturating(net: Net, x: torch.Tensor) -> torch.Tensor:
        x = net.a(x)
        return net.ending(x / 4 if float(x.max()) > net.most else x)

    model = made(saturating)
    with torch.no_grad():
        model.module.most = float(model.module.a((probes(3, 24, 24) - 0.45) / 0.25).max()) + 0.1
    targets = [Target("b", channel) for channel in range(6)]
    pictures = list(visualize(model, targets, Settings(size=24, steps=60, precision="float32")))
    wrong = [picture for picture in pictures if not picture.agrees]
    assert wrong
    for picture in pictures:
        assert picture.own == pytest.approx(own(model, picture), rel=1e-3)
        assert picture.agrees == (picture.activation == pytest.approx(picture.own, rel=2e-3))


def test_a_picture_for_which_the_network_leaves_early_has_no_response(made: Callable[[Forward], LoadedModel]) -> None:
    def leaving(net: Net, x: torch.Tensor) -> torch.Tensor:
        y = net.a(x)
        return y.mean((2, 3)) if x.mean() > 1 else net.ending(y)

    model = made(leaving)
    recorded = Recorded.of(model.module, (3, 24, 24))
    value = recorded.tape.value("b")
    x = torch.stack([torch.zeros(3, 24, 24), torch.full((3, 24, 24), 2.0)])
    for way in ("live", "anew"):
        shown = runner(recorded, {value: lambda tape: tape.value("b")}, way, CPU, torch.float32)(x)[value]
        torch.testing.assert_close(shown[:1], model.module.b(model.module.a(x[:1]).relu()))
        assert shown[1].isnan().all()


class Rectified(nn.Conv2d):
    """A convolution whose module goes on behind its product."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).relu() - 1


class Uncalled(nn.Module):
    """Layers that no module's call returns: a module whose weight alone is used, a parameter, and what goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3), nn.Parameter(torch.randn(6, 4, 3, 3) / 6)
        self.c = Rectified(6, 5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.conv2d(x, self.a.weight, self.a.bias, padding=1).relu()
        return self.c(F.conv2d(x, self.b, padding=1).relu()).mean((2, 3))


@pytest.mark.parametrize("layer", ["a", "b", "c"])
def test_the_network_itself_responds_at_layers_that_no_module_returns(
    loaded: Callable[..., LoadedModel], layer: str
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = loaded(Uncalled())
    targets = [Target(layer, channel) for channel in range(4)]
    for picture in visualize(model, targets, SETTINGS):
        with torch.no_grad():
            x = (picture.image[None] - 0.45) / 0.25
            x = F.conv2d(x, model.module.a.weight, model.module.a.bias, padding=1)
            if layer != "a":
                x = F.conv2d(x.relu(), model.module.b, padding=1)
            if layer == "c":
                x = F.conv2d(x.relu(), model.module.c.weight, model.module.c.bias)
        assert picture.own == pytest.approx(float(x[0, picture.target.channel].max()), rel=1e-3, abs=1e-5)
        assert picture.agrees
    for pictures in quick_pictures(model, targets, quick_settings(24, 4), CPU):
        assert all(picture.agrees for picture in pictures)


def test_where_no_gradient_flows_the_reason_is_said(made: Callable[[Forward], LoadedModel]) -> None:
    def cut_off(net: Net, x: torch.Tensor) -> torch.Tensor:
        return net.ending(net.a((x > float(x.mean())).float()))

    with pytest.raises(WbsiteError, match="no gradient leads from b to the picture") as raised:
        visualize(made(cut_off), [Target("b", 0)], SETTINGS)
    assert "no_grad" in raised.value.hint


@pytest.mark.parametrize("forward", [own_statistics, rescaled])
def test_units_live_although_gradients_are_turned_off_outside(
    made: Callable[[Forward], LoadedModel], forward: Forward
) -> None:
    with torch.no_grad():
        pictures = list(visualize(made(forward), [Target("b", 1), Target("a", 2)], SETTINGS))
    assert any(not picture.dead for picture in pictures)
    assert all(picture.agrees for picture in pictures)


def test_what_is_found_is_said_of_the_network(made: Callable[[Forward], LoadedModel]) -> None:
    assert "takes another way for other pictures" in agreement(made(branching), CPU).sentences[0]
    assert agreement(made(padded), CPU).sentences == ()


class Lines(nn.Module):
    """Reads lines of text: its height has to be what it was made for."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(channels, 4, 3, padding=1), nn.Conv2d(4, 6, (12, 3))
        self.fc = nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.b(F.max_pool2d(self.a(x).relu(), (2, 1))).relu()
        if x.shape[2] != 1:
            raise ValueError(f"a line is one position high, not {x.shape[2]}")
        return self.fc(x.squeeze(2).mean(2))


def long(model: LoadedModel) -> LoadedModel:
    """With an input of 24 by 40 pixels."""
    preprocess = replace(model.spec.preprocess, crop=(24, 40))
    return replace(model, spec=replace(model.spec, preprocess=preprocess))


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_have_the_proportions_of_the_networks_input(loaded: Callable[..., LoadedModel], channels: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        model = long(loaded(Lines(channels), mean=(0.45,) * channels, std=(0.25,) * channels))
    for size, layer, shape in ((24, "b", (24, 40)), (12, "a", (12, 20)), (12, "b", (24, 40))):
        settings: dict[str, Any] = {"size": size, "steps": 12, "precision": "float32"}
        seen = image_model(model, [Target(layer, 1)], Settings(**settings), CPU)
        assert seen.shape == shape, "a network that fixes its size is shown pictures at that size"
        (made,) = visualize(model, [Target(layer, 1)], Settings(**settings))
        assert made.image.shape == (channels, size, round(size * 40 / 24))
        assert made.agrees
        assert not made.dead


def test_stimuli_stand_in_the_middle_of_a_long_input(loaded: Callable[..., LoadedModel]) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        model = long(loaded(Lines(3)))
    canvas, _, responses = present(model, ["b"], CPU)
    assert (canvas.size, canvas.side, canvas.padded) == ((24, 40), 24, True)
    assert (canvas.positions["b"].rows, canvas.positions["b"].columns) == ((0, 1), (17, 20))
    assert (responses["b"] > 0).any()
    canvas, _, _ = present(model, ["a"], CPU)
    assert (canvas.size, canvas.side, canvas.padded) == ((6, 6), 3, False)
