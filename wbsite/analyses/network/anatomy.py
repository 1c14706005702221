"""Layer anatomy: kernel norms, the distribution of the weights, and how concentrated they are."""

from __future__ import annotations

import math

import pandas as pd

from wbsite.analyses.base import Analysis, Context
from wbsite.ops.concentration import QUANTILES, concentration, kernel_norms, weight_distribution
from wbsite.results.network.anatomy import Anatomy


def run(context: Context) -> Anatomy:
    """Norms, moments and histogram of the weights, and the share of a unit's norm in its strongest inputs."""
    weight = context.weight()
    spread, shape = concentration(weight), weight_distribution(weight)
    low, high = QUANTILES.index(0.1), QUANTILES.index(0.9)
    norms = kernel_norms(weight)
    live = spread.effective_inputs[~spread.effective_inputs.isnan()]
    edges = shape.edges.tolist()
    counts = {"weights": weight.numel(), "inputs": spread.inputs, "dead_units": len(norms) - len(live)}
    numbers = {
        "mean": shape.mean,
        "std": shape.std,
        "excess_kurtosis": shape.excess_kurtosis,
        "near_zero": shape.near_zero,
        "zero": shape.zero,
        "largest": shape.largest,
        "effective_inputs": float(live.mean()) if len(live) else math.nan,
        "norm_mean": float(norms.mean()),
        "norm_std": float(norms.std(correction=0)),
    }
    defined = {name: number if math.isfinite(number) else None for name, number in numbers.items()}
    return Anatomy(
        weights=counts["weights"],
        inputs=counts["inputs"],
        dead_units=counts["dead_units"],
        mean=defined["mean"],
        std=defined["std"],
        excess_kurtosis=defined["excess_kurtosis"],
        near_zero=defined["near_zero"],
        zero=defined["zero"],
        largest=defined["largest"],
        effective_inputs=defined["effective_inputs"],
        norm_mean=defined["norm_mean"],
        norm_std=defined["norm_std"],
        outside_histogram=shape.below + shape.above,
        norm=norms.numpy(),
        effective_inputs_per_unit=spread.effective_inputs.numpy(),
        rows=pd.DataFrame([{**counts, **numbers}])[list(Anatomy.fields["rows"].columns)],
        histogram=pd.DataFrame({"low": edges[:-1], "high": edges[1:], "count": shape.counts.tolist()}),
        concentration=pd.DataFrame(
            {
                "inputs": spread.k,
                "share": spread.mean.tolist(),
                "low": spread.quantiles[low].tolist(),
                "high": spread.quantiles[high].tolist(),
                "even": [k / spread.inputs for k in spread.k],
            }
        ),
    )


ANALYSES = (
    Analysis(
        result=Anatomy,
        scope="layer",
        run=run,
        of_weights=True,
    ),
)
