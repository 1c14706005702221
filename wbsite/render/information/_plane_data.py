"""Paths through the information plane: means over the runs that lived, single runs, and both for the page's script."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wbsite.claims.information.base import COMPRESSES, quoted
from wbsite.render.figure import Scene
from wbsite.render.text import fixed_text
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Gap

from ._planes import measured, runs_that_lived

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("i_xt", "i_ty", "i_xt_low", "i_xt_high", "i_ty_low", "i_ty_high")
"""Of a mean: bits, and the least and greatest run; a single run has the first two."""


@dataclass(frozen=True)
class Planes:
    """A study's networks and their paths.

    Attributes:
        trajectories: what was trained.
        plane: where it lies.
    """

    trajectories: Trajectories
    plane: InformationPlane

    @property
    def titles(self) -> dict[str, str]:
        """Configuration → title."""
        return self.trajectories.titles

    @property
    def epochs(self) -> list[int]:
        """Epochs that were recorded."""
        return self.trajectories.epochs

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One row a run, estimator, layer and record that has a number."""
        return self.plane.rows.dropna(subset=["i_xt", "i_ty"])

    @cached_property
    def died(self) -> dict[tuple[str, int], str]:
        """(configuration, seed) of a run that died → when and why."""
        runs = self.trajectories.runs[self.trajectories.runs["died"].notna()]
        deaths = zip(runs["configuration"], runs["seed"], runs["died"], runs["reason"], strict=True)
        return {(name, int(seed)): f"died at epoch {epoch:.0f}: {reason}" for name, seed, epoch, reason in deaths}

    @cached_property
    def lived(self) -> dict[str, str]:
        """Configuration → "18 of 20 runs lived"."""
        return {name: runs_that_lived(count) for name, count in self.trajectories.run_counts.items()}

    @property
    def caps(self) -> tuple[float, float]:
        """The largest I(X;T) and I(T;Y) that bins can give, in bits."""
        return self.plane.cap, self.plane.label_entropy

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The largest I(X;T) and I(T;Y) that axes show: the caps, or more where an estimator exceeds them."""
        most = self.rows[["i_xt", "i_ty"]].max()
        x, y = (max(cap, 0.0 if top != top else float(top)) for cap, top in zip(self.caps, most, strict=True))
        return x or 1.0, y or 1.0

    @cached_property
    def means(self) -> pd.DataFrame:
        """One row a configuration, estimator, layer and record: `runs`, the mean over runs that lived to the end, and
        the least and greatest of them (empty for a single run). In the order of the study and of depth."""
        living = self.rows[self.trajectories.lived(self.rows)]
        groups = living.groupby(["configuration", "estimator", "layer", "epoch"], sort=False)
        statistics = {
            f"{name}{end}": (name, statistic)
            for name in ("i_xt", "i_ty")
            for end, statistic in (("", "mean"), ("_low", "min"), ("_high", "max"))
        }
        table = groups.agg(runs=("seed", "size"), **statistics).reset_index()
        table.loc[table["runs"] == 1, ["i_xt_low", "i_xt_high", "i_ty_low", "i_ty_high"]] = float("nan")
        return table[["configuration", "estimator", "layer", "epoch", "runs", *COLUMNS]]

    def paths(self, configuration: str, estimator: str) -> pd.DataFrame:
        """The mean paths of one configuration."""
        chosen = (self.means["configuration"] == configuration) & (self.means["estimator"] == estimator)
        return self.means[chosen].reset_index(drop=True)

    def measurement(self, estimator: str) -> str:
        """How a quantity was measured, for captions."""
        data = self.trajectories.data
        return f"estimated with {self.plane.titles[estimator]} on {data.measured} samples of {data.name}"

    def finding(self, configuration: str, paths: pd.DataFrame, seed: int | str = "mean") -> str:
        """Which hidden layer moves back furthest, in words.

        Args:
            paths: of this configuration under one estimator.
            seed: of the run that they are of, or "mean".
        """
        title = quoted(self.titles[configuration])
        falls = falls_of(paths[paths["layer"] != "output"])
        if falls.empty:
            return f"No run of {title} lived to the end."
        (_, layer), most = falls.idxmax(), falls.max()
        paths_of = (
            f"the hidden layers' mean paths in {title}"
            if seed == "mean"
            else f"the hidden layers' paths in seed {seed} of {title}"
        )
        if most < COMPRESSES:
            return f"Of {paths_of}, none ends {COMPRESSES:g} bit or more left of where it has been."
        return f"Of {paths_of}, {layer}'s ends furthest left of where it has been, by {fixed_text(most)} bits."

    def file(self, configuration: str) -> bytes:
        """All paths of one configuration as the script of the page reads them: by estimator, then "mean" or seed, then
        layer, the columns of the path in thousandths of a bit, each number as its difference from the one before; and
        by estimator and then "mean" or seed the finding of the caption."""
        record_of = {epoch: record for record, epoch in enumerate(self.epochs)}
        means = self.means[self.means["configuration"] == configuration].assign(seed="mean")
        single = self.rows[self.rows["configuration"] == configuration]
        estimators: dict[str, Any] = {}
        for table, columns in ((means, COLUMNS), (single, COLUMNS[:2])):
            for (token, seed, layer), path in table.groupby(["estimator", "seed", "layer"], sort=False):
                facts = estimators.setdefault(token, {"records": [], "runs": 0, "paths": {}, "findings": {}})
                records = [record_of[epoch] for epoch in path["epoch"]]
                facts["records"] = max(facts["records"], records, key=len)
                if seed == "mean":
                    facts["runs"] = int(path["runs"].iloc[0])
                facts["paths"].setdefault(str(seed), {})[layer] = [_differences(path[column]) for column in columns]
            for (token, seed), paths in table.groupby(["estimator", "seed"], sort=False):
                estimators[token]["findings"][str(seed)] = self.finding(configuration, paths, seed)
        content = {
            "alive": self.lived[configuration],
            "living": self.trajectories.run_counts[configuration].lived,
            "died": {str(seed): reason for (name, seed), reason in self.died.items() if name == configuration},
            "estimators": estimators,
        }
        return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def falls_of(paths: pd.DataFrame) -> pd.Series:
    """By configuration and layer, in the order of the paths: how many bits the last I(X;T) lies below the largest."""
    return paths.groupby(["configuration", "layer"], sort=False)["i_xt"].agg(lambda path: path.max() - path.iloc[-1])


def planes(scene: Scene) -> Planes | Gap:
    """The study's paths, or why there are none."""
    results = measured(scene)
    return results if isinstance(results, Gap) else Planes(*results)


def _differences(column: pd.Series) -> list[int]:
    """Thousandths, each as its difference from the one before; none where the column is empty."""
    if column.isna().any():
        return []
    thousandths = [round(1000 * value) for value in column]
    return [after - before for before, after in zip([0, *thousandths], thousandths, strict=False)]
