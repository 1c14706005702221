"""Paths through the information plane: means over the runs that lived, single runs, and both for the page's script."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wbsite.core.store import Entry
from wbsite.render.figure import Scene
from wbsite.results.site import Gap

from ._planes import alive, alive_text, configuration_titles, found

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("i_xt", "i_ty", "i_xt_low", "i_xt_high", "i_ty_low", "i_ty_high")
"""Of a mean: bits, and the least and greatest run; a single run has the first two."""


@dataclass(frozen=True)
class Planes:
    """A study's results `trajectories` and `information_plane`."""

    trajectories: Entry
    plane: Entry

    @cached_property
    def titles(self) -> dict[str, str]:
        """Configuration → title."""
        return configuration_titles(self.trajectories)

    @cached_property
    def estimators(self) -> dict[str, str]:
        """Token → title, of those computed."""
        return {each["token"]: each["title"] for each in self.plane.values["estimators"]}

    @property
    def default(self) -> str:
        """The token that is shown first."""
        return self.plane.values["default"]

    @cached_property
    def epochs(self) -> list[int]:
        """Epochs that were recorded."""
        return list(self.trajectories.values["epochs"])

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One row a run, estimator, layer and record that has a number."""
        return self.plane.table("rows").dropna(subset=["i_xt", "i_ty"])

    @cached_property
    def died(self) -> dict[tuple[str, int], str]:
        """(configuration, seed) of a run that died → when and why."""
        runs = self.trajectories.table("runs")
        runs = runs[runs["died"].notna()]
        told = zip(runs["configuration"], runs["seed"], runs["died"], runs["reason"], strict=True)
        return {(name, int(seed)): f"died at epoch {epoch:.0f}: {reason}" for name, seed, epoch, reason in told}

    @cached_property
    def alive(self) -> dict[str, str]:
        """Configuration → "18 of 20 runs lived"."""
        return {name: alive_text(*counts) for name, counts in alive(self.trajectories).items()}

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The largest I(X;T) and I(T;Y) that axes show: the caps, or more where an estimator exceeds them."""
        most = self.rows[["i_xt", "i_ty"]].max()
        caps = self.plane.values["cap"], self.plane.values["label_entropy"]
        x, y = (max(cap, 0.0 if top != top else float(top)) for cap, top in zip(caps, most, strict=True))
        return x or 1.0, y or 1.0

    @cached_property
    def means(self) -> pd.DataFrame:
        """One row a configuration, estimator, layer and record: `runs`, the mean over runs that lived to the end, and
        the least and greatest of them (empty for a single run). In the order of the study and of depth."""
        lived = [key not in self.died for key in zip(self.rows["configuration"], self.rows["seed"], strict=True)]
        groups = self.rows[lived].groupby(["configuration", "estimator", "layer", "epoch"], sort=False)
        of = {f"{name}{end}": (name, how) for name in ("i_xt", "i_ty") for end, how in
              (("", "mean"), ("_low", "min"), ("_high", "max"))}  # fmt: skip
        table = groups.agg(runs=("seed", "size"), **of).reset_index()
        table.loc[table["runs"] == 1, ["i_xt_low", "i_xt_high", "i_ty_low", "i_ty_high"]] = float("nan")
        return table[["configuration", "estimator", "layer", "epoch", "runs", *COLUMNS]]

    def paths(self, configuration: str, estimator: str) -> pd.DataFrame:
        """The mean paths of one configuration."""
        table = self.means
        chosen = (table["configuration"] == configuration) & (table["estimator"] == estimator)
        return table[chosen].reset_index(drop=True)

    def told(self, estimator: str) -> str:
        """What captions say of the measurement, after the name of the quantity."""
        data, of = self.trajectories.values["data"], self.estimators[estimator]
        return f"estimated with {of} on {data['measured']} samples of {data['name']}"

    def file(self, configuration: str) -> bytes:
        """All paths of one configuration as the script of the page reads them: by estimator, then "mean" or seed, then
        layer, the columns of the path in thousandths of a bit, each number as its difference from the one before."""
        epochs = {epoch: place for place, epoch in enumerate(self.epochs)}
        means = self.means[self.means["configuration"] == configuration].assign(seed="mean")
        single = self.rows[self.rows["configuration"] == configuration]
        estimators: dict[str, Any] = {}
        for table, columns in ((means, COLUMNS), (single, COLUMNS[:2])):
            for (token, seed, layer), path in table.groupby(["estimator", "seed", "layer"], sort=False):
                of = estimators.setdefault(token, {"records": [], "runs": 0, "paths": {}})
                records = [epochs[epoch] for epoch in path["epoch"]]
                of["records"] = max(of["records"], records, key=len)
                if seed == "mean":
                    of["runs"] = int(path["runs"].iloc[0])
                of["paths"].setdefault(str(seed), {})[layer] = [_differences(path[column]) for column in columns]
        died = {str(seed): why for (name, seed), why in self.died.items() if name == configuration}
        living = alive(self.trajectories)[configuration][0]
        told = {"alive": self.alive[configuration], "living": living, "died": died, "estimators": estimators}
        return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()


def planes(scene: Scene) -> Planes | Gap:
    """The study's paths, or why there are none."""
    trajectories, plane = found(scene, "trajectories"), found(scene, "information_plane")
    if isinstance(trajectories, Gap):
        return trajectories
    return plane if isinstance(plane, Gap) else Planes(trajectories, plane)


def _differences(column: pd.Series) -> list[int]:
    """Thousandths, each as its difference from the one before; none where the column is empty."""
    if column.isna().any():
        return []
    whole = [round(1000 * value) for value in column]
    return [after - before for before, after in zip([0, *whole], whole, strict=False)]
