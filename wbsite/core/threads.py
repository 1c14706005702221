"""Runs small tensor operations on one CPU thread, where handing them to several costs more than it gains."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_lock = threading.Lock()
_inside = 0
_threads_outside = 0


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """Limits torch to one intra-operation thread while any caller is inside; the number is then restored.

    Thousands of operations of some microseconds each wait for the slowest thread thousands of times:
    on two cores of which one is busy, factorising a layer took ten times as long on two threads as on
    one. The setting is the process's, hence the count of callers inside. Nothing happens for a GPU.
    """
    global _inside, _threads_outside
    if device.type != "cpu":
        yield
        return
    with _lock:
        if _inside == 0:
            _threads_outside = torch.get_num_threads()
            torch.set_num_threads(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                torch.set_num_threads(_threads_outside)
