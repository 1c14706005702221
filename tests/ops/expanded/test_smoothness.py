"""Smoothness of maps: known values, no favour to size or scale, and a null that keeps all but the kernels' looks."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.graph.depth import depths_below, map_at_depth, named_maps
from wbsite.graph.linear import LinearForm
from wbsite.graph.recording import Recorded
from wbsite.ops.expanded.shuffled_kernels import shuffled
from wbsite.ops.expanded.smoothness import morans_i, unit_balance, unit_smoothness
from wbsite.ops.expanded.weights import Path


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Branches(nn.Module):
    """A stem, a block of a 3×3 branch behind a bottleneck beside a pooled one, and a 5×5 with batch norm."""

    input_shape = (3, 24, 24)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.wide = nn.Conv2d(4, 10, 3, padding=1)
        self.plain = nn.Conv2d(8, 6, 1)
        self.block = nn.Identity()
        self.late = nn.Conv2d(16, 12, 5, padding=2)
        self.norm = nn.BatchNorm2d(12)
        self.last = nn.Conv2d(12, 5, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.stem(x).relu())
        x = self.block(torch.cat([self.wide(self.squeeze(x).relu()).relu(), self.plain(x).relu()], 1))
        return self.last(self.norm(self.late(x)).relu())


LAYERS = ("stem", "squeeze", "wide", "plain", "late", "last")


@pytest.fixture
def network() -> Branches:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return Branches().eval()


@pytest.mark.parametrize("side", [3, 4, 5, 8])
def test_a_linear_gradient_has_its_known_value(side: int) -> None:
    """Along its columns nothing changes, I = 1; along its rows I = (n − 3)/(n − 1)."""
    ramp = torch.arange(float(side)).expand(side, side)
    assert morans_i(ramp).item() == pytest.approx((1 + (side - 3) / (side - 1)) / 2)
    assert morans_i(ramp.T).item() == pytest.approx(morans_i(ramp).item())


@pytest.mark.parametrize("shape", [(3, 3), (4, 4), (5, 3), (4, 7)])
def test_a_checkerboard_is_as_rough_as_can_be(shape: tuple[int, int]) -> None:
    board = (torch.arange(shape[0])[:, None] + torch.arange(shape[1])) % 2
    assert morans_i(board.float()).item() == pytest.approx(-1)


def test_agrees_with_the_definition_written_out() -> None:
    x = normal(4, 6).double()
    d = (x - x.mean()).tolist()
    down = [d[y][c] * d[y + 1][c] for y in range(3) for c in range(6)]
    along = [d[y][c] * d[y][c + 1] for y in range(4) for c in range(5)]
    variance = sum(v * v for row in d for v in row) / 24
    assert morans_i(x).item() == pytest.approx((sum(down) / 18 + sum(along) / 20) / 2 / variance)


def test_scale_and_offset_do_not_matter() -> None:
    x = normal(3, 5, 5).double()
    torch.testing.assert_close(morans_i(-1e-6 * x + 4e-6), morans_i(x))


def test_positions_in_random_order_are_expected_at_minus_one_over_n_minus_one() -> None:
    found = morans_i(normal(20_000, 3, 3))
    assert found.mean().item() == pytest.approx(-1 / 8, abs=0.01)


def test_a_constant_map_is_neither_smooth_nor_rough() -> None:
    assert morans_i(torch.full((2, 4, 4), 0.1)).isnan().all()
    assert math.isnan(unit_smoothness(torch.zeros(1, 3, 4, 4)).item())


def test_channels_count_by_how_much_their_maps_vary() -> None:
    ramp, board = torch.arange(4.0).expand(4, 4), (torch.arange(4)[:, None] + torch.arange(4)) % 2 * 1.0
    maps = torch.stack([10 * ramp, board, torch.full((4, 4), 7.0)])[None]
    energy = [100 * 20.0, 4.0]
    expected = (energy[0] * morans_i(ramp).item() - energy[1]) / sum(energy)
    assert unit_smoothness(maps).item() == pytest.approx(expected)


def test_balance_is_nothing_for_one_sign_and_one_for_opposite_lobes() -> None:
    blob = torch.ones(1, 1, 3, 4)
    lobes = torch.cat([blob, -blob], 3)
    assert unit_balance(-blob).item() == 0
    assert unit_balance(lobes).item() == 1
    assert unit_balance(torch.cat([blob, -0.5 * blob], 3)).item() == pytest.approx(1 - 0.5 / 1.5)
    both = torch.cat([torch.cat([blob, blob], 3), 2 * lobes], 1)
    assert unit_balance(both).item() == pytest.approx(4 / 5), "channels count by their squared norm"
    assert math.isnan(unit_balance(torch.zeros(1, 2, 3, 3)).item())


def test_a_map_too_small_to_have_a_shape_is_refused() -> None:
    with pytest.raises(WbsiteError, match="2, 5"):
        morans_i(torch.zeros(2, 5))


@pytest.mark.parametrize("within", ["kernel", "layer"])
def test_shuffling_keeps_the_weights_and_leaves_the_network_alone(network: Branches, within: str) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    recorded = Recorded.of(network)
    path = Path.between(recorded, "stem", "late")
    other = shuffled(path, torch.Generator().manual_seed(0), within)  # type: ignore[arg-type]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    changed = 0
    for call, was in zip(other.calls, path.calls, strict=True):
        if call.operation != "conv2d":
            continue
        new, old = call.args[1], was.args[1]
        torch.testing.assert_close(new.flatten().sort().values, old.flatten().sort().values, rtol=0, atol=0)
        if within == "kernel":
            torch.testing.assert_close(new.flatten(2).sort(2).values, old.flatten(2).sort(2).values, rtol=0, atol=0)
        changed += not torch.equal(new, old)
    assert changed == (2 if within == "kernel" else 4), "1×1 kernels have no positions to shuffle"
    form = LinearForm(recorded.tape.shapes)
    again = shuffled(path, torch.Generator().manual_seed(0), within)  # type: ignore[arg-type]
    assert torch.equal(other.gradients([0], form), again.gradients([0], form))
    assert not torch.equal(other.gradients([0], form), path.gradients([0], form))
    reweighted = path.backwards(form).reweighted(other.calls)
    assert torch.equal(path.gradients([0], reweighted), other.gradients([0], form))


def test_shuffling_within_kernels_keeps_what_every_kernel_adds_up_to(network: Branches) -> None:
    """So a constant picture has the same effect: only where it comes from is lost."""
    path = Path.between(Recorded.of(network), "stem", "late")
    other = shuffled(path, torch.Generator().manual_seed(3))
    form = LinearForm(path.recorded.tape.shapes)
    sums = [one.gradients(range(12), form).sum((2, 3)) for one in (path, other)]
    torch.testing.assert_close(*sums, rtol=1e-4, atol=1e-6)


def test_steps_count_spatial_convolutions_and_jump_bottlenecks(network: Branches) -> None:
    tape = Recorded.of(network).tape
    away = depths_below(tape, tape.pre_activation("last"))
    found = {name: away[tape.activation(name)] for name in LAYERS}
    assert found == {"stem": 3, "squeeze": 3, "wide": 2, "plain": 2, "late": 1, "last": 0}


def test_the_source_is_the_widest_map_and_no_pooled_one(network: Branches) -> None:
    """Two back lies the whole block and not one of its branches; three back the layer before the pool."""
    tape = Recorded.of(network).tape
    away, maps = depths_below(tape, tape.pre_activation("last")), named_maps(tape, LAYERS)
    assert [map_at_depth(maps, away, steps) for steps in (1, 2, 3, 4)] == ["late", "block", "stem", None]
