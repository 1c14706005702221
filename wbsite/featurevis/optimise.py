"""Looks for the pictures that excite units, of many places at once, and starts again where nothing moves."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from wbsite.errors import WbsiteError
from wbsite.progress import Progress

from .base import Network, Picture, Settings, Target, grouped
from .climb import climb
from .objectives import located
from .sight import Sight, sight

_CPU_BATCH = 16
_GPU_BATCH = 256


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
        batch = _next(waiting, limit)
        targets = [target for task in batch for target in task.targets]
        try:
            found = climb(eyes, targets, [task.attempt for task in batch for _ in task.targets], settings)
        except RuntimeError as error:
            if not _is_memory(error):
                raise
            limit = _smaller(batch, len(targets), settings, error)
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


def _next(waiting: deque[_Task], limit: int) -> list[_Task]:
    """As many tasks as the limit lets through, at least one."""
    batch = [waiting.popleft()]
    while waiting and sum(len(task.targets) for task in (*batch, waiting[0])) <= limit:
        batch.append(waiting.popleft())
    return batch


def _is_memory(error: RuntimeError) -> bool:
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in text or "defaultcpuallocator" in text


def _smaller(batch: Sequence[_Task], pictures: int, settings: Settings, error: RuntimeError) -> int:
    """Half of a batch that did not fit.

    Raises:
        WbsiteError: there is nothing to halve.
    """
    if len(batch) == 1:
        raise WbsiteError(
            f"there is not enough memory for {pictures} picture(s) of {settings.size} pixels of "
            f"{batch[0].targets[0].label} at once.",
            "Give a smaller size, fewer variants, or free memory on the device.",
        ) from error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return max(1, pictures // 2)
