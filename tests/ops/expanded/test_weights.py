"""Expanded weights must be what multiplying out the network gives: every figure of indirect connections rests on it."""

from __future__ import annotations

import copy
from unittest.mock import patch

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import googlenet, mobilenet_v2, resnet50, resnext50_32x4d

from wbsite.core.errors import WbsiteError
from wbsite.graph.recording import Recorded
from wbsite.models.networks.inception_layouts import BVLC
from wbsite.models.networks.inceptionv1 import InceptionV1
from wbsite.ops.expanded.weights import Path, expanded_weights, path_products

EXACT = 1e-9


def with_shape(module: nn.Module, side: int, channels: int = 3) -> nn.Module:
    """In float64, with statistics of batch norms and all weights at random."""
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
    module.input_shape = (channels, side, side)
    return module.double().eval().requires_grad_(False)


def linearised(module: nn.Module) -> nn.Module:
    """A copy whose rectifiers are gone and whose max pools average."""
    module = copy.deepcopy(module)
    for name, part in list(module.named_modules()):
        parent = module.get_submodule(name.rpartition(".")[0])
        last = name.rpartition(".")[2]
        if isinstance(part, (nn.ReLU, nn.ReLU6)):
            setattr(parent, last, nn.Identity())
        elif isinstance(part, nn.MaxPool2d):
            area = part.kernel_size**2
            average = nn.AvgPool2d(part.kernel_size, part.stride, part.padding, part.ceil_mode, True, area)
            setattr(parent, last, average)
    return module


def unit_by_unit(module: nn.Module, source: str, target: str, units: list[int]) -> torch.Tensor:
    """One backward pass a unit through the linear network, from the centre: (units, C, H, W)."""
    plain = linearised(module)
    kept: dict[str, torch.Tensor] = {}

    def keep(name: str, output: torch.Tensor) -> None:
        kept[name] = output if name == source else output.clone()  # the network may go on in place
        if name == source:
            output.retain_grad()

    for name in (source, target):
        plain.get_submodule(name).register_forward_hook(lambda _m, _i, out, name=name: keep(name, out))
    found = []
    for unit in units:
        picture = torch.randn(1, *module.input_shape, dtype=torch.float64, requires_grad=True)
        with patch("torch.nn.functional.relu", lambda x, inplace=False: x):
            plain(picture)
        height, width = kept[target].shape[2:]
        kept[target][0, unit, height // 2, width // 2].backward()
        found.append(kept[source].grad[0].clone())
    return torch.stack(found)


def cropped(whole: torch.Tensor, module: nn.Module, source: str, target: str) -> torch.Tensor:
    """The window of the source that the centre of the target sees; nothing lies outside it."""
    path = Path.between(module, source, target)
    assert path.receptive_field is not None
    sizes = path.recorded.tape.shapes[path.end][2:]
    starts = [axis.stride * (size // 2) + axis.low for axis, size in zip(path.receptive_field, sizes, strict=True)]
    rows, columns = (slice(start, start + size) for start, size in zip(starts, path.kernel, strict=True))
    window = whole[:, :, rows, columns]
    assert whole.abs().sum().item() == pytest.approx(window.abs().sum().item(), rel=1e-12)
    return window


def composed(first: torch.Tensor, second: torch.Tensor, stride: int = 1) -> torch.Tensor:
    """The kernel of `second` after `first` (of this stride), summed position by position: (O, I, kh, kw)."""
    size = [stride * (b - 1) + a for a, b in zip(first.shape[2:], second.shape[2:], strict=True)]
    whole = first.new_zeros(second.shape[0], first.shape[1], *size)
    for y in range(second.shape[2]):
        for x in range(second.shape[3]):
            top, left = stride * y, stride * x
            part = torch.einsum("om,miyx->oiyx", second[:, :, y, x], first)
            whole[:, :, top : top + first.shape[2], left : left + first.shape[3]] += part
    return whole


def test_a_linear_chain_with_strides_and_padding() -> None:
    chain = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.Conv2d(4, 5, 5, stride=2, padding=2),
        nn.Conv2d(5, 6, 3, stride=2, padding=0),
        nn.Conv2d(6, 7, (1, 3), padding=(0, 1)),
    )
    module = with_shape(chain, 41)
    found = expanded_weights(module, "0", "3")
    explicit = composed(composed(module[1].weight, module[2].weight, 2), module[3].weight, 4)
    assert found.shape == explicit.shape
    assert (found - explicit).abs().max() < EXACT
    assert (found - cropped(unit_by_unit(module, "0", "3", list(range(7))), module, "0", "3")).abs().max() < EXACT


def test_pools_dilation_and_pads() -> None:
    chain = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(4, 5, 3, padding=2, dilation=2), nn.ReLU(), nn.ZeroPad2d((0, 1, 0, 1)), nn.AvgPool2d(2),
        nn.Conv2d(5, 6, 3),
    )  # fmt: skip
    module = with_shape(chain, 40)
    # "0" is the convolution; its activation, after the rectifier, is what module "1" gives
    by_gradient = cropped(unit_by_unit(module, "1", "7", list(range(6))), module, "0", "7")
    assert (expanded_weights(module, "0", "7") - by_gradient).abs().max() < EXACT


@pytest.mark.parametrize(
    ("build", "source", "target"),
    [
        pytest.param(lambda: resnet50(), "layer1.0", "layer1.1.bn3", id="residual block"),
        pytest.param(lambda: resnet50(), "layer1.0", "layer2.0", id="two residual blocks, strided shortcut"),
        pytest.param(lambda: mobilenet_v2(), "features.3", "features.4.conv.3", id="depthwise-separable"),
        pytest.param(lambda: resnext50_32x4d(), "layer1.0", "layer1.1.bn2", id="grouped"),
        pytest.param(lambda: googlenet(init_weights=True), "inception3a", "inception3b", id="Inception block"),
    ],
)
def test_blocks_of_published_networks(build: object, source: str, target: str) -> None:
    module = with_shape(build(), 96)  # type: ignore[operator]
    units = [0, 5, 11]
    whole = unit_by_unit(module, source, target, units)
    assert (
        expanded_weights(module, source, target, units) - cropped(whole, module, source, target)
    ).abs().max() < EXACT


def test_a_residual_block_is_the_composed_kernels_and_the_identity() -> None:
    module = with_shape(resnet50(), 96)
    block = module.layer1[1]

    def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> torch.Tensor:
        return conv.weight * (norm.weight / torch.sqrt(norm.running_var + norm.eps))[:, None, None, None]

    branch = composed(
        composed(folded(block.conv1, block.bn1), folded(block.conv2, block.bn2)), folded(block.conv3, block.bn3)
    )
    branch[:, :, 1, 1] += torch.eye(256, dtype=torch.float64)
    assert (expanded_weights(module, "layer1.0", "layer1.1") - branch).abs().max() < EXACT


def test_the_bottleneck_of_inceptionv1(bvlc) -> None:
    model = InceptionV1(BVLC).double()
    model.load_state_dict(bvlc.module.state_dict())
    model.input_shape = bvlc.spec.input_shape
    found = expanded_weights(model, "mixed3a", "mixed3b_5x5")
    bottleneck, wide = model.mixed3b_5x5_bottleneck.weight, model.mixed3b_5x5.weight
    assert found.shape == (96, 256, 5, 5)
    assert (found - composed(bottleneck, wide)).abs().max() < EXACT

    def before(x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.conv2d(x, bottleneck), wide, padding=2)

    x = torch.zeros(1, 256, 28, 28, dtype=torch.float64, requires_grad=True)
    one_by_one = [torch.autograd.grad(before(x)[0, unit, 14, 14], x)[0][0, :, 12:17, 12:17] for unit in range(96)]
    assert (found - torch.stack(one_by_one)).abs().max() < EXACT


def test_local_response_normalisation_counts_by_its_slope_at_zero() -> None:
    module = with_shape(
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.LocalResponseNorm(3, beta=0.5, k=4.0), nn.Conv2d(4, 5, 3)), 16
    )
    assert (expanded_weights(module, "0", "2") - module[2].weight / 2).abs().max() < EXACT


def test_a_fully_connected_layer_sees_the_whole_map() -> None:
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 5)]
    module = with_shape(nn.Sequential(*layers), 10)
    found = expanded_weights(module, "0", "4")
    assert found.shape == (5, 4, 8, 8)
    by_position = module[4].weight.reshape(5, 4, 2, 2).repeat_interleave(4, 2).repeat_interleave(4, 3) / 16
    assert (found - by_position).abs().max() < EXACT


def test_the_path_products_are_all_paths() -> None:
    module = with_shape(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Conv2d(6, 2, 1)), 12
    )
    found = path_products(module, "0", "4")
    second, third = module[2].weight, module[4].weight[:, :, 0, 0]
    products = torch.einsum("miyx,om->omiyx", second, third)  # one path for every unit in between
    assert (found.positive - products.clamp_min(0).sum(1)).abs().max() < EXACT
    assert (found.negative - products.clamp_max(0).sum(1)).abs().max() < EXACT
    assert (found.net - expanded_weights(module, "0", "4")).abs().max() < EXACT
    wanted = 1 - found.net.abs().sum((2, 3)) / products.abs().sum((1, 3, 4))
    assert (found.cancellation - wanted).abs().max() < EXACT


def test_open_gates_count_every_position_of_a_pool() -> None:
    module = with_shape(nn.Sequential(nn.Conv2d(3, 4, 1), nn.MaxPool2d(2), nn.Conv2d(4, 5, 1)), 8)
    average, gates = (path_products(module, "0", "2", pools=pools) for pools in ("average", "gates"))
    assert (gates.magnitude - 4 * average.magnitude).abs().max() < EXACT


class Gated(nn.Module):
    """A squeeze-and-excitation block by hand."""

    input_shape = (3, 16, 16)

    def __init__(self) -> None:
        super().__init__()
        self.first, self.gate, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        return self.last(x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True))))


@pytest.mark.parametrize(
    ("source", "target", "units", "said"),
    [
        ("first", "last", None, "torch.sigmoid in the network has no linear form"),
        ("last", "first", None, "It is the other way round"),
        ("gate", "fist", None, "Did you mean 'first'"),
        ("first", "gate", [4], "gate has no unit 4"),
    ],
)
def test_what_cannot_be_expanded_is_a_message(source: str, target: str, units: list[int] | None, said: str) -> None:
    with pytest.raises(WbsiteError) as refused:
        expanded_weights(Gated(), source, target, units)
    assert said in str(refused.value)


def test_branches_beside_one_another_have_no_path() -> None:
    module = googlenet(init_weights=False)
    module.input_shape = (3, 96, 96)
    with pytest.raises(WbsiteError, match=r"no path from inception3a\.branch1\.conv to inception3a\.branch2\.1\.conv"):
        expanded_weights(module.eval(), "inception3a.branch1.conv", "inception3a.branch2.1.conv")


def test_weights_that_are_not_there_are_a_message() -> None:
    module = with_shape(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)), 8)
    module[1].weight.fill_(torch.nan)
    with pytest.raises(WbsiteError, match="not finite"):
        expanded_weights(module, "0", "1")


def test_a_network_is_recorded_once() -> None:
    module = with_shape(nn.Sequential(nn.Conv2d(3, 4, 3)), 8)
    recorded = Recorded.of(module)
    assert Recorded.of(recorded) is recorded
    with pytest.raises(WbsiteError, match="input size"):
        Recorded.of(nn.Conv2d(3, 4, 3))
