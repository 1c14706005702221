"""What the units of a first layer are tuned to, measured on their weights alone."""

from __future__ import annotations

import pandas as pd

from wbsite.analyses.base import Analysis, Context, reads_pictures
from wbsite.graph.layers import Layer
from wbsite.ops.tuning import filter_tuning
from wbsite.results.branches.filter_tuning import FilterTuning


def applies(layer: Layer) -> str:
    """First layers."""
    return "" if reads_pictures(layer) else "only of kernels that read the picture itself do weights say the tuning"


def run(context: Context) -> FilterTuning:
    """Tuning of every filter."""
    weight = context.filters()
    tuning = filter_tuning.FilterTuning.of(weight)
    unit, *columns = FilterTuning.fields["rows"].columns
    rows = pd.DataFrame({unit: range(len(weight)), **{name: getattr(tuning, name).numpy() for name in columns}})
    return FilterTuning(
        units=len(rows),
        dead=int(rows["dead"].sum()),
        dead_below=filter_tuning.DEAD,
        channels=weight.shape[1],
        rows=rows,
    )


ANALYSES = (
    Analysis(
        scope="layer",
        run=run,
        of_weights=True,
        result=FilterTuning,
        applies=applies,
    ),
)
