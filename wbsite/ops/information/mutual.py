"""Mutual information of a layer with the inputs and with the labels, in bits, by several estimators.

The network is deterministic and its inputs are taken to differ, so I(X;T) = H(T) of whatever the estimator makes of
the layer T: bins, noise, or a hash. It is at most log₂ N for N samples. I(T;Y) = H(T) − Σ p(y) H(T|y). Every number
belongs to its estimator and bin width, and none of them is a property of the network alone. None is corrected for
chance: where most samples have a cell to themselves, I(T;Y) comes near H(Y) whatever the labels are.

Estimators are named and checked without torch, which is imported where something is computed: a study is listed with
its estimators.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from wbsite.core import registry
from wbsite.core.errors import WbsiteError

from .estimators.base import Estimator, Token

if TYPE_CHECKING:
    import torch

Array: TypeAlias = "np.ndarray | torch.Tensor"


def mutual_information(activations: Array, labels: Array, estimator: Estimator) -> tuple[float, float]:
    """I(X;T) and I(T;Y) in bits of one layer, see `mutual_informations`; activations (N, units), labels (N,)."""
    if activations.ndim != 2:
        raise WbsiteError(f"activations have shape {tuple(activations.shape)}.", "Give (samples, units).")
    i_xt, i_ty = mutual_informations(activations[None], labels, estimator)[0]
    return float(i_xt), float(i_ty)


def mutual_informations(stack: Array, labels: Array, estimator: Estimator) -> np.ndarray:
    """I(X;T) and I(T;Y) of a layer at many moments of training, or in many runs, of the same samples.

    Args:
        stack: (M, N, units), NumPy or torch on any device. Float32 is binned in float32, all other types in float64.
            KDE computes on the GPU where a stack lies on one.
        labels: whole numbers (N,).

    Returns:
        float64 (M, 2) in bits: I(X;T) from 0 to log₂ N, and I(T;Y), for bins from 0 to the smaller of I(X;T) and H(Y).
        0 for a single sample, and I(T;Y) = 0 for a single label.

    Raises:
        WbsiteError: not three dimensions; no record, sample or unit; NaN or infinite activations; labels that are not
            whole numbers, or of another number than the samples.
    """
    return by_estimator(stack, labels, [estimator])[0]


def by_estimator(stack: Array, labels: Array, estimators: Sequence[Estimator]) -> np.ndarray:
    """`mutual_informations` by each of several estimators, float64 (estimators, M, 2).

    Those of one class are computed together, see `Estimator.several`.
    """
    import torch

    device = stack.device if isinstance(stack, torch.Tensor) and stack.is_cuda else torch.device("cpu")
    values, codes = _checked(stack, labels)
    bits = np.empty((len(estimators), len(values), 2))
    for kind in {type(each) for each in estimators}:
        rows = [row for row, each in enumerate(estimators) if type(each) is kind]
        bits[rows] = kind.several([estimators[row] for row in rows], values, codes, device)
    return bits


def _checked(stack: Array, labels: Array) -> tuple[np.ndarray, np.ndarray]:
    """The stack as it is binned, and the labels numbered from 0 without gaps."""
    values = _array(stack)
    if values.ndim != 3 or not values.size:
        raise WbsiteError(
            f"activations have shape {values.shape}.", "Give (records, samples, units), at least one of each."
        )
    if not (np.isfinite(values.min()) and np.isfinite(values.max())):
        record, sample, unit = np.argwhere(~np.isfinite(values))[0].tolist()
        raise WbsiteError(
            f"the activation of record {record}, sample {sample}, unit {unit} is {values[record, sample, unit]}.",
            "Give finite activations: leave out the records of a run after it died.",
        )
    classes = _array(labels, keep=True)
    if classes.ndim != 1 or classes.dtype.kind not in "iub":
        raise WbsiteError(
            f"labels have shape {classes.shape} and type {classes.dtype}.", "Give one whole number for every sample."
        )
    if len(classes) != values.shape[1]:
        raise WbsiteError(f"{len(classes)} labels for {values.shape[1]} samples.", "Give a label for every sample.")
    return values, np.unique(classes, return_inverse=True)[1].astype(np.int64)


def _array(values: Array, keep: bool = False) -> np.ndarray:
    """As a NumPy array, float32 or, of any other type, float64; `keep` leaves the type."""
    import torch

    if isinstance(values, torch.Tensor):
        tensor = values.detach().cpu()
        values = (tensor if keep or tensor.dtype == torch.float32 else tensor.double()).numpy()
    values = np.asarray(values)
    return values if keep or values.dtype == np.float32 else values.astype(np.float64, copy=False)


def estimator(token: str) -> Estimator:
    """The estimator of a token, such as "binning:0.07", "fixed:30", "kde-upper:0.001" or "edge".

    Raises:
        WbsiteError: another name, parameters that are missing, too many or no numbers, or those the estimator refuses.
    """
    name, *parameters = token.split(":")
    kinds: dict[str, Token] = {kind.name: kind for kind in registry.entries("estimators")}
    if name not in kinds:
        examples = ", ".join(kind.example for kind in kinds.values())
        raise WbsiteError(f"there is no estimator {token!r}.", f"Give one of {', '.join(kinds)}, as in {examples}.")
    return kinds[name].read(parameters)
