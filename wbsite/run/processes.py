"""How processes of this machine are started: forked from one that has imported torch, once for all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from wbsite.core import machine
from wbsite.core.config import Config

START = "forkserver" if sys.platform == "linux" else "spawn"
"""Forking is safe from a process that has only imported; the libraries of other systems than Linux do not bear it."""

IMPORTED = ["wbsite.run.pool_worker"]

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""For libraries that read when they are imported how many threads they may start."""


def warm_up(config: Config) -> None:
    """Starts the process that others are forked from, if they may be needed: it imports torch while this one does."""
    local = not config.scheduler and config.device != "cuda"
    if START == "forkserver" and local and (config.workers or machine.processors()) > 1:
        _start_server()


def started(target: Callable[..., None], *arguments: object) -> tuple[BaseProcess, Connection]:
    """A process that runs `target(connection, *arguments)`, and the other end of that connection."""
    context: Any = get_context(START)
    if START == "forkserver":
        _start_server()
    connection, other = context.Pipe()
    process = context.Process(target=target, args=(other, *arguments))
    with _one_thread(), _no_main():
        process.start()
    other.close()
    return process, connection


def _start_server() -> None:
    forkserver.set_forkserver_preload(IMPORTED)
    with _one_thread():
        forkserver.ensure_running()


@contextmanager
def _one_thread() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _no_main() -> Iterator[None]:
    """A script that builds a site without `if __name__ == "__main__"` would otherwise be run again by each process."""
    main = sys.modules["__main__"]
    hidden = {name: value for name in ("__file__", "__spec__") if (value := getattr(main, name, None)) is not None}
    for name in hidden:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in hidden.items():
            setattr(main, name, value)
