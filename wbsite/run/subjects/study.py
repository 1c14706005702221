"""Information-plane studies as subjects: what is trained, on which data."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.config import Config
from wbsite.core.filing.paths import expanded
from wbsite.core.naming import STUDY, data_of
from wbsite.core.progress import Progress
from wbsite.core.store import Store

from .base import Material, Subject, stamps

if TYPE_CHECKING:
    from wbsite.analyses.base import Analysis, StudyContext
    from wbsite.datasets.base import Samples
    from wbsite.run.plan import Task
    from wbsite.train.study.study import Study


@dataclass(frozen=True)
class StudySubject(Subject):
    """The study that the information-plane article is drawn from, by name or file; "" is the profile's own."""

    name = "study"
    scopes = ("study",)
    order = 2

    token: str = ""

    @property
    def id(self) -> str:
        return STUDY

    @classmethod
    def of(cls, config: Config) -> StudySubject:
        """The study asked for: on the command line, in `wbsite.toml`, or by `WBSITE_STUDY`."""
        named = config.study or os.environ.get("WBSITE_STUDY", "")
        return cls(os.path.abspath(expanded(named)) if named.endswith(".toml") else named)

    @classmethod
    def requested(cls, config: Config, store: Store, progress: Progress) -> list[StudySubject]:
        return [cls.of(config)] if not config.articles or STUDY in config.articles else []

    @classmethod
    def exported(cls, analysis: Analysis, config: Config, model: str | None) -> StudySubject:
        return cls.of(config)

    def files(self) -> list[Path]:
        """The file it is read from, where there is one, and the data that file names."""
        path = Path(self.token)
        if not self.token.endswith(".toml") or not os.path.isfile(path):
            return []
        try:
            dataset = str(tomllib.loads(path.read_text(encoding="utf-8-sig")).get("dataset", ""))
        except (OSError, ValueError, RecursionError):  # said when it is read in earnest
            return [path]
        _, data = data_of(path, dataset)
        return [path, *([data] if data and os.path.exists(data) else [])]

    def sources(self) -> dict[str, Any]:
        return {"files": stamps(self.files()), "study": self.token}

    def load(self, profile: str) -> StudyData:
        """The study and its data; data that files hold are read once while these stay as they are.

        Raises:
            WbsiteError: there is no such study or data set, or it cannot be trained on.
        """
        return _loaded(self, profile, tuple((str(path), path.stat().st_mtime_ns) for path in self.files()))

    @classmethod
    def forget(cls) -> None:
        _loaded.cache_clear()


@lru_cache(maxsize=2)
def _loaded(subject: StudySubject, profile: str, files: tuple[tuple[str, int], ...]) -> StudyData:
    from wbsite.train.study.study_data import load_study

    return StudyData(subject, *load_study(subject.token, profile))


class StudyData(Material):
    """A study with its data."""

    content = "data"
    small = True  # its networks are many and tiny

    def __init__(self, subject: StudySubject, study: Study, samples: Samples) -> None:
        super().__init__(subject, samples.digest)
        self.study, self.samples = study, samples

    def facts(self) -> Mapping[str, Any]:
        study = self.study
        return {
            "title": "The information plane",
            "summary": f"{study.runs} networks of the study {study.name}, trained on {study.data}",
            "article": self.subject.id,
            "experiments": {},
            "runs": {study.name: {name: list(study.seeds) for name in study.named()}},
            "devices": [],
        }

    def layers_for(self, analysis: Analysis) -> Iterator[tuple[str, str]]:
        if analysis.scope == "study":
            yield "", ""

    def decides(self, analysis: Analysis, layer: str) -> Mapping[str, Any]:
        estimators = list(self.study.estimators) if "estimators" in analysis.inputs else []
        return {"study": self.study.facts(), "data": self.digest, "estimators": estimators}

    def context(self, analysis: Analysis, task: Task, common: Mapping[str, Any]) -> StudyContext:
        from wbsite.analyses.base import StudyContext
        from wbsite.train.study.study import Study

        # Without what the analysis does not read.
        study = self.study if "estimators" in analysis.inputs else replace(self.study, estimators=Study.estimators)
        return StudyContext(study, self.samples, **common)


SUBJECTS = (StudySubject,)
