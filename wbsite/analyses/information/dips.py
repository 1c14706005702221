"""The dip of I(X;T) early in training: in how many runs, how deep, when, and whether the network only counts there.

A dip is defined in `ops.information.dips`: between epochs 30 and 200, at least 0.1 bit below both an earlier and a
later maximum. It is looked for in every run that lived and in the mean of these, by the study's first estimator. What a
network does at a dip comes from `counting`; without binary inputs there is only the dip.

If the dip were the passage through the counting solution, runs would agree with it most at the dip, and more than other
runs at that epoch. Both are tested against pairing every dip with another run's course at random: what all runs do at
the same epochs stays, what ties a run's dip to its own course does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.ops.information.dips import DEPTH, WINDOW, dip
from wbsite.results.estimate import or_none
from wbsite.results.information.counting import Counting
from wbsite.results.information.dips import CountingAtDips, Dips, LayerDips
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import Trajectories
from wbsite.stats.pairing import Pairing, pairing

from ._runs import mean_over_runs, of_living

DRAWS = 999
MEAN = -1
"""In place of a seed: the mean course."""

OUTPUT = ("agreement", "eta_output")
"""Courses that are largest where a network only counts."""

ALONG = ("agreement", "accuracy", "beyond", "eta_output", "eta_w", "i_tw", "h_given_w")
"""Courses whose values at the dip are kept."""

COLUMNS = list(Dips.fields["rows"].columns)


def run(context: StudyContext) -> Dips:
    """Every layer of every run that lived."""
    plane, counting, trajectories = context.need(InformationPlane), context.need(Counting), context.need(Trajectories)
    courses = plane.rows[plane.rows["estimator"] == plane.default]
    courses = of_living(courses, trajectories)
    lived = None if counting.baseline is None else _Lived(counting, counting.baseline.accuracy, trajectories)
    rows: list[dict[str, Any]] = []
    layers: dict[str, dict[str, LayerDips]] = {name: {} for name in context.study.named()}
    for (name, layer), table in courses.groupby(["configuration", "layer"], sort=False):
        bits = table.pivot(index="epoch", columns="seed", values="i_xt")
        epochs = bits.index.to_numpy()
        counted = None if lived is None else lived.counted(str(name), str(layer))
        run_rows = [_row(epochs, bits[seed].to_numpy(), counted, int(seed)) for seed in bits.columns]
        mean = _row(epochs, bits.mean(axis=1).to_numpy(), None, MEAN)
        about = {"configuration": name, "layer": layer}
        rows += [about | row for row in [*run_rows, mean] if row]
        of_runs = pd.DataFrame([row for row in run_rows if row], columns=COLUMNS)
        layers[str(name)][str(layer)] = summary(of_runs, mean, len(bits.columns), counted)
    return Dips(
        window=WINDOW,
        least=DEPTH,
        estimator=plane.default,
        draws=DRAWS,
        layers=layers,
        rows=pd.DataFrame(rows, columns=COLUMNS),
    )


class _Lived:
    """What `counting` measured of runs that lived.

    Args:
        baseline: accuracy of counting.
    """

    def __init__(self, counting: Counting, baseline: float, trajectories: Trajectories) -> None:
        rows, course = of_living(counting.rows, trajectories), of_living(counting.course, trajectories)
        self.baseline = baseline
        self.rows = dict(iter(rows.groupby(["configuration", "layer"], sort=False)))
        self.courses = {
            name: _pivoted(table, "agreement", "accuracy", "eta_output")
            for name, table in course.groupby("configuration", sort=False)
        }

    def counted(self, name: str, layer: str) -> dict[str, pd.DataFrame]:
        """Of a layer and of the output: epoch × seed each."""
        courses = _pivoted(self.rows[name, layer], "eta_w", "i_tw", "h_given_w") | self.courses[name]
        return courses | {"beyond": courses["accuracy"] - self.baseline}


def _pivoted(table: pd.DataFrame, *columns: str) -> dict[str, pd.DataFrame]:
    return {column: table.pivot(index="epoch", columns="seed", values=column) for column in columns}


def _row(
    epochs: np.ndarray, bits: np.ndarray, counted: dict[str, pd.DataFrame] | None, seed: int
) -> dict[str, Any] | None:
    """The dip of one course, as in the table; None without one."""
    deepest = dip(epochs, bits)
    if deepest is None:
        return None
    epoch = int(epochs[deepest.record])
    row: dict[str, Any] = {
        "seed": seed, "depth": deepest.depth, "epoch": epoch, "i_dip": bits[deepest.record],
        "i_before": bits[deepest.before], "i_after": bits[deepest.after],
        "epoch_before": int(epochs[deepest.before]), "epoch_after": int(epochs[deepest.after]),
    }  # fmt: skip
    if counted is not None:
        row |= {name: counted[name].loc[epoch, seed] for name in ALONG}
        for name in OUTPUT:
            course = counted[name][seed].drop(index=0)
            others, here = course.drop(index=epoch).dropna(), course[epoch]
            row[f"{name}_rank"] = float(((others < here) + 0.5 * (others == here)).mean()) if len(others) else np.nan
            row[f"{name}_epoch"] = course.idxmax() if course.notna().any() else np.nan
    return row


def summary(
    dips: pd.DataFrame, mean: dict[str, Any] | None, alive: int, counted: dict[str, pd.DataFrame] | None
) -> LayerDips:
    """The dips of one layer.

    Args:
        dips: rows of its runs that have one.
        mean: the row of the mean course.
        alive: runs that lived.
        counted: see `_counted`.
    """
    means = {name: mean_over_runs(dips[name].to_numpy(np.float64)) for name in ("depth", "epoch", *ALONG)}
    agreement, eta_output = (_compared(dips, name, counted) for name in OUTPUT)
    return LayerDips(
        alive=alive,
        dips=len(dips),
        depth=means["depth"],
        epoch=means["epoch"],
        epoch_median=float(dips["epoch"].median()) if len(dips) else None,
        epoch_first=float(dips["epoch"].min()) if len(dips) else None,
        epoch_last=float(dips["epoch"].max()) if len(dips) else None,
        mean_depth=mean["depth"] if mean else None,
        mean_epoch=mean["epoch"] if mean else None,
        accuracy=means["accuracy"],
        beyond=means["beyond"],
        eta_w=means["eta_w"],
        i_tw=means["i_tw"],
        h_given_w=means["h_given_w"],
        agreement=agreement,
        eta_output=eta_output,
    )


def _compared(dips: pd.DataFrame, name: str, counted: dict[str, pd.DataFrame] | None) -> CountingAtDips:
    """One of the courses of OUTPUT at the dips of a layer."""
    here = near = Pairing(np.nan, np.nan, np.nan)
    if counted is not None and len(dips):
        here, near = _paired(dips, counted[name].drop(index=0))
    return CountingAtDips(
        value=mean_over_runs(dips[name].to_numpy(np.float64)),
        rank=mean_over_runs(dips[f"{name}_rank"].to_numpy(np.float64)),
        excess=or_none(here.paired - here.unpaired),
        p=or_none(here.p),
        ratio=or_none(2**-near.paired),
        ratio_other=or_none(2**-near.unpaired),
        ratio_p=or_none(near.p),
    )


def _paired(dips: pd.DataFrame, course: pd.DataFrame) -> tuple[Pairing, Pairing]:
    """Dips against the courses of all runs: the value at the dip, and minus |log₂| of the ratio of epochs, dip to
    maximum; larger is nearer to the counting solution in both."""
    course = course.dropna(axis=1)
    epochs, tops = dips["epoch"].to_numpy(np.float64), course.idxmax().to_numpy(np.float64)
    partners = [list(course.columns).index(seed) for seed in dips["seed"]]
    near = -np.abs(np.log2(epochs[:, None] / tops))
    return pairing(course.loc[epochs].to_numpy(), partners, DRAWS), pairing(near, partners, DRAWS)


ANALYSES = (
    Analysis(
        scope="study",
        run=run,
        result=Dips,
        needs=("trajectories", "information_plane", "counting"),
    ),
)
