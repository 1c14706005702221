"""Banding index of every planar layer, on its full weights and on its NMF pictures."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, Context
from wbsite.core.store import Result
from wbsite.graph.layers import Layer
from wbsite.ops.banding.index import (
    AGREES_WITH_ARTICLE,
    ARTICLE_LAYERS,
    INTERMEDIATE,
    BandingIndex,
    article_verdict,
    banding_index,
    verdict,
)


def applies(layer: Layer) -> str:
    """Convolutions with more than one row and more than one column."""
    if layer.kind != "conv":
        return "a fully connected layer has no kernel positions"
    return "" if layer.planar else f"a {layer.kernel[0]}×{layer.kernel[1]} kernel has no rows and columns to compare"


def run(context: Context) -> Result:
    """R, C, H with a bootstrap interval over units, from the weights and from the NMF pictures.

    Values: those of the full weights at the top, those of the pictures under "nmf" where there are
    any. Arrays: weights_per_unit, nmf_per_unit (N,), H of each unit; norm (N,), kernel norms.
    Rows: one a source, as `wbsite export banding` prints them.
    """
    weight, resamples = context.weight(), context.params["resamples"]
    found = {"weights": banding_index(weight, resamples=resamples)}
    if "nmf" in context.needs:
        pictures = torch.from_numpy(context.needs["nmf"].arrays["per_unit"]).permute(0, 3, 1, 2)
        found["nmf"] = banding_index(pictures, resamples=resamples)
    values = {source: _values(index) for source, index in found.items()}
    rows = [
        {
            "source": source,
            "units": index.units,
            "row_share": index.row_share,
            "column_share": index.column_share,
            "index": index.index,
            "low": index.low,
            "high": index.high,
        }
        for source, index in found.items()
    ]
    return Result(
        values={
            **values.pop("weights"),
            **values,
            "resamples": resamples,
            "article_threshold": AGREES_WITH_ARTICLE,
            "article_layers": ARTICLE_LAYERS,
            "intermediate": list(INTERMEDIATE),
        },
        arrays={
            **{f"{source}_per_unit": np.asarray(index.per_unit) for source, index in found.items()},
            "norm": weight.flatten(1).norm(dim=1).cpu().numpy(),
        },
        tables={"rows": pd.DataFrame(rows)},
    )


def _values(index: BandingIndex) -> dict[str, object]:
    numbers = {
        "row_share": index.row_share,
        "column_share": index.column_share,
        "index": index.index,
        "low": index.low,
        "high": index.high,
        "null_row_share": index.null_row_share,
        "null_column_share": index.null_column_share,
        "axis_preference_p": index.sign_flip_p,
    }
    finite = {name: number if math.isfinite(number) else None for name, number in numbers.items()}
    return {**finite, "units": index.units, "verdict": verdict(index), "article_verdict": article_verdict(index)}


ANALYSES = (
    Analysis(
        name="banding",
        scope="layer",
        summary="row share R, column share C and banding index H = R − C, with a bootstrap interval over units",
        run=run,
        applies=applies,
        params={"quick": {"resamples": 1000}, "full": {"resamples": 10_000}},
        needs=("nmf",),
    ),
)
