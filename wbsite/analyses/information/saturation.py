"""Whether a layer compresses as its activations saturate: I(X;T) against the share of saturated activations.

By the study's first estimator, over the runs that lived. The peak of a run's layer is the record of its largest
I(X;T), the first of several; its compression is I(X;T) there minus at the end, its rise the share saturated at the end
minus there. A layer compresses from `COMPRESSES` bits on, and saturates where the rise is at least `SATURATES`. The
`rule` of `activation_patterns` says what counts as saturated; where a function is nowhere flat nothing is compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.results.estimate import Estimate, or_none
from wbsite.results.information.activation_patterns import ActivationPatterns
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.saturation import ConfigurationSaturation, KindCounts, LayerSaturation, Saturation
from wbsite.results.information.trajectories import Trajectories
from wbsite.stats.rank_correlation import rank_correlation

from ._runs import mean_over_runs, of_living

COMPRESSES = 0.1
"""Bits: the least that counts as compression, as the least that counts as a dip."""

SATURATES = 0.05
"""Least rise of the saturated share that counts."""

FEWEST = 6
"""Records from the peak on, below which a course has no ρ."""

DRAWS = 999


def run(context: StudyContext) -> Saturation:
    """Joins the shares of `activation_patterns` with the courses of `information_plane`."""
    plane, trajectories = context.need(InformationPlane), context.need(Trajectories)
    courses = plane.rows[plane.rows["estimator"] == plane.default]
    both = courses.merge(context.need(ActivationPatterns).saturation, on=["configuration", "seed", "layer", "epoch"])
    rows: list[dict[str, Any]] = []
    for (name, layer), table in of_living(both, trajectories).groupby(["configuration", "layer"], sort=False):
        wide = table.sort_values("epoch").pivot(index="epoch", columns="seed", values=["i_xt", "saturated"])
        information, saturated = wide["i_xt"], wide["saturated"]
        rows += [
            {"configuration": name, "seed": seed, "layer": layer, **compare_run(information[seed], saturated, seed)}
            for seed in information.columns
        ]
    runs = pd.DataFrame(rows, columns=list(Saturation.fields["rows"].columns))
    by_name = {name: runs[runs["configuration"] == name] for name in context.study.named()}
    return Saturation(
        estimator=plane.default,
        compresses=COMPRESSES,
        saturates=SATURATES,
        fewest=FEWEST,
        layers={
            name: {str(layer): _layer(table) for layer, table in of_name.groupby("layer", sort=False)}
            for name, of_name in by_name.items()
        },
        configurations={name: _hidden(of_name) for name, of_name in by_name.items()},
        rows=runs,
    )


def compare_run(information: pd.Series, saturated: pd.DataFrame, seed: int) -> dict[str, Any]:
    """One layer of one run.

    Args:
        information: I(X;T) by epoch.
        saturated: by epoch and seed.
    """
    bits, share = information.to_numpy(), saturated[seed].to_numpy()
    top = int(bits.argmax())
    others = [rho(saturated[other].to_numpy()[top:], bits[top:]) for other in saturated.columns if other != seed]
    defined = [each for each in others if not np.isnan(each)]
    return {
        "peak_epoch": int(information.index[top]),
        "compression": bits[top] - bits[-1],
        "i_peak": bits[top],
        "i_end": bits[-1],
        "saturated_peak": share[top],
        "saturated_end": share[-1],
        "rise": share[-1] - share[top],
        "rho": rho(share[top:], bits[top:]),
        "rho_steps": rho(np.diff(share[top:]), np.diff(bits[top:])),
        "rho_other": float(np.mean(defined)) if defined else np.nan,
    }


def rho(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's ρ of two courses (n,); NaN for fewer than FEWEST values or where one does not change."""
    if len(x) < FEWEST or np.isnan(x).any() or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return float(np.corrcoef(scipy.stats.rankdata(x), scipy.stats.rankdata(y))[0, 1])


def _layer(runs: pd.DataFrame) -> LayerSaturation:
    compression, rise = runs["compression"].to_numpy(), runs["rise"].to_numpy()
    over_seeds = rank_correlation(compression, rise, draws=DRAWS, seed=0)
    return LayerSaturation(
        alive=len(runs),
        compression=mean_over_runs(compression),
        rise=mean_over_runs(rise),
        rho=mean_over_runs(runs["rho"].to_numpy()),
        rho_steps=mean_over_runs(runs["rho_steps"].to_numpy()),
        rho_other=mean_over_runs(runs["rho_other"].to_numpy()),
        rho_seeds=Estimate.from_interval((over_seeds.rho, over_seeds.low, over_seeds.high)),
        rho_seeds_p=or_none(over_seeds.p),
        kinds=_kinds(runs),
    )


def _kinds(rows: pd.DataFrame) -> KindCounts:
    if rows["rise"].isna().all():
        return KindCounts(both=None, only_compresses=None, only_saturates=None, neither=None)
    falls, rises = rows["compression"] >= COMPRESSES, rows["rise"] >= SATURATES
    return KindCounts(
        both=int((falls & rises).sum()),
        only_compresses=int((falls & ~rises).sum()),
        only_saturates=int((~falls & rises).sum()),
        neither=int((~falls & ~rises).sum()),
    )


def _hidden(runs: pd.DataFrame) -> ConfigurationSaturation:
    hidden = runs[runs["layer"] != "output"]
    still = hidden[~(hidden["rise"] >= SATURATES)]
    compression = mean_over_runs(still.groupby("seed")["compression"].mean().to_numpy())
    return ConfigurationSaturation(kinds=_kinds(hidden), no_rise_compression=compression)


ANALYSES = (
    Analysis(
        scope="study",
        run=run,
        result=Saturation,
        needs=("trajectories", "information_plane", "activation_patterns"),
    ),
)
