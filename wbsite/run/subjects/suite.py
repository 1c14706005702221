"""Suites of experiments as subjects: which have runs, and what the runs are."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core import registry
from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.filing.documents import canonical
from wbsite.core.filing.paths import expanded
from wbsite.core.progress import Progress
from wbsite.core.store import Store
from wbsite.models.weights import BUNDLED
from wbsite.run.fingerprint import code_digest
from wbsite.train.suite_runs import read_runs

from .base import Material, Subject, stamps

if TYPE_CHECKING:
    from wbsite.analyses.base import Analysis, SuiteContext
    from wbsite.run.plan import Task
    from wbsite.train.runs import Run


@dataclass(frozen=True)
class SuiteSubject(Subject):
    """A suite by name, and the folder of all suites' runs; "" means those that come with wbsite."""

    name = "suite"
    scopes = ("suite",)
    order = 1

    runs_dir: str = ""

    @classmethod
    def requested(cls, config: Config, store: Store, progress: Progress) -> list[SuiteSubject]:
        """The suites that have runs and whose article is to be built."""
        known, suites = articles(store), having_runs(config)
        wanted = []
        for suite in suites:
            if suite.id not in known:
                message = f"{suite.runs} holds runs of {suite.id!r}, which is no suite"
                if suite.runs_dir and not any(other.id in known for other in suites if other.runs_dir):
                    raise WbsiteError(f"{message}.", f"Suites: {', '.join(known)}.")
                progress.line(f"{message}; left out")
            elif not config.articles or known[suite.id] in config.articles:
                wanted.append(suite)
        return wanted

    @classmethod
    def exported(cls, analysis: Analysis, config: Config, model: str | None) -> SuiteSubject:
        return next((suite for suite in having_runs(config) if suite.id == analysis.suite), cls(analysis.suite))

    @property
    def runs(self) -> Path:
        """The folder of its runs, SETTING/EXPERIMENT-seedN.npz."""
        return (Path(self.runs_dir) if self.runs_dir else bundled_runs()) / self.token

    def files(self) -> list[Path]:
        """The files of its runs, sorted by name."""
        return sorted(self.runs.glob("*/*.npz"))

    def sources(self) -> dict[str, Any]:
        return {"files": stamps(self.files())}

    def load(self, profile: str) -> Runs:
        """Its runs; read once while their files stay as they are.

        Raises:
            WbsiteError: there are none, a file is damaged or lies where it does not belong, or runs do not go together.
        """
        files = [(path, path.stat()) for path in self.files()]
        if not files:
            raise WbsiteError(
                f"there are no runs of the suite {self.id}.",
                f"Make them with `wbsite train {self.id}`, and name their folder with --runs.",
            )
        return _read(self, tuple((path, stat.st_size, stat.st_mtime_ns) for path, stat in files))

    @classmethod
    def forget(cls) -> None:
        _read.cache_clear()


@lru_cache(maxsize=2)
def _read(suite: SuiteSubject, files: tuple[tuple[Path, int, int], ...]) -> Runs:
    return Runs(suite, read_runs(suite.id, suite.runs, [path for path, _, _ in files]))


class Runs(Material):
    """All runs of a suite, with SHA-256 of their files."""

    content = "runs"

    def __init__(self, subject: SuiteSubject, runs: list[tuple[Run, str]]) -> None:
        self.runs, self.digests = tuple(run for run, _ in runs), [digest for _, digest in runs]
        super().__init__(subject, hashlib.sha256(canonical(self.digests)).hexdigest())

    def facts(self) -> Mapping[str, Any]:
        """What the suite is, and what was trained on what."""
        suite = registry.named("suites", self.subject.id, "suite")
        seeds: dict[str, dict[str, list[int]]] = {}
        for record in (run.record for run in self.runs):
            seeds.setdefault(record["setting"], {}).setdefault(record["experiment"], []).append(record["seed"])
        return {
            "title": suite.name,
            "summary": suite.summary,
            "article": suite.article,
            "experiments": {trial.name: trial.title for trial in suite.trials},
            "runs": seeds,
            "devices": sorted({run.record["provenance"].get("device", "") for run in self.runs} - {""}),
        }

    def layers_for(self, analysis: Analysis) -> Iterator[tuple[str, str]]:
        if (analysis.scope, analysis.suite) == ("suite", self.subject.id):
            yield "", ""

    def decides(self, analysis: Analysis, layer: str) -> Mapping[str, Any]:
        return {"suite": self.subject.id, "runs": self.digests}

    def context(self, analysis: Analysis, task: Task, common: Mapping[str, Any]) -> SuiteContext:
        from wbsite.analyses.base import SuiteContext

        return SuiteContext(self.runs, **common)


def articles(store: Store) -> dict[str, str]:
    """Suite → the article that is drawn from it; from the last run's record where no code has changed,
    since the suites themselves import torch."""
    last = store.record("last") or {}
    if last.get("code") == code_digest() and isinstance(last.get("articles"), dict):
        return last["articles"]
    return {suite.name: suite.article for suite in registry.entries("suites")}


def bundled_runs() -> Path:
    """`WBSITE_RUNS`, else the runs that come with wbsite."""
    return expanded(os.environ.get("WBSITE_RUNS") or BUNDLED, "WBSITE_RUNS")


def having_runs(config: Config) -> list[SuiteSubject]:
    """The suites that have runs, by name; one that the folder of `--runs` has is taken from there.

    Raises:
        WbsiteError: that folder holds no run.
    """
    suites = dict.fromkeys(_names(bundled_runs()), "")
    if config.runs:
        trained = _names(Path(config.runs))
        if not trained:
            raise WbsiteError(
                f"{config.runs} holds no run of a suite.",
                "Give the folder that `wbsite train SUITE --out` wrote: SUITE/SETTING/EXPERIMENT-seedN.npz lie in it.",
            )
        suites |= dict.fromkeys(trained, str(Path(config.runs).absolute()))
    return [SuiteSubject(name, folder) for name, folder in sorted(suites.items())]


def _names(folder: Path) -> set[str]:
    return {path.parts[-3] for path in folder.glob("*/*/*.npz")}


SUBJECTS = (SuiteSubject,)
