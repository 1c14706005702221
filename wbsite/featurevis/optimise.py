"""Looks for the pictures that excite units, of many places at once, and starts again where nothing moves."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress

from .base import Network, Picture, Settings, Target, grouped
from .image_model import Sight, sight
from .objectives import located
from .parallel import climb_all, lanes

_CPU_BATCH = 16
_GPU_BATCH = 256
_LEAST = 2
"""Pictures in a batch that is split off for another core."""


@dataclass(frozen=True)
class _Task:
    """Pictures to be made together: one target, or the variants of one; starts given up before."""

    targets: tuple[Target, ...]
    attempt: int = 0


def visualize(
    model: Network,
    targets: Sequence[Target],
    settings: Settings,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> Iterator[Picture]:
    """Pictures of targets, each as soon as its batch is done, shallow places first.

    Targets of many places share a batch; one pass goes no deeper than the deepest of them. A picture depends on
    the settings and its own target alone (and on its variants, which repel it), up to rounding. Starts that
    do not move are replaced, `settings.reseeds` times; after that the picture comes out marked dead.

    Args:
        model: a LoadedModel.
        progress: told of every finished picture.

    Raises:
        WbsiteError: at once: a place or unit is unknown, or the network reads no pictures; later: a single
            picture does not fit into memory.
    """
    if not targets:
        return iter(())
    eyes = sight(model, targets, settings, torch.device(device))
    depth = {target: located(eyes.tape, target)[0] for target in targets}
    tasks = [_Task(tuple(group)) for group in grouped(targets)]
    tasks.sort(key=lambda task: depth[task.targets[0]])
    return _pictures(eyes, deque(tasks), settings, progress or Progress())


def _pictures(eyes: Sight, waiting: deque[_Task], settings: Settings, progress: Progress) -> Iterator[Picture]:
    limit = settings.batch or (_CPU_BATCH if eyes.device.type == "cpu" else _GPU_BATCH)
    while waiting:
        batches = _next(waiting, limit, lanes(eyes.device))
        given = [
            ([t for task in batch for t in task.targets], [task.attempt for task in batch for _ in task.targets])
            for batch in batches
        ]
        for batch, found in zip(batches, climb_all(eyes, given, settings), strict=True):
            if isinstance(found, RuntimeError):
                limit = min(limit, _smaller(batch, settings, found))
                waiting.extendleft(reversed(batch))
                continue
            rest = iter(found)
            for task in batch:
                own = [next(rest) for _ in task.targets]
                if any(picture.dead for picture in own) and task.attempt < settings.reseeds:
                    waiting.append(replace(task, attempt=task.attempt + 1))
                    continue
                for picture in own:
                    progress.advance(1, picture.target.label)
                    yield picture


def _next(waiting: deque[_Task], limit: int, lanes: int) -> list[list[_Task]]:
    """Batches of up to `limit` pictures each, at least one task in each; as many as there are lanes, about equal."""
    left = sum(len(task.targets) for task in waiting)
    share = min(limit, max(_LEAST, math.ceil(left / lanes)))
    batches: list[list[_Task]] = []
    while waiting and len(batches) < lanes:
        batch = [waiting.popleft()]
        while waiting and sum(len(task.targets) for task in (*batch, waiting[0])) <= share:
            batch.append(waiting.popleft())
        batches.append(batch)
    return batches


def _smaller(batch: Sequence[_Task], settings: Settings, error: RuntimeError) -> int:
    """Half of a batch that did not fit.

    Raises:
        WbsiteError: there is nothing to halve.
    """
    pictures = sum(len(task.targets) for task in batch)
    if len(batch) == 1:
        raise WbsiteError(
            f"there is not enough memory for {pictures} picture(s) of {settings.size} pixels of "
            f"{batch[0].targets[0].label} at once.",
            "Give a smaller size, fewer variants, or free memory on the device.",
        ) from error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return max(1, pictures // 2)
