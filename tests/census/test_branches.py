"""What the census says of branches: that units were sorted into them where they were, and why some cannot be shown."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from wbsite.census import branches
from wbsite.census.branches import Row, branch_rows, copy_seeds, multiply_adds
from wbsite.featurevis.presentation import smallest_canvas
from wbsite.graph.layers import discover
from wbsite.graph.recording import Recorded
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess

CHANNELS = 8
"""Units of each kind, and of each path."""


class Paths(nn.Module):
    """Filters in black and white and filters in colour, and two paths that read them all."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 2 * CHANNELS, 5, padding=2)
        self.one, self.other = (nn.Conv2d(2 * CHANNELS, CHANNELS, 1) for _ in range(2))
        self.answer = nn.Linear(2 * CHANNELS, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x).relu()
        x = torch.cat([self.one(x), self.other(x)], 1).relu()
        return self.answer(x.mean((2, 3)))


class Plain(nn.Module):
    """No branches."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x).relu())


def sorted_paths() -> nn.Module:
    """One path reads filters in black and white alone, the other those in colour."""
    torch.manual_seed(0)
    module = Paths()
    with torch.no_grad():
        pattern = torch.randn(2 * CHANNELS, 1, 5, 5)
        grey = torch.ones(1, 3, 1, 1)
        colour = torch.tensor([1.0, -1.0, 0.0]).view(1, 3, 1, 1)
        module.first.weight[:CHANNELS] = pattern[:CHANNELS] * grey
        module.first.weight[CHANNELS:] = pattern[CHANNELS:] * colour
        module.first.bias.zero_()
        for path, reads in ((module.one, slice(CHANNELS)), (module.other, slice(CHANNELS, None))):
            path.bias.zero_()
            path.weight.zero_()
            path.weight[:, reads] = torch.rand(CHANNELS, CHANNELS, 1, 1)
    return module


def rows(module: nn.Module, task: str = "faces", channels: int = 3) -> tuple[list[Row], list[Row]]:
    module = module.eval().requires_grad_(False)
    normalisation = (0.5,) * channels
    preprocess = Preprocess(crop=24, mean=normalisation, std=normalisation)
    spec = ModelSpec("paths", "made", "Paths", type(module), preprocess)
    return branch_rows(task, LoadedModel(module, spec, "0" * 64), discover(module, spec.input_shape))


def test_where_units_were_sorted_the_branch_tells_and_in_copies_it_does_not() -> None:
    (group,), tests = rows(sorted_paths())
    assert (group["kind"], group["branches"], group["units"], group["reason"]) == ("concat", 2, 2 * CHANNELS, "")
    assert group["trained"] > 0.3
    assert group["p"] < 0.01
    assert len(group["copies"]) == branches.COPIES
    assert max(group["copies"]) < group["trained"] / 2
    colour = {row["branch"]: row for row in tests if row["property"] == "colour" and row["test"] == "index"}
    assert {row["effect"] for row in colour.values()} == {0, 1}, "all units of one path lie above all of the other"
    assert max(row["q"] for row in colour.values()) < 0.05
    for row in tests:
        assert row["q"] is None or row["q"] >= row["p"]


def test_where_nothing_was_sorted_the_branch_tells_nothing() -> None:
    torch.manual_seed(0)
    (group,), _ = rows(Paths())
    assert abs(group["trained"]) < 0.15
    assert group["p"] > 0.05


def test_the_same_every_time() -> None:
    assert rows(sorted_paths()) == rows(sorted_paths())


@pytest.mark.parametrize(
    ("made", "task", "channels", "reason"),
    [
        (Paths, "audio", 3, "it reads sound, not pictures"),
        (lambda: Paths(4), "faces", 4, "neither grey"),
    ],
)
def test_what_reads_no_picture_is_named(made: Callable[[], nn.Module], task: str, channels: int, reason: str) -> None:
    (group,), tests = rows(made(), task, channels)
    assert reason in group["reason"]
    assert "trained" not in group
    assert not tests


def test_what_takes_too_long_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branches, "MOST", 1000)
    (group,), tests = rows(Paths())
    assert "multiply-adds" in group["reason"]
    assert not tests


def test_without_branches_there_are_no_rows() -> None:
    assert rows(Plain()) == ([], [])


def test_work_is_that_of_the_layers_up_to_the_group_on_their_canvas() -> None:
    module = Paths().eval().requires_grad_(False)
    spec = ModelSpec("paths", "made", "Paths", Paths, Preprocess(crop=24))
    model = LoadedModel(module, spec, "0" * 64)
    first, one = 3 * 25 * 2 * CHANNELS, 2 * CHANNELS * CHANNELS
    canvas = smallest_canvas(Recorded.of(model).tape, ["one"], (24, 24))
    assert multiply_adds(model, ["one"]) == pytest.approx(math.prod(canvas.size) * (first + one))
    assert multiply_adds(model, ["first"]) == pytest.approx(math.prod(canvas.size) * first)


def test_copies_of_different_networks_share_no_draw() -> None:
    seeds = [copy_seeds(digest * 64) for digest in "0af"]
    assert all(len(range_) == branches.COPIES for range_ in seeds)
    assert len({seed for range_ in seeds for seed in range_}) == 3 * branches.COPIES
