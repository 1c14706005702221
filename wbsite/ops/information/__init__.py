"""Mutual information of layers with inputs and labels, and what is read off its course in training."""

from .mutual import (
    EDGE,
    KDE,
    Binning,
    Estimator,
    FixedBins,
    QuantileBins,
    by_estimator,
    estimator,
    mutual_information,
    mutual_informations,
)

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
