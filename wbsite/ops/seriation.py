"""Seriation: an order of units in which similar pictures are neighbours."""

from __future__ import annotations

import math

import numpy as np
import scipy
import torch

from wbsite.core.errors import WbsiteError

OPTIMAL_UP_TO = 1024
"""Units up to which the leaves are ordered optimally; that step takes time as N³ or so."""

CLUSTERED_UP_TO = 4096
"""Units up to which there is clustering at all; its distances take memory as N²."""


def seriate(features: torch.Tensor | np.ndarray) -> np.ndarray:
    """Units' indices, (N,) int64, such that neighbours look alike.

    Pictures are scaled to unit norm, so that shape counts and strength does not, and clustered
    hierarchically (average linkage). Up to 1024 units the leaves are ordered optimally (Bar-Joseph et
    al., Bioinformatics 17, 2001: the least sum of distances between neighbours that the tree allows);
    up to 4096 they are in the tree's own order; beyond that, in the order of the first principal
    component, which keeps only the coarsest similarity. Units of zeros come last. Of the two directions
    the one that starts with the lower index is taken.

    Args:
        features: (N, …) numbers of each unit, on any device; trailing axes are flattened.

    Raises:
        WbsiteError: features of rank below 2, or with NaN or infinity.
    """
    rows = np.asarray(torch.as_tensor(features).detach().cpu().to(torch.float64))
    if rows.ndim < 2 or not np.isfinite(rows).all():
        raise WbsiteError(
            f"features of shape {rows.shape} cannot be ordered; expected finite numbers of shape (units, …).",
            "Pass one row of numbers for every unit.",
        )
    rows = rows.reshape(len(rows), math.prod(rows.shape[1:]))
    norms = np.linalg.norm(rows, axis=1)
    live = np.flatnonzero(norms > 0)
    order = live[_order(rows[live] / norms[live, None])]
    if len(order) and order[0] > order[-1]:
        order = order[::-1]
    return np.concatenate((order, np.flatnonzero(norms == 0))).astype(np.int64)


def _order(rows: np.ndarray) -> np.ndarray:
    if len(rows) < 3:
        return np.arange(len(rows))
    if len(rows) <= CLUSTERED_UP_TO:
        distances, cluster = scipy.spatial.distance.pdist(rows), scipy.cluster.hierarchy
        tree = cluster.linkage(distances, method="average", optimal_ordering=len(rows) <= OPTIMAL_UP_TO)
        return np.asarray(cluster.leaves_list(tree))
    centred = rows - rows.mean(0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return np.argsort(centred @ vectors[:, -1], kind="stable")
