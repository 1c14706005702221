"""Progress of long work: rich bars with an estimate on a terminal, one line per step elsewhere."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from .markup import visible, visible_lines

if TYPE_CHECKING:
    from rich.progress import TaskID


class Progress:
    """Told what is going on, and says so. This one says nothing: the library's default."""

    def step(self, label: str, total: int | None = None) -> None:
        """A new step begins; `total` is its amount of work where known."""

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Some of the current step is done."""

    def left(self, seconds: float) -> None:
        """About how long the rest of the current step takes, where counting would not tell."""

    def note(self, text: str) -> None:
        """What is being done within the current step; none of it counts as done."""

    def line(self, text: str) -> None:
        """A message that should stay on the screen."""


class Inner(Progress):
    """Steps within one piece of another observer's step: they are its notes, and its count stays its own.

    Args:
        outer: the observer whose step this is a piece of.
        label: what the piece is called in its notes.
    """

    def __init__(self, outer: Progress, label: str) -> None:
        self.outer, self.name, self.label, self.done = outer, label, "", 0
        self.total: int | None = None
        self.started = 0.0

    def step(self, label: str, total: int | None = None) -> None:
        self.label, self.total, self.done, self.started = label, total, 0, time.monotonic()
        self.note("")

    def advance(self, amount: int = 1, note: str = "") -> None:
        self.done += amount
        self.note(note)

    def note(self, text: str) -> None:
        count = f"{self.done}{share(self.total, self.remaining())}" if self.done else ""
        step = ": ".join(filter(None, (self.label, count)))
        self.outer.note(" · ".join(filter(None, (self.name, step, text))))

    def line(self, text: str) -> None:
        self.outer.line(f"{self.name}: {text}")

    def remaining(self) -> float:
        """Seconds that the rest of its step takes, by those that were done; 0 where that cannot be said."""
        if not self.total or not self.done:
            return 0.0
        return (time.monotonic() - self.started) * (self.total / self.done - 1)


class Followed(Progress):
    """Passes everything on to another observer, with the seconds of what follows added to what is left."""

    def __init__(self, outer: Progress, seconds: float) -> None:
        self.outer, self.seconds = outer, seconds

    def step(self, label: str, total: int | None = None) -> None:
        self.outer.step(label, total)

    def advance(self, amount: int = 1, note: str = "") -> None:
        self.outer.advance(amount, note)

    def left(self, seconds: float) -> None:
        self.outer.left(seconds + self.seconds)

    def note(self, text: str) -> None:
        self.outer.note(text)

    def line(self, text: str) -> None:
        self.outer.line(text)


def share(total: int | None, left: float) -> str:
    """ " of TOTAL, about N s left"; "" where there is no total."""
    return f" of {total}, about {left:.0f} s left" if total else ""


_FIRST = 2.0
"""Seconds after which a long step's first line comes; each further one takes twice as long."""


class LineProgress(Progress):
    """One line per step, for logs and pipes; long steps add a line every `every` seconds, the first ones sooner."""

    def __init__(self, every: float = 15.0) -> None:
        self.every, self.label, self.done = every, "", 0
        self.total: int | None = None
        self.end: float | None = None
        self.started = self.written = self.wait = 0.0

    def step(self, label: str, total: int | None = None) -> None:
        self.label, self.total, self.done, self.end = label, total, 0, None
        self.started = self.written = time.monotonic()
        self.wait = min(_FIRST, self.every)
        self.line(label)

    def advance(self, amount: int = 1, note: str = "") -> None:
        self.done += amount
        self.note(note)

    def left(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def note(self, text: str) -> None:
        now = time.monotonic()
        if now - self.written < self.wait:
            return
        self.written, self.wait = now, min(2 * self.wait, self.every)
        if self.end is not None:
            left = max(0.0, self.end - now)
        else:
            left = (now - self.started) * (self.total / self.done - 1) if self.total and self.done else 0.0
        rest = share(self.total, left) if self.done or self.end is not None else ""
        self.line(f"{self.label}: {self.done}{rest}{' · ' + text if text else ''}")

    def line(self, text: str) -> None:
        print(visible_lines(text), file=sys.stderr, flush=True)


class BarProgress(Progress):
    """A rich bar for the current step."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Task, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars
        from rich.text import Text

        class TimeLeft(TimeRemainingColumn):
            """By what was said, else by counting."""

            def render(self, task: Task) -> Text:
                end = task.fields["end"]
                if end is None or task.finished:
                    return super().render(task)
                return Text(str(timedelta(seconds=round(max(0.0, end - time.monotonic())))), "progress.remaining")

        self.bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeLeft(elapsed_when_finished=True),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=Console(stderr=True),
        )
        self.task: TaskID | None = None

    def step(self, label: str, total: int | None = None) -> None:
        if self.task is not None:
            self.bars.update(self.task, total=self.bars.tasks[self.task].completed or 1, note="")
        self.task = self.bars.add_task(label, total=total, note="", end=None)

    def advance(self, amount: int = 1, note: str = "") -> None:
        if self.task is not None:
            self.bars.update(self.task, advance=amount, note=visible(note))

    def left(self, seconds: float) -> None:
        if self.task is not None:
            self.bars.update(self.task, end=time.monotonic() + seconds)

    def note(self, text: str) -> None:
        if self.task is not None:
            self.bars.update(self.task, note=visible(text))

    def line(self, text: str) -> None:
        self.bars.console.print(visible_lines(text), highlight=False, markup=False)
