"""Signals that ask a command to end: Ctrl-C, and what Slurm, systemd, Kubernetes or a closed terminal send."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ASKING = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""SIGHUP is not known to Windows."""

_REASONS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "ended, as its terminal was closed"}


class Stopped(BaseException):
    """A signal asked the command to end.

    No KeyboardInterrupt, of which the library of the command line would make an end of its own, without a word.

    Attributes:
        status: what the process ends with, 128 and the signal's number.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        self.status = 128 + number
        self._reason = _REASONS[signal.Signals(number).name]
        super().__init__(str(self))

    def __str__(self) -> str:
        return f"{self._reason}. What is done is kept; run the same command again to go on."


def heed() -> None:
    """From now on signals that ask to end raise `Stopped` in the main thread; those that are ignored stay so, as
    `nohup` has it."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in ASKING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)


def leave_to_parent() -> None:
    """Ignores them in this process: they reach all of a terminal's or job's, and the one that started it ends it."""
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def withheld() -> Iterator[None]:
    """They wait until afterwards, in this thread, and for good in processes that it starts meanwhile."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)
