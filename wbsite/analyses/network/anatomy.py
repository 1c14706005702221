"""Layer anatomy: kernel norms, the distribution of the weights, and how concentrated they are."""

from __future__ import annotations

import math

import pandas as pd

from wbsite.analyses.base import Analysis, Context
from wbsite.core.store import Contents
from wbsite.ops.concentration import QUANTILES, concentration, kernel_norms, weight_distribution


def run(context: Context) -> Contents:
    """Values: moments of the weights, effective number of inputs. Arrays: norm, effective_inputs (N,).

    Tables: histogram (low, high, count); concentration (inputs, share, low, high, even): the mean
    share of a unit's squared norm in its strongest inputs, its 10th and 90th percentile over units,
    and the share if all inputs counted alike; rows: the layer in one line.
    """
    weight = context.weight()
    spread, shape = concentration(weight), weight_distribution(weight)
    low, high = QUANTILES.index(0.1), QUANTILES.index(0.9)
    norms = kernel_norms(weight)
    live = spread.effective_inputs[~spread.effective_inputs.isnan()]
    numbers = {
        "weights": weight.numel(),
        "mean": shape.mean,
        "std": shape.std,
        "excess_kurtosis": shape.excess_kurtosis,
        "near_zero": shape.near_zero,
        "zero": shape.zero,
        "largest": shape.largest,
        "inputs": spread.inputs,
        "effective_inputs": float(live.mean()) if len(live) else math.nan,
        "dead_units": len(norms) - len(live),
        "norm_mean": float(norms.mean()),
        "norm_std": float(norms.std(correction=0)),
    }
    edges = shape.edges.tolist()
    return Contents(
        values={
            **{name: number if math.isfinite(number) else None for name, number in numbers.items()},
            "outside_histogram": shape.below + shape.above,
        },
        arrays={"norm": norms.numpy(), "effective_inputs": spread.effective_inputs.numpy()},
        tables={
            "rows": pd.DataFrame([numbers]),
            "histogram": pd.DataFrame({"low": edges[:-1], "high": edges[1:], "count": shape.counts.tolist()}),
            "concentration": pd.DataFrame(
                {
                    "inputs": spread.k,
                    "share": spread.mean.tolist(),
                    "low": spread.quantiles[low].tolist(),
                    "high": spread.quantiles[high].tolist(),
                    "even": [k / spread.inputs for k in spread.k],
                }
            ),
        },
    )


ANALYSES = (
    Analysis(
        name="anatomy",
        scope="layer",
        summary="kernel norms, distribution of the weights, share of a unit's norm in its strongest inputs",
        run=run,
    ),
)
