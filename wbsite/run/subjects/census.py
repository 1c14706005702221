"""The census as a subject: the records of its networks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.census.record import MEASURED, Measured
from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.filing.documents import canonical
from wbsite.core.filing.paths import expanded
from wbsite.core.naming import CENSUS
from wbsite.core.progress import Progress
from wbsite.core.store import Store

from .base import Material, Subject, stamps

if TYPE_CHECKING:
    from wbsite.analyses.base import Analysis
    from wbsite.census.context import CensusContext
    from wbsite.run.plan import Task

ARTICLE = "in-the-wild"


@dataclass(frozen=True)
class CensusSubject(Subject):
    """The census, and the folder of its records; "" means those that come with wbsite."""

    name = "census"
    scopes = ("census",)
    order = 3

    records_dir: str = ""

    @classmethod
    def requested(cls, config: Config, store: Store, progress: Progress) -> list[CensusSubject]:
        """The census, where its article is to be built and there are records."""
        subject = cls.exported(None, config, None)
        if config.census and not subject.files():
            raise WbsiteError(
                f"{config.census} holds no record of the census.",
                "Give the folder that `wbsite census --out` wrote: TASK/NAME.npz lie in it.",
            )
        wanted = not config.articles or ARTICLE in config.articles
        return [subject] if wanted and subject.files() else []

    @classmethod
    def exported(cls, analysis: Analysis | None, config: Config, model: str | None) -> CensusSubject:
        return cls(CENSUS, str(expanded(config.census).absolute()) if config.census else "")

    def files(self) -> list[Path]:
        """The files of its records, sorted by name."""
        return sorted((Path(self.records_dir) if self.records_dir else MEASURED).glob("*/*.npz"))

    def sources(self) -> dict[str, Any]:
        return {"files": stamps(self.files())}

    def load(self, profile: str) -> Records:
        files = self.files()
        if not files:
            raise WbsiteError(
                "there are no records of the census.",
                "Make them with `wbsite census --out FOLDER`, and name their folder with --census.",
            )
        return Records(self, [(Measured.read(path), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files])


class Records(Material):
    """All records of the census, with SHA-256 of their files."""

    content = "records"

    def __init__(self, subject: CensusSubject, records: list[tuple[Measured, str]]) -> None:
        self.measured, self.digests = tuple(m for m, _ in records), [digest for _, digest in records]
        super().__init__(subject, hashlib.sha256(canonical(self.digests)).hexdigest())

    def facts(self) -> Mapping[str, Any]:
        tasks = sorted({m.facts["task"] for m in self.measured})
        summary = f"{len(self.measured)} networks for {len(tasks)} kinds of task"
        return {"title": "The census", "article": ARTICLE, "summary": summary, "tasks": tasks}

    def layers_for(self, analysis: Analysis) -> Iterator[tuple[str, str]]:
        if analysis.scope == "census":
            yield "", ""

    def decides(self, analysis: Analysis, layer: str) -> Mapping[str, Any]:
        return {"records": self.digests}

    def context(self, analysis: Analysis, task: Task, common: Mapping[str, Any]) -> CensusContext:
        from wbsite.census.context import CensusContext

        return CensusContext(self.measured, **common)


SUBJECTS = (CensusSubject,)
