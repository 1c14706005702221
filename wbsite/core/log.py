"""What a command says on standard error while it runs: sentences for people, or JSON objects, one a line."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from .markup import visible_lines
from .progress import BarProgress, LineProgress, Progress

FORMATS = ("text", "json")

_form = ["text"]


def choose(form: str) -> None:
    """From here on everything is said in this form, one of `FORMATS`."""
    _form[0] = form


def is_json() -> bool:
    """Whether JSON objects are asked for."""
    return _form[0] == "json"


def say(event: str, text: str, **facts: Any) -> None:
    """A sentence; as an object: `time` (ISO 8601, UTC), `event`, `text`, and what it is made from."""
    if is_json():
        time_said = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = json.dumps({"time": time_said, "event": event, "text": text.strip(), **facts}, ensure_ascii=False)
    print(visible_lines(text), file=sys.stderr, flush=True)


class JsonProgress(Progress):
    """An object for each step and message, and one at most `every` seconds on how far a step is.

    Events: `step` (label, total), `progress` (label, done, total, left in seconds where it can be told), `message`.
    """

    def __init__(self, every: float = 5.0) -> None:
        self.every, self.label, self.done, self.written = every, "", 0, 0.0
        self.total: int | None = None
        self.end: float | None = None

    def step(self, label: str, total: int | None = None) -> None:
        self.label, self.total, self.done, self.end, self.written = label, total, 0, None, time.monotonic()
        say("step", label, label=label, total=total)

    def advance(self, amount: int = 1, note: str = "") -> None:
        self.done += amount
        self.note(note)

    def left(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def note(self, text: str) -> None:
        if (now := time.monotonic()) - self.written < self.every:
            return
        self.written = now
        left = None if self.end is None else round(max(0.0, self.end - now), 1)
        say("progress", text, label=self.label, done=self.done, total=self.total, left=left)

    def line(self, text: str) -> None:
        say("message", text)


@contextmanager
def reporter() -> Iterator[Progress]:
    """Objects where JSON is asked for; else bars where standard error is a terminal, lines elsewhere."""
    if is_json():
        yield JsonProgress()
        return
    if not sys.stderr.isatty():
        yield LineProgress()
        return
    progress = BarProgress()
    with progress.bars:
        yield progress
