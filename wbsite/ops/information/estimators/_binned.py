"""What estimators by bins share.

A trained network is a function, so with inputs that all differ its layer T knows X as well as T tells samples apart:
what bins give as I(X;T) is the entropy H(T) of the bins that a sample's units fall into together, at most log₂ N for N
samples, and it depends on the bins as much as on the network. I(T;Y) = H(T) − Σ p(y) H(T|y) of the same bins.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from wbsite.core.errors import WbsiteError
from wbsite.ops.information.discrete_entropy import BLOCK, informations, joined, packed

from .base import Estimator

if TYPE_CHECKING:
    import torch


class Binned(Estimator):
    """An estimator by bins: records in blocks, and the entropy of a block from the bins of its units."""

    def informations(self, stack: np.ndarray, labels: np.ndarray, device: torch.device) -> np.ndarray:
        """See `Estimator`; binning is done in memory whatever the device."""
        classes = int(labels.max()) + 1
        together = max(1, BLOCK // (stack.shape[1] * stack.shape[2]))
        by_unit = stack.swapaxes(1, 2)  # how a study's layers lie in memory
        blocks = (np.ascontiguousarray(by_unit[start : start + together]) for start in range(0, len(stack), together))
        return np.concatenate(
            [informations(joined(packed(self.codes(block)), classes), labels, classes) for block in blocks]
        )

    @abstractmethod
    def codes(self, block: np.ndarray) -> np.ndarray:
        """Contiguous (M, units, N), not to be changed → the numbers of the bins, of the same shape and type."""


def check_count(count: int) -> None:
    """Refuses a number of bins that is not a whole number from 2 to a million."""
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or not 2 <= count <= 1_000_000:
        raise WbsiteError(f"the number of bins is {count}.", "Give a whole number from 2 to 1000000.")
