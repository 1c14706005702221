"""Whether a layer compresses as its activations saturate: I(X;T) against the share of saturated activations.

By the study's first estimator, over the runs that lived. The peak of a run's layer is the record of its largest
I(X;T), the first of several; its compression is I(X;T) there minus at the end, its rise the share saturated at the end
minus there. A layer compresses from `compresses` bits on, and saturates where the rise is at least `saturates`. What
counts as saturated is said by `rule` of `activation_patterns`; where a function is nowhere flat nothing is compared.

Values:
    estimator (token), compresses (bits), saturates (share), fewest (records), and
    layers: configuration → layer → alive, runs; compression and rise, with _low and _high (means over runs, 95 % t
        interval); both, only_compresses, only_saturates, neither: numbers of runs (None where nowhere flat);
        rho_seeds, rho_seeds_low, rho_seeds_high, rho_seeds_p: Spearman's ρ over runs between compression and rise, with
        bootstrap interval and permutation p (None for fewer than 6 runs); rho, rho_steps, rho_other, each with _low and
        _high: means over runs of `rho`, `rho_steps` and `rho_other` of the table.
    configurations: configuration → numbers over runs and hidden layers: both, only_compresses, only_saturates, neither,
        and no_rise_compression, mean compression where nothing saturates with _low and _high (t interval over the means
        of runs; None without such layers).
Table `rows`: configuration, seed, layer, peak_epoch, compression, i_peak, i_end, saturated_peak, saturated_end, rise;
    rho, Spearman's ρ between saturated and I(X;T) over the records from the peak on, −1 where I falls as the layer
    saturates; rho_steps, the same of their changes from record to record, which a common trend does not make
    correlated; rho_other, `rho` with the saturation of the configuration's other runs at the same epochs instead,
    averaged: what the common course of training gives without any link within a run. NaN for fewer than `fewest`
    records or without change.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.core.store import Contents
from wbsite.stats.intervals import or_none, told
from wbsite.stats.rank_correlation import rank_correlation

COMPRESSES = 0.1
"""Bits: the least that counts as compression, as the least that counts as a dip."""

SATURATES = 0.05
"""Least rise of the saturated share that counts."""

FEWEST = 6
"""Records from the peak on, below which a course has no ρ."""

DRAWS = 999

COLUMNS = (
    *("configuration", "seed", "layer", "peak_epoch", "compression", "i_peak", "i_end", "saturated_peak"),
    *("saturated_end", "rise", "rho", "rho_steps", "rho_other"),
)
KINDS = ("both", "only_compresses", "only_saturates", "neither")


def run(context: StudyContext) -> Contents:
    """Joins the shares of `activation_patterns` with the courses of `information_plane`."""
    plane, shares = context.needs["information_plane"], context.needs["activation_patterns"].table("saturation")
    courses = plane.table("rows")
    courses = courses[courses["estimator"] == plane.values["default"]]
    runs = context.needs["trajectories"].table("runs")
    alive = runs.loc[runs["died"].isna(), ["configuration", "seed"]]
    both = courses.merge(shares, on=["configuration", "seed", "layer", "epoch"]).merge(alive)
    rows: list[dict[str, Any]] = []
    for (name, layer), table in both.groupby(["configuration", "layer"], sort=False):
        wide = table.sort_values("epoch").pivot(index="epoch", columns="seed", values=["i_xt", "saturated"])
        information, saturated = wide["i_xt"], wide["saturated"]
        rows += [
            {"configuration": name, "seed": seed, "layer": layer, **of_run(information[seed], saturated, seed)}
            for seed in information.columns
        ]
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    names = [*context.study.named()]
    return Contents(
        values={
            "estimator": plane.values["default"],
            "compresses": COMPRESSES,
            "saturates": SATURATES,
            "fewest": FEWEST,
            "layers": {name: _by_layer(found[found["configuration"] == name]) for name in names},
            "configurations": {name: _pooled(found[found["configuration"] == name]) for name in names},
        },
        tables={"rows": found},
    )


def of_run(information: pd.Series, saturated: pd.DataFrame, seed: int) -> dict[str, Any]:
    """One layer of one run.

    Args:
        information: I(X;T) by epoch.
        saturated: by epoch and seed.
    """
    bits, mine = information.to_numpy(), saturated[seed].to_numpy()
    top = int(bits.argmax())
    others = [rho(saturated[other].to_numpy()[top:], bits[top:]) for other in saturated.columns if other != seed]
    known = [each for each in others if not np.isnan(each)]
    return {
        "peak_epoch": int(information.index[top]),
        "compression": bits[top] - bits[-1],
        "i_peak": bits[top],
        "i_end": bits[-1],
        "saturated_peak": mine[top],
        "saturated_end": mine[-1],
        "rise": mine[-1] - mine[top],
        "rho": rho(mine[top:], bits[top:]),
        "rho_steps": rho(np.diff(mine[top:]), np.diff(bits[top:])),
        "rho_other": float(np.mean(known)) if known else np.nan,
    }


def rho(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's ρ of two courses (n,); NaN for fewer than FEWEST values or where one does not change."""
    if len(x) < FEWEST or np.isnan(x).any() or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def _by_layer(rows: pd.DataFrame) -> dict[str, Any]:
    return {str(layer): _layer(of) for layer, of in rows.groupby("layer", sort=False)}


def _layer(rows: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {"alive": len(rows)}
    for name in ("compression", "rise", "rho", "rho_steps", "rho_other"):
        found |= told(name, rows[name].to_numpy())
    over = rank_correlation(rows["compression"].to_numpy(), rows["rise"].to_numpy(), draws=DRAWS, seed=0)
    parts = {"": over.rho, "_low": over.low, "_high": over.high, "_p": over.p}
    return found | {f"rho_seeds{end}": or_none(value) for end, value in parts.items()} | _kinds(rows)


def _kinds(rows: pd.DataFrame) -> dict[str, int | None]:
    if rows["rise"].isna().all():
        return dict.fromkeys(KINDS)
    falls, rises = rows["compression"] >= COMPRESSES, rows["rise"] >= SATURATES
    sums = (falls & rises, falls & ~rises, ~falls & rises, ~falls & ~rises)
    return {name: int(of.sum()) for name, of in zip(KINDS, sums, strict=True)}


def _pooled(rows: pd.DataFrame) -> dict[str, Any]:
    hidden = rows[rows["layer"] != "output"]
    still = hidden[~(hidden["rise"] >= SATURATES)]
    return {
        **_kinds(hidden),
        **told("no_rise_compression", still.groupby("seed")["compression"].mean().to_numpy()),
    }


ANALYSES = (
    Analysis(
        name="saturation",
        version=1,
        scope="study",
        summary="whether layers compress as their activations saturate, within runs and between them",
        run=run,
        needs=("trajectories", "information_plane", "activation_patterns"),
    ),
)
