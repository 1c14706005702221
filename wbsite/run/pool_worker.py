"""A process of the pool: runs the tasks that it is sent, one after the other, until the other end is closed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait

import torch

from .relay import Sent
from .worker import run_task


def serve(connection: Connection, store: str, device: str, environment: Mapping[str, str]) -> None:
    """Takes (task, needed outcomes) and sends ("progress", message), then ("done", outcome) or ("raise", error).

    Keyboard interrupts are for the process at the other end; when that one is gone, this one ends too.

    Args:
        environment: of the process at the other end, which may differ from when this one's parent was started.
    """
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    progress = Sent(lambda message: connection.send(("progress", message)))
    while True:
        try:
            task, needed = connection.recv()
        except EOFError:
            return
        try:
            connection.send(("done", run_task(task, store, device, *needed, progress=progress)))
        except Exception as error:  # the store cannot be used: for the process at the other end to say
            connection.send(("raise", error))


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
