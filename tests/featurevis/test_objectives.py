"""A picture of the wrong unit, position or sign looks as convincing as one of the right."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.featurevis import Target, variants
from wbsite.featurevis.objectives import locate, pooled, readouts
from wbsite.graph.recording import record
from wbsite.models.base import LoadedModel

DIRECTION = (1.0, -2.0, 0.0, 0.5, 0.0, 3.0)
TARGETS = (
    Target("left", 2),
    Target("left", 2, sign=-1),
    Target("left", direction=DIRECTION),
    Target("left", 4, position="centre"),
    Target("left", direction=DIRECTION, position=(1, 3), sign=-1),
)


@pytest.fixture(scope="module")
def batch(small: LoadedModel) -> tuple[LoadedModel, torch.Tensor, torch.Tensor]:
    """The network, a batch, and the pre-activation of `left` for it, computed by its modules."""
    net, x = small.module, torch.randn(5, 3, 24, 24, generator=torch.Generator().manual_seed(2))
    below = F.max_pool2d(F.local_response_norm(net.first(x).relu(), 5), 2)
    return small, x, net.left_norm(net.left(below))


def test_each_row_of_a_batch_is_read_for_its_own_target(batch, cpu) -> None:
    model, x, left = batch
    tape = record(model.module, (3, 24, 24))
    (read,) = readouts(tape, TARGETS, cpu)
    values = tape.program([read.value])(x)
    along = torch.einsum("c,bchw->bhw", F.normalize(torch.tensor(DIRECTION), dim=0), left)
    expected = [left[0, 2].max(), (-left[1, 2]).max(), along[2].max(), left[3, 4, 6, 6], -along[4, 1, 3]]
    torch.testing.assert_close(read.strongest(values), torch.stack(expected), atol=1e-4, rtol=1e-4)
    means = [left[0, 2].mean(), -left[1, 2].mean(), along[2].mean(), left[3, 4, 6, 6], -along[4, 1, 3]]
    torch.testing.assert_close(read.scores(values, 0.0), torch.stack(means), atol=1e-4, rtol=1e-4)
    everyone = read.strongest_of_all(values)
    torch.testing.assert_close(everyone.diagonal(), torch.stack(expected), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(everyone[3], left[:, 4, 6, 6], atol=1e-4, rtol=1e-4)


def test_layers_of_one_batch_are_read_side_by_side(small: LoadedModel, cpu: torch.device) -> None:
    tape = record(small.module, (3, 24, 24))
    found = readouts(tape, (Target("left", 1), Target("fc", 3), Target("left", 0)), cpu)
    assert [(read.rows.tolist(), [t.channel for t in read.targets]) for read in found] == [([0, 2], [1, 0]), ([1], [3])]
    values = tape.program([read.value for read in found])(torch.randn(3, 3, 24, 24))
    assert found[1].scores(values, 0.5).item() == pytest.approx(values[found[1].value][1, 3].item())


def test_the_input_side_is_what_feeds_the_layer(small: LoadedModel) -> None:
    tape = record(small.module, (3, 24, 24))
    joined, _ = locate(tape, Target("deep", direction=(1.0,) * 10, side="input"))
    assert tape.shapes[joined][1] == 10
    assert joined not in (tape.pre_activation("deep"), tape.pre_activation("left"))


def test_a_unit_of_a_block_is_read_before_the_rectifier_of_its_own_layer() -> None:
    """Behind it, a start that leaves the unit silent has no gradient."""
    branches = nn.ModuleDict({"a": nn.Conv2d(3, 4, 1), "b": nn.Sequential(nn.Conv2d(3, 5, 1), nn.BatchNorm2d(5))})

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branches, self.dropout, self.after = branches, nn.Dropout(), nn.Conv2d(9, 9, 1)
            self.block, self.residual = nn.Identity(), nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            joined = torch.cat([branch(x).relu() for branch in self.branches.values()], dim=1)
            joined = self.block(self.dropout(joined))
            return self.residual((joined + self.after(joined)).relu())

    tape = record(Block(), (3, 8, 8))
    assert locate(tape, Target("block", 2)) == (tape.pre_activation("branches.a"), 2)
    assert locate(tape, Target("block", 6)) == (tape.pre_activation("branches.b.0"), 2)
    value, channel = locate(tape, Target("residual", 6))
    assert (tape.makers[value].operation, channel) == ("add", 6)


def test_a_margin_does_not_count(small: LoadedModel, cpu: torch.device) -> None:
    tape = record(small.module, (3, 24, 24))
    (read,) = readouts(tape, (Target("first", 0),), cpu)
    x = tape.program([read.value])(torch.randn(1, 3, 24, 24))
    expected = x[read.value][0, 0, 2:-2, 2:-2].mean()
    assert read.scores(x, 0.0, margin=0.1).item() == pytest.approx(expected.item(), abs=1e-6)


def test_pooling_goes_from_the_mean_to_the_strongest() -> None:
    responses = torch.randn(4, 50, generator=torch.Generator().manual_seed(0))
    rising = [pooled(responses, focus) for focus in (0.0, 0.5, 2.0, 200.0)]
    torch.testing.assert_close(rising[0], responses.mean(1))
    for lower, higher in itertools.pairwise(rising):
        assert (lower < higher).all()
    assert (rising[-1] >= responses.topk(3, 1).values.mean(1)).all()
    same = torch.ones(1, 9)
    torch.testing.assert_close(pooled(same, 1.0), torch.ones(1))


def test_no_position_takes_all() -> None:
    """Or a picture of a shallow unit is one bright spot on grey."""
    responses = torch.zeros(1, 2000)
    responses[0, :20], responses[0, 0] = 1, 1000
    (weights,) = torch.autograd.grad(pooled(responses.requires_grad_(), 1.0).sum(), responses)
    assert weights[0, 0] < 0.01


def test_variants_that_look_alike_are_repelled(small: LoadedModel, cpu: torch.device) -> None:
    tape = record(small.module, (3, 24, 24))
    (read,) = readouts(tape, (*variants(Target("left", 1), 2), Target("left", 2)), cpu)
    one = torch.randn(3, 24, 24, generator=torch.Generator().manual_seed(0))
    other = torch.linspace(-2, 2, 24).expand(3, 24, 24)
    alike = read.repulsion(tape.program([read.value])(torch.stack((one, one, one))))
    different = read.repulsion(tape.program([read.value])(torch.stack((one, other, one))))
    torch.testing.assert_close(alike, torch.tensor([1.0, 1.0, 0.0]), atol=1e-5, rtol=0)
    assert (different[:2] < 0.95).all()
    assert different[2] == 0


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target("lef", 0), "unknown layer or module 'lef'.\nDid you mean 'left'"),
        (Target("left", 6), "left has no unit 6: it has 6.\nGive 0 to 5."),
        (Target("left", -1), "no unit -1"),
        (
            Target("left", direction=(1.0, 2.0)),
            "direction of 2 numbers was given for left, whose output has 6 channels",
        ),
    ],
)
def test_what_is_not_there_is_refused_by_name(small: LoadedModel, target: Target, said: str) -> None:
    with pytest.raises(WbsiteError) as error:
        locate(record(small.module, (3, 24, 24)), target)
    assert said in str(error.value)


def test_a_position_outside_the_map_is_refused(small: LoadedModel, cpu: torch.device) -> None:
    tape = record(small.module, (3, 24, 24))
    (read,) = readouts(tape, (replace(Target("left", 0), position=(12, 0)),), cpu)
    with pytest.raises(WbsiteError, match="12 × 12"):
        read.scores(tape.program([read.value])(torch.zeros(1, 3, 24, 24)), 0.0)


def test_a_target_is_a_channel_or_a_direction() -> None:
    for wrong in ({}, {"channel": 1, "direction": (1.0,)}, {"channel": 1, "sign": 0}):
        with pytest.raises(WbsiteError):
            Target("left", **wrong)
