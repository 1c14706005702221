"""Runs one task: in this process or on a worker, the same way."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .. import __version__, registry
from ..analyses.base import Analysis, Context
from ..device import choose, describe
from ..errors import WbsiteError
from ..store import Entry, Store, StoreError
from .plan import Task, loaded


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
            model, layers = loaded(task.model)
            if model.digest != task.digest:
                raise WbsiteError(
                    f"the weights of {task.model.token} changed while they were analysed.", "Run the command again."
                )
            place = choose(device)
            started = time.perf_counter()
            result = analysis.run(
                Context(
                    model=model,
                    layers=layers,
                    layer=next((layer for layer in layers.layers if layer.name == task.layer), None),
                    device=place,
                    params=analysis.parameters(task.profile),
                    needs={name: _entry(store, key) for name, key in task.needs.items()},
                )
            )
            about = {
                "analysis": analysis.name,
                "version": analysis.version,
                "params": dict(analysis.parameters(task.profile)),
                "model": task.model.id,
                "layer": task.layer,
                "weights": task.digest,
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


def _reason(error: Exception) -> str:
    if isinstance(error, WbsiteError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _entry(store: Store, key: str) -> Entry:
    entry = store.get(key)
    if entry is None:
        raise WbsiteError(f"needed result {key[:12]} is gone from the store.", "Run the command again.")
    return entry
