"""Runs one task: in this process or on a worker, the same way."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import torch

from wbsite import __version__
from wbsite.analyses.base import Analysis, Parts
from wbsite.core import registry, source
from wbsite.core.device import choose, describe
from wbsite.core.errors import WbsiteError
from wbsite.core.machine import PeakMemory
from wbsite.core.progress import Progress
from wbsite.core.store import Contents, Entry, Store, StoreError
from wbsite.core.threads import one_thread
from wbsite.results.base import Result, SchemaError

from .plan import Task
from .subjects.base import Material


@dataclass(frozen=True)
class Outcome:
    """What became of a task: `failed` is "" or the reason, `seconds` what it took, `memory` the most bytes that its
    process held, where that is known."""

    task: Task
    failed: str = ""
    seconds: float = 0.0
    memory: int | None = None


def run_task(task: Task, store_url: str, device: str, *needed: Outcome, progress: Progress | None = None) -> Outcome:
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
        started, peak = time.perf_counter(), PeakMemory()
        try:
            _compute(task, analysis, store, choose(device), progress or Progress())
        except StoreError:
            raise
        except Exception as error:  # any defect of one analysis must leave the others' results standing
            reason = str(error) if isinstance(error, WbsiteError) else f"{type(error).__name__}: {error}"
            return Outcome(task, reason, time.perf_counter() - started, peak.bytes)
    return Outcome(task, seconds=time.perf_counter() - started, memory=peak.bytes)


def _compute(task: Task, analysis: Analysis, store: Store, device: torch.device, progress: Progress) -> None:
    material = task.subject.load(task.profile)
    material.check(material.content, material.digest, task.digest)
    material.check("code", source.behind(analysis.run), task.code)
    about = provenance(task, analysis, material, device)
    context = material.context(
        analysis,
        task,
        {
            "device": device,
            "params": analysis.parameters(task.profile),
            "needs": {name: _entry(store, key) for name, key in task.needs.items()},
            "progress": progress,
            "parts": Parts(store, task.parts, about, progress),
        },
    )
    started = time.perf_counter()
    # Pictures of a small network's units took forty times as long on two threads, with another process on one of them.
    with one_thread(device) if material.small else nullcontext():
        result = analysis.run(context)
    contents = contents_of(analysis, result)
    day = datetime.now(UTC).date().isoformat()
    store.put(task.key, contents, {**about, "computed": day, "seconds": round(time.perf_counter() - started, 3)})


def contents_of(analysis: Analysis, result: Result) -> Contents:
    """What the store keeps of a result.

    Raises:
        SchemaError: it is not of the analysis's schema.
    """
    if not isinstance(result, analysis.result):
        raise SchemaError(f"{analysis.name} returned {type(result).__name__}, not {analysis.result.__name__}.")
    return result.contents()


def provenance(task: Task, analysis: Analysis, material: Material, device: torch.device) -> dict[str, Any]:
    """What the record of a result, and of its parts, says of how it came about."""
    return {
        "analysis": analysis.name,
        "code": task.code,
        "params": dict(analysis.parameters(task.profile)),
        task.subject.name: task.subject.id,
        "layer": task.layer,
        material.content: task.digest,
        **{name: dict(read.about) for name, read in task.inputs.items()},
        "wbsite": __version__,
        "device": describe(device),
    }


def _entry(store: Store, key: str) -> Entry:
    entry = store.get(key)
    if entry is None:
        raise WbsiteError(f"needed result {key[:12]} is gone from the store.", "Run the command again.")
    return entry
