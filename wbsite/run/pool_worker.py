"""A process of the pool: runs the tasks that it is sent, one after the other, until the other end is closed."""

from __future__ import annotations

from collections.abc import Mapping
from multiprocessing.connection import Connection

import torch

from wbsite.core.processes import belong, memory_kept

from .relay import Sent
from .worker import run_task


def serve(connection: Connection, store: str, device: str, environment: Mapping[str, str]) -> None:
    """Takes (task, needed outcomes) and sends ("progress", message), then ("done", outcome) or ("raise", error)."""
    belong(environment)
    torch.set_num_threads(1)
    progress = Sent(lambda message: connection.send(("progress", message)))
    while True:
        try:
            task, needed = connection.recv()
        except EOFError:
            return
        try:
            with memory_kept():
                outcome = run_task(task, store, device, *needed, progress=progress)
        except Exception as error:  # the store cannot be used: for the process at the other end to say
            connection.send(("raise", error))
        else:
            connection.send(("done", outcome))
