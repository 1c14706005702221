"""Trains small networks for 20 steps as `test_parallel` asks; run alone, or by torchrun as one of a team.

`python team_member.py OUT` writes OUT/CASE-SIZE.pt, losses, accuracies and the network's numbers, and
OUT/caught-RANK.txt, which errors of one process reached this one.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets.base import Pictures
from wbsite.models.base import Preprocess
from wbsite.models.networks import heads
from wbsite.models.networks.simplified import Simplified
from wbsite.train import loop
from wbsite.train.base import Recipe
from wbsite.train.batches import Batches
from wbsite.train.loop import train
from wbsite.train.parallel import Team, team

STEPS = 20


class Interrupted(Progress):
    """Interrupts after a number of steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def advance(self, amount: int = 1, note: str = "") -> None:
        if amount and self.left == 0:
            raise KeyboardInterrupt
        self.left -= amount


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


def member(out: Path, case: str, processes: Team, progress: Progress) -> None:
    """`float32`: the baseline, an epoch a step, so that every loss is kept; otherwise float64, five steps an epoch."""
    exact = case != "float32"
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
        Batches.from_pictures(pictures(64 * per_epoch + 10), preprocess, cpu),
        Batches.from_pictures(pictures(33), preprocess, cpu),
        recipe,
        0,
        out / f"{case}-{processes.size}.ckpt",
        progress,
        autocast=False,
        team=processes,
    )
    if processes.rank == 0:
        torch.save({**asdict(history), "numbers": network.state_dict()}, out / f"{case}-{processes.size}.pt")


def main(out: Path) -> None:
    torch.set_num_threads(1)
    with team("cpu") as processes:
        for case in ("float32", "float64"):
            member(out, case, processes, Progress())
        loop.SAVE_SECONDS = -1
        with suppress(KeyboardInterrupt):
            member(out, "resumed", processes, Interrupted(7))
        member(out, "resumed", processes, Progress())
        shared_errors(out, processes)


def shared_errors(out: Path, processes: Team) -> None:
    """What goes wrong in one process must end the run in all, or the others wait for it for ever."""

    def fail(where: int, answer: str) -> str:
        if processes.rank == where:
            raise WbsiteError(f"wrong in {where}")
        return answer

    caught = []
    for work in (
        lambda: processes.on_first(lambda: fail(0, "led")),
        lambda: processes.on_all(lambda: fail(0, "each")),
        lambda: processes.on_all(lambda: fail(1, "each")),
        lambda: processes.on_first(lambda: fail(1, "led")),
        lambda: str(processes.agree(processes.rank == 0)),
    ):
        try:
            caught.append(work())
        except WbsiteError as error:
            caught.append(str(error))
    (out / f"caught-{processes.rank}.txt").write_text("\n".join(caught))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
