"""One training run by several processes, as `torchrun` starts them: each takes its rows of every batch.

Pictures, their augmentation and the statistics of batch norm are those of a single process with the same batch, and so
are the losses, up to rounding. Only dropout differs: every process draws the masks of its own rows.
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
    """The processes that train one network together; this class is a team of one process.

    Attributes:
        rank: number of this process; process 0 writes files and prints.
        size: number of processes.
    """

    rank = 0
    size = 1

    def rows(self, pictures: int) -> slice:
        """This process's rows of a batch of so many pictures."""
        return slice(self.rank * pictures // self.size, (self.rank + 1) * pictures // self.size)

    def check_batch(self, batch: int) -> None:
        """Checks that a batch of so many pictures can be shared evenly.

        Raises:
            WbsiteError: the number of processes does not divide it.
        """
        if batch % self.size:
            raise WbsiteError(
                f"{self.size} processes cannot share batches of {batch} pictures evenly.",
                "Start torchrun with a number of processes that divides the batch.",
            )

    def seed(self, seed: int) -> int:
        """This process's own seed, for random numbers that concern its rows alone: dropout."""
        return seed + (self.rank << 56)

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module to call in place of this one during training; it shares its parameters."""
        return module

    def sum(self, value: torch.Tensor) -> float:
        """The sum of a number over the processes."""
        return float(value)

    def agree(self, decision: bool) -> bool:
        """The first process's decision, in all processes."""
        return decision

    def on_first(self, work: Callable[[], T]) -> T:
        """Lets the first process alone work; its result is returned, or its error raised, in all processes."""
        return work()

    def on_all(self, work: Callable[[], T]) -> T:
        """Lets every process work, the first before the others; an error of one is raised in all."""
        return work()


ALONE = Team()


class Group(Team):
    """The processes of an initialised process group; gradients go through its backend, everything else through gloo."""

    def __init__(self) -> None:
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        self.gloo = cast(distributed.ProcessGroup, distributed.new_group(backend="gloo"))

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module with gradients averaged over the processes, and batch norm over the pictures of all of them."""
        synchronise(module, next(module.parameters()).device)
        return DistributedDataParallel(module)

    def wait(self) -> None:
        """Waits until all processes have come here."""
        distributed.barrier(group=self.gloo)

    def sum(self, value: torch.Tensor) -> float:
        """The sum of a number over the processes."""
        total = value.detach().double().cpu()
        distributed.all_reduce(total, group=self.gloo)
        return float(total)

    def agree(self, decision: bool) -> bool:
        """The first process's decision, in all processes."""
        answer = torch.tensor(decision)
        distributed.broadcast(answer, 0, group=self.gloo)
        return bool(answer)

    def on_first(self, work: Callable[[], T]) -> T:
        """Lets the first process alone work; its result is returned, or its error raised, in all processes."""
        outcomes: list[Any] = [attempt(work) if self.rank == 0 else None]
        distributed.broadcast_object_list(outcomes, 0, group=self.gloo)
        return result(outcomes[0])

    def on_all(self, work: Callable[[], T]) -> T:
        """Lets every process work, the first before the others; an error of one is raised in all."""
        outcome: T | WbsiteError | None = None
        for turn_of_first in (True, False):
            if (self.rank == 0) == turn_of_first:
                outcome = attempt(work)
            errors: list[Any] = [None] * self.size
            own_error = outcome if isinstance(outcome, WbsiteError) else None
            distributed.all_gather_object(errors, own_error, group=self.gloo)
            for error in errors:
                result(error)
        return cast(T, outcome)


def attempt(work: Callable[[], T]) -> T | WbsiteError:
    """The result of the work, or the `WbsiteError` that it raised."""
    try:
        return work()
    except WbsiteError as error:
        return error


def result(outcome: T | WbsiteError) -> T:
    """The result in an outcome of `attempt`; an error is raised."""
    if isinstance(outcome, WbsiteError):
        raise outcome
    return outcome


def started_by_torchrun() -> bool:
    """Whether this is one of several processes that train together."""
    return {"RANK", "LOCAL_RANK"} <= os.environ.keys() and os.environ.get("WORLD_SIZE", "1") != "1"


@contextmanager
def team(device: str) -> Iterator[Team]:
    """The processes that train together: those that torchrun started, or this one alone.

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
    except WbsiteError:  # raised in all processes
        processes.wait()
        raise
    else:
        processes.wait()  # a process that ended early would break the connections of the others
    finally:
        gc.collect()  # networks that were wrapped hold the group, whose threads must end before the process does
        distributed.destroy_process_group()
