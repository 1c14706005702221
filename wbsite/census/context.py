"""What an analysis of the census is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from wbsite.core.progress import Progress
from wbsite.results.base import Result

from .record import Measured

if TYPE_CHECKING:
    from wbsite.core.store import Entry

R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class CensusContext:
    """What an analysis of the census is given.

    Attributes:
        measured: of every network, by task and name.
        params, needs, progress: as every context has them.
        device, parts: likewise; the census computes nothing on a device.
    """

    measured: Sequence[Measured]
    params: Mapping[str, Any]
    needs: Mapping[str, Entry]
    progress: Progress = field(default_factory=Progress)
    device: Any = None
    parts: Any = None

    def need(self, analysis: type[R]) -> R:
        """The result of an analysis that this one needs."""
        return analysis.read(self.needs[analysis.analysis])
