"""Exported programs call aten's operations, and are read as the networks they were exported from."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from wbsite.graph.layers import discover
from wbsite.graph.recording import Recorded

SHAPE = (3, 16, 16)


class Residual(nn.Module):
    """Batch norm, writes in place, a pool, a residual sum, and a classifier."""

    input_shape = SHAPE

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 4)
        self.norm = nn.BatchNorm2d(8)
        self.norm.running_mean += torch.rand(8)
        self.norm.running_var += torch.rand(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.hardtanh_(self.norm(self.a(x)), 0, 6), 2)
        x = F.leaky_relu_(self.b(x) + x, 0.1)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Strided(nn.Module):
    """A transposed and a grouped convolution, a concatenation, attention's matrix products."""

    input_shape = SHAPE

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, stride=2, bias=False), nn.Conv2d(16, 8, 3, groups=4)
        self.up, self.out = nn.ConvTranspose2d(8, 8, 2, 2), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.a(x)
        x = self.b(torch.cat([x, F.gelu(x)], 1))
        x = self.up(x)[:, :, 1:].flatten(2).transpose(1, 2)
        return self.out(F.softmax(x @ x.transpose(1, 2), -1) @ x).mean(1)


def exported(net: nn.Module) -> nn.Module:
    return torch.export.export(net, (torch.rand(1, *SHAPE),)).module()


def decomposed(net: nn.Module) -> nn.Module:
    return torch.export.export(net, (torch.rand(1, *SHAPE),)).run_decompositions().module()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("kind", [Residual, Strided])
@pytest.mark.parametrize("form", [exported, decomposed])
def test_programs_are_repeated_as_the_network_computes(kind: type[nn.Module], form: Callable[..., nn.Module]) -> None:
    torch.manual_seed(0)
    net = kind().eval()
    program = form(net)
    tape = Recorded.of(program, SHAPE).tape
    assert not any("aten" in call.name for call in tape.calls)
    x = torch.rand(1 if kind is Strided else 2, *SHAPE, requires_grad=True)  # its matrix products are written for one
    output = tape.program([tape.value("")])(x)[tape.value("")]
    truth = net(x)
    assert torch.allclose(output, truth, atol=1e-6)
    gradients = [torch.autograd.grad(y.square().sum(), x)[0] for y in (output, truth)]
    assert torch.allclose(*gradients, atol=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("form", [exported, decomposed])
def test_operations_have_the_names_that_people_call(form: Callable[..., nn.Module]) -> None:
    own = [call.operation for call in Recorded.of(Residual().eval()).tape.calls]
    operations = [call.operation for call in Recorded.of(form(Residual().eval()), SHAPE).tape.calls]
    assert own[:3] == operations[:3] == ["conv2d", "batch_norm", "hardtanh"]
    assert {"conv2d", "max_pool2d", "add"} <= set(operations)
    assert operations.count("conv2d") == 2
    (norm,) = (
        call for call in Recorded.of(form(Residual().eval()), SHAPE).tape.calls if call.operation == "batch_norm"
    )
    assert not norm.several


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("form", [exported, decomposed])
def test_layers_have_the_names_and_inputs_of_the_network(form: Callable[..., nn.Module]) -> None:
    net = Residual().eval()
    own, read = discover(net, SHAPE), discover(form(net), SHAPE)
    assert read.names == own.names == ("a", "b", "fc")
    assert [layer.inputs for layer in read.layers] == [layer.inputs for layer in own.layers]
