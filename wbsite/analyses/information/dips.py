"""The dip of I(X;T) early in training: in how many runs, how deep, when, and whether the network only counts there.

A dip is defined in `ops.dips`: between epochs 30 and 200, at least 0.1 bit below both an earlier and a later maximum.
It is looked for in every run that lived and in the mean of these, by the study's first estimator. What a network does
at a dip comes from `counting`; without binary inputs there is only the dip.

If the dip were the passage through the counting solution, runs would agree with it most at the dip, and more than other
runs at that epoch. Both are tested against pairing every dip with another run's course at random: what all runs do at
the same epochs stays, what ties a run's dip to its own course does not.

Values:
    window (epochs), least (bits), estimator (token), draws, and
    layers: configuration → layer → alive, runs; dips, runs with a dip; depth, epoch, each the mean over runs with a dip
        with _low and _high (95 % t interval); epoch_median, epoch_first, epoch_last; mean_depth, mean_epoch: of the dip
        of the mean course. Means over dips, with _low and _high, of: agreement, accuracy, eta_output, eta_w, i_tw,
        h_given_w, at the dip; beyond, accuracy there minus the count-only baseline; agreement_rank and eta_output_rank,
        the share of the run's other records after the untrained one that have a smaller value (0.5 by chance, 1 where
        it is largest). Of each of agreement and eta_output: NAME_excess, mean at own dips minus that of the other runs
        at the same epochs, and NAME_p, how often random pairing gives as much; NAME_ratio, mean factor between the
        epochs of the dip and of the run's maximum, NAME_ratio_other with other runs' maxima, NAME_ratio_p, how often
        random pairing brings them as near. None where undefined.
Table `rows`: configuration, layer, seed (−1: the mean course), depth, epoch, i_dip, i_before, i_after, epoch_before,
    epoch_after; agreement, accuracy, beyond, eta_output, eta_w, i_tw, h_given_w at the dip; agreement_rank,
    eta_output_rank; agreement_epoch, eta_output_epoch of the run's maxima. NaN for the mean course, or where inputs are
    not binary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.core.store import Contents, Entry
from wbsite.ops.information.dips import DEPTH, WINDOW, Dip, dip
from wbsite.stats.intervals import or_none, told
from wbsite.stats.pairing import Pairing, pairing

DRAWS = 999
MEAN = -1
OUTPUT = ("agreement", "eta_output")
"""Courses that are largest where a network only counts."""

ALONG = ("agreement", "accuracy", "beyond", "eta_output", "eta_w", "i_tw", "h_given_w")
COLUMNS = (
    *("configuration", "layer", "seed", "depth", "epoch", "i_dip", "i_before", "i_after", "epoch_before"),
    *("epoch_after", *ALONG, "agreement_rank", "eta_output_rank", "agreement_epoch", "eta_output_epoch"),
)


def run(context: StudyContext) -> Contents:
    """Every layer of every run that lived."""
    plane, counting = context.needs["information_plane"], context.needs["counting"]
    runs = context.needs["trajectories"].table("runs")
    alive = runs.loc[runs["died"].isna(), ["configuration", "seed"]]
    courses = plane.table("rows")
    courses = courses[courses["estimator"] == plane.values["default"]].merge(alive)
    rows: list[dict[str, Any]] = []
    layers: dict[str, dict[str, Any]] = {name: {} for name in context.study.named()}
    for (name, layer), table in courses.groupby(["configuration", "layer"], sort=False):
        bits = table.pivot(index="epoch", columns="seed", values="i_xt")
        counted = _counted(counting, alive, str(name), str(layer))
        found = [_row(bits.index.to_numpy(), bits[seed].to_numpy(), counted, int(seed)) for seed in bits.columns]
        mean = _row(bits.index.to_numpy(), bits.mean(axis=1).to_numpy(), None, MEAN)
        about = {"configuration": name, "layer": layer}
        rows += [about | row for row in [*found, mean] if row]
        own = pd.DataFrame([row for row in found if row], columns=list(COLUMNS))
        layers[str(name)][str(layer)] = summary(own, mean, len(bits.columns), counted)
    return Contents(
        values={
            "window": list(WINDOW),
            "least": DEPTH,
            "estimator": plane.values["default"],
            "draws": DRAWS,
            "layers": layers,
        },
        tables={"rows": pd.DataFrame(rows, columns=list(COLUMNS))},
    )


def _counted(counting: Entry, alive: pd.DataFrame, name: str, layer: str) -> dict[str, pd.DataFrame] | None:
    """What `counting` measured of a layer and of the output, of runs that lived: epoch × seed each; None where it could
    not."""
    if counting.values["none"]:
        return None
    found: dict[str, pd.DataFrame] = {}
    for table, columns in (
        ("rows", ("eta_w", "i_tw", "h_given_w")),
        ("course", ("agreement", "accuracy", *OUTPUT[1:])),
    ):
        given = counting.table(table).merge(alive)
        given = given[given["configuration"] == name]
        if table == "rows":
            given = given[given["layer"] == layer]
        found |= {column: given.pivot(index="epoch", columns="seed", values=column) for column in columns}
    found["beyond"] = found["accuracy"] - counting.values["baseline"]["accuracy"]
    return found


def _row(
    epochs: np.ndarray, bits: np.ndarray, counted: dict[str, pd.DataFrame] | None, seed: int
) -> dict[str, Any] | None:
    found: Dip | None = dip(epochs, bits)
    if found is None:
        return None
    epoch = int(epochs[found.place])
    row: dict[str, Any] = {
        "seed": seed, "depth": found.depth, "epoch": epoch, "i_dip": bits[found.place],
        "i_before": bits[found.before], "i_after": bits[found.after],
        "epoch_before": int(epochs[found.before]), "epoch_after": int(epochs[found.after]),
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
    own: pd.DataFrame, mean: dict[str, Any] | None, alive: int, counted: dict[str, pd.DataFrame] | None
) -> dict[str, Any]:
    """Of one layer: see `layers` above.

    Args:
        own: rows of its runs with a dip.
        mean: the row of the mean course.
        alive: runs that lived.
    """
    found: dict[str, Any] = {"alive": alive, "dips": len(own)}
    found |= {f"mean_{name}": mean[name] if mean else None for name in ("depth", "epoch")}
    for name in ("depth", "epoch", *ALONG, *(f"{each}_rank" for each in OUTPUT)):
        found |= told(name, own[name].to_numpy(np.float64))
    for name, reduced in (("median", "median"), ("first", "min"), ("last", "max")):
        found[f"epoch_{name}"] = float(getattr(own["epoch"], reduced)()) if len(own) else None
    for name in OUTPUT:
        at, near = Pairing(*[np.nan] * 3), Pairing(*[np.nan] * 3)
        if counted is not None and len(own):
            at, near = _paired(own, counted[name].drop(index=0))
        found |= {
            f"{name}_excess": or_none(at.paired - at.unpaired),
            f"{name}_p": or_none(at.p),
            f"{name}_ratio": or_none(2**-near.paired),
            f"{name}_ratio_other": or_none(2**-near.unpaired),
            f"{name}_ratio_p": or_none(near.p),
        }
    return found


def _paired(own: pd.DataFrame, course: pd.DataFrame) -> tuple[Pairing, Pairing]:
    """Dips against the courses of all runs: the value at the dip, and minus |log₂| of the ratio of epochs, dip to
    maximum; larger is nearer to the counting solution in both."""
    course = course.dropna(axis=1)
    epochs, tops = own["epoch"].to_numpy(np.float64), course.idxmax().to_numpy(np.float64)
    places = [list(course.columns).index(seed) for seed in own["seed"]]
    near = -np.abs(np.log2(epochs[:, None] / tops))
    return pairing(course.loc[epochs].to_numpy(), places, DRAWS), pairing(near, places, DRAWS)


ANALYSES = (
    Analysis(
        name="dips",
        version=1,
        scope="study",
        summary="the dip of I(X;T) early in training: in how many runs, how deep, and whether they only count there",
        run=run,
        needs=("trajectories", "information_plane", "counting"),
    ),
)
