"""Progress of a task that runs in another process, as messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

from wbsite.core.progress import Progress

Message: TypeAlias = tuple[str, tuple[object, ...]]
"""The name of a method of `Progress`, and what it is called with."""

_EVERY = 0.2
"""Seconds between two messages that only say how far a step is."""


class Sent(Progress):
    """Sends what it is told; what changes many times a second, five times a second.

    Args:
        send: takes a message.
    """

    def __init__(self, send: Callable[[Message], object]) -> None:
        self.send, self._last, self._amount = send, 0.0, 0

    def step(self, label: str, total: int | None = None) -> None:
        self._amount, self._last = 0, time.monotonic()
        self.send(("step", (label, total)))

    def advance(self, amount: int = 1, note: str = "") -> None:
        self._amount += amount
        if self._is_time():
            self.send(("advance", (self._amount, note)))
            self._amount = 0

    def note(self, text: str) -> None:
        if self._is_time():
            self.send(("note", (text,)))

    def line(self, text: str) -> None:
        self.send(("line", (text,)))

    def _is_time(self) -> bool:
        now = time.monotonic()
        if now - self._last < _EVERY:
            return False
        self._last = now
        return True


def pass_on(message: Message, progress: Progress) -> None:
    """Tells an observer what was sent."""
    method, arguments = message
    getattr(progress, method)(*arguments)
