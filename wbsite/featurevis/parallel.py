"""Gradient ascent on several batches in parallel on a CPU, each on a thread of its own.

Sharing every small operation among all cores makes each wait for the slowest core, some hundred times a step: on two
cores of which one is busy with something else, that took twenty times as long as one core alone. Batches do not wait
for one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import torch

from wbsite.core.threads import one_thread

from .base import Picture, Settings, Target
from .gradient_ascent import gradient_ascent
from .image_model import ImageModel

Batch = tuple[Sequence[Target], Sequence[int]]
"""Targets, and how many starts of each were given up before."""


def parallel_batches(device: torch.device) -> int:
    """How many batches are worked on at once: torch's threads on a CPU, one on a GPU."""
    return torch.get_num_threads() if device.type == "cpu" else 1


def in_parallel(model: ImageModel, batches: Sequence[Batch], settings: Settings) -> list[list[Picture] | RuntimeError]:
    """The pictures of each batch, or the error that it did not fit into memory.

    Raises:
        RuntimeError: anything else that went wrong in one of them.
    """
    cancelled = Event()

    def pictures(batch: Batch) -> list[Picture] | RuntimeError:
        try:
            return gradient_ascent(model, *batch, settings, cancelled)
        except RuntimeError as error:
            if not is_memory(error):
                raise
            return error.with_traceback(None)  # frames hold on to the tensors that filled it

    with one_thread(model.device):
        if len(batches) == 1:
            return [pictures(batches[0])]
        with ThreadPoolExecutor(len(batches), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            try:
                return list(pool.map(pictures, batches))
            except BaseException:
                cancelled.set()  # or leaving the pool would wait for all steps of the others
                raise


def is_memory(error: RuntimeError) -> bool:
    """Whether an error says that memory is full."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in text or "defaultcpuallocator" in text
