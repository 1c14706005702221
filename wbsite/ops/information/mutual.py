"""Mutual information of a layer with the inputs and with the labels, in bits, by several estimators.

The network is deterministic and its inputs are taken to differ, so I(X;T) = H(T) of whatever the estimator makes of
the layer T: bins, noise, or a hash. It is at most log₂ N for N samples. I(T;Y) = H(T) − Σ p(y) H(T|y). Every number
belongs to its estimator and bin width, and none of them is a property of the network alone. None is corrected for
chance: where most samples have a cell to themselves, I(T;Y) comes near H(Y) whatever the labels are.

Estimators are named and checked without torch, which is imported where something is computed: a study is listed with
its estimators.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from wbsite.core.errors import WbsiteError

from .binning import Binning, FixedBins, QuantileBins
from .edge import EDGE
from .kde import KDE, kde_bounds

if TYPE_CHECKING:
    import torch

__all__ = [
    "EDGE",
    "KDE",
    "Binning",
    "Estimator",
    "FixedBins",
    "QuantileBins",
    "by_estimator",
    "estimator",
    "mutual_information",
    "mutual_informations",
]

Array: TypeAlias = "np.ndarray | torch.Tensor"


class Estimator(Protocol):
    """An estimator of I(X;T) and I(T;Y).

    Attributes:
        token: what `estimator` makes it from again.
        title: for menus and axes.
    """

    @property
    def token(self) -> str: ...

    @property
    def title(self) -> str: ...

    def informations(self, stack: np.ndarray, labels: np.ndarray, device: torch.device) -> np.ndarray:
        """Finite float32 or float64 (M, N, units), int64 (N,) from 0 without gaps → float64 (M, 2) in bits."""
        ...


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

    KDE bounds of one variance are computed together, at the cost of one.
    """
    import torch

    device = stack.device if isinstance(stack, torch.Tensor) and stack.is_cuda else torch.device("cpu")
    values, codes = _checked(stack, labels)
    bounds = functools.cache(lambda variance: kde_bounds(values, codes, variance, device))
    found = [
        bounds(each.variance)[:, each.place] if isinstance(each, KDE) else each.informations(values, codes, device)
        for each in estimators
    ]
    return np.array(found).reshape(len(estimators), len(values), 2)


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
    given = _array(labels, keep=True)
    if given.ndim != 1 or given.dtype.kind not in "iub":
        raise WbsiteError(
            f"labels have shape {given.shape} and type {given.dtype}.", "Give one whole number for every sample."
        )
    if len(given) != values.shape[1]:
        raise WbsiteError(f"{len(given)} labels for {values.shape[1]} samples.", "Give a label for every sample.")
    return values, np.unique(given, return_inverse=True)[1].astype(np.int64)


def _array(values: Array, keep: bool = False) -> np.ndarray:
    """As a NumPy array, float32 or, of any other type, float64; `keep` leaves the type."""
    import torch

    if isinstance(values, torch.Tensor):
        tensor = values.detach().cpu()
        values = (tensor if keep or tensor.dtype == torch.float32 else tensor.double()).numpy()
    values = np.asarray(values)
    return values if keep or values.dtype == np.float32 else values.astype(np.float64, copy=False)


def estimator(token: str) -> Estimator:
    """The estimator of a token: "binning:0.07", "fixed:30", "fixed:30:0:6", "quantile:30", "kde-upper:0.001",
    "kde-lower:0.1", "edge".

    Raises:
        WbsiteError: another name, parameters that are missing, too many or no numbers, or those the estimator refuses.
    """
    name, *parameters = token.split(":")
    if name not in _FORMS:
        raise WbsiteError(f"there is no estimator {token!r}.", f"Give one of {', '.join(_FORMS)}, as {_EXAMPLES}.")
    make, types, least = _FORMS[name]
    try:
        if not least <= len(parameters) <= len(types):
            raise ValueError(token)
        numbers = [kind(text) for kind, text in zip(types, parameters, strict=False)]
    except ValueError:
        raise WbsiteError(f"the estimator {token!r} cannot be read.", f"Write it as {_EXAMPLES}.") from None
    return make(*numbers)


_FORMS: dict[str, tuple[Callable[..., Estimator], tuple[type, ...], int]] = {
    "binning": (Binning, (float,), 1),
    "fixed": (FixedBins, (int, float, float), 1),
    "quantile": (QuantileBins, (int,), 1),
    "kde-upper": (lambda variance: KDE(variance, "upper"), (float,), 1),
    "kde-lower": (lambda variance: KDE(variance, "lower"), (float,), 1),
    "edge": (EDGE, (), 0),
}
"""By name: the class, the types of its parameters, and how many must be given."""

_EXAMPLES = "binning:0.07, fixed:30, fixed:30:0:6, quantile:30, kde-upper:0.001, kde-lower:0.1 or edge"
