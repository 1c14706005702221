"""Networks in .pt2 files and TorchScript archives compute what the module did that was saved, layer by layer."""

from __future__ import annotations

import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.graph.layers import Layers, discover
from wbsite.graph.recording import Recorded
from wbsite.models import load
from wbsite.models.file_networks.aten_operators import OPERATORS
from wbsite.models.file_networks.aten_run import Run, operator
from wbsite.models.formats import NoForwardPass, format_of

pytestmark = pytest.mark.filterwarnings("ignore")

SIDE = 64
SHAPE = (3, SIDE, SIDE)

HOWS = ("exported", "decomposed", "traced", "scripted", "frozen")


def saved(net: nn.Module, how: str, folder: Path, x: torch.Tensor | None = None) -> Path:
    """A file of a network."""
    x = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(2)) if x is None else x
    path = folder / ("net.pt2" if how in ("exported", "decomposed") else "net.pt")
    if path.suffix == ".pt2":
        program = torch.export.export(net, (x,))
        torch.export.save(program.run_decompositions() if how == "decomposed" else program, path)
        return path
    compiled = torch.jit.trace(net, x) if how == "traced" else torch.jit.script(net)
    torch.jit.save(torch.jit.freeze(compiled) if how == "frozen" else compiled, path)
    return path


def opened(path: Path) -> nn.Module:
    make = format_of(path).network
    assert make is not None
    return make(path).eval()


def prepared(net: nn.Module) -> nn.Module:
    """With statistics of batch norm that are not those of doing nothing."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return net.eval()


NETWORKS = ("resnet18", "mobilenet_v2", "squeezenet1_1", "googlenet", "shufflenet_v2_x0_5")

CASES = [
    *((name, how) for name in NETWORKS for how in ("exported", "traced", "scripted")),
    ("efficientnet_b0", "exported"), ("densenet121", "scripted"), ("mobilenet_v3_small", "decomposed"),
    ("shufflenet_v2_x0_5", "decomposed"),
]  # fmt: skip


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    return prepared(getattr(torchvision.models, name)(weights=None, **options))


class Shapes(nn.Module):
    """A fixed batch, enlarging, joining, groups of one channel, a transposed convolution, a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.depthwise = nn.Conv2d(8, 16, 3, padding=1, groups=8)
        self.up = nn.ConvTranspose2d(16, 8, 2, 2)
        self.kernel = nn.Parameter(torch.randn(6, 8, 3, 3) / 8)
        self.register_buffer("scale", torch.tensor([0.5]))
        self.fc = nn.Linear(14 * 4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.elu(self.stem(x))
        y = F.interpolate(self.up(F.silu(self.depthwise(y))), scale_factor=0.5, mode="bilinear", align_corners=False)
        y = torch.cat([y, F.conv2d(y, self.kernel, padding=1)], 1)
        y = F.adaptive_avg_pool2d(F.leaky_relu(y, 0.1), (2, 2))
        return self.fc(y.view(1, -1)) * self.scale


class Branching(nn.Module):
    """A branch, loops, a list, and a convolution that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.ModuleList([nn.Conv2d(8, 8, 3, padding=1) for _ in range(2)])
        self.deep = True

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps: list[torch.Tensor] = []
        y = self.first(x)
        if self.deep and y.size(2) > 4:
            for block in self.blocks:
                y = torch.relu(block(y))
                maps.append(y)
        i = 0
        while i < 2:
            y = y + F.max_pool2d(self.blocks[0](y), 3, 1, 1)
            i += 1
        maps.append(y)
        return torch.cat(maps, 1).mean([2, 3])


class Tokens(nn.Module):
    """Attention as torch's function, layer norm, a token of its own that is repeated for the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 16, 16)
        self.token = nn.Parameter(torch.randn(1, 1, 16))
        self.norm, self.qkv, self.out = nn.LayerNorm(16), nn.Linear(16, 48), nn.Linear(16, 16)
        self.act = nn.GELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.patches(x).flatten(2).transpose(1, 2)
        y = torch.cat([self.token.expand(y.shape[0], -1, -1), y], 1)
        q, k, v = self.qkv(self.norm(y)).chunk(3, dim=-1)
        y = y + self.act(self.out(F.scaled_dot_product_attention(q, k, v)))
        return y[:, 0]


def own(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return prepared(kind())


def compared(native: nn.Module, net: nn.Module, tolerance: float, named: bool = True) -> tuple[Layers, Layers]:
    """Checks that layers, kernels, activations and results are the same."""
    tapes = [Recorded.of(module, SHAPE).tape for module in (native, net)]
    layers = discover(native, SHAPE), discover(net, SHAPE)
    attributes = ("weight_shape", "stride", "padding", "groups", "output_shape", "reads", "calls")
    for attribute in (*attributes, *(("name", "inputs") if named else ())):
        expected, read_back = ([getattr(layer, attribute) for layer in side.layers] for side in layers)
        assert read_back == expected, attribute
    assert named <= (layers[0].notes == layers[1].notes)
    x = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(1))
    values = [[tape.activation(name) for name in side.names] for tape, side in zip(tapes, layers, strict=True)]
    with torch.no_grad():
        results = [tape.program(wanted)(x) for tape, wanted in zip(tapes, values, strict=True)]
    for layer, first, second in zip(layers[0].names, *values, strict=True):
        expected = results[0][first]
        scale = max(1.0, float(expected.abs().max()))
        torch.testing.assert_close(results[1][second], expected, rtol=0, atol=tolerance * scale, msg=layer)
    if named:
        for name, kernel in tapes[0].kernels.items():
            assert torch.equal(tapes[1].kernels[name].weight, kernel.weight), name
    return layers


def outputs(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        made: Any = module(x)
    return made[0] if isinstance(made, tuple) else made


@pytest.mark.parametrize(("name", "how"), CASES)
def test_torchvisions_networks(name: str, how: str, tmp_path: Path) -> None:
    native = network(name)
    net = opened(saved(native, how, tmp_path))
    assert {key for key, _ in net.named_parameters()} == {key for key, _ in native.named_parameters()}
    compared(native, net, 1e-5)
    x = torch.randn(2, *SHAPE)  # of files for one picture too
    torch.testing.assert_close(outputs(net, x), outputs(native, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "shufflenet_v2_x0_5"])
def test_frozen_networks_have_layers_without_names(name: str, tmp_path: Path) -> None:
    """Batch norm is folded, so what comes after it and its rectifier is compared."""
    native = network(name)
    _, layers = compared(native, opened(saved(native, "frozen", tmp_path)), 1e-4, named=False)
    assert all(layer.startswith("constants.") for layer in layers.names)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("kind", [Shapes, Branching, Tokens])
def test_own_modules(kind: type[nn.Module], how: str, tmp_path: Path) -> None:
    if how == "decomposed" and kind is Tokens:
        pytest.skip("its positions are rows of one matrix with those of other pictures")
    native = own(kind)
    net = opened(saved(native, how, tmp_path))
    compared(native, net, 1e-5, named=how != "frozen")
    if how != "frozen" and kind is not Shapes:
        x = torch.randn(2, *SHAPE)
        torch.testing.assert_close(outputs(net, x), outputs(native, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("how", ["exported", "decomposed", "traced"])
def test_a_fixed_batch_takes_any(how: str, tmp_path: Path) -> None:
    """The module itself takes one picture at a time, its file says nothing else; also where it was two."""
    native = own(Shapes)
    net = opened(saved(native, how, tmp_path))
    x = torch.randn(3, *SHAPE)
    expected = torch.cat([outputs(native, picture) for picture in x.split(1)])
    torch.testing.assert_close(outputs(net, x), expected, rtol=1e-5, atol=1e-5)
    if how == "decomposed":  # attention then has the batch in sizes of its own
        return
    two = opened(saved(own(Tokens), how, tmp_path, torch.randn(2, *SHAPE)))
    torch.testing.assert_close(outputs(two, x), outputs(own(Tokens), x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("how", ["exported", "traced", "scripted"])
def test_inputs_are_those_of_the_example(how: str, tmp_path: Path) -> None:
    net = opened(saved(own(Branching), how, tmp_path, torch.randn(2, 3, 40, 48)))
    assert getattr(net, "input_shape", None) == (None if how == "scripted" else (3, 40, 48))


def test_open_sizes(tmp_path: Path) -> None:
    """Batch and height are left open in the file, and computed with."""

    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            b, c, h, w = y.shape
            return y.reshape(b, c, h // 2, 2, w).amax(3)[:, :, : h // 4].flatten(1, 2)

    native = Halves().eval()
    sizes = {0: torch.export.Dim("batch"), 2: 4 * torch.export.Dim("rows", min=2, max=64)}
    program = torch.export.export(native, (torch.randn(2, 3, 32, 32),), dynamic_shapes=(sizes,))
    torch.export.save(program, tmp_path / "net.pt2")
    net = opened(tmp_path / "net.pt2")
    assert net.input_shape == (3, 32, 32)
    x = torch.randn(5, 3, 48, 32)
    torch.testing.assert_close(outputs(net, x), outputs(native, x))


@pytest.mark.parametrize("how", ["exported", "traced", "scripted"])
def test_training_mode_is_not_kept(how: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    native = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5))
    prepared(native).train()
    path = tmp_path / ("net.pt2" if how == "exported" else "net.pt")
    x = torch.randn(2, *SHAPE)
    if how == "exported":
        torch.export.save(torch.export.export(native, (x,)), path)
    else:
        torch.jit.save(torch.jit.script(native) if how == "scripted" else torch.jit.trace(native, x, check_trace=False),
                       path)  # fmt: skip
    prepared(native)
    native[1].load_state_dict({key[2:]: value for key, value in opened(path).state_dict().items() if key[:2] == "1."})
    torch.testing.assert_close(outputs(opened(path), x), outputs(native, x))


@pytest.mark.parametrize("how", ["exported", "traced", "scripted"])
def test_numbers_in_other_precision_become_single(how: str, tmp_path: Path) -> None:
    native = own(Branching).double()
    net = opened(saved(native, how, tmp_path, torch.randn(1, *SHAPE, dtype=torch.float64)))
    x = torch.randn(1, *SHAPE)
    torch.testing.assert_close(outputs(net, x).double(), outputs(native, x.double()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("how", ["exported", "traced", "scripted"])
def test_tied_weights(how: str, tmp_path: Path) -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
            self.b.weight = self.a.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.b(torch.relu(self.a(x)))

    native = Tied().eval()
    net = opened(saved(native, how, tmp_path))
    layers = discover(net, SHAPE).layers  # two of their own only where the file keeps both names
    assert sum(layer.calls for layer in layers) == len(discover(native, SHAPE).layers) == 2
    weights = [kernel.weight for kernel in Recorded.of(net, SHAPE).tape.kernels.values()]
    assert len({weight.data_ptr() for weight in weights}) == 1
    torch.testing.assert_close(outputs(net, torch.ones(1, *SHAPE)), outputs(native, torch.ones(1, *SHAPE)))


@pytest.mark.parametrize("how", ["exported", "traced", "scripted"])
def test_names_that_modules_here_have_themselves(how: str, tmp_path: Path) -> None:
    class Names(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.root, self.kind, self.code = (nn.Conv2d(3, 3, 1) for _ in range(3))
            self.attribute, self.constants, self.graph = (nn.Conv2d(3, 3, 1) for _ in range(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.graph(self.constants(self.attribute(self.code(self.kind(self.root(x))))))
            return y + torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)

    native = Names().eval()
    compared(native, opened(saved(native, how, tmp_path)), 1e-5)


class Sorting(nn.Module):
    """An operator that is on no list."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sort(self.conv(x), 1)[0]


@pytest.mark.parametrize("how", HOWS)
def test_of_a_network_with_other_operators_the_weights_are_shown(how: str, tmp_path: Path) -> None:
    net = Sorting().eval()
    path = saved(net, how, tmp_path)
    with pytest.raises((WbsiteError, NoForwardPass), match=r"sort"):
        opened(path)(torch.zeros(1, *SHAPE))
    loaded = load(str(path))
    assert any(torch.equal(kernels, net.conv.weight) for kernels in loaded.module.parameters())
    assert re.search(r"not run as a network: .*sort.*not interpreted|not interpreted: sort", loaded.spec.note)


def test_what_a_file_may_not_call() -> None:
    for name in ("save", "load", "rand", "bernoulli_", "from_file", "set_", "resize_", "__class__", "_cast", "hub",
                 "data", "nms", "sort", "nonzero", "as_tensor", "compile", "backward"):  # fmt: skip
        assert operator(name) is None, name


@pytest.mark.parametrize(("name", "args"), [
    ("zeros", [[1 << 20, 1 << 20]]), ("full", [[1 << 40], 1.0]), ("arange", [1 << 40]), ("eye", [1 << 20]),
    ("linspace", [0, 1, 1 << 40]), ("scalar_tensor", ["a"]), ("conv2d", [torch.zeros(1, 2, 3, 3), torch.zeros(1)]),
])  # fmt: skip
def test_calls_that_fail_are_named(name: str, args: list[Any]) -> None:
    with pytest.raises(WbsiteError, match=f"the operator {name} fails"):
        Run(torch.device("cpu"), 1).call(name, args, {})


def places(net: nn.Module, x: torch.Tensor) -> list[str]:
    return [call.operation for call in Recorded.of(net, tuple(x.shape[1:])).tape.calls]


ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "elu": F.elu, "silu": F.silu, "gelu": F.gelu, "hardswish": F.hardswish, "relu6": F.relu6, "mish": F.mish,
    "softplus": F.softplus, "selu": F.selu, "celu": F.celu, "hardtanh": F.hardtanh, "leaky_relu": F.leaky_relu,
}  # fmt: skip


class Activation(nn.Module):
    """A convolution and an activation."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.conv, self.name = nn.Conv2d(3, 4, 3), name

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return ACTIVATIONS[self.name](self.conv(x))


@pytest.mark.parametrize("how", ["exported", "traced"])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_keep_their_names(name: str, how: str, tmp_path: Path) -> None:
    """As else nothing could be expanded through them."""
    native = Activation(name).eval()
    net = opened(saved(native, how, tmp_path))
    x = torch.randn(1, *SHAPE)
    assert places(net, x) == ["conv2d", places(native, x)[1]]
    torch.testing.assert_close(outputs(net, x), outputs(native, x))


class Normed(nn.Module):
    """Local response normalisation, as the first networks have it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.norm = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.LocalResponseNorm(5, 1e-3, 0.75, 2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(self.norm(F.hardswish(self.a(x))))


@pytest.mark.parametrize("how", ["exported", "decomposed", "scripted"])
def test_what_is_written_out_is_called_by_its_name(how: str, tmp_path: Path) -> None:
    native = own(Normed)
    net = opened(saved(native, how, tmp_path))
    x = torch.randn(3, *SHAPE)
    assert places(net, x) == ["conv2d", "hardswish", "local_response_norm", "conv2d"]
    torch.testing.assert_close(outputs(net, x), outputs(native, x))


Call = tuple[str, list[Any], Callable[[], torch.Tensor]]
X = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(3))
ONES = torch.ones(4)

CALLS: list[Call] = [
    ("upsample_nearest2d", [X, [12, 12]], lambda: F.interpolate(X, (12, 12))),
    ("upsample_nearest2d", [X, [12, 18], 2.0, 3.0], lambda: F.interpolate(X, scale_factor=(2.0, 3.0))),
    ("upsample_bilinear2d", [X, None, True, [2.0, 2.0]],
     lambda: F.interpolate(X, scale_factor=2.0, mode="bilinear", align_corners=True)),
    ("upsample_bicubic2d", [X, [9, 9], False], lambda: F.interpolate(X, (9, 9), mode="bicubic", align_corners=False)),
    ("_upsample_bilinear2d_aa", [X, [3, 3], False, None],
     lambda: F.interpolate(X, (3, 3), mode="bilinear", align_corners=False, antialias=True)),
    ("_upsample_nearest_exact2d", [X, [9, 9]], lambda: F.interpolate(X, (9, 9), mode="nearest-exact")),
    ("max_pool2d", [X, [2, 2]], lambda: F.max_pool2d(X, 2)),
    ("avg_pool2d", [X, [3, 3], [2, 2], [1, 1], True, False], lambda: F.avg_pool2d(X, 3, 2, 1, True, False)),
    ("reflection_pad2d", [X, [1, 1, 2, 2]], lambda: F.pad(X, (1, 1, 2, 2), "reflect")),
    ("replication_pad2d", [X, [1, 1, 2, 2]], lambda: F.pad(X, (1, 1, 2, 2), "replicate")),
    ("constant_pad_nd", [X, [1, 1], 2.0], lambda: F.pad(X, (1, 1), value=2.0)),
    ("slice", [X, 1, 1, 9223372036854775807, 2], lambda: X[:, 1::2]),
    ("select", [X, -1, 2], lambda: X[..., 2]),
    ("index", [X, [None, torch.tensor([2, 0])]], lambda: X[:, [2, 0]]),
    ("index_put", [X, [None, torch.tensor([1])], torch.tensor(0.0)],
     lambda: X * torch.tensor([1.0, 0, 1, 1]).reshape(1, 4, 1, 1)),
    ("addmm", [ONES, X[0, 0, :4, :4], X[0, 1, :4, :4]], lambda: ONES + X[0, 0, :4, :4] @ X[0, 1, :4, :4]),
    ("addmm", [ONES, X[0, 0, :4, :4], X[0, 1, :4, :4], 2, 3], lambda: 2 * ONES + 3 * X[0, 0, :4, :4] @ X[0, 1, :4, :4]),
    ("instance_norm", [X, ONES, None, None, None, True, 0.1, 1e-5, False], lambda: F.instance_norm(X, weight=ONES)),
    ("group_norm", [X, 2, ONES, None, 1e-5, True], lambda: F.group_norm(X, 2, ONES)),
    ("batch_norm", [X, ONES, None, None, None, True, 0.1, 1e-5, True],
     lambda: F.batch_norm(X, None, None, ONES, training=True)),
    ("grid_sampler", [X, X[:, :2].permute(0, 2, 3, 1), 1, 2, True],
     lambda: F.grid_sample(X, X[:, :2].permute(0, 2, 3, 1), "nearest", "reflection", True)),
    ("_convolution", [X[:, :2], X[:, :, :2, :2][:2], None, [2, 2], [0, 0], [1, 1], True, [1, 1], 1, *[False] * 4],
     lambda: F.conv_transpose2d(X[:, :2], X[:, :, :2, :2][:2], stride=2, output_padding=1)),
    ("as_strided", [X, [2, 4, 6, 6], [144, 1, 24, 4]], lambda: X),
    ("to", [X, 4], lambda: X.long()),
    ("_softmax", [X, 1, False], lambda: X.softmax(1)),
    ("type_as", [X.long(), X], lambda: X.long().float()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "expected"), CALLS, ids=lambda value: value if isinstance(value, str) else "")
def test_operators_of_other_arguments(name: str, args: list[Any], expected: Callable[[], torch.Tensor]) -> None:
    torch.testing.assert_close(Run(torch.device("cpu"), 2).call(name, args, {}), expected())
    assert name in OPERATORS or name == "type_as"


def rewritten(path: Path, target: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """An archive with changed files."""
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            after.writestr(name, change(name, before.read(name)))
    return target


@pytest.mark.parametrize(("line", "reason"), [
    ("while True:\n      pass", "does not come to an end"),
    ("for i in range(9223372036854775807):\n      pass", "does not come to an end"),
    ("return (self).forward(x, )", "calls itself without end"),
    ("a = [1]\n    while True:\n      a = torch.add(a, a)", "for so many items"),
    ("a = 3\n    while True:\n      a = torch.mul(a, a)", "more than 64 bits"),
    ("a = torch.mul([1], 1000000000000)", "for a list"),
    ("a = __import__(\"this\")", "__import__ is not interpreted"),
    ("a = x.__class__", "reads __class__"),
    ("a = [i for i in [1]]", "is not interpreted"),
    ("a = lambda: 1", "is not interpreted"),
    ("import this", "is not interpreted"),
    ("a = torch.save(x, \"file\")", "torch.save is not interpreted"),
    ("a = ops.aten.from_file(\"file\")", "from_file is not interpreted"),
    ("a = nothing", ""),
    ("a = self.nothing", "has no nothing"),
    ("a = CONSTANTS.c99", "has no constant 99"),
    ("a = [1][7]", "fails: list index"),
    ("a = torch.floordiv(1, 0)", "fails: integer"),
    ("ops.prim.RaiseException(\"too small\")", "refuses its input: too small"),
])  # fmt: skip
def test_code_is_interpreted_and_nothing_else(line: str, reason: str, tmp_path: Path) -> None:
    path = saved(nn.Sequential(nn.Conv2d(3, 4, 3)).eval(), "scripted", tmp_path)

    def change(name: str, data: bytes) -> bytes:
        if not name.endswith(".py") or b"class Sequential" not in data:
            return data
        head, _, _ = data.decode().partition("input: Tensor) -> Tensor:\n")
        rest = "" if line.startswith("return") else "    return x\n"
        return f"{head}x: Tensor) -> Tensor:\n    {line}\n{rest}".encode()

    net = opened(rewritten(path, tmp_path / "changed.pt", change))
    if not reason:
        assert net(torch.zeros(1, 3, 8, 8)).shape == (1, 3, 8, 8)
        return
    with pytest.raises(WbsiteError, match=reason) as caught:
        net(torch.zeros(1, 3, 8, 8))
    assert caught.value.hint


def refusal(path: Path) -> WbsiteError | None:
    """Why a file's network is refused, or fails on a picture; any other exception is a failure."""
    try:
        opened(path)(torch.zeros(1, *SHAPE))
    except WbsiteError as error:
        return error
    return None


def test_two_hundred_damaged_archives_run_or_are_refused(tmp_path: Path) -> None:
    """A file in each is damaged, mostly of its code; the sums of the archive are right."""
    generator, refused = random.Random(0), 0
    wholes = []
    for how in ("traced", "scripted", "frozen"):
        (tmp_path / how).mkdir()
        wholes.append(saved(own(Shapes), how, tmp_path / how))
    path = tmp_path / "damaged.pt"
    for i in range(200):
        whole = wholes[i % 3]
        with zipfile.ZipFile(whole) as archive:
            victim = generator.choice([name for name in archive.namelist() if name.endswith((".py", "a.pkl", "s.pkl"))])

        def change(name: str, data: bytes, victim: str = victim, kind: int = i % 4) -> bytes:
            if name != victim:
                return data
            mutated = bytearray(data)
            if kind == 0:
                del mutated[generator.randrange(len(mutated)) :]
            for _ in range(generator.randrange(1, 8) if kind else 0):
                place, other = generator.randrange(len(mutated)), generator.randrange(len(mutated))
                if kind == 1:
                    mutated[place] ^= 1 << generator.randrange(8)
                else:
                    mutated[place], mutated[other] = mutated[other], mutated[place]
            return bytes(mutated)

        error = refusal(rewritten(whole, path, change))
        refused += error is not None
        assert error is None or error.hint
    assert 60 < refused < 200
