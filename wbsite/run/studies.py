"""What to compute of an information-plane study: its data, its analyses, their keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from wbsite import datasets
from wbsite.analyses.base import Analysis
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.core.source import behind
from wbsite.core.store import result_key
from wbsite.datasets.base import Samples, split
from wbsite.train.study.replay import split_of
from wbsite.train.study.study import Study
from wbsite.train.study.study_file import chosen

from .plan import Plan, Task, analyses, with_needs
from .subjects import StudyRequest

LARGEST = 8 << 30
"""Bytes of recorded parameters that a study may have."""


def loaded_study(request: StudyRequest, profile: str) -> tuple[Study, Samples]:
    """The study and its data; data that files hold are read once while these stay as they are.

    Raises:
        WbsiteError: there is no such study or data set, or it cannot be trained on.
    """
    files = tuple((str(path), path.stat().st_mtime_ns) for path in request.files())
    return _loaded(request, profile, files)


@lru_cache(maxsize=2)
def _loaded(request: StudyRequest, profile: str, files: tuple[tuple[str, int], ...]) -> tuple[Study, Samples]:
    study = chosen(request.token, profile)
    samples = datasets.samples(study.dataset, Progress())
    split(samples, split_of(study, samples), study.seeds[0])  # refused here rather than when it is trained on
    _check_size(study, samples)
    return study, samples


def _check_size(study: Study, samples: Samples) -> None:
    """Refuses networks whose recorded parameters would be more than a machine holds."""
    each = [of.architecture(samples.inputs.shape[1], len(samples.classes)).size for of in study.configurations]
    kept = 4 * sum(each) * len(study.seeds) * len(study.moments)
    if kept > LARGEST:
        raise WbsiteError(
            f"{study.name}: {study.runs} networks at {len(study.moments)} epochs have {kept / 2**30:.3g} GiB of"
            f" parameters; {LARGEST >> 30} are the most that is kept.",
            "Take fewer units, seeds, configurations or records.",
        )


def seen_by(analysis: Analysis, study: Study) -> Study:
    """The study without what the analysis does not read."""
    return study if analysis.estimators else replace(study, estimators=Study.estimators)


def plan_study(request: StudyRequest, profile: str, only: Iterable[str] = ()) -> Plan:
    """The tasks of a study; with `only`, those analyses and what they need.

    Raises:
        WbsiteError: the study or its data cannot be used.
    """
    study, samples = loaded_study(request, profile)
    wanted = with_needs(only) if only else {analysis.name for analysis in analyses()}
    tasks: list[Task] = []
    keys: dict[str, str] = {}
    for analysis in analyses():
        if analysis.name not in wanted or analysis.scope != "study":
            continue
        needs = {need: keys[need] for need in analysis.needs}
        of: dict[str, Any] = {
            "analysis": analysis.name,
            "code": behind(analysis.run),
            "params": dict(analysis.parameters(profile)),
            "study": study.facts(),
            "data": samples.digest,
            "needs": needs,
        }
        if analysis.estimators:
            of["estimators"] = list(study.estimators)
        keys[analysis.name] = key = result_key(of)
        parts = result_key({**of, "parts": True})
        tasks.append(Task(request, samples.digest, analysis.name, "", profile, key, needs, of["code"], parts))
    facts = {
        "title": "The information plane",
        "summary": f"{study.runs} networks of the study {study.name}, trained on {study.data}",
        "article": request.id,
        "experiments": {},
        "runs": {study.name: {name: list(study.seeds) for name in study.named()}},
        "devices": [],
    }
    return Plan(request, facts, samples.digest, tuple(tasks), {})
