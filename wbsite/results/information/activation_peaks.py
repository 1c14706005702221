"""Peaks in the activations of trained units: how many, whether equally far apart, and whether they are counts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, arrays, integer, number, table, text, value
from wbsite.results.estimate import Estimate

HIDDEN = "hidden layers"
"""Stands for all hidden layers together."""


class PeakSummary(Record):
    """Of the units of a layer, or of all hidden layers: means over the runs that lived, of a run's units.

    Attributes:
        peaks: of a unit.
        several: share of units with three peaks or more.
        eta_w, eta_untrained, eta_signed, signed_untrained, peak_by_w: as in the table `rows`.
        units: of all these runs.
        tested: of these, units with three peaks or more and room for the peaks to lie elsewhere.
        equal: of these, units with p ≤ 0.05, which one in twenty has by chance.
        variation: median of the tested units' coefficients of variation.
    """

    peaks: Estimate
    several: Estimate
    eta_w: Estimate
    eta_untrained: Estimate
    eta_signed: Estimate
    signed_untrained: Estimate
    peak_by_w: Estimate
    units: int
    tested: int
    equal: int
    variation: float | None


class ActivationPeaks(Result, analysis="activation_peaks"):
    """Peaks at the end of training, and w, the number of active inputs.

    Where inputs cannot be counted, `reason` says so, there are no other values, and the tables are empty.
    """

    reason: str = value('why there is nothing to count; "" where there is')
    rule: str = value("what counts as a peak, in words", default="")
    counts: list[int] = value("the values of w", default=[])
    visible: int = value("how many of these have samples enough for a peak of their own", default=0)
    example_seed: dict[str, int | None] = value(
        "configuration → seed of the first run that lived, whose histograms are kept; None for none", default={}
    )
    layers: dict[str, dict[str, PeakSummary]] = value(
        f'configuration → layer, or "{HIDDEN}" for all of them together', default={}
    )
    centres: Mapping[str, NDArray[np.float32]] = arrays(
        "unit", "bin", about="configuration → centres of the bins; units of all layers, as in `units`", default={}
    )
    heights: Mapping[str, NDArray[np.float32]] = arrays(
        "unit", "bin", about="configuration → smoothed shares of the activations", default={}
    )
    means: Mapping[str, NDArray[np.float32]] = arrays(
        "unit", "count", about="configuration → mean activation of the samples with each count", default={}
    )
    rows: Table = table(
        configuration=text("name"),
        seed=integer("of the run"),
        layer=text("name"),
        unit=integer("from 0; −1 for all units of the layer together"),
        used=integer("activations that are not 0"),
        peaks=integer("of their histogram"),
        variation=number("coefficient of variation of the gaps between peaks", missing=True),
        p=number("how often as many random peaks are as equally spaced", "0 to 1", missing=True),
        counts=integer("different w among the activations used"),
        eta_w=number("η² of the activations by w", "0 to 1", missing=True),
        eta_untrained=number("the same before training", "0 to 1", missing=True),
        eta_signed=number(
            "η² by the count of inputs, each with the sign of its covariance with the activation; empty for a layer",
            "0 to 1", missing=True,
        ),
        signed_untrained=number("the same before training", "0 to 1", missing=True),
        peak_by_w=number("share of the entropy of an activation's peak that w tells", "0 to 1", missing=True),
        within_eta=number("η² by w of the distance from the peak's mean", "0 to 1", missing=True),
    )  # fmt: skip
    units: Table = table(configuration=text("name"), layer=text("name"), unit=integer("of the arrays, from 0"))


RESULTS = (ActivationPeaks,)
