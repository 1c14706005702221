"""Curve detectors at both ends of the pair of layers whose kernels are kept: found by stimuli, not by weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from wbsite.results.branches.tuning import Tuning
from wbsite.results.site import Gap, Model

from .examples import Examples

FEWEST, MOST = 3, 6
"""Units at either end, below which there is no family to show, and that are shown."""


@dataclass(frozen=True)
class CurveUnits:
    """Units that respond to arcs, at both ends, in order of the orientation they prefer.

    Attributes:
        network: title of the network.
        sources: (layer, channel) of the units that are read.
        targets: of the units that read them.
        rule: when a unit counts as one, in words.
    """

    network: str
    sources: list[tuple[str, int]]
    targets: list[tuple[str, int]]
    rule: str


def curve_units(model: Model) -> CurveUnits | Gap:
    """Those of a network, or why it has none to show."""
    tuning, examples = model.result_or_gap(Tuning), model.result_or_gap(Examples)
    if isinstance(tuning, Gap):
        return tuning
    if isinstance(examples, Gap):
        return examples
    if examples.pair is None or "curve" not in tuning.categories:
        return Gap("no pair of spatial layers in its first third was shown arcs", failed=False)
    members = tuning.members[tuning.members["category"] == "curve"]
    rows = tuning.rows[~tuning.rows["dead"]].merge(members[["layer", "unit"]], on=["layer", "unit"])
    ends = {
        "are read": _strongest(rows, set(examples.pair.sources)),
        "read them": _strongest(rows, {(examples.pair.target, channel) for channel in rows["unit"]}),
    }
    for words, units in ends.items():
        if len(units) < FEWEST:
            return Gap(f"only {len(units)} of its units that {words} are curve detectors", failed=False)
    return CurveUnits(model.title, ends["are read"], ends["read them"], tuning.categories["curve"].rule)


def _strongest(rows: pd.DataFrame, among: set[tuple[str, int]]) -> list[tuple[str, int]]:
    """By how near arcs come to their strongest stimulus, then by how far arcs are ahead of lines."""
    of = [(layer, unit) in among for layer, unit in zip(rows["layer"], rows["unit"], strict=True)]
    own = rows[np.array(of, bool)]  # of an empty list pandas would take no columns
    best = own.sort_values(["curve_drive", "curve"], ascending=False, kind="stable").head(MOST)
    best = best.sort_values("orientation", kind="stable")
    return [(str(layer), int(unit)) for layer, unit in zip(best["layer"], best["unit"], strict=True)]
