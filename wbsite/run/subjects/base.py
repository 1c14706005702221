"""What a subject is: something that results are computed of, such as a model, a suite's runs or a study."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from wbsite.core.errors import WbsiteError
from wbsite.run.costs import cost

if TYPE_CHECKING:
    from typing import Self

    from wbsite.analyses.base import Analysis
    from wbsite.core.config import Config
    from wbsite.core.progress import Progress
    from wbsite.core.store import Store
    from wbsite.run.inputs import Input
    from wbsite.run.plan import Task


@dataclass(frozen=True)
class Subject(ABC):
    """A subject as the user named it. A file of this folder that lists a subclass in `SUBJECTS` adds a kind.

    Picklable, and made without torch, so that a build with nothing to do need not import it.

    Attributes:
        token: as the user wrote it.
        name: of the kind; the first column of exported tables.
        scopes: of the analyses that are computed of this kind.
        folder: of its record in the store, where pages find it.
        order: of this kind among all.
    """

    name: ClassVar[str]
    scopes: ClassVar[tuple[str, ...]]
    folder: ClassVar[str] = "suites"
    order: ClassVar[int] = 0

    token: str

    @property
    def id(self) -> str:
        """The name of its pages and records."""
        return self.token

    @property
    def record(self) -> str:
        """The name of its record in the store."""
        return f"{self.folder}/{self.id}"

    @property
    def label(self) -> str:
        """As messages and exported tables name it."""
        return self.id

    @property
    def title(self) -> str:
        """As pages and menus name it; "" where that is for what is loaded to say."""
        return ""

    @classmethod
    @abstractmethod
    def requested(cls, config: Config, store: Store, progress: Progress) -> Sequence[Self]:
        """Those that a build is asked for; WbsiteError where what names them, or all of them read, cannot be used."""

    @classmethod
    @abstractmethod
    def exported(cls, analysis: Analysis, config: Config, model: str | None) -> Self:
        """The one that `wbsite export ANALYSIS [--model MODEL]` means; WbsiteError where there is none."""

    @classmethod  # noqa: B027
    def check(cls, config: Config, subjects: Sequence[Self], facts: Iterable[Mapping[str, Any]]) -> None:
        """Refuses with a WbsiteError what is seen only of all of this kind together, and of what their records say."""

    @abstractmethod
    def sources(self) -> dict[str, Any] | None:
        """JSON values that change whenever a file does that it is loaded from; None where these are not known."""

    @classmethod  # noqa: B027
    def forget(cls) -> None:
        """Lets go of all that was loaded of this kind, as where other processes compute: it is loaded when needed."""

    def fetch(self, progress: Progress) -> None:  # noqa: B027
        """Downloads what this machine lacks of it."""

    @abstractmethod
    def load(self, profile: str) -> Material:
        """Its weights, runs or data; kept for the next task as far as memory allows.

        Raises:
            WbsiteError: there are none, or they cannot be used.
        """


class Material(ABC):
    """A subject's weights, runs or data, loaded.

    Attributes:
        content: which of these they are.
        digest: SHA-256 of them.
        small: whether its operations take less time than handing them to several threads.
    """

    content: ClassVar[str]
    small: bool = False

    def __init__(self, subject: Subject, digest: str) -> None:
        self.subject, self.digest = subject, digest

    @abstractmethod
    def facts(self) -> Mapping[str, Any]:
        """What the subject's record says besides its results."""

    def remarks(self) -> Iterable[str]:
        """Sentences on what was assumed of it, for the terminal."""
        return ()

    @abstractmethod
    def layers_for(self, analysis: Analysis) -> Iterable[tuple[str, str]]:
        """(layer, "" or the reason why it has no result there) for all that the analysis could be computed of.

        The layer is "" where it is computed of the whole.
        """

    @abstractmethod
    def decides(self, analysis: Analysis, layer: str) -> Mapping[str, Any]:
        """JSON values that a result is made from, besides the analysis, its needs and its inputs."""

    def inputs(self, analysis: Analysis, progress: Progress) -> Mapping[str, Input]:
        """What else the analysis reads, by name."""
        return {}

    @abstractmethod
    def context(self, analysis: Analysis, task: Task, common: Mapping[str, Any]) -> Any:
        """What the analysis is given; `common` has what every context has: device, params, needs, progress, parts."""

    def seconds(self, analysis: Analysis, layer: str) -> float:
        """About how long an analysis of it takes on one processor."""
        return cost(analysis.name).seconds(1, 0.0)

    def check(self, content: str, digest: str, planned: str) -> None:
        """Refuses with a WbsiteError what is not as it was when it was planned with."""
        if digest != planned:
            raise WbsiteError(
                f"the {content} of {self.subject.label} changed while they were analysed.", "Run the command again."
            )


def stamps(paths: Iterable[Path]) -> dict[str, list[int]]:
    """Size and time of files, by their path."""
    stats = {str(path.resolve()): path.stat() for path in paths}
    return {path: [stat.st_size, stat.st_mtime_ns] for path, stat in stats.items()}
