"""What the units of a first layer are tuned to, measured on their weights alone."""

from __future__ import annotations

import pandas as pd

from wbsite.analyses.base import Analysis, Context, reads_pictures
from wbsite.core.store import Contents
from wbsite.graph.layers import Layer
from wbsite.ops.tuning.filter_tuning import DEAD, FilterTuning

COLUMNS = ("chroma", "frequency", "orientation", "orientation_selectivity", "phase_symmetry", "strength", "dead")


def applies(layer: Layer) -> str:
    """First layers."""
    return "" if reads_pictures(layer) else "only of kernels that read the picture itself do weights say the tuning"


def run(context: Context) -> Contents:
    """Tuning of every filter (`ops/filter_tuning.py`).

    Values: units, how many are dead, and the rule. Table rows: one a unit, `unit` from 0 in the layer; NaN where a
    filter has no such property.
    """
    weight = context.weight()
    tuning = FilterTuning.of(weight)
    columns = {name: getattr(tuning, name).numpy() for name in COLUMNS}
    rows = pd.DataFrame({"unit": range(len(tuning.dead)), **columns})
    return Contents(
        values={
            "units": len(rows),
            "dead": int(rows["dead"].sum()),
            "dead_below": DEAD,
            "channels": context.weight().shape[1],
        },
        tables={"rows": rows},
    )


ANALYSES = (
    Analysis(
        name="filter_tuning",
        version=1,
        scope="layer",
        summary="colour, frequency, orientation and phase that the first layer's filters are tuned to",
        run=run,
        applies=applies,
    ),
)
