"""Fully connected layers that read a map of positions: how their weights vary by vertical and horizontal position."""

from __future__ import annotations

from wbsite.analyses.base import Analysis, Context
from wbsite.graph.layers import Layer
from wbsite.ops.banding.positions import as_maps, position_shares
from wbsite.results.banding.head_positions import HeadPositions
from wbsite.results.estimate import or_none


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


def run(context: Context) -> HeadPositions:
    """Shares of the variance of the layer's weights that vertical (R) and horizontal position (C) explain."""
    layer, resamples = context.layer, context.params["resamples"]
    assert layer is not None
    channels, height, width = layer.reads
    positions = position_shares(as_maps(context.weight(), (channels, height, width)), resamples=resamples)
    shares = positions.shares
    size = {"units": shares.units, "channels": channels, "height": height, "width": width}
    return HeadPositions(
        row_share=or_none(shares.row_share),
        column_share=or_none(shares.column_share),
        index=or_none(shares.index),
        low=or_none(shares.low),
        high=or_none(shares.high),
        null_row_share=shares.null_row_share,
        null_column_share=shares.null_column_share,
        axis_preference_p=or_none(shares.sign_flip_p),
        **size,
        positions=height * width,
        resamples=resamples,
        energy=positions.energy.numpy(),
        by_y=positions.by_y.numpy(),
        by_x=positions.by_x.numpy(),
        rows=HeadPositions.frame("rows", [{**size, **vars(shares)}]),
    )


ANALYSES = (
    Analysis(
        scope="layer",
        run=run,
        result=HeadPositions,
        applies=applies,
        params={"quick": {"resamples": 1000}, "full": {"resamples": 10_000}},
    ),
)
