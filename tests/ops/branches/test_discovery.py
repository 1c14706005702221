"""Branches of published architectures as their papers count them, and of made-up ones whose branches are known.

A unit put into the wrong branch makes every statement about that branch's specialization wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from wbsite.graph.recording import Recorded, record
from wbsite.models.networks import alexnet, torchvision_cnns
from wbsite.models.networks.inception_layouts import BVLC
from wbsite.models.networks.inceptionv1 import InceptionV1
from wbsite.ops.branches.discovery import Branches, branches
from wbsite.ops.branches.groups import Group, Member


def found_in(module: nn.Module, side: int = 32) -> Branches:
    """The branches of a network of pictures with `side` pixels; weights may be on the meta device."""
    recorded = Recorded(module, record(module, (3, side, side)), (3, side, side))
    kinds = (nn.Conv2d, nn.Linear)
    return branches(recorded, [name for name, part in module.named_modules() if isinstance(part, kinds)])


def published(build: Callable[[], nn.Module], side: int = 224) -> Branches:
    """Of a network whose weights need not exist."""
    with torch.device("meta"):
        module = build()
    return found_in(module, side)


def torchvision(name: str, side: int = 224) -> Branches:
    return published(lambda: torchvision_cnns.build(name), side)


def units(group: Group) -> list[int]:
    return [branch.units for branch in group.branches]


# Szegedy et al. 2015, "Going deeper with convolutions", table 1: #1×1, #3×3, #5×5, pool proj.
INCEPTION_V1 = {
    "3a": [64, 128, 32, 32],
    "3b": [128, 192, 96, 64],
    "4a": [192, 208, 48, 64],
    "4b": [160, 224, 64, 64],
    "4c": [128, 256, 64, 64],
    "4d": [112, 288, 64, 64],
    "4e": [256, 320, 128, 128],
    "5a": [256, 320, 128, 128],
    "5b": [384, 384, 128, 128],
}


@pytest.mark.parametrize(
    ("build", "block", "kernels"),
    [
        (lambda: InceptionV1(BVLC), "mixed", [1, 3, 5, 3]),
        (lambda: torchvision_cnns.build("googlenet"), "inception", [1, 3, 3, 3]),  # its "5×5" branch is 3×3
    ],
)
def test_inceptionv1_has_nine_blocks_of_four_branches(
    build: Callable[[], nn.Module], block: str, kernels: list[int]
) -> None:
    found = published(build)
    assert {group.name.removeprefix(block): units(group) for group in found.groups} == INCEPTION_V1
    for group in found.groups:
        assert group.kind == "concat"
        assert [branch.kernel for branch in group.branches] == kernels
        assert [branch.depth for branch in group.branches] == [1, 2, 2, 1], "with their bottlenecks"
    assert not found.passed_over


def test_inceptionv1s_branches_are_called_by_their_layers() -> None:
    group = published(lambda: InceptionV1(BVLC)).groups[0]
    assert [branch.name for branch in group.branches] == [
        "mixed3a_1x1", "mixed3a_3x3", "mixed3a_5x5", "mixed3a_pool_reduce",
    ]  # fmt: skip
    assert group.branches[2].members == (Member("mixed3a_5x5", 0, 32),)
    assert sum(node.kind == "pool" for node in group.graph.nodes) == 1
    named = {node.id: node.label for node in group.graph.nodes}
    edges = {(named[a], named[b]) for a, b in group.graph.edges}
    assert ("conv2d2", "mixed3a_5x5_bottleneck") in edges
    assert ("mixed3a_5x5_bottleneck", "mixed3a_5x5") in edges


def test_alexnet_is_two_towers_through_all_its_convolutions() -> None:
    """Krizhevsky et al. 2012, figure 2: 48, 128, 192, 192 and 128 kernels on each GPU."""
    found = published(alexnet.imagenet, 227)
    assert [(group.name, units(group)) for group in found.groups] == [
        (f"conv{i}", [width, width]) for i, width in enumerate((48, 128, 192, 192, 128), 1)
    ]
    assert [group.kind for group in found.groups] == ["towers", "groups", "towers", "groups", "groups"]
    assert [branch.kernel for group in found.groups for branch in group.branches] == [11, 11, 5, 5, *[3] * 6]
    assert found.groups[0].branches[1].members == (Member("conv1", 48, 96),)
    graph = found.groups[0].graph
    at = {node.id: (node.label, node.branch) for node in graph.nodes}
    crossing = {(at[a][0], at[b][0]) for a, b in graph.edges if at[a][1] != at[b][1] and at[a][1] and at[b][1]}
    assert crossing == {("conv2", "conv3")}, "the towers talk at conv3 alone"


def test_inception_v3_has_eleven_blocks_of_five_kinds() -> None:
    """Szegedy et al. 2016, "Rethinking the Inception architecture", table 1 and figures 5, 6, 7: three blocks on
    35×35 positions, four on 17×17, two on 8×8, four branches each, and two blocks that make maps smaller. The last two
    expand their 3×3 branches into 1×3 beside 3×1: each such split is a group inside a branch."""
    found = torchvision("inception_v3", 299)
    outer = {group.name: group for group in found.groups if group.name.count(".") == 0}
    inner = {group.name: units(group) for group in found.groups if group.name.count(".")}
    assert {name: len(group.branches) for name, group in outer.items()} == {
        "Mixed_5b": 4, "Mixed_5c": 4, "Mixed_5d": 4, "Mixed_6a": 3, "Mixed_6b": 4, "Mixed_6c": 4, "Mixed_6d": 4,
        "Mixed_6e": 4, "Mixed_7a": 3, "Mixed_7b": 4, "Mixed_7c": 4,
    }  # fmt: skip
    assert units(outer["Mixed_7b"]) == [320, 768, 768, 192]
    assert [branch.depth for branch in outer["Mixed_7b"].branches] == [1, 3, 4, 1]
    assert [member.layer for member in outer["Mixed_7b"].branches[1].members] == [
        "Mixed_7b.branch3x3_2a.conv", "Mixed_7b.branch3x3_2b.conv",
    ]  # fmt: skip
    assert inner == {f"Mixed_7{b}.branch3x3{kind}": [384, 384] for b in "bc" for kind in ("", "dbl")}
    pool = outer["Mixed_6a"].branches[2]
    assert (pool.name, pool.units, pool.depth) == ("pool", 288, 0), "passes on the block before"
    assert outer["Mixed_6b"].branches[1].kernel == 7
    assert not found.passed_over, "the picture's colours, taken apart and joined again, are no branches"


def test_squeezenet_has_eight_fire_modules_of_two_branches() -> None:
    """Iandola et al. 2016, table 1: expand filters, half of them 1×1 and half 3×3."""
    found = torchvision("squeezenet1_1")
    assert [units(group) for group in found.groups] == [[n, n] for n in (64, 64, 128, 128, 192, 192, 256, 256)]
    assert {tuple(branch.kernel for branch in group.branches) for group in found.groups} == {(1, 3)}
    assert found.groups[0].name == "features.3"


@pytest.mark.parametrize(
    ("name", "blocks", "width", "depth"),
    [("resnet50", (3, 4, 6, 3), 64, 3), ("resnet152", (3, 8, 36, 3), 64, 3), ("resnet18", (2, 2, 2, 2), 64, 2)],
)
def test_resnets_have_four_stages(name: str, blocks: Sequence[int], width: int, depth: int) -> None:
    """He et al. 2016, "Deep residual learning", table 1."""
    found = torchvision(name)
    assert [(group.name, group.kind) for group in found.groups] == [(f"layer{i}", "residual") for i in range(1, 5)]
    assert [len(group.branches) for group in found.groups] == list(blocks)
    for i, group in enumerate(found.groups):
        assert {branch.units for branch in group.branches} == {width * 2**i}
        assert {(branch.kernel, branch.depth) for branch in group.branches} == {(3, depth)}
    inside = "conv2" if depth == 3 else "conv1"
    assert found.groups[1].branches[1].members == (Member(f"layer2.1.{inside}", 0, 2 * width),)


def test_resnext_has_32_groups_in_each_of_its_16_blocks() -> None:
    """Xie et al. 2017, table 1: 32 groups, 4 units wide in the first stage, twice as wide in each next."""
    found = torchvision("resnext50_32x4d")
    by_kind = {
        kind: [group for group in found.groups if group.kind == kind] for kind in ("groups", "towers", "residual")
    }
    widths = [4] * 3 + [8] * 4 + [16] * 6 + [32] * 3
    assert [units(group) for group in by_kind["groups"]] == [[width] * 32 for width in widths]
    assert [units(group) for group in by_kind["towers"]] == [[width] * 32 for width in widths], "what the groups read"
    assert [len(group.branches) for group in by_kind["residual"]] == [3, 4, 6, 3]
    assert len(found.groups) == 36
    assert max(len(group.graph.nodes) for group in found.groups) < 40, "alike branches are not all drawn"


def test_densenets_blocks_are_their_layers_and_what_these_began_with() -> None:
    """Huang et al. 2017, table 1: 6, 12, 24 and 16 layers; growth rate 32; transitions halve the width."""
    found = torchvision("densenet121")
    assert [(group.name, group.kind) for group in found.groups] == [
        (f"features.denseblock{i}", "dense") for i in range(1, 5)
    ]
    expected = zip((64, 128, 256, 512), (6, 12, 24, 16), strict=True)
    assert [units(group) for group in found.groups] == [[start, *[32] * layers] for start, layers in expected]
    assert [(b.name, b.kernel, b.depth) for b in found.groups[0].branches[:2]] == [
        ("input", 1, 0), ("features.denseblock1.denselayer1", 3, 2),
    ]  # fmt: skip


def test_transformers_and_plain_chains_have_none_and_say_what_was_passed_over() -> None:
    assert torchvision("vgg11") == Branches((), ())
    for name in ("swin_t", "convnext_tiny"):
        found = torchvision(name)
        assert not found.groups
        assert "rectified convolution" in found.passed_over[0]


def test_a_shuffle_ends_what_can_be_followed() -> None:
    found = torchvision("shufflenet_v2_x0_5")
    assert [group.name for group in found.groups] == ["stage2.0", "stage3.0", "stage4.0"], "where both halves are new"
    assert "stage2.1, stage2.2, stage2.3 and 10 more" in found.passed_over[0]


def test_gates_and_depthwise_convolutions_are_no_branches() -> None:
    """Sandler et al. 2018, table 2: of n repeated blocks the first adds nothing."""
    found = torchvision("mobilenet_v2")
    assert {group.kind for group in found.groups} == {"residual"}
    assert [len(group.branches) for group in found.groups] == [2, 3, 2, 2], "a stage of one addition is no group"
    assert found.groups[0].branches[0].members == (Member("features.5.conv.1.0", 0, 192),)
    assert {branch.depth for group in torchvision("efficientnet_b0").groups for branch in group.branches} == {3}


class Made(nn.Module):
    """Convolutions a, b, c, d of the picture (4, 6, 8, 4 units; kernels 1, 3, 5, 3) and further ones."""

    def __init__(self, forward: Callable[[Made, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 6, 3, padding=1)
        self.c, self.d = nn.Conv2d(3, 8, 5, padding=2), nn.Conv2d(3, 4, 3, padding=1)
        self.next, self.other = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.grouped, self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.Conv2d(8, 8, 3, groups=8)
        self.mix, self.fc = nn.Conv2d(8, 5, 1), nn.Linear(4, 2)
        self._forward = forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._forward(self, x)


def made(forward: Callable[[Made, torch.Tensor], torch.Tensor]) -> list[tuple[str, list[tuple[Member, ...]]]]:
    """Kind and members of the groups of a made-up network."""
    found = found_in(Made(forward))
    return [(group.kind, [branch.members for branch in group.branches]) for group in found.groups]


A, B, D = (Member("a", 0, 4),), (Member("b", 0, 6),), (Member("d", 0, 4),)
HALVES = [(Member("c", 0, 4),), (Member("c", 4, 8),)]


def in_halves(m: Made, x: torch.Tensor) -> torch.Tensor:
    one, two = m.c(x).relu().chunk(2, 1)
    return m.mix(torch.cat((m.next(F.max_pool2d(one, 2)).relu(), m.other(F.max_pool2d(two, 2)).relu()), 1))


def halves_that_mix(m: Made, x: torch.Tensor) -> torch.Tensor:
    x = m.c(x).relu()
    return m.grouped(x) + m.mix(x).mean(1, keepdim=True)


def test_two_towers_of_one_convolution_are_found_by_who_reads_them() -> None:
    joined = ("concat", [(Member("next", 0, 4),), (Member("other", 0, 4),)])
    assert made(in_halves) == [("towers", HALVES), joined]
    groups = ("groups", [(Member("grouped", 0, 4),), (Member("grouped", 4, 8),)])
    assert made(lambda m, x: m.grouped(F.avg_pool2d(m.c(x).relu(), 2))) == [("towers", HALVES), groups]
    assert made(halves_that_mix) == [groups], "where another layer reads all units there are no towers"
    assert made(lambda m, x: m.grouped(F.channel_shuffle(m.c(x), 2))) == [groups], "nor behind a shuffle"
    assert made(lambda m, x: m.grouped(m.c(x) * m.c(x).mean((2, 3), keepdim=True))) == [groups], "nor behind a gate"


def test_separate_networks_side_by_side_are_two_branches() -> None:
    assert made(lambda m, x: torch.cat((m.next(m.a(x).relu()), m.b(x).relu()), 1)) == [
        ("concat", [(Member("next", 0, 4),), B])
    ]


def test_parts_that_bring_no_units_of_their_own_are_no_branches() -> None:
    assert made(lambda m, x: m.next(m.a(x).relu())) == []
    assert made(lambda m, x: torch.cat((m.a(x), m.a.weight.new_zeros(1, 2, 32, 32)), 1)) == [], "a constant"

    def twice(m: Made, x: torch.Tensor) -> torch.Tensor:
        x = m.a(x).relu()
        return m.mix(torch.cat((x, x), 1))

    assert made(twice) == []
    assert made(lambda m, x: torch.cat((m.a(x), m.d(x)), 2)) == [], "one above the other"
    assert made(lambda m, x: m.depthwise(m.c(x))) == [], "a group of one channel is no branch"


def test_three_added_paths_are_three_branches_if_they_are_rectified() -> None:
    assert made(lambda m, x: m.a(x).relu() + m.d(x).relu() + m.next(m.a(x)).relu()) == [
        ("residual", [A, D, (Member("next", 0, 4),)])
    ]
    found = found_in(Made(lambda m, x: m.a(x) + m.d(x) + m.next(m.a(x))))
    assert not found.groups
    assert found.passed_over


def growing(m: Made, x: torch.Tensor) -> torch.Tensor:
    x = m.a(x)
    x = torch.cat((x, m.next(x.relu())), 1)
    return torch.cat((x, m.grouped(x.relu())), 1)


def test_a_dense_block_is_found_however_its_growth_is_written() -> None:
    grown = made(growing)
    assert ("groups", [(Member("grouped", 0, 4),), (Member("grouped", 4, 8),)]) in grown
    assert ("dense", [A, (Member("next", 0, 4),), (Member("grouped", 0, 8),)]) in grown
    assert len([kind for kind, _ in grown if kind == "dense"]) == 1


def test_what_torch_does_not_see_is_no_crash() -> None:
    attention = found_in(Made(lambda m, x: m.c(x).flatten(2).softmax(1) @ m.c(x).flatten(2).transpose(1, 2)))
    assert not attention.groups
    left = found_in(Made(lambda m, x: torch.cat((m.a(x), m.a(torch.from_numpy(x.detach().numpy()) + 1)), 1)))
    assert not left.groups
