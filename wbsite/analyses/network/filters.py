"""Kernels that read the picture itself, shown as they are: in colour, or grey for one channel."""

from __future__ import annotations

import numpy as np
import torch

from wbsite.analyses.base import Analysis, Context, reads_pictures
from wbsite.graph.layers import Layer
from wbsite.ops.kernel_forms import without_zero_units
from wbsite.ops.seriation import seriate
from wbsite.results.network.filters import Filters


def applies(layer: Layer) -> str:
    """First layers with a spatial kernel."""
    return (
        ""
        if reads_pictures(layer) and layer.spatial
        else "only kernels that read the picture itself can be shown as pictures"
    )


def run(context: Context) -> Filters:
    """The kernels as pictures, and their order by similarity."""
    weight, _ = without_zero_units(context.filters().cpu())
    peak = weight.abs().amax((1, 2, 3), keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
    pictures = (0.5 + 0.5 * weight / peak).permute(0, 2, 3, 1).expand(-1, -1, -1, 3).contiguous()
    return Filters(
        channels=weight.shape[1],
        pictures=pictures.numpy(),
        order=np.asarray(seriate(pictures.flatten(1) - 0.5), np.int64),
    )


ANALYSES = (
    Analysis(
        result=Filters,
        scope="layer",
        run=run,
        of_weights=True,
        applies=applies,
    ),
)
