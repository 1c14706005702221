"""A replayed network must be the network: pictures, gradients and ablations are computed on replays."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.graph.channel_origin import ChannelOrigin, channel_origins
from wbsite.graph.recording import forward_pass, record

NETWORKS = (
    "alexnet", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "mnasnet0_5", "mobilenet_v3_small",
    "regnet_y_400mf", "resnet18", "resnext50_32x4d", "shufflenet_v2_x0_5", "squeezenet1_1", "vgg11_bn", "convnext_tiny",
)  # fmt: skip


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    return getattr(torchvision.models, name)(weights=None, **options).eval()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_replay_on_a_batch_is_the_network(name: str) -> None:
    module = network(name)
    shape = (3, 96, 96) if name != "inception_v3" else (3, 107, 107)
    tape = record(module, shape)
    last = tape.calls[-1].outputs[0]
    x = torch.randn(2, *shape)
    with torch.no_grad():
        assert torch.equal(tape.program((last,))(x)[last], module(x))


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
        self.rectifier = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        y = self.second(self.rectifier(x))
        y += x
        return torch.relu_(y).view(x.shape[0], -1)


def test_values_keep_what_later_calls_overwrite() -> None:
    module = InPlace().eval()
    tape = record(module, (3, 5, 5))
    first, given = tape.value("first"), tape.feeds("second")
    x = torch.randn(3, 3, 5, 5)
    found = tape.program((first, given, tape.value("")))(x)
    assert torch.equal(found[first], F.conv2d(x, module.first.weight, module.first.bias))
    assert (found[first] < 0).any() and torch.equal(found[given], found[first].relu())
    assert torch.equal(found[tape.value("")], module(x))


def test_only_what_is_needed_is_run() -> None:
    tape = record(network("googlenet"), (3, 96, 96))
    program = tape.program((tape.pre_activation("inception4a.branch1.conv"),))
    used = {call.module for call in program.calls}
    assert "inception4a.branch1.conv" in used
    assert not any(name.startswith(("inception4a.branch2", "inception4b", "fc")) for name in used)


def test_a_unit_is_read_after_its_own_batch_norm() -> None:
    module = network("resnet18")
    tape = record(module, (3, 64, 64))
    assert tape.pre_activation("layer1.0.conv1") == tape.value("layer1.0.bn1")
    assert tape.activation("layer1.0.conv1") == tape.feeds("layer1.0.conv2")
    assert tape.pre_activation("layer1.0.conv2") == tape.activation("layer1.0.conv2") == tape.value("layer1.0.bn2")


def test_the_module_is_left_as_it_was() -> None:
    module = network("resnet18").train()
    state, random = {k: v.clone() for k, v in module.state_dict().items()}, torch.get_rng_state()
    record(module, (3, 32, 32))
    assert module.training and module.bn1.training
    assert all(torch.equal(v, state[k]) for k, v in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


@pytest.mark.parametrize(
    ("name", "layer", "expected"),
    [
        ("alexnet", "features.0", (ChannelOrigin(("input",), 0, 3),)),
        ("alexnet", "classifier.1", (ChannelOrigin((), 0, 9216),)),
        ("squeezenet1_1", "features.4.squeeze",
         (ChannelOrigin(("features.3.expand1x1",), 0, 64), ChannelOrigin(("features.3.expand3x3",), 0, 64))),
        ("resnet18", "layer1.1.conv1", (ChannelOrigin(("layer1.0.conv2", "conv1"), 0, 64),)),
        ("shufflenet_v2_x0_5", "stage2.1.branch2.0", (ChannelOrigin((), 0, 24),)),
    ],
)  # fmt: skip
def test_what_input_channels_stand_for(name: str, layer: str, expected: tuple[ChannelOrigin, ...]) -> None:
    tape = record(network(name), (3, 96, 96))
    found = channel_origins(tape)[tape.feeds(layer)]
    assert found == expected
    assert sum(span.units for span in found) == tape.shapes[tape.feeds(layer)][1]


def test_what_cannot_be_repeated_is_named() -> None:
    class Fixed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + torch.ones(1, 3, x.shape[2], x.shape[3])

    tape = record(Fixed(), (3, 4, 4))
    with pytest.raises(WbsiteError, match=r"torch\.Tensor\.add in the network cannot be repeated on"):
        tape.program((tape.value(""),))(torch.zeros(2, 3, 5, 5))


def test_a_network_that_fails_on_its_input_says_so() -> None:
    with pytest.raises(WbsiteError, match="AlexNet fails on an input of shape"):
        record(network("alexnet"), (3, 16, 16))


def test_powers_are_repeated_and_seen_in_the_networks_own_pass() -> None:
    class Powers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.exponent = nn.Conv2d(3, 4, 3), nn.Parameter(torch.full((4, 1, 1), 2.0))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.conv(x).relu()
            return x**2 + 2**x + x**self.exponent + x.pow(3)

    module, x = Powers().eval(), torch.randn(2, 3, 8, 8)
    tape, own = record(module, (3, 8, 8)), forward_pass(module, x, keep=True)
    value = tape.value("")
    assert own.error is None
    torch.testing.assert_close(tape.program((value,))(x)[value], own.tensors[own.tape.value("")])
