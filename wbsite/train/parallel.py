"""One training by several processes, as `torchrun` starts them: each takes its rows of every batch.

Pictures, their augmentation and the statistics of batch norm are those of a single process with the
same batch, so that the losses are too, up to rounding. Only dropout differs: every process draws
the masks of its own rows.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from wbsite.core.device import choose
from wbsite.core.errors import WbsiteError

from .synced_norm import synchronise

T = TypeVar("T")


class Team:
    """The processes that train one network together. This is a process alone, for which nothing changes.

    Attributes:
        rank: number of this process; 0 is the one that writes and speaks.
        size: number of processes.
    """

    rank = 0
    size = 1

    def rows(self, pictures: int) -> slice:
        """Which of so many pictures are this process's."""
        return slice(self.rank * pictures // self.size, (self.rank + 1) * pictures // self.size)

    def check(self, batch: int) -> None:
        """Refuses a batch that cannot be shared evenly.

        Raises:
            WbsiteError: the number of processes does not divide it.
        """
        if batch % self.size:
            raise WbsiteError(
                f"{self.size} processes cannot share batches of {batch} pictures evenly.",
                "Start torchrun with a number of processes that divides the batch.",
            )

    def seed(self, seed: int) -> int:
        """A seed of this process's own, for what is drawn for its rows alone: dropout."""
        return seed + (self.rank << 56)

    def wrap(self, module: nn.Module) -> nn.Module:
        """What is called in the module's place while it is trained."""
        return module

    def sum(self, value: torch.Tensor) -> float:
        """The sum of a number over the processes."""
        return float(value)

    def agree(self, wish: bool) -> bool:
        """What the first process wishes."""
        return wish

    def lead(self, work: Callable[[], T]) -> T:
        """The result of what the first process does for all; its error is everyone's."""
        return work()

    def each(self, work: Callable[[], T]) -> T:
        """The result of what every process does for itself, the first before the others; an error is everyone's."""
        return work()


ALONE = Team()


class Group(Team):
    """The processes of an initialised process group; gradients take the device's way, all other things gloo."""

    def __init__(self) -> None:
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        self.words = cast(distributed.ProcessGroup, distributed.new_group(backend="gloo"))

    def wrap(self, module: nn.Module) -> nn.Module:
        """Averages gradients over the processes, and takes the statistics of batch norm over all of them."""
        synchronise(module, next(module.parameters()).device)
        return DistributedDataParallel(module)

    def meet(self) -> None:
        """Waits for all others to be here."""
        distributed.barrier(group=self.words)

    def sum(self, value: torch.Tensor) -> float:
        """The sum of a number over the processes."""
        total = value.detach().double().cpu()
        distributed.all_reduce(total, group=self.words)
        return float(total)

    def agree(self, wish: bool) -> bool:
        """What the first process wishes."""
        answer = torch.tensor(wish)
        distributed.broadcast(answer, 0, group=self.words)
        return bool(answer)

    def lead(self, work: Callable[[], T]) -> T:
        """The result of what the first process does for all; its error is everyone's."""
        found: list[Any] = [attempt(work) if self.rank == 0 else None]
        distributed.broadcast_object_list(found, 0, group=self.words)
        return result(found[0])

    def each(self, work: Callable[[], T]) -> T:
        """The result of what every process does for itself, the first before the others; an error is everyone's."""
        own: T | WbsiteError | None = None
        for first in (True, False):
            if (self.rank == 0) == first:
                own = attempt(work)
            errors: list[Any] = [None] * self.size
            distributed.all_gather_object(errors, own if isinstance(own, WbsiteError) else None, group=self.words)
            for error in errors:
                result(error)
        return cast(T, own)


def attempt(work: Callable[[], T]) -> T | WbsiteError:
    """The work's result, or the user's error it ended with."""
    try:
        return work()
    except WbsiteError as error:
        return error


def result(found: T | WbsiteError) -> T:
    """What `attempt` found; raises an error that it caught."""
    if isinstance(found, WbsiteError):
        raise found
    return found


def started_by_torchrun() -> bool:
    """Whether this is one of several processes that are to train together."""
    return {"RANK", "LOCAL_RANK"} <= os.environ.keys() and os.environ.get("WORLD_SIZE", "1") != "1"


@contextmanager
def team(device: str) -> Iterator[Team]:
    """The processes to train with: those torchrun started, or this one alone.

    Args:
        device: as in `--device`; each process gets a GPU of its own.

    Raises:
        WbsiteError: the device is unknown, or there are more processes than GPUs.
    """
    if not started_by_torchrun():
        yield ALONE
        return
    cuda, local = choose(device).type == "cuda", int(os.environ["LOCAL_RANK"])
    if cuda and local >= torch.cuda.device_count():
        raise WbsiteError(
            f"torchrun started {local + 1} processes or more where there are {torch.cuda.device_count()} GPUs.",
            "Give --nproc-per-node the number of GPUs, or train with --device cpu.",
        )
    if cuda:
        torch.cuda.set_device(local)
    distributed.init_process_group("nccl" if cuda else "gloo")
    processes = Group()
    try:
        yield processes
    except WbsiteError:  # everyone's
        processes.meet()
        raise
    else:
        processes.meet()  # one that ended early would take away what others still listen to
    finally:
        gc.collect()  # networks that were wrapped hold the group, whose threads must end before the process does
        distributed.destroy_process_group()
