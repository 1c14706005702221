"""Runs one task: in this process or on a worker, the same way."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from .. import __version__, registry
from ..analyses.base import Analysis, Context, SuiteContext
from ..device import choose, describe
from ..errors import WbsiteError
from ..store import Entry, Store, StoreError
from .plan import Task, loaded
from .request import SuiteRequest
from .suites import loaded_runs


@dataclass(frozen=True)
class Outcome:
    """What became of a task: `failed` is "" or the reason."""

    task: Task
    failed: str = ""


def perform(task: Task, store_url: str, device: str, *needed: Outcome) -> Outcome:
    """Computes a task and stores the result; a failure of the analysis is an outcome.

    Args:
        needed: outcomes of the tasks this one needs (handed in so that a scheduler orders them).

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
            given = context(task, analysis, place, store)
            started = time.perf_counter()
            result = analysis.run(given)
            suite = isinstance(task.subject, SuiteRequest)
            about = {
                "analysis": analysis.name,
                "version": analysis.version,
                "params": dict(analysis.parameters(task.profile)),
                **({"suite": task.subject.id} if suite else {"model": task.subject.id, "layer": task.layer}),
                "runs" if suite else "weights": task.digest,
                "wbsite": __version__,
                "device": describe(place),
                "seconds": round(time.perf_counter() - started, 3),
            }
            store.put(task.key, result, about)  # in here: a result that is no JSON is the analysis's defect too
        except StoreError:
            raise
        except Exception as error:  # any defect of one analysis must leave the others' results standing
            return Outcome(task, _reason(error))
    return Outcome(task)


def context(task: Task, analysis: Analysis, device: torch.device, store: Store) -> Context | SuiteContext:
    """What the analysis is given.

    Raises:
        WbsiteError: the weights or runs are gone or are others than those that were planned with.
    """
    params = analysis.parameters(task.profile)
    needs = {name: _entry(store, key) for name, key in task.needs.items()}
    if isinstance(task.subject, SuiteRequest):
        found = loaded_runs(task.subject)
        _check_same("runs", found.digest, task)
        return SuiteContext(found.runs, device, params, needs)
    model, layers = loaded(task.subject)
    _check_same("weights", model.digest, task)
    layer = next((layer for layer in layers.layers if layer.name == task.layer), None)
    return Context(model, layers, layer, device, params, needs)


def _check_same(what: str, digest: str, task: Task) -> None:
    if digest != task.digest:
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
