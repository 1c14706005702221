"""Searches for the pictures that excite units, of many layers at once, and starts again where nothing moves."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress

from .base import Network, Picture, Settings, Target, grouped
from .image_model import ImageModel, image_model
from .objectives import locate
from .parallel import in_parallel, parallel_batches

AT_ONCE = {"cpu": 16, "cuda": 256}
"""Pictures in a batch, by the kind of device."""

_LEAST = 2
"""Pictures in a batch that is split off for another core."""


@dataclass(frozen=True)
class _Task:
    """Pictures to be made together: of one target, or its variants; and the number of starts given up before."""

    targets: tuple[Target, ...]
    attempt: int = 0


def visualize(
    model: Network,
    targets: Sequence[Target],
    settings: Settings,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
) -> Iterator[Picture]:
    """Pictures of targets, each as soon as its batch is done, shallow layers first.

    Targets of many layers share a batch; one pass goes no deeper than the deepest of them. A picture depends on
    the settings and its own target alone (and on its variants, which repel it), up to rounding. Starts that
    do not move are replaced, `settings.reseeds` times; after that the picture is marked dead.

    Args:
        model: a LoadedModel.
        progress: told of every finished picture.

    Raises:
        WbsiteError: at once: a layer or unit is unknown, or the network reads no pictures; later: a single
            picture does not fit into memory.
    """
    if not targets:
        return iter(())
    seen = image_model(model, targets, settings, torch.device(device))
    depth = {target: locate(seen.tape, target)[0] for target in targets}
    tasks = [_Task(tuple(group)) for group in grouped(targets)]
    tasks.sort(key=lambda task: depth[task.targets[0]])
    return _pictures(seen, deque(tasks), settings, progress or Progress())


def _pictures(model: ImageModel, waiting: deque[_Task], settings: Settings, progress: Progress) -> Iterator[Picture]:
    limit = settings.batch or AT_ONCE[model.device.type]
    while waiting:
        batches = _next(waiting, limit, parallel_batches(model.device))
        inputs = [
            ([t for task in batch for t in task.targets], [task.attempt for task in batch for _ in task.targets])
            for batch in batches
        ]
        for batch, result in zip(batches, in_parallel(model, inputs, settings), strict=True):
            if isinstance(result, RuntimeError):
                limit = min(limit, _smaller(batch, settings, result))
                waiting.extendleft(reversed(batch))
                continue
            rest = iter(result)
            for task in batch:
                pictures = [next(rest) for _ in task.targets]
                if any(picture.dead for picture in pictures) and task.attempt < settings.reseeds:
                    waiting.append(replace(task, attempt=task.attempt + 1))
                    continue
                for picture in pictures:
                    progress.advance(1, picture.target.label)
                    yield picture


def _next(waiting: deque[_Task], limit: int, count: int) -> list[list[_Task]]:
    """At most `count` batches of up to `limit` pictures each, at least one task in each, about equal."""
    pictures = sum(len(task.targets) for task in waiting)
    share = min(limit, max(_LEAST, math.ceil(pictures / count)))
    batches: list[list[_Task]] = []
    while waiting and len(batches) < count:
        batch = [waiting.popleft()]
        while waiting and sum(len(task.targets) for task in (*batch, waiting[0])) <= share:
            batch.append(waiting.popleft())
        batches.append(batch)
    return batches


def _smaller(batch: Sequence[_Task], settings: Settings, error: RuntimeError) -> int:
    """Half the number of pictures of a batch that did not fit into memory.

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
