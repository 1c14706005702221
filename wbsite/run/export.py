"""A result as a table."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import registry
from ..analyses.base import Analysis
from ..config import Config
from ..device import choose
from ..errors import WbsiteError, unknown
from ..progress import Progress
from .compute import intact, obtain, open_store
from .executors import outcomes
from .plan import Task, plan
from .request import ModelRequest

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("csv", "json", "parquet")


def export(config: Config, analysis: str, layer: str | None, format: str, progress: Progress) -> bytes:
    """The rows of an analysis for one model, computed where the store lacks them.

    Raises:
        WbsiteError: unknown format, analysis, model or layer; the analysis does not apply or fails.
    """
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    if len(config.models) != 1:
        raise WbsiteError(f"export takes one model, not {len(config.models)}.", "Run it once for each.")
    found: Analysis = registry.named("analyses", analysis, "analysis")
    request = ModelRequest(config.models[0], config.weights_dir)
    obtain(request, progress)
    whole = plan(request, config.profile, only=[analysis])
    mine = [task for task in whole.tasks if task.analysis == analysis]
    if layer is not None and layer not in {task.layer for task in mine}:
        if (analysis, layer) in whole.skipped:
            raise WbsiteError(f"{analysis} has no result for layer {layer!r}: {whole.skipped[analysis, layer]}.")
        raise unknown("layer", layer, [task.layer for task in mine])
    mine = [task for task in mine if layer is None or task.layer == layer]
    wanted = {need for task in mine for need in task.needs.values()} | {task.key for task in mine}
    _compute([task for task in whole.tasks if task.key in wanted], config, progress)
    return _encode(_rows(mine, found, config), format)


def _compute(tasks: Sequence[Task], config: Config, progress: Progress) -> None:
    store = open_store(config)
    missing = [task for task in tasks if not intact(store, task.key, task.label, progress)]
    if not missing:
        return
    choose(config.device)
    store.prepare()
    progress.step(f"compute {len(missing)} of {len(tasks)} results", len(missing))
    for outcome in outcomes(missing, replace(config, store=store.url)):
        progress.advance(note=outcome.task.label)
        if outcome.failed:
            raise WbsiteError(f"{outcome.task.label} failed: {outcome.failed}")


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
        rows.insert(0, "model", config.models[0])
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
