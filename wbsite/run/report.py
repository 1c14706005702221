"""What became of a run: what was computed, what the store had, what failed; time and memory of each task; versions."""

from __future__ import annotations

import platform
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from wbsite import __version__
from wbsite.core.progress import Followed, Progress

if TYPE_CHECKING:
    from .plan import Plan, Task
    from .worker import Outcome

RECORD = "report"
"""Its name in the store."""

NOT_KEPT = "it was computed, but is not in the store"
"""Why a result counts as failed that no task failed at."""

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "altair", "mkdocs", "mkdocs-material")


class Kept(Followed):
    """Passes everything on to another observer, and keeps the messages."""

    def __init__(self, outer: Progress, seconds: float = 0.0) -> None:
        super().__init__(outer, seconds)
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)
        super().line(text)


@dataclass
class Report:
    """Collects outcomes while tasks run.

    Attributes:
        where: how tasks were computed, in words.
    """

    where: str
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Notes what became of a task."""
        self.outcomes[outcome.task.key] = outcome

    def record(self, plans: Sequence[Plan], messages: Sequence[str], absent: Container[str] = ()) -> dict[str, Any]:
        """As JSON values.

        Args:
            absent: keys of results that were computed and are not in the store, which counts as a failure.

        `tasks` has a row each: analysis, subject, layer, state ("computed", "taken from the store", "failed"), seconds,
        peak memory of its process in bytes where that is known, and the reason of a failure. `skipped` has those that
        do not apply, with the reason.
        """
        return {
            "began": self.began.isoformat(timespec="seconds"),
            "ended": datetime.now(UTC).isoformat(timespec="seconds"),
            "where": self.where,
            "versions": versions(),
            "tasks": [self._row(task, task.key in absent) for plan in plans for task in plan.tasks],
            "skipped": [
                {"analysis": analysis, "subject": plan.subject.label, "layer": layer, "reason": reason}
                for plan in plans
                for (analysis, layer), reason in plan.skipped.items()
            ],
            "messages": list(messages),
        }

    def _row(self, task: Task, absent: bool) -> Mapping[str, Any]:
        outcome = self.outcomes.get(task.key)
        reason = NOT_KEPT if absent else outcome.failed if outcome else ""
        state = "failed" if reason else "computed" if outcome else "taken from the store"
        return {
            "analysis": task.analysis,
            "subject": task.subject.label,
            "layer": task.layer,
            "state": state,
            "seconds": round(outcome.seconds, 3) if outcome else None,
            "memory": outcome.memory if outcome else None,
            "reason": reason,
        }


def versions() -> dict[str, str]:
    """Of wbsite, Python, the system, and the packages that decide results and pages."""
    found = {"wbsite": __version__, "Python": platform.python_version(), "system": platform.platform(terse=True)}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # of an installation for rendering alone
            continue
    return found
