"""Wrong layers, shapes or edges here make every page about a network wrong."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

from wbsite.core.errors import WbsiteError
from wbsite.graph.layers import discover
from wbsite.models.networks.inception_layouts import BVLC
from wbsite.models.networks.inceptionv1 import InceptionV1

Odd = runpy.run_path(str(Path(__file__).parents[1] / "models" / "odd_network.py"))["Odd"]


def test_odd_network_is_described_in_execution_order():
    found = discover(Odd(), (1, 28, 28))
    assert found.names == ("stem.0", "dilated", "depthwise", "row", "grouped", "twice", "after_up", "head")
    assert found.notes == ("twice: fed by itself or by later layers in repeated calls; these inputs are left out.",)
    stem, row = found.named("stem.0"), found.named("row")
    assert (stem.kernel, stem.stride, stem.padding, stem.bias) == ((3, 5), (2, 1), (1, 2), False)
    assert (stem.output_shape, stem.parameters, stem.in_channels) == ((8, 14, 28), 120, 1)
    assert (row.kernel, row.padding, row.spatial, row.planar) == ((1, 7), "same", True, False)
    assert found.named("dilated").dilation == (2, 2)
    depthwise = found.named("depthwise")
    assert (depthwise.groups, depthwise.weight_shape, depthwise.in_channels) == (8, (16, 1, 3, 3), 8)
    assert found.named("after_up").padding == (0, 0)
    assert (found.named("twice").calls, found.named("twice").spatial) == (2, False)
    head = found.named("head")
    assert (head.kind, head.weight_shape, head.output_shape, head.kernel) == ("linear", (7, 24), (7,), (1, 1))


def test_odd_network_edges_follow_additions_concatenations_and_in_place_operations():
    inputs = {layer.name: layer.inputs for layer in discover(Odd(), (1, 28, 28)).layers}
    assert inputs == {
        "stem.0": ("input",),
        "dilated": ("stem.0",),
        "depthwise": ("stem.0", "dilated"),
        "row": ("depthwise",),
        "grouped": ("stem.0", "dilated", "row"),
        "twice": ("grouped",),
        "after_up": ("twice",),
        "head": ("twice", "after_up"),
    }


def test_skipped_layers_are_listed_with_reasons():
    skipped = {s.name: (s.kind, s.reason) for s in discover(Odd(), (1, 28, 28)).skipped}
    assert set(skipped) == {"up", "unused"}
    assert skipped["up"][0] == "ConvTranspose2d"
    assert "transposed" in skipped["up"][1]
    assert "evaluation mode" in skipped["unused"][1]


def test_one_and_three_dimensional_convolutions_are_transparent_and_listed():
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 4, 3)
            self.one = nn.Conv1d(4, 4, 1)
            self.three = nn.Conv3d(4, 4, 1)
            self.last = nn.Conv2d(4, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.first(x)
            y = self.one(x.flatten(2)).view_as(x)
            return self.last(self.three(y.unsqueeze(2)).squeeze(2))

    found = discover(Mixed(), (3, 8, 8))
    assert found.named("last").inputs == ("first",)
    assert [(s.name, s.reason.split(",")[0]) for s in found.skipped] == [
        ("one", "its kernels are 1-dimensional"),
        ("three", "its kernels are 3-dimensional"),
    ]


def test_nothing_of_the_module_or_of_the_random_generator_changes():
    net = Odd().train()
    net.stem[1].eval()
    net.dilated.requires_grad_(False)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    flags = [(m.training, len(m._forward_hooks)) for m in net.modules()]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    discover(net, (1, 28, 28))
    assert torch.equal(torch.rand(3), expected)
    assert flags == [(m.training, len(m._forward_hooks)) for m in net.modules()]
    assert [p.requires_grad for p in net.dilated.parameters()] == [False, False]
    assert all(p.grad is None for p in net.parameters())
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_hooks_and_flags_are_put_back_when_the_forward_pass_fails():
    net = Odd().train()
    with pytest.raises(WbsiteError) as raised:
        discover(net, (3, 28, 28))
    assert "Odd fails on an input of shape (1, 3, 28, 28): RuntimeError" in raised.value.message
    assert "input_shape" in raised.value.hint
    assert net.training
    assert all(not m._forward_hooks for m in net.modules())


def test_frozen_nan_half_precision_and_meta_networks_give_the_same_layers():
    expected = discover(Odd(), (1, 28, 28))
    frozen = Odd().requires_grad_(False)
    for parameter in frozen.parameters():
        parameter.fill_(float("nan"))
    with torch.device("meta"):
        weightless = Odd()
    assert discover(frozen, (1, 28, 28)) == expected
    assert discover(weightless, (1, 28, 28)) == expected
    assert discover(Odd().bfloat16(), (1, 28, 28)) == expected
    trained = Odd()
    with torch.no_grad():
        assert discover(trained, (1, 28, 28)) == expected
    with torch.inference_mode():
        assert discover(trained, (1, 28, 28)) == expected


class Chain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3)


def test_broken_traces_are_said_not_guessed():
    class Cut(Chain):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.c(self.b(torch.from_numpy(self.a(x).detach().numpy())))

    found = discover(Cut(), (3, 9, 9))
    assert [layer.inputs for layer in found.layers] == [("input",), (), ("b",)]
    assert [note.split(":")[0] for note in found.notes] == ["b"]


def test_what_only_training_is_cut_off_from_still_feeds():
    class Frozen(Chain):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = checkpoint(self.b, self.a(x), use_reentrant=True).detach()
            with torch.no_grad():
                return self.c(x)

    found = discover(Frozen(), (3, 9, 9))
    assert ([layer.inputs for layer in found.layers], found.notes) == ([("input",), ("a",), ("b",)], ())


def test_layers_of_constants_feed_but_shapes_and_masks_do_not():
    class Gated(Chain):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.a(x)
            gate = self.b(torch.ones(1, 4, 9, 9))
            return self.c((torch.zeros_like(x) + gate) * (x > 0))

    inputs = {layer.name: layer.inputs for layer in discover(Gated(), (3, 9, 9)).layers}
    assert inputs == {"a": ("input",), "b": (), "c": ("b",)}


def test_networks_that_write_into_their_input_or_mix_it_in_late():
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 4, 3)
            self.fc = nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x.sub_(0.5)
            return self.fc(self.b(x + self.a(x)).flatten(2).transpose(1, 2))

    found = discover(Late(), (3, 9, 9))
    assert found.named("b").inputs == ("input", "a")
    assert (found.named("fc").inputs, found.named("fc").output_shape) == (("b",), (49, 2))


@pytest.mark.parametrize("branches", [1, 2])
def test_the_map_that_a_linear_layer_reads_is_known_after_pooling_and_dropout(branches: int):
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList(nn.Conv2d(1, 4, 3) for _ in range(branches))
            self.pool = nn.AdaptiveMaxPool2d((3, 5))
            self.fc = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(branches * 4 * 15, 8), nn.Linear(8, 2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(self.pool(torch.cat([conv(x) for conv in self.convs], 1)))

    reads = {layer.name: layer.reads for layer in discover(Flat(), (1, 12, 12)).layers}
    assert reads.pop("fc.2") == (4 * branches, 3, 5)
    assert set(reads.values()) == {()}


@pytest.mark.parametrize(
    ("vector", "expected"),
    [
        (lambda x: x.contiguous(memory_format=torch.channels_last).view(1, 4, 36).flatten(1), (4, 6, 6)),
        (lambda x: F.adaptive_avg_pool2d(x, 1)[:, :, 0, 0], (4, 1, 1)),
        (lambda x: F.pad(x, [1] * 4).reshape(1, -1), (4, 8, 8)),
        (lambda x: x.transpose(2, 3).flatten(1), ()),
        (lambda x: x.permute(0, 2, 3, 1).reshape(1, -1), ()),
        (lambda x: x[:, :2].flatten(1), ()),
        (lambda x: x.mean((2, 3)), ()),
        (lambda x: x.flatten(1).softmax(1), ()),
    ],
)
def test_a_map_read_in_another_order_is_none(vector: Callable[[torch.Tensor], torch.Tensor], expected: tuple[int, ...]):
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 4, 3)
            self.fc = nn.Linear(vector(torch.zeros(1, 4, 6, 6)).shape[1], 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.fc(vector(self.conv(x)))

    assert discover(Flat(), (1, 8, 8)).named("fc").reads == expected


def test_parametrised_weights_count_as_the_weights_they_make():
    net = nn.Sequential(parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), nn.ReLU(inplace=True), nn.Conv2d(4, 5, 1))
    first, second = discover(net, (3, 8, 8)).layers
    assert (first.weight_shape, first.parameters, first.inputs) == ((4, 3, 3, 3), 112, ("input",))
    assert second.inputs == ("0",)


@pytest.mark.filterwarnings("ignore:Lazy modules")  # said by older versions of torch
def test_lazy_layers_stay_uninitialised_and_are_listed():
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.Conv2d(4, 2, 1))
    found = discover(net, (3, 8, 8))
    assert found.names == ("1",)
    assert "not initialised" in found.skipped[0].reason
    assert net[0].has_uninitialized_params()


def test_inceptionv1_has_its_57_convolutions_and_branches():
    with torch.device("meta"):
        net = InceptionV1(BVLC)
    found = discover(net, (3, 224, 224))
    assert (len(found.convs), len(found.layers), found.notes, found.skipped) == (57, 58, (), ())
    assert found.names == tuple(name for name, m in net.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear)))
    assert found.named("mixed3b_5x5").inputs == ("mixed3b_5x5_bottleneck",)
    branches = ("1x1", "3x3", "5x5", "pool_reduce")
    assert found.named("mixed3b_1x1").inputs == tuple(f"mixed3a_{branch}" for branch in branches)
    assert found.named("mixed5b_3x3").output_shape == (384, 7, 7)
