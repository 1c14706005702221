"""A stale or missing recording gives numbers of another network, a recording for every analysis is slow."""

from __future__ import annotations

import copy
import gc
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.graph.layers import discover
from wbsite.graph.recorder.description import constant
from wbsite.graph.recording import Recorded, forward_pass, module_outputs

SHAPE = (3, 8, 8)


class Chain(nn.Module):
    """Two convolutions of one size with a function in between."""

    input_shape = SHAPE

    def __init__(self, between: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.c = (nn.Conv2d(n, 4, 3, padding=1) for n in (3, 4, 4))
        self.between, self.runs = between, []
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.runs.append(len(x))
        return self.c(self.between(self.a(x), self.b))


def rectified(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    return layer(x.relu())


def test_a_network_is_run_once_for_all_that_is_read_off_it() -> None:
    module = Chain(rectified)
    tape = Recorded.of(module).tape
    discover(module, SHAPE)
    assert Recorded.of(module, SHAPE).on(torch.device("cpu")).tape is tape
    assert len(module.runs) == 1
    assert Recorded.of(module, (3, 9, 9)).tape is not tape
    assert Recorded.of(module).tape is tape
    assert len(module.runs) == 2
    assert Recorded.of(copy.deepcopy(module)).tape is not tape


@pytest.mark.parametrize(
    "change",
    [
        lambda module: module.a.weight.detach().zero_(),
        lambda module: setattr(module, "b", nn.Identity()),
        lambda module: setattr(module.a, "weight", nn.Parameter(torch.ones(4, 3, 3, 3))),
        lambda module: module.double(),
        lambda module: module.b.register_forward_hook(lambda _m, _i, output: 2 * output),
    ],
)
def test_a_changed_network_is_recorded_anew(change: Callable[[nn.Module], Any]) -> None:
    module = Chain(rectified)
    Recorded.of(module)
    change(module)
    x = torch.randn(1, *SHAPE, dtype=module.c.weight.dtype)
    tape = Recorded.of(module).tape
    value = tape.value("")
    assert torch.equal(tape.program((value,))(x)[value], module(x))


def test_weights_are_not_copied_and_a_network_can_be_let_go() -> None:
    module = Chain(rectified)
    recorded = Recorded.of(module)
    assert recorded.tape.makers[recorded.tape.value("a")].args[1] is module.a.weight
    alive = weakref.ref(module)
    del module, recorded
    gc.collect()
    assert alive() is None


def test_the_copy_on_another_device_is_made_once() -> None:
    recorded = Recorded.of(Chain(rectified))
    meta = torch.device("meta")
    moved = recorded.on(meta)
    assert moved.module is not recorded.module and moved.like.device == meta
    assert recorded.on(meta).tape is moved.tape
    assert recorded.module.a.weight.device.type == "cpu"


def swish(x: torch.Tensor) -> torch.Tensor:
    return x * torch.sigmoid(x)


class Doubled(torch.autograd.Function):
    """As a custom kernel: nothing of it is a call of torch."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(2 * x.detach().numpy())

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        return 2 * grads[0]


def through_a_view(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    x.view(1, 4, -1).add_(layer(x).view(1, 4, -1))
    return x


with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TorchScript is deprecated, and still found in networks
    SWISH, RECTIFIER = torch.jit.script(swish), torch.jit.script(nn.Sequential(nn.ReLU()))


@pytest.mark.parametrize(
    ("between", "fed"),
    [
        (lambda x, layer: SWISH(layer(x)), {"b"}),
        (lambda x, layer: RECTIFIER(layer(x)), {"b"}),
        (lambda x, layer: Doubled.apply(layer(x)), {"b"}),
        (through_a_view, {"a", "b"}),
    ],
)
def test_what_is_not_seen_is_known_to_feed_and_refuses_to_be_repeated(
    between: Callable[..., torch.Tensor], fed: set[str]
) -> None:
    module = Chain(between)
    assert set(discover(module, SHAPE).named("c").inputs) == fed
    tape = Recorded.of(module).tape
    assert tape.path(tape.value("a"), tape.value("c"))
    with pytest.raises(WbsiteError, match="was not seen"):
        tape.program((tape.value("c"),))(torch.zeros(1, *SHAPE))


def test_slices_that_are_written_are_repeated() -> None:
    def interleaved(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
        y = torch.zeros_like(x)
        y[:, ::2] = x[:, :2]
        y[:, 1::2] = layer(x)[:, 2:]
        return y

    module = Chain(interleaved)
    tape = Recorded.of(module).tape
    assert discover(module, SHAPE).named("c").inputs == ("a", "b")
    x, value = torch.randn(2, *SHAPE), tape.value("")
    assert torch.equal(tape.program((value,))(x)[value], module(x))


def changed_in_place(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    return layer(x.mul_(float(x.max())).relu_())


def not_called(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    return x


def failing(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    raise ValueError("no further")


@pytest.mark.parametrize("between", [rectified, changed_in_place, not_called, failing])
@pytest.mark.parametrize("gradients", [False, True])
def test_outputs_of_modules_are_those_of_a_pass_that_is_written_down(
    between: Callable[..., torch.Tensor], gradients: bool
) -> None:
    module = Chain(between)
    x = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(1)).requires_grad_(gradients)
    written = forward_pass(module, x, keep=True, gradients=gradients)
    outputs, error = module_outputs(module, x, ["a", "b", "c"], gradients)
    assert repr(error) == repr(written.error)
    assert outputs.keys() == written.tape.outputs.keys() - {""}
    for name, output in outputs.items():
        expected = written.tensors[written.tape.outputs[name]]
        torch.testing.assert_close(output, expected)
        assert output.requires_grad == gradients
        if gradients:
            found, wanted = (torch.autograd.grad(y.square().sum(), x, retain_graph=True)[0] for y in (output, expected))
            torch.testing.assert_close(found, wanted)
    assert not any(child._forward_hooks for child in module.modules())


CONSTANTS = {
    "one number spread over an axis": torch.tensor(3).expand(1),
    "one number spread over three": torch.tensor(3).expand(3),
    "every other number": torch.arange(6)[::2],
    "turned": torch.arange(6.0).reshape(2, 3).T,
    "conjugated": torch.tensor([1 + 2j]).conj(),
    "negated without a copy": torch.tensor([1 + 2j]).conj().imag,
    "empty": torch.zeros(0, 3),
    "half a number": torch.ones(2, dtype=torch.bfloat16),
}


@pytest.mark.parametrize("value", CONSTANTS.values(), ids=CONSTANTS)
def test_a_constant_is_described_by_its_numbers_however_they_are_stored(value: torch.Tensor) -> None:
    copied = torch.empty(value.shape, dtype=value.dtype).copy_(value)
    assert constant(value) == constant(copied)
    if value.numel():
        assert constant(value) != constant(copied + 1)
