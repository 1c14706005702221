"""One-sided NMF of every spatial layer: pictures of all its units, and how much they leave out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, Context, reads_pictures
from wbsite.graph.layers import Layer
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
    layer, weight = context.layer, context.weight()
    assert layer is not None
    joint = one_sided_nmf(weight, COMPONENTS, mode="joint", groups=layer.groups)
    per_unit = one_sided_nmf(weight, COMPONENTS, mode="per-unit", groups=layer.groups, reference=joint)
    sample = spread(len(weight), context.params["curve_units"])
    curves = {
        "per-unit": reconstruction_errors(weight[sample], CURVE, mode="per-unit"),
        "joint": reconstruction_errors(weight, CURVE, mode="joint", groups=layer.groups),
    }
    rows = [
        {"mode": mode, "components": n, "units": len(error), "error": float(error.mean()), **_range(error)}
        for mode, errors in curves.items()
        for n, error in errors.items()
    ]
    pictures = per_unit.spatial.cpu()
    return Nmf(
        error=float(per_unit.error.mean()),
        joint_error=float(joint.error.mean()),
        components=COMPONENTS,
        per_unit=pictures.numpy(),
        joint=joint.spatial.cpu().numpy(),
        per_unit_error=per_unit.error.cpu().numpy(),
        joint_error_per_unit=joint.error.cpu().numpy(),
        order=np.asarray(seriate(pictures.flatten(1)), np.int64),
        rows=pd.DataFrame(rows),
    )


def _range(error: torch.Tensor) -> dict[str, float]:
    low, high = error.double().quantile(torch.tensor([0.1, 0.9], dtype=torch.float64, device=error.device)).tolist()
    return {"low": low, "high": high}


def spread(units: int, count: int) -> list[int]:
    """`count` unit indices spread evenly over a layer, or all of them where there are fewer."""
    return list(range(units)) if units <= count else [i * units // count for i in range(count)]


ANALYSES = (
    Analysis(
        scope="layer",
        run=run,
        result=Nmf,
        applies=applies,
        params={"quick": {"curve_units": 64}, "full": {"curve_units": 1_000_000}},
    ),
)
