"""How the kernels of every planar layer lie in space: centre share, symmetries, stripes, number of patterns."""

from __future__ import annotations

import math

from wbsite.analyses.base import Analysis, Context
from wbsite.analyses.planar import planar
from wbsite.ops import kernel_geometry as ops
from wbsite.results.network.kernel_geometry import KernelGeometry, Measure


def run(context: Context) -> KernelGeometry:
    """The measures of the layer's weights, with bootstrap intervals over units where they have any."""
    found = ops.kernel_geometry(context.weight(), resamples=context.params["resamples"])
    measures = {
        "centre_share": found.centre_share,
        "left_right": found.left_right,
        "up_down": found.up_down,
        "quarter_turn": found.quarter_turn,
        "coherence": found.coherence,
        "patterns": found.patterns,
    }
    records = {name: record(measure) for name, measure in measures.items() if measure is not None}
    angle = defined(found.angle)
    rows = [{"measure": name, **measure.model_dump()} for name, measure in records.items()]
    rows.append({"measure": "angle", "value": angle, "low": None, "high": None, "null": None})
    return KernelGeometry(**records, angle=angle, rows=KernelGeometry.frame("rows", rows))


def record(measure: ops.Measure) -> Measure:
    """The numbers of a measure, None for those that are not defined."""
    return Measure(
        value=defined(measure.value),
        low=defined(measure.low),
        high=defined(measure.high),
        null=defined(measure.null),
    )


def defined(number: float) -> float | None:
    """The number, None for NaN."""
    return number if math.isfinite(number) else None


ANALYSES = (
    Analysis(
        scope="layer",
        run=run,
        of_weights=True,
        result=KernelGeometry,
        applies=planar,
        params={"quick": {"resamples": 1000}, "full": {"resamples": 10_000}},
    ),
)
