"""What an estimator of mutual information is, and how studies name one.

A file in this folder declares an estimator and its token:

    @dataclass(frozen=True)
    class Binning(Estimator):
        width: float
        ...

    ESTIMATORS = (Token("binning", Binning, (float,), example="binning:0.07"),)

A study that says `estimators = ["binning:0.07"]` is then measured with `Binning(0.07)`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from wbsite.core.errors import WbsiteError

if TYPE_CHECKING:
    import torch


if TYPE_CHECKING:
    from typing import Self


class Estimator(ABC):
    """An estimator of I(X;T) and I(T;Y) of a layer T.

    Attributes:
        pairwise: whether it compares all pairs of samples; studies measure fewer records and seeds with such a one.
    """

    pairwise: ClassVar[bool] = False

    @property
    @abstractmethod
    def token(self) -> str:
        """What studies name it by; `ops.information.estimator` makes it from this again."""

    @property
    @abstractmethod
    def title(self) -> str:
        """For menus and axes."""

    @abstractmethod
    def informations(self, stack: np.ndarray, labels: np.ndarray, device: torch.device) -> np.ndarray:
        """I(X;T) and I(T;Y) of one layer at several records.

        Args:
            stack: (M, N, units), float32 or float64, finite; M, N and units are at least 1.
            labels: int64 (N,), from 0 without gaps.
            device: where to compute, for an estimator that uses it.

        Returns:
            float64 (M, 2) in bits.
        """

    @classmethod
    def several(
        cls, estimators: Sequence[Self], stack: np.ndarray, labels: np.ndarray, device: torch.device
    ) -> list[np.ndarray]:
        """`informations` by each of several estimators of this class, which may share what they compute."""
        return [estimator.informations(stack, labels, device) for estimator in estimators]


@dataclass(frozen=True)
class Token:
    """How an estimator is written in a study: its name, and its parameters after colons.

    Attributes:
        name: before the first colon.
        make: parameters → estimator.
        parameters: their types.
        required: how many of them must be given; all, where left out.
        example: for messages.
    """

    name: str
    make: Callable[..., Estimator]
    parameters: tuple[type, ...] = ()
    required: int | None = None
    example: str = ""

    def read(self, texts: Sequence[str]) -> Estimator:
        """The estimator with these parameters.

        Raises:
            WbsiteError: parameters are missing, too many or no numbers, or the estimator refuses them.
        """
        least = len(self.parameters) if self.required is None else self.required
        try:
            if not least <= len(texts) <= len(self.parameters):
                raise ValueError
            numbers = [kind(text) for kind, text in zip(self.parameters, texts, strict=False)]
        except ValueError:
            raise WbsiteError(
                f"the estimator {':'.join((self.name, *texts))!r} cannot be read.", f"Write it as {self.example}."
            ) from None
        return self.make(*numbers)
