"""One network measured in a process of its own, within a bound of memory: what it takes down is itself alone."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from wbsite.core.errors import WbsiteError
from wbsite.core.processes import belong, environment, started

from .manifest import Network

PRELOADED = "wbsite.census.measure"
"""What the process that the others are forked from imports."""

_one_at_a_time = threading.Lock()
"""Starting a process sets this one's environment for a moment."""


def measured_apart(network: Network, files: tuple[Path, ...], record: Path, memory: int | None) -> None:
    """Measures a network and writes its record.

    Args:
        files: its files, the one to open first.
        record: where to write.
        memory: bytes that the process may hold, None for as many as there are.

    Raises:
        WbsiteError: the file cannot be read as a network or as weights, the memory does not suffice, or the process
            was ended from outside.
    """
    with _one_at_a_time:
        process, connection = started(_measure, network, files, record, memory, environment())
    try:
        said: str = connection.recv()
    except EOFError:
        process.join()
        said = f"its process was ended ({process.exitcode}), perhaps for want of memory. Free some, or give --jobs 1."
    process.join()
    if said:
        raise WbsiteError(said)


def stop() -> None:
    """Ends the processes that measure."""
    for process in multiprocessing.active_children():
        process.kill()  # it leaves other signals to this process


def _measure(
    connection: Connection,
    network: Network,
    files: tuple[Path, ...],
    record: Path,
    memory: int | None,
    environment: Mapping[str, str],
) -> None:
    import torch

    from .measure import measured

    belong(environment)
    torch.set_num_threads(1)
    _bound(memory)
    try:
        measured(network, files).write(record)
    except WbsiteError as error:
        connection.send(str(error))
    except (MemoryError, RuntimeError) as error:
        if not (isinstance(error, MemoryError) or "allocate memory" in str(error)):
            raise
        assert memory is not None, "only a bound makes an allocation fail"
        connection.send(f"measuring it takes more than the {memory / 1e9:.1f} GB of memory that it was given.")
    else:
        connection.send("")


def _bound(memory: int | None) -> None:
    if memory is not None and sys.platform == "linux":  # elsewhere the system does not keep to it
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
