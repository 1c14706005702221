"""The kernels of a recording are those that the forward pass convolves with, however it comes by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.utils._python_dispatch import TorchDispatchMode

from wbsite.graph.layers import Layers, discover
from wbsite.graph.picture import picture_for
from wbsite.graph.recording import Recorded

SHAPE = (3, 16, 20)


class Net(nn.Module):
    """A chain of two convolutions, the second of a kind to be tried."""

    def __init__(self, second: nn.Module | None = None) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), second or nn.Conv2d(8, 6, 3, padding=1)
        self.fc = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.b(F.relu(self.a(x))).mean((2, 3)))


class Standardised(nn.Conv2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean, var = self.weight.mean((1, 2, 3), keepdim=True), self.weight.var((1, 2, 3), keepdim=True)
        return F.conv2d(x, (self.weight - mean) / (var + 1e-5).sqrt(), self.bias, self.stride, self.padding)


class BatchNormStandardised(nn.Conv2d):
    """As timm writes it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = F.batch_norm(self.weight.reshape(1, self.out_channels, -1), None, None, training=True)
        return F.conv2d(F.pad(x, (1, 1, 1, 1)), weight.reshape_as(self.weight), self.bias)


class Masked(nn.Conv2d):
    """As PixelCNN is mostly written: the mask is multiplied into the parameter itself."""

    def __init__(self) -> None:
        super().__init__(8, 6, 3, padding=1)
        self.register_buffer("mask", torch.ones(3, 3))
        self.mask[2] = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.weight.data *= self.mask
        return super().forward(x)


class Scaled(nn.Module):
    """A learned kernel at an equalised rate, in a module that is no convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(6, 8, 3, 3)), nn.Parameter(torch.zeros(6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.weight / 72**0.5, self.bias, padding=1)


class Borrowed(nn.Module):
    """Holds a convolution that is never called; only its weight is used."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.conv.weight * 0.5, self.conv.bias)


def _pruned() -> nn.Module:
    conv = nn.Conv2d(8, 6, 3)
    prune.random_unstructured(conv, "weight", 0.5)
    return conv


def _hooked() -> nn.Module:
    conv = nn.Conv2d(8, 6, 3)
    conv.raw = nn.Parameter(torch.randn(6, 8, 3, 3))  # type: ignore[assignment]
    del conv.weight
    conv.register_forward_pre_hook(lambda module, _: setattr(module, "weight", torch.tanh(module.raw)))
    return conv


SECOND: dict[str, tuple[Callable[[], nn.Module], str, bool]] = {
    "plain": (lambda: nn.Conv2d(8, 6, 3), "b", False),
    "standardised": (lambda: Standardised(8, 6, 3), "b", True),
    "standardised by a batch norm": (lambda: BatchNormStandardised(8, 6, 3), "b", True),
    "masked in place": (Masked, "b", True),
    "scaled": (Scaled, "b", True),
    "borrowed": (Borrowed, "b.conv", True),
    "weight norm": (lambda: parametrizations.weight_norm(nn.Conv2d(8, 6, 3)), "b", False),
    "spectral norm": (lambda: parametrizations.spectral_norm(nn.Conv2d(8, 6, 3)), "b", False),
    "pruned": (_pruned, "b", False),
    "made by a hook": (_hooked, "b", False),
}


class Seen(TorchDispatchMode):
    """The kernels that convolutions get, seen below Python's calls."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: list[torch.Tensor] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution.default:
            self.kernels.append(args[1].clone())
        return func(*args, **(kwargs or {}))


def _discovered(net: nn.Module, shape: tuple[int, int, int] = SHAPE) -> tuple[Layers, Recorded]:
    net.eval().requires_grad_(False)
    return discover(net, shape), Recorded.of(net, shape)


@pytest.mark.parametrize("name", SECOND)
def test_kernels_are_those_convolved_with(name: str) -> None:
    torch.manual_seed(0)
    make, layer, differs = SECOND[name]
    net = Net(make())
    layers, recorded = _discovered(net)
    before = [value.clone() for value in net.state_dict().values()]
    stored = recorded.tape.kernels[layer].stored
    stored = None if stored is None else stored.clone()
    with Seen() as seen, torch.no_grad():
        net(picture_for(net, SHAPE))
    assert layers.names == ("a", layer, "fc")
    assert torch.equal(recorded.tape.kernels[layer].weight, seen.kernels[1])
    described = layers.named(layer)
    assert (described.scale != 1 or described.changed > 0) == differs
    assert (stored is not None) == differs
    if stored is not None:
        beyond = seen.kernels[1] - described.scale * stored
        assert described.changed == pytest.approx(float(beyond.norm() / seen.kernels[1].norm()), abs=1e-5)
    assert described.inputs == ("a",) and layers.named("fc").inputs == (layer,)
    if name == "masked in place":
        assert not torch.equal(before[2], net.state_dict()["b.weight"])  # by the pass above, not by the recording


def test_a_network_that_overwrites_its_weights_is_as_before() -> None:
    net = Net(Masked()).eval()
    before = net.b.weight.clone()
    kernel = Recorded.of(net, SHAPE).tape.kernels["b"]
    assert torch.equal(net.b.weight, before)
    assert not kernel.weight[:, :, 2].any() and kernel.stored is not None


class Equalised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c0, self.c1 = nn.Parameter(torch.randn(8, 3, 3, 3)), nn.Parameter(torch.randn(8, 8, 3, 3))
        self.out = nn.Conv2d(8, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.leaky_relu(F.conv2d(x, self.c0 / 27**0.5, padding=1), 0.2)
        return self.out(F.leaky_relu(F.conv2d(x, self.c1 / 72**0.5, padding=1), 0.2)).mean((2, 3))


class FastWeights(nn.Module):
    """As MAML's examples: parameters in a list."""

    def __init__(self) -> None:
        super().__init__()
        shapes = [(8, 3, 3, 3), (8,), (5, 8, 3, 3), (5,), (2, 5)]
        self.vars = nn.ParameterList(nn.Parameter(torch.randn(shape)) for shape in shapes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(F.conv2d(x, self.vars[0], self.vars[1], stride=2))
        return F.linear(F.conv2d(x, self.vars[2], self.vars[3]).mean((2, 3)), self.vars[4])


class Products(nn.Module):
    """Fully connected layers as people write them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.one, self.two, self.three = (nn.Parameter(torch.randn(8, 8)) for _ in range(3))
        self.bias, self.left = nn.Parameter(torch.zeros(8)), nn.Parameter(torch.randn(252, 252))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.conv(x).flatten(2).transpose(1, 2)
        tokens = self.left @ (tokens @ self.one)
        tokens = torch.einsum("bni,oi->bno", tokens, self.two)
        attention = (tokens @ tokens.transpose(1, 2)).softmax(-1)
        return torch.addmm(self.bias, (attention @ tokens).mean(1), self.three)


def test_functional_layers_are_named_after_their_parameters() -> None:
    layers, recorded = _discovered(Equalised())
    assert [(layer.name, layer.inputs) for layer in layers.layers] == [
        ("c0", ("input",)),
        ("c1", ("c0",)),
        ("out", ("c1",)),
    ]
    net = recorded.module
    assert torch.equal(recorded.tape.kernels["c1"].weight, net.c1 / 72**0.5)  # type: ignore[operator]
    layers, _ = _discovered(FastWeights())
    assert layers.names == ("vars.0", "vars.2", "vars.4")
    assert layers.named("vars.0").stride == (2, 2) and layers.named("vars.0").bias
    assert layers.named("vars.4").inputs == ("vars.2",)


def test_products_are_layers_or_listed() -> None:
    net = Products()
    layers, recorded = _discovered(net)
    assert layers.names == ("conv", "one", "two", "three")
    assert torch.equal(recorded.tape.kernels["one"].weight, net.one.T)
    assert torch.equal(recorded.tape.kernels["two"].weight, net.two)
    assert torch.equal(recorded.tape.kernels["three"].weight, net.three.T)
    assert layers.named("three").inputs == ("two",)
    reasons = {skipped.name: skipped.reason for skipped in layers.skipped}
    assert "from the left" in reasons["left"]
    assert "both factors" in reasons["the network itself"]
    x = torch.randn(2, 6, 8)
    assert torch.allclose(F.linear(x, recorded.tape.kernels["one"].weight), x @ net.one)


class Conditional(nn.Module):
    """A mixture of kernels by the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.route = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)
        self.weight = nn.Parameter(torch.randn(4, 6 * 8 * 9))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.first(x))
        mixed = (self.route(x.mean((2, 3))).sigmoid() @ self.weight).reshape(len(x) * 6, 8, 3, 3)
        return F.conv2d(x.reshape(1, -1, *x.shape[2:]), mixed, groups=len(x)).mean((2, 3))


class Modulated(nn.Module):
    """As StyleGAN 2: kernels scaled by a style that is made of the input, grouped for the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.style, self.weight = nn.Linear(3, 8), nn.Parameter(torch.randn(1, 6, 8, 3, 3))
        self.constant, self.first = nn.Parameter(torch.randn(1, 5, 8, 8)), nn.Parameter(torch.randn(8, 5, 3, 3))
        self.register_buffer("blur", torch.ones(6, 1, 3, 3) / 9)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        style = self.style(x.mean((2, 3)))
        y = F.conv2d(self.constant.expand(len(x), -1, -1, -1), self.first, padding=1)
        weight = self.weight * style.reshape(-1, 1, 8, 1, 1)
        weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        y = F.conv2d(y.reshape(1, -1, 8, 8), weight.reshape(-1, 8, 3, 3), padding=1, groups=len(x))
        return F.conv2d(y.reshape(len(x), 6, 8, 8), self.blur, groups=6)


def test_kernels_made_of_the_picture_are_layers_that_say_so() -> None:
    layers, recorded = _discovered(Conditional())
    assert layers.names == ("first", "route", "weight")
    assert layers.named("weight").varies and layers.named("weight").weight_shape == (6, 8, 3, 3)
    assert any("computes the kernels" in skipped.reason for skipped in layers.skipped)
    net = Modulated()
    layers, recorded = _discovered(net)
    assert layers.names == ("style", "first", "weight")
    assert not layers.named("first").inputs
    assert layers.named("weight").varies and set(layers.named("weight").inputs) == {"style", "first"}
    with Seen() as seen, torch.no_grad():
        net(picture_for(net, SHAPE))
    assert torch.allclose(recorded.tape.kernels["weight"].weight, seen.kernels[1], atol=1e-6)
    assert [s.reason for s in layers.skipped] == ["its kernels are a fixed filter, no trained parameter"]


class OtherKinds(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.up = nn.Conv2d(3, 4, 3, groups=1), nn.Parameter(torch.randn(4, 2, 2, 2))
        self.line = nn.Conv1d(2, 2, 3)
        self.attention = nn.MultiheadAttention(2, 1, batch_first=True)
        self.recurrent = nn.LSTM(2, 3, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.conv_transpose2d(self.conv(x), self.up, stride=2).flatten(2)
        x = self.line(x).transpose(1, 2)[:, :20]
        x = self.attention(x, x, x)[0]
        return self.recurrent(x)[0]


def test_other_kinds_are_listed_with_their_reason() -> None:
    layers, _ = _discovered(OtherKinds())
    reasons = {skipped.name: skipped.reason for skipped in layers.skipped}
    assert "transposed" in reasons["up"]
    assert "1-dimensional" in reasons["line"]
    assert "fused" in reasons["attention.in_proj_weight"] and "fused" in reasons["attention.out_proj"]
    assert "fused" in reasons["recurrent.weight_ih_l0"]


def test_deformable_convolutions_are_layers() -> None:
    ops = pytest.importorskip("torchvision.ops")

    class Deformable(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.offsets, self.weight = nn.Conv2d(3, 18, 3, padding=1), nn.Parameter(torch.randn(5, 3, 3, 3))
            self.after = ops.DeformConv2d(5, 4, 3, padding=2, dilation=2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = ops.deform_conv2d(x, self.offsets(x), self.weight, padding=1)
            return self.after(y, y.new_zeros(1, 18, *y.shape[2:]))

    net = Deformable()
    layers, recorded = _discovered(net)
    assert layers.names == ("offsets", "weight", "after")
    assert layers.named("after").dilation == (2, 2) and layers.named("after").inputs == ("weight",)
    assert torch.equal(recorded.tape.kernels["after"].weight, net.after.weight)


def test_slices_of_one_parameter_are_layers_of_their_own_and_a_shared_kernel_is_one() -> None:
    class Sliced(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.shared = nn.Parameter(torch.randn(8, 3, 3, 3)), nn.Conv2d(5, 5, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = torch.cat([F.conv2d(x, self.weight[:3]), F.conv2d(x, self.weight[3:])[:, :2]], 1)
            return self.shared(F.relu(self.shared(x)))

    layers, _ = _discovered(Sliced())
    assert layers.names == ("weight", "weight.2", "shared")
    assert layers.named("shared").calls == 2


@pytest.mark.parametrize("change", ["activation", "pool", "scale", "order"])
def test_another_forward_pass_is_another_network(change: str) -> None:
    class Edited(nn.Module):
        def __init__(self, edited: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.edited, self.a, self.b = edited, nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            act = F.gelu if self.edited and change == "activation" else F.relu
            pool = F.avg_pool2d if self.edited and change == "pool" else F.max_pool2d
            scale = 2.0 if self.edited and change == "scale" else 1.0
            x = pool(act(self.a(x)), 2) * scale
            return self.b(x).flatten(1).flip(1) if self.edited and change == "order" else self.b(x).flatten(1)

    one, same, other = (_discovered(Edited(edited))[1].tape.digest for edited in (False, False, True))
    assert one == same != other
