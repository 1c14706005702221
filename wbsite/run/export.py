"""A result as a table."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from wbsite.analyses.base import Analysis
from wbsite.core import registry
from wbsite.core.config import Config
from wbsite.core.device import choose
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.progress import Progress
from wbsite.core.store import Entry
from wbsite.datasets._photographs import files_of

from . import pending as unfinished
from .compute import check_categories, intact, open_store, planned
from .executors import outcomes
from .plan import Plan, Task
from .subjects import ModelRequest, Request, SuiteRequest, study_request
from .suites import having_runs

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("csv", "json", "parquet")


def export(
    config: Config, analysis: str, model: str | None, layer: str | None, format: str, progress: Progress
) -> bytes:
    """The rows of an analysis for one model, or for the runs of its suite, computed where the store lacks them.

    Args:
        analysis: its name; hyphens stand for underscores.
        model: as `--models` names it; None for an analysis of a suite.

    Raises:
        WbsiteError: unknown format, analysis, model or layer; the analysis does not apply or fails.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    found, _, mine = _computed(config, analysis, model, layer, progress)
    return _encode(_rows(mine, found, config), format)


def entries(
    config: Config, analysis: str, model: str | None, layer: str | None, progress: Progress
) -> dict[str, Entry]:
    """An analysis's result and those it needs, by analysis, computed where the store lacks them.

    Raises:
        WbsiteError: as `export`.
    """
    _, tasks, _ = _computed(config, analysis, model, layer, progress)
    store = open_store(config)
    found = {task.analysis: store.get(task.key) for task in tasks}
    return {name: entry for name, entry in found.items() if entry is not None}


def _computed(
    config: Config, analysis: str, model: str | None, layer: str | None, progress: Progress
) -> tuple[Analysis, list[Task], list[Task]]:
    """The analysis, all tasks that led to it, and its own; all of them are in the store."""
    found: Analysis = registry.named("analyses", analysis.replace("-", "_"), "analysis")
    request = _request(found, config, model, layer)
    whole: Plan = planned(request, config, progress, only=[found.name])
    if config.categories and isinstance(request, ModelRequest):
        check_categories(config, [request], [whole], open_store(config))
    mine = [task for task in whole.tasks if task.analysis == found.name]
    if layer is not None and layer not in {task.layer for task in mine}:
        if (found.name, layer) in whole.skipped:
            raise WbsiteError(f"{found.name} has no result for layer {layer!r}: {whole.skipped[found.name, layer]}.")
        raise unknown("layer", layer, [task.layer for task in mine])
    mine = [task for task in mine if layer is None or task.layer == layer]
    wanted = _needed(mine, whole)
    needed = [task for task in whole.tasks if task.key in wanted]
    _compute(needed, config, progress)
    return found, needed, mine


def _request(analysis: Analysis, config: Config, model: str | None, layer: str | None) -> Request:
    if analysis.scope in ("suite", "study"):
        if model is not None or layer is not None:
            of = f"the suite {analysis.suite}" if analysis.suite else "a study"
            raise WbsiteError(
                f"{analysis.name} is computed of {of}, not of a model.",
                "Leave --model and --layer out.",
            )
        if analysis.scope == "study":
            return study_request(config)
        return SuiteRequest(analysis.suite, having_runs(config).get(analysis.suite, ""))
    if model is None:
        raise WbsiteError(
            f"{analysis.name} is computed of a model, and none is given.",
            "Name one with --model; `wbsite list models` has them all.",
        )
    if "," in model:
        raise WbsiteError(f"export takes one model, not {model}.", "Run it once for each.")
    files_of(config.photographs)  # refuses one that cannot be used
    return ModelRequest(model, config.weights_dir, config.photographs, config.categories)


def _needed(tasks: Sequence[Task], whole: Plan) -> set[str]:
    """Keys of tasks and of all that they need, directly or not."""
    wanted = {task.key for task in tasks}
    for task in reversed(whole.tasks):  # each follows those it needs
        if task.key in wanted:
            wanted |= set(task.needs.values())
    return wanted


def _compute(tasks: Sequence[Task], config: Config, progress: Progress) -> None:
    store = open_store(config)
    missing = [task for task in tasks if not intact(store, task.key, task.label, progress)]
    if not missing:
        return
    choose(config.device)
    store.prepare()
    unfinished.note_parts(store, missing, done=False)
    progress.step(f"compute {len(missing)} of {len(tasks)} results", len(missing))
    for outcome in outcomes(missing, replace(config, store=store.url), progress):
        progress.advance(note=outcome.task.label)
        if outcome.failed:
            raise WbsiteError(f"{outcome.task.label} failed: {outcome.failed}")
    unfinished.note_parts(store, missing, done=True)


def _rows(tasks: Sequence[Task], analysis: Analysis, config: Config) -> pd.DataFrame:
    import pandas as pd

    store, parts = open_store(config), []
    for task in tasks:
        entry = store.get(task.key)
        assert entry is not None  # just computed
        try:
            rows = entry.table(analysis.rows)
        except KeyError as error:
            raise WbsiteError(
                f"{analysis.name} has no table to export.", "Try another: `wbsite list analyses`."
            ) from error
        if isinstance(task.subject, ModelRequest):
            rows.insert(0, "model", task.subject.token)
        else:
            rows.insert(0, analysis.scope, task.subject.id)
        if analysis.scope == "layer":
            rows.insert(1, "layer", task.layer)
        parts.append(rows)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["model", "layer"])


def _encode(rows: pd.DataFrame, format: str) -> bytes:
    if format == "csv":
        return rows.to_csv(index=False).encode()
    if format == "json":
        return (rows.to_json(orient="records", indent=1) + "\n").encode()
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    return buffer.getvalue()
