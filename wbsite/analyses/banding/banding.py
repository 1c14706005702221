"""Banding index of every planar layer, on its full weights and on its NMF pictures."""

from __future__ import annotations

import math

import numpy as np
import torch

from wbsite.analyses.base import Analysis, Context
from wbsite.analyses.planar import planar
from wbsite.ops.banding.index import (
    AGREES_WITH_ARTICLE,
    ARTICLE_LAYERS,
    INTERMEDIATE,
    BandingIndex,
    article_verdict,
    banding_index,
    verdict,
)
from wbsite.results.banding.banding import Banding, Index
from wbsite.results.kernel_words import shapeless_text
from wbsite.results.network.nmf import Nmf


def run(context: Context) -> Banding:
    """R, C, H with a bootstrap interval over units, from the weights and from the NMF pictures."""
    weight, resamples = context.weight(), context.params["resamples"]
    bandings = {"weights": banding_index(weight, resamples=resamples)}
    if nmf := context.need(Nmf):
        pictures = torch.from_numpy(nmf.per_unit).permute(0, 3, 1, 2)
        bandings["nmf"] = banding_index(pictures, resamples=resamples, pictured=weight)
    records = {source: record(banding) for source, banding in bandings.items()}
    per_unit = {source: np.asarray(banding.per_unit) for source, banding in bandings.items()}
    return Banding(
        index=records["weights"].index,
        weights=records["weights"],
        nmf=records.get("nmf"),
        resamples=resamples,
        article_threshold=AGREES_WITH_ARTICLE,
        article_layers=ARTICLE_LAYERS,
        intermediate=INTERMEDIATE,
        weights_per_unit=per_unit["weights"],
        nmf_per_unit=per_unit.get("nmf"),
        norm=weight.flatten(1).norm(dim=1).cpu().numpy(),
        rows=Banding.frame("rows", ({"source": source, **index.model_dump()} for source, index in records.items())),
    )


def record(banding: BandingIndex) -> Index:
    """The numbers of a banding index, None for those that are not defined."""
    numbers = {
        "row_share": banding.row_share,
        "column_share": banding.column_share,
        "index": banding.index,
        "low": banding.low,
        "high": banding.high,
        "index_adjusted": banding.index_adjusted,
        "adjusted_low": banding.adjusted_low,
        "adjusted_high": banding.adjusted_high,
        "axis_preference_p": banding.sign_flip_p,
    }
    return Index(
        **{name: number if math.isfinite(number) else None for name, number in numbers.items()},
        null_row_share=banding.null_row_share,
        null_column_share=banding.null_column_share,
        index_null=banding.index_null,
        units=banding.units,
        shaped=int(banding.forms.shaped.sum()),
        not_defined=shapeless_text(banding.forms.counts, banding.units),
        verdict=verdict(banding),
        article_verdict=article_verdict(banding),
    )


ANALYSES = (
    Analysis(
        scope="layer",
        run=run,
        of_weights=True,
        result=Banding,
        applies=planar,
        params={"quick": {"resamples": 1000}, "full": {"resamples": 10_000}},
        needs=("nmf",),
    ),
)
