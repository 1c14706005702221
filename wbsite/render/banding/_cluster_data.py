"""Clusters of kernel shapes as the cluster explorer shows them: shares by experiment, heads of columns, stability."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from wbsite.render.sprites import sheet
from wbsite.results.banding.clusters import ClusteredSetting, Clusters

from ._laboratory import PLACES, Laboratory


@dataclass(frozen=True)
class ClusterViews:
    """The clusters of a setting.

    Attributes:
        laboratory: the setting's runs.
        result: the clusters of all settings.
    """

    laboratory: Laboratory
    result: Clusters

    @property
    def setting(self) -> ClusteredSetting:
        """What was clustered."""
        return self.result.settings[self.laboratory.setting]

    @cached_property
    def members(self) -> pd.DataFrame:
        """One row a number of clusters, cluster, experiment and layer."""
        return self.laboratory.rows(self.result.members)

    @cached_property
    def experiments(self) -> list[str]:
        """Those of which a layer was clustered, in the order of the suite."""
        clustered = set(self.members["experiment"])
        return [name for name in self.laboratory.ordered if name in clustered]

    def other_sizes(self, place: str) -> list[str]:
        """Experiments whose layer at "last" or "before" has kernels of another size, and so is in no cluster."""
        table = self.laboratory.rows(self.result.other_sizes)
        absent = set(table.loc[table["place"] == place, "experiment"])
        return [name for name in self.laboratory.ordered if name in absent]

    def state(self, name: str, place: str) -> str:
        """ "lost" or "turned" for an experiment's layer that was clustered and has not kept its banding, else ""."""
        clustered = ((self.members["experiment"] == name) & (self.members["place"] == place)).any()
        return self.laboratory.banding(name, place) if clustered else ""

    @property
    def steadiest(self) -> int:
        """The number of clusters that restarts agree on most, the smallest of several."""
        table = self.laboratory.rows(self.result.stability)
        return int(table.sort_values(["stability", "k"], ascending=[False, True])["k"].iloc[0])

    @cached_property
    def views(self) -> dict[int, dict[str, Any]]:
        """Number of clusters → what the table shows: H of the centres, units, stability, and shares in per cent by
        place and experiment (None for a layer whose kernels have another size)."""
        clusters = self.laboratory.rows(self.result.clusters).sort_values(["k", "cluster"]).groupby("k")
        stability = self.laboratory.rows(self.result.stability).set_index("k")
        members = self.members.groupby("k")
        return {
            k: {
                "index": clusters.get_group(k)["index"].round(3).tolist(),
                "units": clusters.get_group(k)["units"].tolist(),
                **{name: round(float(stability.loc[k, name]), 3) for name in ("stability", "lowest_stability")},
                "shares": {place: self._shares(members.get_group(k), place) for place in PLACES},
            }
            for k in self.setting.numbers
        }

    def _shares(self, members: pd.DataFrame, place: str) -> list[list[int] | None]:
        """Per cent of each experiment's layer in each cluster."""
        table = members[members["place"] == place].pivot(index="experiment", columns="cluster", values="share")
        return [
            [round(100 * share) for share in table.loc[name]] if name in table.index else None
            for name in self.experiments
        ]

    def sheet(self) -> tuple[bytes, int, int]:
        """The pictures of all numbers of clusters, a row of a sheet each; with its columns and rows."""
        numbers, (kh, kw) = self.setting.numbers, self.setting.kernel
        columns = max(numbers)
        tiles = np.zeros((len(numbers), columns, kh, kw, 3))
        for row, k in enumerate(numbers):
            tiles[row, :k] = self.result.pictures[f"{self.laboratory.setting}/{k}"] / 255
        return sheet(tiles.reshape(-1, kh, kw, 3), columns)[0], columns, len(numbers)
