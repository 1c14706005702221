"""Mutual information of layers with inputs and labels, and quantities of its course in training."""

from .estimators.base import Estimator
from .estimators.binning import Binning
from .estimators.edge import EDGE
from .estimators.fixed import FixedBins
from .estimators.kde import KDE
from .estimators.quantile import QuantileBins
from .mutual import by_estimator, estimator, mutual_information, mutual_informations

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
