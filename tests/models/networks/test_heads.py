"""A head that sees positions it should not, or misses some, would answer another question than the experiment asks."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from wbsite.models import load
from wbsite.models.networks import heads
from wbsite.models.networks.simplified import Simplified, SpatialFiLM

WIDTHS = ((8,), (8,), (12, 12))
HEADS = {
    "fully connected": heads.FullyConnected,
    "x pool": heads.AxisPool,
    "y pool": partial(heads.AxisPool, axis="y"),
    "both axes": heads.BothAxes,
    "3 masks": heads.SpatialMasks,
    "16 masks": partial(heads.SpatialMasks, masks=16),
    "attention": heads.AttentionPool,
    "multi-head": heads.MultiHeadAttentionPool,
    "position and channel": heads.PositionChannelMask,
    "3 sigmoid masks": heads.GroupedSigmoidMasks,
    "5 sigmoid masks": partial(heads.GroupedSigmoidMasks, groups=5),
    "16 sigmoid masks": partial(heads.GroupedSigmoidMasks, groups=16),
    "group heads": heads.GroupHeads,
    "max pool": heads.MaxPoolWide,
}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def maps(channels: int = 48, side: int = 8) -> torch.Tensor:
    return torch.randn(3, channels, side, side).relu()


def trained_a_little(module: nn.Module) -> nn.Module:
    """Away from the start, where masks are still flat."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return module.eval()


@pytest.mark.parametrize("name", HEADS)
def test_every_head_gives_logits_and_trains_all_it_has(name):
    head = HEADS[name](48, 8, 7)
    x = maps().to(memory_format=torch.channels_last)
    logits = head(x)
    assert logits.shape == (3, 7)
    nn.functional.cross_entropy(logits, torch.tensor([0, 3, 6])).backward()
    for parameter_name, parameter in head.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 1e-7, parameter_name
    assert sum(p.numel() for p in head.parameters()) < 200_000
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.allclose(head(x.bfloat16()).float(), logits, atol=0.1)


@pytest.mark.parametrize("name", HEADS)
def test_memory_layout_does_not_change_logits(name):
    head = trained_a_little(HEADS[name](48, 8, 7))
    x = maps()
    assert torch.allclose(head(x), head(x.to(memory_format=torch.channels_last)), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "columns", "rows", "positions"),
    [
        ("pooling", True, True, True),
        ("max pool", True, True, True),
        ("fully connected", False, False, False),
        ("x pool", True, False, False),
        ("y pool", False, True, False),
        ("both axes", False, False, False),
        ("3 masks", False, False, False),
        ("attention", False, False, False),
        ("multi-head", False, False, False),
        ("position and channel", False, False, False),
        ("3 sigmoid masks", False, False, False),
        ("group heads", False, False, False),
    ],
)
def test_heads_are_blind_to_what_they_pool_and_to_nothing_else(name, columns, rows, positions):
    """Invariance to one order of all columns, to one of all rows, and to any order of positions."""
    classify = Simplified(((48,),), 0, 7).classify if name == "pooling" else trained_a_little(HEADS[name](48, 8, 7))
    x = maps()
    order = torch.randperm(8)
    shuffled = x.flatten(2)[:, :, torch.randperm(64)].view_as(x)
    for moved, blind in ((x[..., order], columns), (x[:, :, order], rows), (shuffled, positions)):
        assert torch.allclose(classify(moved), classify(x), atol=1e-4) == blind


def test_both_axes_forget_where_a_row_and_a_column_meet():
    """Two maps with the same row and column means but different pictures must look the same."""
    head = heads.BothAxes(2, 4, 5)
    one, other = torch.zeros(2, 1, 2, 4, 4)
    one[..., 0, 0] = one[..., 2, 3] = 1
    other[..., 0, 3] = other[..., 2, 0] = 1
    assert torch.allclose(head(one), head(other), atol=1e-6)


def test_masks_start_as_global_average_pooling():
    x = maps()
    plain = heads.PositionChannelMask(48, 8, 7)
    assert torch.allclose(plain(x), plain.fc(x.mean((2, 3))), atol=1e-5)


def test_group_masks_belong_to_balanced_contiguous_groups():
    head = heads.GroupedSigmoidMasks(48, 8, 7, groups=5)
    assert head.group.bincount().tolist() == [10, 10, 9, 10, 9]
    assert head.group.diff().min() >= 0
    assert "group" not in head.state_dict()


def test_group_heads_read_their_own_group_alone():
    head = heads.GroupHeads(8, 4, 7, groups=4, width=3).eval()
    hidden: list[torch.Tensor] = []
    head.norm.register_forward_pre_hook(lambda _, inputs: hidden.append(inputs[0]))
    x = maps(8, 4)
    head(x)
    x[:, 2:4] = 0  # the second group's channels
    head(x)
    changed = (hidden[0] != hidden[1]).any(0)
    assert changed.tolist() == [False] * 3 + [True] * 3 + [False] * 6


def test_coordinates_are_two_more_inputs_after_the_units():
    network = Simplified(WIDTHS, 2, 5, size=32, coordinates=("2a", "2b"))
    assert [network.get_submodule(n).in_channels for n in ("1a", "2a", "2b")] == [8, 10, 14]
    seen: list[torch.Tensor] = []
    network.get_submodule("2b").register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(torch.randn(3, 3, 32, 32).to(memory_format=torch.channels_last))
    assert seen[0].shape == (3, 14, 8, 8)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    line = torch.linspace(-1, 1, 8)
    for picture in seen[0]:
        assert torch.allclose(picture[12], line.expand(8, 8), atol=1e-6)
        assert torch.allclose(picture[13], line[:, None].expand(8, 8), atol=1e-6)


def test_film_starts_as_the_identity_and_learns_position():
    film = SpatialFiLM(12)
    x = torch.randn(2, 12, 8, 8)
    assert torch.equal(film(x), x)
    trained_a_little(film)
    gain = film(torch.ones(1, 12, 8, 8)) - film(torch.zeros(1, 12, 8, 8))
    assert gain.std(2).min() > 0 and gain.std(3).min() > 0  # by row and by column
    for parameter in film.parameters():
        parameter.grad = None
    film(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in film.parameters())


def test_film_changes_nothing_at_the_start_of_a_training():
    x = torch.randn(2, 3, 32, 32)
    torch.manual_seed(1)
    plain = Simplified(WIDTHS, 2, 5)
    torch.manual_seed(1)
    modulated = Simplified(WIDTHS, 2, 5, film=("2a", "2b"))
    assert set(modulated.state_dict()) - set(plain.state_dict()) == {
        f"{layer}_film.{part}.{kind}"
        for layer in ("2a", "2b")
        for part in ("hidden", "out")
        for kind in ("weight", "bias")
    }
    assert torch.equal(plain(x), modulated(x))


@pytest.mark.parametrize(("size", "pools", "kernel"), [(32, 2, 3), (32, 1, 5), (64, 2, 7), (30, 2, 1)])
def test_heads_fit_the_last_map(size, pools, kernel):
    network = Simplified(WIDTHS, pools, 5, size=size, kernel=kernel, head=heads.FullyConnected)
    assert network.head.fc.in_features == 12 * (size // 2**pools) ** 2
    assert network.get_submodule("0a").kernel_size == (7, 7)
    assert network.get_submodule("2b").kernel_size == (kernel, kernel)
    assert network(torch.randn(2, 3, size, size)).shape == (2, 5)
    assert not any(name.startswith("fc.") for name in network.state_dict())


def test_default_network_is_the_one_that_checkpoints_were_written_of():
    network = Simplified(WIDTHS, 2, 10)
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names = [n for a in ("0a", "1a", "2a", "2b") for n in (f"{a}.weight", *(f"{a}_norm.{part}" for part in norm))]
    assert list(network.state_dict()) == [*names, "fc.weight", "fc.bias"]
    # The reference is the network before it had options, written out.
    torch.manual_seed(3)
    network = Simplified(WIDTHS, 2, 10).eval()
    torch.manual_seed(3)
    convolutions = [
        nn.Conv2d(i, o, k, padding=k // 2, bias=False) for i, o, k in ((3, 8, 7), (8, 8, 5), (8, 12, 5), (12, 12, 5))
    ]
    fc = nn.Linear(12, 10)
    x = y = torch.randn(2, 3, 32, 32)
    norms = [network.get_submodule(f"{name}_norm") for name in ("0a", "1a", "2a", "2b")]
    for i, (convolution, norm_) in enumerate(zip(convolutions, norms, strict=True)):
        y = torch.relu(norm_(convolution(y)))
        if i < 2:
            y = network.pool(y)
    assert torch.equal(network(x), fc(y.mean((2, 3))))


def test_bundled_checkpoint_still_loads():
    assert load("simplified_32").module(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Simplified(WIDTHS, 3, 5), "pools must lie in 0…2"),
        (lambda: Simplified(WIDTHS, 2, 5, size=3), "size must be at least 4"),
        (lambda: Simplified(WIDTHS, 2, 5, kernel=4), "kernel must be odd"),
        (lambda: Simplified(WIDTHS, 2, 5, coordinates=("5a",)), "coordinates names unknown layers"),
        (lambda: Simplified(WIDTHS, 2, 5, film=("2c",)), "film names unknown layers"),
        (lambda: heads.AxisPool(8, 4, 5, axis="z"), "axis must be"),
        (lambda: heads.SpatialMasks(8, 4, 5, masks=0), "masks must be"),
        (lambda: heads.GroupedSigmoidMasks(8, 4, 5, groups=9), "groups must lie in 1…8"),
        (lambda: heads.GroupHeads(8, 4, 5, groups=16), "groups must divide"),
        (lambda: heads.MultiHeadAttentionPool(10, 4, 5), "heads must divide"),
    ],
)
def test_networks_that_cannot_be_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
