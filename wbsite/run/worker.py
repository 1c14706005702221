"""Runs one task: in this process or on a worker, the same way."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from wbsite import __version__
from wbsite.analyses.base import Analysis, Context, Parts, Photographs, StudyContext, SuiteContext
from wbsite.core import registry
from wbsite.core.device import choose, describe
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.core.store import Contents, Entry, Store, StoreError
from wbsite.core.threads import one_thread
from wbsite.results.base import Result, SchemaError

from .categories import labels
from .photographs import photographs
from .plan import Task, loaded
from .studies import loaded_study, seen_by
from .subjects import ModelRequest, SuiteRequest
from .suites import loaded_runs

if TYPE_CHECKING:
    import pandas as pd

SMALL = 64
"""Pixels of the side of an input up to which a network counts as small."""


@dataclass(frozen=True)
class Outcome:
    """What became of a task: `failed` is "" or the reason."""

    task: Task
    failed: str = ""


def perform(task: Task, store_url: str, device: str, *needed: Outcome, progress: Progress | None = None) -> Outcome:
    """Computes a task and stores the result; a failure of the analysis is an outcome.

    Args:
        needed: outcomes of the tasks this one needs (handed in so that a scheduler orders them).
        progress: told of the analysis's own steps; a worker has none.

    Raises:
        StoreError: the store cannot be used.
    """
    for outcome in needed:
        if outcome.failed:
            return Outcome(task, f"{outcome.task.analysis} failed: {outcome.failed}")
    store = Store(store_url)
    with store.lock(task.key):
        if store.get(task.key) is not None:
            return Outcome(task)
        analysis: Analysis = registry.named("analyses", task.analysis, "analysis")
        try:
            place = choose(device)
            facts = provenance(task, analysis, place)
            given = context(task, analysis, place, store, facts, progress or Progress())
            started = time.perf_counter()
            with _threads(given, place):
                result = analysis.run(given)
            about = {**facts, "seconds": round(time.perf_counter() - started, 3)}
            # In here: a result that does not fit its schema is the analysis's defect too.
            store.put(task.key, contents_of(analysis, result), about)
        except StoreError:
            raise
        except Exception as error:  # any defect of one analysis must leave the others' results standing
            return Outcome(task, _reason(error))
    return Outcome(task)


def contents_of(analysis: Analysis, result: Contents | Result) -> Contents:
    """What the store keeps of a result.

    Raises:
        SchemaError: it is not of the analysis's schema.
    """
    if isinstance(result, Contents):
        return result
    if analysis.result is None or not isinstance(result, analysis.result):
        raise SchemaError(f"{analysis.name} returned {type(result).__name__}, which is not its schema.")
    return result.contents()


def _threads(given: Context | SuiteContext | StudyContext, device: torch.device) -> AbstractContextManager[None]:
    """One thread for a small network, or many tiny ones, whose operations take less time than handing them to several.

    On two cores with another process on one of them, pictures of its units took forty times as long on two threads.
    """
    small = isinstance(given, StudyContext) or (
        isinstance(given, Context) and max(given.model.spec.input_shape[1:]) <= SMALL
    )
    return one_thread(device) if small else nullcontext()


def provenance(task: Task, analysis: Analysis, device: torch.device) -> dict[str, Any]:
    """What the record of a result, and of its parts, says of how it came about."""
    model = isinstance(task.subject, ModelRequest)
    return {
        "analysis": analysis.name,
        "version": analysis.version,
        "params": dict(analysis.parameters(task.profile)),
        **({"model": task.subject.id, "layer": task.layer} if model else {"suite": task.subject.id}),
        "weights" if model else "runs": task.digest,
        **({"photographs": dict(task.photographs)} if task.photographs else {}),
        **({"categories": dict(task.categories)} if task.categories else {}),
        "wbsite": __version__,
        "device": describe(device),
    }


def context(
    task: Task, analysis: Analysis, device: torch.device, store: Store, facts: Mapping[str, Any], progress: Progress
) -> Context | SuiteContext | StudyContext:
    """What the analysis is given.

    Args:
        facts: what the records of its parts say.

    Raises:
        WbsiteError: the weights or runs are gone or are others than those that were planned with.
    """
    params = analysis.parameters(task.profile)
    needs = {name: _entry(store, key) for name, key in task.needs.items()}
    if isinstance(task.subject, SuiteRequest):
        found = loaded_runs(task.subject)
        _check_same("runs", found.digest, task.digest, task)
        return SuiteContext(found.runs, device, params, needs)
    parts = Parts(store, task.parts, facts, progress)
    if not isinstance(task.subject, ModelRequest):
        study, samples = loaded_study(task.subject, task.profile)
        _check_same("data", samples.digest, task.digest, task)
        return StudyContext(seen_by(analysis, study), samples, device, params, needs, progress, parts)
    subject = task.subject
    model, layers = loaded(subject)
    _check_same("weights", model.digest, task.digest, task)
    layer = next((layer for layer in layers.layers if layer.name == task.layer), None)

    def shown() -> Photographs:
        found = photographs(subject.photographs, model.spec, progress)
        _check_same("photographs", found.digest, task.photographs_digest, task)
        return replace(found, inputs=found.inputs.to(device))

    def labelled() -> pd.DataFrame:
        found = labels(subject.categories, model, layers)
        _check_same("categories", found.digest, task.categories_digest, task)
        return found.table

    return Context(
        model, layers, layer, device, params, needs, progress, parts,
        load_photographs=shown if analysis.photographs else None,
        load_categories=labelled if analysis.categories else None,
    )  # fmt: skip


def _check_same(what: str, digest: str, planned: str, task: Task) -> None:
    if digest != planned:
        raise WbsiteError(
            f"the {what} of {task.subject.token} changed while they were analysed.", "Run the command again."
        )


def _reason(error: Exception) -> str:
    if isinstance(error, WbsiteError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _entry(store: Store, key: str) -> Entry:
    entry = store.get(key)
    if entry is None:
        raise WbsiteError(f"needed result {key[:12]} is gone from the store.", "Run the command again.")
    return entry
