"""Whatever a factory returns is read for what it is, or refused in words that help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.swa_utils import AveragedModel

from wbsite.core.errors import WbsiteError
from wbsite.graph.layers import discover
from wbsite.graph.recording import Recorded
from wbsite.models.user_network import network_of

SHAPE = (3, 16, 16)
pytestmark = pytest.mark.filterwarnings("ignore")  # of torch, which has deprecated TorchScript and its own quantisation


class Plain(nn.Module):
    """Two convolutions and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(F.relu(self.b(F.relu(self.a(x)))).mean((2, 3)))


class Deep(nn.Module):
    """A network with a part."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.stem, self.part = nn.Conv2d(3, 3, 3, padding=1), part

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.part(self.stem(x))


def compiled(net: nn.Module) -> nn.Module:
    return torch.compile(net, backend=lambda *_: pytest.fail("was compiled"))


WRAPPERS = [nn.DataParallel, AveragedModel, compiled, lambda net: compiled(nn.DataParallel(net))]


@pytest.mark.parametrize("wrapped", WRAPPERS)
def test_wrappers_leave_no_trace_in_names(wrapped: Callable[[nn.Module], nn.Module]) -> None:
    net = Plain().eval()
    layers = discover(network_of(wrapped(net), "net:build"), SHAPE)
    assert layers.names == ("a", "b", "fc")
    assert [layer.inputs for layer in layers.layers] == [("input",), ("a",), ("b",)]
    deep = network_of(Deep(wrapped(Plain())), "net:build").eval()
    assert discover(deep, SHAPE).names == ("stem", "part.a", "part.b", "part.fc")
    tape, x = Recorded.of(deep, SHAPE).tape, torch.rand(2, *SHAPE)
    assert torch.equal(tape.program([tape.value("")])(x)[tape.value("")], deep(x))


def test_networks_made_in_inference_mode_can_be_differentiated() -> None:
    for kind in (Plain, lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))):
        with torch.inference_mode():
            made = kind()
        net = network_of(made, "net:build")
        assert not any(tensor.is_inference() for tensor in net.state_dict().values())
        x = torch.rand(1, *SHAPE, requires_grad=True)
        net(x).sum().backward()
        assert x.grad is not None


def test_traced_graphs_are_read_under_their_layers_names() -> None:
    for net in (Plain(), nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))):
        graph = network_of(torch.fx.symbolic_trace(net), "net:build")
        layers = discover(graph, SHAPE)
        assert layers.names == discover(net, SHAPE).names
        assert [layer.inputs for layer in layers.layers] == [layer.inputs for layer in discover(net, SHAPE).layers]


def test_exported_programs_bring_their_input() -> None:
    net = Plain().eval()
    program = torch.export.export(net, (torch.rand(1, *SHAPE),))
    module = network_of(program, "net:build")
    assert module.input_shape == SHAPE
    module.eval()
    tape, x = Recorded.of(module).tape, torch.rand(2, *SHAPE)
    assert torch.allclose(tape.program([tape.value("")])(x)[tape.value("")], net(x))
    batches = {"x": {0: torch.export.Dim("batch")}}
    free = network_of(torch.export.export(net, (torch.rand(2, *SHAPE),), dynamic_shapes=batches), "net:build")
    assert free.input_shape == SHAPE
    with pytest.raises(WbsiteError, match="batches of exactly 4") as refused:
        network_of(torch.export.export(net, (torch.rand(4, *SHAPE),)), "net:build")
    assert "dynamic_shapes" in refused.value.hint


@pytest.mark.parametrize("script", [torch.jit.script, lambda net: torch.jit.trace(net, torch.rand(1, *SHAPE))])
def test_torchscript_is_called_by_its_name(script: Callable[[nn.Module], nn.Module]) -> None:
    with pytest.raises(WbsiteError, match="is a TorchScript network") as refused:
        network_of(script(Plain().eval()), "net:build")
    assert "Python module" in refused.value.hint
    part = network_of(Deep(script(Plain().eval())), "net:build")
    layers = discover(part, SHAPE)
    assert layers.names == ("stem",)
    assert [(layer.name, layer.kind) for layer in layers.skipped] == [
        ("part.a", "Conv2d"), ("part.b", "Conv2d"), ("part.fc", "Linear"),
    ]  # fmt: skip
    assert all("TorchScript" in layer.reason for layer in layers.skipped)
    alone = nn.Sequential(script(Plain().eval()))
    with pytest.raises(WbsiteError, match=r"kernels of net:build cannot be read: 0\.a, .*TorchScript"):
        network_of(alone, "net:build")


def quantised(net: nn.Module) -> nn.Module:
    """Eager mode: observed, then converted to int8."""
    net = torch.ao.quantization.QuantWrapper(net.eval())
    net.qconfig = torch.ao.quantization.get_default_qconfig("fbgemm")
    torch.ao.quantization.prepare(net, inplace=True)
    net(torch.rand(1, *SHAPE))
    return torch.ao.quantization.convert(net)


def graph_quantised(net: nn.Module) -> nn.Module:
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    prepared = prepare_fx(net.eval(), get_default_qconfig_mapping("fbgemm"), (torch.rand(1, *SHAPE),))
    prepared(torch.rand(1, *SHAPE))
    return convert_fx(prepared)


@pytest.mark.parametrize("convert", [quantised, graph_quantised])
def test_quantised_networks_are_called_by_their_name(convert: Callable[[nn.Module], nn.Module]) -> None:
    for net in (Plain(), nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())):
        with pytest.raises(WbsiteError, match=r"cannot be read: .*quantised") as refused:
            network_of(convert(net), "net:build")
        assert "before it was quantised" in refused.value.hint


def test_of_a_network_quantised_in_part_the_rest_is_read() -> None:
    net = Plain().eval()
    half = network_of(torch.ao.quantization.quantize_dynamic(net, {nn.Linear}), "net:build")
    layers = discover(half, SHAPE)
    assert layers.names == ("a", "b")
    assert [(layer.name, layer.kind) for layer in layers.skipped] == [("fc", "Linear")]
    assert "quantised" in layers.skipped[0].reason
    tape, x = Recorded.of(half, SHAPE).tape, torch.rand(2, *SHAPE)
    assert torch.equal(tape.program([tape.value("b")])(x)[tape.value("b")], net.b(F.relu(net.a(x))))


class Holder:
    """As a trainer or a pipeline holds its network."""

    def __init__(self) -> None:
        self.model, self.name = Plain(), "holder"


class Headless(nn.Module):
    """Lightning's way: the forward pass is in a part."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Plain()


@pytest.mark.parametrize(
    ("made", "message", "hint"),
    [
        (lambda: (Plain(), 3), r"returns 2 objects \(Plain, int\)", "item 0"),
        (lambda: {"net": Plain(), "epoch": 3}, "type dict", "its 'net'"),
        (lambda: Plain().state_dict(), "weights without a network, 6", "load_state_dict"),
        (lambda: "weights/net.pth", "the text 'weights/net.pth'", "net:build@weights/net.pth"),
        (lambda: Path("net.pth"), "the text 'net.pth'", "net:build@net.pth"),
        (Holder, "type Holder", "its `model`"),
        (lambda: F.relu, "type function", "forward method"),
        (lambda: Plain, "the class Plain", "not its class"),
        (lambda: torch.zeros(3), "type Tensor", "its output"),
        (lambda: None, "type NoneType", "network itself"),
        (Headless, "a Headless without a forward method", "its `model`"),
        (lambda: nn.ModuleList([Plain()]), "a ModuleList without a forward method", "its `0`"),
    ],
)
def test_other_things_are_called_by_their_names(made: Callable[[], Any], message: str, hint: str) -> None:
    with pytest.raises(WbsiteError, match=message) as refused:
        network_of(made(), "net:build")
    assert hint in refused.value.hint
