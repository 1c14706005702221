"""NMF of gradients: the few typical cases, patterns of open rectifiers, that a unit's gradients on pictures come in.

The gradients of one unit on many pictures, V = [relu(G), relu(−G)] (pictures × 2·C·kh·kw), are factored as V ≈ W·H
with W, H ≥ 0: each row of H, its first half minus its second, is a case, and W says how much of it is in each
picture. Where expanded weights cancel, the cases separate excitation from inhibition, if pictures do.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch

from wbsite.core.errors import WbsiteError
from wbsite.ops.hals import nndsvda

_ITERATIONS = 300
"""After so many the factors are taken as they are; a surplus case keeps shifting without a better fit."""


@dataclass(frozen=True)
class GradientNMF:
    """A factorisation of gradients, cases in order of their share.

    Attributes:
        patterns: (cases, C, kh, kw), signed; scaled so that each case's weights have mean 1 over the pictures where
            it is the strongest.
        weights: (pictures, cases), ≥ 0, how much of a case is in a picture.
        share: (cases,), of the sum of what all cases contribute over pictures and entries; adds up to 1.
        explained: (most,), 1 − ‖V − W·H‖²/‖V‖² with 1, 2, … cases.
        beyond_mean: (most,), 1 − ‖V − W·H‖²/‖V − mean picture‖², below 0 where cases fit worse than the mean does;
            NaN where all pictures have the same gradient.
    """

    patterns: torch.Tensor
    weights: torch.Tensor
    share: torch.Tensor
    explained: torch.Tensor
    beyond_mean: torch.Tensor

    @property
    def strongest(self) -> torch.Tensor:
        """(pictures,), the case that a picture has most of, as contribution, not as weight."""
        return (self.weights * self.patterns.abs().sum((1, 2, 3))).argmax(1)


def gradient_nmf(gradients: torch.Tensor, cases: int = 3, most: int = 5) -> GradientNMF:
    """Factors (pictures, C, kh, kw) gradients into typical cases; deterministic.

    Non-negative double SVD as start, coordinate descent (scikit-learn's NMF; Lee and Seung 1999 for the idea).

    Args:
        cases: how many are returned, at most as many as there are pictures.
        most: number of cases up to which the explained variance is measured.

    Raises:
        WbsiteError: no pictures, gradients that are not finite or all zero, or fewer than one case.
    """
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    if gradients.ndim != 4 or not len(gradients) or cases < 1:
        raise WbsiteError(
            f"{tuple(gradients.shape)} gradients cannot be factored into {cases} cases.",
            "Expected (pictures, channels, kh, kw) with at least one picture, and at least one case.",
        )
    flat = gradients.detach().flatten(1).double().cpu()
    signed = torch.cat([flat.clamp_min(0), (-flat).clamp_min(0)], 1).numpy()
    size = float(np.square(signed).sum())
    if not np.isfinite(size) or size == 0:
        raise WbsiteError(
            "the gradients are all zero or not finite.",
            "The unit's rectifiers are shut on every picture, or weights are missing: choose another unit.",
        )
    around_mean = float(np.square(signed - signed.mean(0)).sum())
    counts = range(1, min(max(cases, most), len(signed)) + 1)
    lost, kept = [], (np.zeros(0), np.zeros(0))
    live = np.any(signed, axis=0)
    matrix = np.ascontiguousarray(signed[:, live])
    for count in counts:
        # scikit-learn starts from a decomposition by random projections, which takes twice the time of all that follows
        starts, init = {}, "random"
        if count <= min(matrix.shape):
            weights, components = (
                part[0].contiguous().numpy() for part in nndsvda(torch.from_numpy(matrix)[None], count)
            )
            starts, init = {"W": weights, "H": components}, "custom"
        model = NMF(count, init=init, solver="cd", max_iter=_ITERATIONS, tol=1e-4, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            weights = model.fit_transform(matrix, **starts)
        lost.append(float(np.square(matrix - weights @ model.components_).sum()))
        if count == min(cases, counts[-1]):
            kept = weights, model.components_
    return _sorted(kept, live, gradients, np.array(lost), size, around_mean)


def _sorted(
    factors: tuple[np.ndarray, np.ndarray],
    live: np.ndarray,
    gradients: torch.Tensor,
    lost: np.ndarray,
    size: float,
    around_mean: float,
) -> GradientNMF:
    weights, components = factors
    contribution = weights.sum(0) * components.sum(1)
    order = np.argsort(-contribution, kind="stable")
    weights, components, contribution = weights[:, order], components[order], contribution[order]
    leading = (weights * components.sum(1)).argmax(1)
    scale = np.array([weights[leading == i, i].mean() if (leading == i).any() else 1.0 for i in range(len(order))])
    scale = np.where(scale > 0, scale, 1.0)
    rows = np.zeros((len(order), len(live)))
    rows[:, live] = components * scale[:, None]
    half = rows.shape[1] // 2
    patterns = (rows[:, :half] - rows[:, half:]).reshape(len(order), *gradients.shape[1:])
    return GradientNMF(
        torch.from_numpy(patterns.astype(np.float32)),
        torch.from_numpy((weights / scale).astype(np.float32)),
        torch.from_numpy(contribution / contribution.sum()),
        torch.from_numpy(1 - lost / size),
        torch.from_numpy(1 - lost / around_mean if around_mean > 1e-12 * size else np.full_like(lost, np.nan)),
    )
