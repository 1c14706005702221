"""Trains small networks for 20 steps as `test_parallel` asks; run alone, or by torchrun as one of a team.

python team_member.py OUT      writes OUT/CASE-SIZE.pt: losses, accuracies, the network's numbers
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from wbsite.datasets.base import Pictures
from wbsite.models import heads
from wbsite.models.base import Preprocess
from wbsite.models.simplified import Simplified
from wbsite.progress import Progress
from wbsite.train.base import Recipe
from wbsite.train.batches import Batches
from wbsite.train.loop import train
from wbsite.train.parallel import Team, team

STEPS = 20


class Wide(nn.Module):
    """A network in float64, in which rounding does not grow to anything over a few steps."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x.double())


def pictures(count: int) -> Pictures:
    """Noise whose brightness tells the class."""
    rng = np.random.default_rng(count)
    labels = np.arange(count) % 4
    images = (rng.integers(0, 100, (count, 3, 16, 16)) + 40 * labels[:, None, None, None]).astype(np.uint8)
    return Pictures(images, labels, ("a", "b", "c", "d"))


def member(out: Path, case: str, processes: Team) -> None:
    """`float32`: the baseline, an epoch a step, so that every loss is kept; `float64`: five steps an epoch."""
    exact = case == "float64"
    per_epoch = 5 if exact else 1
    recipe = Recipe(epochs=STEPS // per_epoch, batch=64, rate=2e-3, shift=2, vertical_flip=True, sway=30.0)
    torch.manual_seed(0)
    # This head has a batch norm over vectors; those of the layers are over maps.
    head = partial(heads.GroupHeads, groups=4, width=4) if exact else None
    network: nn.Module = Simplified(((8,), (12,), (16, 16)), 1, 4, size=16, head=head)
    network = Wide(network) if exact else network
    preprocess, cpu = Preprocess(crop=16), torch.device("cpu")
    history = train(
        network,
        Batches.of(pictures(64 * per_epoch + 10), preprocess, cpu),
        Batches.of(pictures(33), preprocess, cpu),
        recipe,
        0,
        out / f"{case}-{processes.size}.ckpt",
        Progress(),
        autocast=False,
        team=processes,
    )
    if processes.rank == 0:
        torch.save({**asdict(history), "numbers": network.state_dict()}, out / f"{case}-{processes.size}.pt")


def main(out: Path) -> None:
    torch.set_num_threads(1)
    with team("cpu") as processes:
        for case in ("float32", "float64"):
            member(out, case, processes)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
