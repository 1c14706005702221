"""Kernels without a shape of their own, and kernels that units of a layer share."""

from __future__ import annotations

import math

import numpy as np

from wbsite.analyses.base import Analysis, Context
from wbsite.ops.kernel_copies import find_copies
from wbsite.ops.kernel_forms import unit_forms
from wbsite.ops.kernel_profiles import profiles
from wbsite.results.network.kernels import Kernels, Kinds


def run(context: Context) -> Kernels:
    """Counts of units by the form of their kernels, copies, and shares of taps, of the mean and of one profile."""
    assert context.layer is not None
    weight = context.weight()
    kernels = weight if weight.ndim == 4 else weight[:, :, None, None]
    forms, copies, common = unit_forms(kernels), find_copies(kernels), profiles(kernels)
    units, channels, kh, kw = kernels.shape
    rows, columns = np.flatnonzero(common.used.any(1)), np.flatnonzero(common.used.any(0))
    box = (int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1) if len(rows) else (0,) * 4
    strongest = divmod(int(np.argmax(common.energy)), kw)
    shares = common.energy[strongest], common.constant_share, common.profile_share
    tap, constant, profile = (float(share) if math.isfinite(share) else None for share in shares)
    kinds = Kinds(
        kernel=(kh, kw),
        units=units,
        channels=channels,
        groups=context.layer.groups,
        forms=dict(forms.counts),
        copies=int(copies.copy.sum()),
        identical=int(copies.identical.sum()),
        one_profile=common.one_profile,
        box=box,
        used_taps=int(common.used.sum()),
        strongest=strongest,
        tap_share=tap,
        constant_share=constant,
        profile_share=profile,
    )
    row = {**kinds.model_dump(), **kinds.forms, "mark": kinds.mark}
    return Kernels(kinds=kinds, rows=Kernels.frame("rows", [row]))


ANALYSES = (Analysis(result=Kernels, scope="layer", run=run, of_weights=True),)
