"""One-sided NMF of every spatial layer: pictures of all its units, and how much they leave out."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, Context, reads_pictures
from wbsite.graph.layers import Layer
from wbsite.ops.kernel_forms import without_zero_units
from wbsite.ops.nmf import one_sided_nmf, reconstruction_errors
from wbsite.ops.seriation import seriate
from wbsite.results.network.nmf import Nmf

COMPONENTS = 3
CURVE = range(1, 7)


def applies(layer: Layer) -> str:
    """Convolutions with a spatial kernel whose input channels are not colours."""
    if layer.kind != "conv":
        return "a fully connected layer has no kernel positions"
    if not layer.spatial:
        return "a 1×1 kernel has no spatial extent"
    if reads_pictures(layer):
        return "this layer reads the picture itself, so its kernels are shown as they are"
    return ""


def run(context: Context) -> Nmf:
    """Pictures per unit and joint, their order by similarity, errors for 1 to 6 components."""
    layer = context.layer
    assert layer is not None
    weight, live = without_zero_units(context.weight())
    joint = one_sided_nmf(weight, COMPONENTS, mode="joint", groups=layer.groups)
    per_unit = one_sided_nmf(weight, COMPONENTS, mode="per-unit", groups=layer.groups, reference=joint)
    sample = spread(len(weight), context.params["curve_units"])
    others = [n for n in CURVE if n != COMPONENTS]
    curves = {
        "per-unit": reconstruction_errors(weight[sample], others) | {COMPONENTS: per_unit.error[sample]},
        "joint": reconstruction_errors(weight, others, "joint", layer.groups) | {COMPONENTS: joint.error},
    }
    kept = {"per-unit": live[sample], "joint": live}
    rows = [
        {"mode": mode, "components": n, **_spread(error.cpu()[kept[mode]])}
        for mode, errors in curves.items()
        for n, error in sorted(errors.items())
    ]
    # A unit without weights has no error, rather than one of zero that would flatter the mean.
    error, joint_error = (torch.where(live, factors.error.cpu(), torch.nan) for factors in (per_unit, joint))
    pictures = per_unit.spatial.cpu()
    return Nmf(
        error=float(error.nanmean()) if live.any() else None,
        joint_error=float(joint_error.nanmean()) if live.any() else None,
        components=COMPONENTS,
        per_unit=pictures.numpy(),
        joint=joint.spatial.cpu().numpy(),
        per_unit_error=error.numpy(),
        joint_error_per_unit=joint_error.numpy(),
        order=np.asarray(seriate(pictures.flatten(1)), np.int64),
        rows=pd.DataFrame(rows),
    )


def _spread(error: torch.Tensor) -> dict[str, float]:
    """How many units, the mean of their errors, and its tenth and ninetieth percentile; NaN of none."""
    if not len(error):
        return {"units": 0, "error": math.nan, "low": math.nan, "high": math.nan}
    low, high = error.double().quantile(torch.tensor([0.1, 0.9], dtype=torch.float64)).tolist()
    return {"units": len(error), "error": float(error.mean()), "low": low, "high": high}


def spread(units: int, count: int) -> list[int]:
    """`count` unit indices spread evenly over a layer, or all of them where there are fewer."""
    return list(range(units)) if units <= count else [i * units // count for i in range(count)]


ANALYSES = (
    Analysis(
        scope="layer",
        run=run,
        of_weights=True,
        result=Nmf,
        applies=applies,
        params={"quick": {"curve_units": 64}, "full": {"curve_units": 1_000_000}},
    ),
)
