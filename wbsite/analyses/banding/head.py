"""Fully connected layers that read a map of positions: how their weights vary by vertical and horizontal position."""

from __future__ import annotations

import math

import pandas as pd

from wbsite.analyses.base import Analysis, Context
from wbsite.core.store import Contents
from wbsite.graph.layers import Layer
from wbsite.ops.banding.index import BandingIndex
from wbsite.ops.banding.positions import as_maps, position_shares


def applies(layer: Layer) -> str:
    """Linear layers whose inputs are a flattened map of at least two rows and two columns."""
    if layer.kind != "linear":
        return "a convolution reads every position of a map with the same weights"
    if not layer.reads:
        return (
            "its inputs are not those of a feature map, flattened: they come from another fully connected layer, from "
            "pooling over positions, or in an order that cannot be traced"
        )
    _, height, width = layer.reads
    if height * width == 1:
        return "it reads one number a channel, without position"
    one_axis = min(height, width) == 1
    return f"it reads {height}×{width} positions, which have no rows and columns to compare" if one_axis else ""


def run(context: Context) -> Contents:
    """Shares of the variance of the layer's weights that vertical (R) and horizontal position (C) explain.

    Values: row_share, column_share, index with low and high over output units, the shares by chance,
    axis_preference_p, units, channels, height, width, positions (their number).
    Arrays: energy (h, w), by_y (h,), by_x (w,), mean squared weight by position after centring.
    Rows: one a layer, as `wbsite export head_positions` prints them.
    """
    layer, resamples = context.layer, context.params["resamples"]
    assert layer is not None
    channels, height, width = layer.reads
    found = position_shares(as_maps(context.weight(), (channels, height, width)), resamples=resamples)
    size = {"units": found.shares.units, "channels": channels, "height": height, "width": width}
    shares = {name: getattr(found.shares, name) for name in ("row_share", "column_share", "index", "low", "high")}
    return Contents(
        values={
            **_finite({**shares, **_by_chance(found.shares)}),
            **size,
            "positions": height * width,
            "resamples": resamples,
        },
        arrays={"energy": found.energy.numpy(), "by_y": found.by_y.numpy(), "by_x": found.by_x.numpy()},
        tables={"rows": pd.DataFrame([{**size, **shares}])},
    )


def _by_chance(shares: BandingIndex) -> dict[str, float]:
    return {
        "null_row_share": shares.null_row_share,
        "null_column_share": shares.null_column_share,
        "axis_preference_p": shares.sign_flip_p,
    }


def _finite(numbers: dict[str, float]) -> dict[str, float | None]:
    return {name: number if math.isfinite(number) else None for name, number in numbers.items()}


ANALYSES = (
    Analysis(
        name="head_positions",
        version=1,
        scope="layer",
        summary="share of a fully connected layer's weight variance by vertical and by horizontal position",
        run=run,
        applies=applies,
        params={"quick": {"resamples": 1000}, "full": {"resamples": 10_000}},
    ),
)
