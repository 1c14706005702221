"""Trains all configurations and seeds of one architecture as one batched computation, recording at chosen epochs.

Every tensor has the seeds first and the configurations second. A network's parameters are a row of one tensor, which
the optimiser steps as a whole; each layer is one `baddbmm` over all networks. Networks do not see each other: one that
dies of infinities leaves the others as they are.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from wbsite.core.progress import Progress

from .gradients import Gradients
from .max_norm import MaxNorm
from .stacked import Architecture, forward, initial
from .study import Configuration

if TYPE_CHECKING:
    from wbsite.datasets.base import Samples

BETAS, EPSILON = (0.9, 0.999), 1e-8
SHARE_OF_MEMORY = 0.5
"""Of the memory that is free, what an ensemble may take."""


@dataclass
class State:
    """The state of training: all that decides how it goes on.

    Attributes:
        epoch: passes done.
        rows: float32 (seeds, configurations, P), see `stacked`.
        first, second: Adam's moments of the gradient, of the same shape.
    """

    epoch: int
    rows: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor


class Ensemble:
    """The networks of one architecture and batch, for some seeds.

    Args:
        configurations: of one architecture and batch, those of one activation side by side.
        seeds: each trains every configuration, from the same initial weights where these are drawn alike, on the
            same batches.
        samples: what is learned.
        train: indices of the training samples.
        device: where.
    """

    def __init__(
        self,
        configurations: Sequence[Configuration],
        seeds: Sequence[int],
        samples: Samples,
        train: torch.Tensor,
        device: torch.device,
    ) -> None:
        self.configurations, self.seeds, self.device = tuple(configurations), tuple(seeds), device
        self.shape: Architecture = self.configurations[0].architecture(samples.inputs.shape[1], len(samples.classes))
        self.activations = [each.activation for each in self.configurations]
        self.inputs = torch.from_numpy(samples.inputs)[train].T.contiguous().to(device)
        labels = torch.from_numpy(samples.labels)[train].to(device)
        self.targets = functional.one_hot(labels, len(samples.classes)).T.float().contiguous()
        self.batch, self.count = self.configurations[0].batch, len(labels)
        self.gradients = Gradients(self.shape, self.activations, len(self.seeds), device)
        self.rates = torch.tensor([each.rate for each in self.configurations], device=device)[:, None]
        self.adam = torch.tensor([each.optimiser == "adam" for each in self.configurations], device=device)[:, None]
        self.only_adam = bool(self.adam.all())

    def start(self) -> State:
        """The untrained networks."""
        networks = [
            initial(self.shape, each.initialisation, each.initial_bias, seed)
            for seed in self.seeds
            for each in self.configurations
        ]
        rows = torch.stack(networks).unflatten(0, (len(self.seeds), -1)).to(self.device)
        return State(0, rows, torch.zeros_like(rows), torch.zeros_like(rows))

    @torch.inference_mode()
    def train(self, state: State, until: int, progress: Progress | None = None) -> None:
        """Goes on to the end of epoch `until`; the same whether in one call or several."""
        progress = progress or Progress()
        after_step, after_epoch = (
            MaxNorm(self.shape, self.configurations, state.rows, every) for every in ("step", "epoch")
        )
        while state.epoch < until:
            step = state.epoch * math.ceil(self.count / self.batch)
            for batch in self.batches(state.epoch):
                step += 1
                self._step(state, step, self.gradients(state.rows, *batch))
                after_step.apply()
            after_epoch.apply()
            state.epoch += 1
            progress.advance()

    def batches(self, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The batches of one epoch: samples (seeds, features, batch) and one-hot targets (seeds, 1, classes, batch),
        each seed's in an order of its own that depends on seed and epoch alone."""
        orders = torch.stack([order(seed, epoch, self.count) for seed in self.seeds]).to(self.device)
        samples, targets = (
            each.index_select(1, orders.flatten()).unflatten(1, orders.shape).transpose(0, 1)
            for each in (self.inputs, self.targets)
        )
        for start in range(0, self.count, self.batch):
            yield samples[..., start : start + self.batch], targets[:, None, :, start : start + self.batch]

    @torch.inference_mode()
    def gradient_moments(self, rows: torch.Tensor, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation over the batches of an epoch of the gradient at one point, like `rows` each."""
        total, squares, count = torch.zeros_like(rows), torch.zeros_like(rows), 0
        untouched = rows.clone()
        for batch in self.batches(epoch):
            gradient = self.gradients(untouched, *batch)
            total += gradient
            squares += gradient * gradient
            count += 1
        mean = total / count
        return mean, (squares / count - mean * mean).clamp_(min=0).sqrt_()

    def _step(self, state: State, step: int, gradients: torch.Tensor) -> None:
        """Adam or plain gradient descent, each network by its own rate; torch.optim has one for a whole tensor."""
        state.first.lerp_(gradients, 1 - BETAS[0])
        state.second.mul_(BETAS[1]).addcmul_(gradients, gradients, value=1 - BETAS[1])
        first_bias, second_bias = (1 - beta**step for beta in BETAS)
        moved = state.second.sqrt().div_(math.sqrt(second_bias)).add_(EPSILON).mul_(first_bias)
        torch.div(state.first, moved, out=moved)
        if not self.only_adam:
            moved = torch.where(self.adam, moved, gradients)
        state.rows.sub_(moved.mul_(self.rates))


def order(seed: int, epoch: int, count: int) -> torch.Tensor:
    """The order of samples in one epoch of a seed, int64 (count,)."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch + 1))


def outputs(
    shape: Architecture, rows: torch.Tensor, activations: Sequence[str], samples: torch.Tensor
) -> Iterator[torch.Tensor]:
    """Every layer's output on samples, as they are measured: the last one after the softmax.

    Args:
        rows: (seeds, configurations, P), or anything in place of the seeds, as the records of a run.
        samples: (features, samples).

    Yields:
        (seeds, configurations, units, samples).
    """
    with torch.no_grad():
        last = len(shape.widths)
        for layer, values in enumerate(forward(shape, shape.views(rows), activations, samples[None])):
            yield torch.softmax(values, 2) if layer == last else values


def seeds_at_once(
    configurations: Sequence[Configuration], samples: Samples, device: torch.device, free: int | None = None
) -> int:
    """How many seeds of these configurations fit into memory side by side, at least 1.

    Args:
        free: bytes; what the device has free, where not given.
    """
    shape = configurations[0].architecture(samples.inputs.shape[1], len(samples.classes))
    count = len(samples.inputs)
    columns = 3 * max(configurations[0].batch, count // 8)  # activations, their gradients, and what a function keeps
    network = sum(shape.units) * columns + 12 * shape.size
    floats = len(configurations) * network + count * (shape.inputs + 4)
    return max(1, int(SHARE_OF_MEMORY * (free_memory(device) if free is None else free) / (4 * floats)))


def free_memory(device: torch.device) -> int:
    """Bytes that are free where networks are trained."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not known on every platform
        return 2 << 30
