"""What this process may use of the machine: processors and memory, within the limits of a container or a batch job."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def processors() -> int:
    """Processors that this process may run on: those of its affinity, within the quota of its control group."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _read(_CGROUP / "cpu.max").partition(" ")
    if quota.isdecimal() and period.strip().isdecimal():
        allowed = min(allowed, -(-int(quota) // int(period)))
    return max(1, allowed)


def free_memory() -> int | None:
    """Bytes that are free, or can be freed, within the limit of the control group; None where that is not known."""
    free = [
        int(line.split()[1]) * 1024
        for line in _read(Path("/proc/meminfo")).splitlines()
        if line.startswith("MemAvailable:")
    ]
    limit, used = _read(_CGROUP / "memory.max").strip(), _read(_CGROUP / "memory.current").strip()
    if limit.isdecimal() and used.isdecimal():
        free.append(max(0, int(limit) - int(used)))
    return min(free, default=None)


class PeakMemory:
    """The most memory that this process held since `PeakMemory()`, in bytes; None where the system does not tell."""

    def __init__(self) -> None:
        self._told = False
        with suppress(OSError):  # not every system has it, or lets it be reset
            _CLEAR.write_text("5")
            self._told = True

    @property
    def bytes(self) -> int | None:
        """Until now."""
        lines = _read(_STATUS).splitlines() if self._told else []
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


def data_size() -> int | None:
    """Bytes that this process holds as data, as the system counts them for a bound; None where it has none that holds.

    Linux's RLIMIT_DATA counts private memory that can be written to, of the heap as of mappings.
    """
    if sys.platform != "linux":
        return None
    lines = _read(Path("/proc/self/status")).splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), None)


def bytes_in(text: str) -> int | None:
    """Bytes in a size such as "8G", "500 MB" or "1073741824", units of 1024; None where it is no size."""
    size = re.fullmatch(r"(\d{1,15})\s*([KMGT]?)(i?B)?", text.strip(), re.IGNORECASE | re.ASCII)
    return int(size[1]) << 10 * " KMGT".index(size[2].upper() or " ") if size else None


def _read(path: Path) -> str:
    """Of a file that not every system has, or lets be read."""
    try:
        return path.read_text()
    except OSError:
        return ""
