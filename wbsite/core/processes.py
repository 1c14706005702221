"""Processes of this machine that share the work: how they are started, and that they never outlive the command."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver, get_context, parent_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from .signals import leave_to_parent, withheld

_START = "forkserver" if sys.platform == "linux" else "spawn"
"""Forking is safe from a process that has only imported; the libraries of other systems than Linux do not bear it."""

ENDS_WITH_PARENT = "wbsite.core.ends_with_parent"

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
"""For libraries that read when they are imported how many threads they may start."""

_KEPT = 1 << 28
"""Bytes that may be freed in one piece and not be given back to the system, from which they come again page by page: a
million faults and two of twelve seconds in a group of layers' responses, and half the time of a worker of Dask, which
has its processes give back pieces of 64 kB."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Of glibc's `mallopt`."""


def warm_up(modules: Sequence[str]) -> None:
    """Starts the process that others are forked from: it imports these modules while this one goes on.

    It is started once; where processes are not forked, nothing happens.
    """
    if _START == "forkserver":
        forkserver.set_forkserver_preload([ENDS_WITH_PARENT, *modules])
        with starting():
            pass


def started(target: Callable[..., None], *arguments: object) -> tuple[BaseProcess, Connection]:
    """A process that runs `target(connection, *arguments)`, and the other end of that connection."""
    processes: Any = context()
    connection, other = processes.Pipe()
    process = processes.Process(target=target, args=(other, *arguments))
    with starting():
        process.start()
    other.close()
    return process, connection


def context() -> BaseContext:
    """How processes are made; call `starting` around whatever starts some."""
    return get_context(_START)


def environment() -> dict[str, str]:
    """What a process is to have as its environment: this one's, and one thread for every library."""
    return {**os.environ, **_ONE_THREAD}


def belong(environment: Mapping[str, str]) -> None:
    """Makes this process one that was started by another, with that one's environment.

    Signals that ask to end are for the other to deal with; when the other is gone, however it ended, so is this one.
    """
    leave_to_parent()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)


@contextmanager
def memory_kept() -> Iterator[None]:
    """What this process frees meanwhile is kept for its next tensor, and given back at the end: once costs little.

    For processes that do nothing but compute: the limits stay as they are set.
    """
    if limit := _of_glibc("mallopt"):
        for threshold in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            limit(threshold, _KEPT)
    try:
        yield
    finally:
        give_back_memory()


def give_back_memory() -> None:
    """Returns to the system what was freed and kept."""
    if trim := _of_glibc("malloc_trim"):
        trim(0)


def _of_glibc(function: str) -> Callable[..., int] | None:
    return getattr(ctypes.CDLL(None), function, None) if sys.platform == "linux" else None


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


@contextmanager
def starting() -> Iterator[None]:
    """Processes that are started meanwhile have one thread for every library and do not run the main script again.

    A script that builds a site without `if __name__ == "__main__"` would otherwise be run by each of them. Where they
    are forked they never see signals that ask to end, which would find them before they can leave them to this one.
    """
    main, before = sys.modules["__main__"], dict(os.environ)
    hidden = {name: value for name in ("__file__", "__spec__") if (value := getattr(main, name, None)) is not None}
    os.environ.update(_ONE_THREAD)
    for name in hidden:
        setattr(main, name, None)
    try:
        if _START == "forkserver":
            with withheld():
                forkserver.ensure_running()
        yield
    finally:
        for name, value in hidden.items():
            setattr(main, name, value)
        for name in _ONE_THREAD.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
