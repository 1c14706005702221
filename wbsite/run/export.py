"""A result as a table."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wbsite.analyses.base import Analysis
from wbsite.core import registry
from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.progress import Progress
from wbsite.core.store import Entry, Store

from . import pending
from .compute import ended, intact, lost, planned, prepare, report_lost
from .plan import Plan, Task, kind_for

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("csv", "json", "parquet")


def export(
    config: Config, analysis: str, model: str | None, layer: str | None, format: str, progress: Progress
) -> bytes:
    """The rows of an analysis for one subject, computed where the store lacks them.

    Args:
        analysis: its name; hyphens stand for underscores.
        model: as `--models` names it; None for an analysis of another subject.

    Raises:
        WbsiteError: unknown format, analysis, model or layer; the analysis does not apply or fails.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    spec, _, tasks = _computed(config, analysis, model, layer, progress)
    return encoded(_rows(tasks, spec, Store(config.store)), format)


def entries(
    config: Config, analysis: str, model: str | None, layer: str | None, progress: Progress
) -> dict[str, Entry]:
    """An analysis's result and those it needs, by analysis, computed where the store lacks them.

    Raises:
        WbsiteError: as `export`.
    """
    _, tasks, _ = _computed(config, analysis, model, layer, progress)
    results = {task.analysis: Store(config.store).get(task.key) for task in tasks}
    return {name: entry for name, entry in results.items() if entry is not None}


def _computed(
    config: Config, analysis: str, model: str | None, layer: str | None, progress: Progress
) -> tuple[Analysis, list[Task], list[Task]]:
    """The analysis, all tasks that led to it, and its own; all of them are in the store."""
    spec: Analysis = registry.named("analyses", analysis.replace("-", "_"), "analysis")
    kind = kind_for(spec)
    if "model" not in kind.scopes and (model is not None or layer is not None):
        subject_name = f"the suite {spec.suite}" if spec.suite else f"a {kind.name}"
        raise WbsiteError(
            f"{spec.name} is computed of {subject_name}, not of a model.", "Leave --model and --layer out."
        )
    subject = kind.exported(spec, config, model)
    plan = planned(subject, config, progress, only=[spec.name])
    kind.check(config, [subject], [plan.facts])
    exported = [task for task in plan.tasks if task.analysis == spec.name]
    reasons = list(dict.fromkeys(reason for (name, _), reason in plan.skipped.items() if name == spec.name))
    if not exported and reasons and layer is None:
        raise WbsiteError(
            f"{spec.name} has no result for {subject.label}: {'; '.join(reasons)}.",
            f"`wbsite doctor {subject.token}` lists the analyses that have." if model else "",
        )
    if layer is not None and layer not in {task.layer for task in exported}:
        if reason := plan.skipped.get((spec.name, layer)):
            raise WbsiteError(f"{spec.name} has no result for layer {layer!r}: {reason}.")
        raise unknown("layer", layer, [task.layer for task in exported])
    exported = [task for task in exported if layer is None or task.layer == layer]
    tasks = _with_needed(exported, plan)
    _compute(tasks, config, progress)
    return spec, tasks, exported


def _with_needed(tasks: Sequence[Task], plan: Plan) -> list[Task]:
    """Tasks and all that they need, directly or not."""
    keys = {task.key for task in tasks}
    for task in reversed(plan.tasks):  # each follows those it needs
        if task.key in keys:
            keys |= set(task.needs.values())
    return [task for task in plan.tasks if task.key in keys]


def _compute(tasks: Sequence[Task], config: Config, progress: Progress) -> None:
    store = Store(config.store)
    missing = [task for task in tasks if not intact(store, task, progress)]
    if missing:
        prepare(store, config)
        pending.note_parts(store, missing, done=False)
        for outcome in ended(missing, len(tasks), config, progress):
            if outcome.failed:
                raise WbsiteError(f"{outcome.task.label} failed: {outcome.failed}")
        if absent := lost(store, missing, ()):
            report_lost(store, len(absent), len(missing), config, progress)
            raise WbsiteError(f"{len(absent)} of {len(tasks)} results are not there to export.", "Run it again.")
        pending.note_parts(store, missing, done=True)


def _rows(tasks: Sequence[Task], analysis: Analysis, store: Store) -> pd.DataFrame:
    import pandas as pd

    tables = []
    for task in tasks:
        entry = store.get(task.key)
        assert entry is not None  # just computed
        try:
            rows = entry.table(analysis.rows)
        except KeyError as error:
            raise WbsiteError(
                f"{analysis.name} has no table to export.", "Try another: `wbsite list analyses`."
            ) from error
        if task.subject.label != task.subject.name:  # a kind of one subject needs no column to tell it
            rows.insert(0, task.subject.name, task.subject.label)
        if analysis.scope == "layer":
            rows.insert(1, "layer", task.layer)
        tables.append(rows)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["model", "layer"])


def encoded(rows: pd.DataFrame, format: str) -> bytes:
    """A table as a file of one of `FORMATS`.

    Raises:
        WbsiteError: unknown format.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    if format == "csv":
        return rows.to_csv(index=False).encode()
    if format == "json":
        return (rows.to_json(orient="records", indent=1) + "\n").encode()
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    return buffer.getvalue()
