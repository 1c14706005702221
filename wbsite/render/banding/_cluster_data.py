"""Clusters of kernel shapes as the cluster explorer shows them: shares by experiment, heads of columns, stability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from wbsite.core.store import Entry
from wbsite.render.sprites import sheet
from wbsite.render.suite_tables import PLACES


@dataclass(frozen=True)
class Clusters:
    """The clusters of a setting.

    Attributes:
        entry: the result of the analysis.
        setting: its name.
        experiments: name → title, in the order of the suite.
        groups: name → heading of its group.
        members: rows of the table of that name, of the setting.
    """

    entry: Entry
    setting: str
    experiments: Mapping[str, str]
    groups: Mapping[str, str]
    members: pd.DataFrame

    @property
    def values(self) -> Mapping[str, Any]:
        """What the analysis says of the setting as a whole."""
        return dict(self.entry.values[self.setting])

    def table(self, name: str) -> pd.DataFrame:
        """A table's rows of the setting."""
        table = self.entry.table(name)
        return table[table["setting"] == self.setting]

    @cached_property
    def numbers(self) -> list[int]:
        """The numbers of clusters there are."""
        return sorted({int(k) for k in self.members["k"]})

    @property
    def steadiest(self) -> int:
        """The number of clusters that restarts agree on most, the smallest of several."""
        table = self.table("stability").sort_values(["stability", "k"], ascending=[False, True])
        return int(table["k"].iloc[0])

    def state(self, name: str, place: str) -> str:
        """ "turned", "lost" or "": what became of the banding of an experiment's layer."""
        row = [name, place]
        return "turned" if row in self.values["turned"] else "lost" if row in self.values["lost"] else ""

    @cached_property
    def views(self) -> dict[int, dict[str, Any]]:
        """Number of clusters → what the table shows: H of the centres, units, stability, and shares in per cent by
        place and experiment (None for a layer whose kernels have another size)."""
        heads, stability = self.table("clusters"), self.table("stability").set_index("k")
        found = {}
        for k in self.numbers:
            of_k, head = self.members[self.members["k"] == k], heads[heads["k"] == k].sort_values("cluster")
            wide = {
                place: of_k[of_k["place"] == place].pivot(index="experiment", columns="cluster", values="share")
                for place in PLACES
            }
            shares = {
                place: [
                    [round(100 * share) for share in table.loc[name]] if name in table.index else None
                    for name in self.experiments
                ]
                for place, table in wide.items()
            }
            steady = {name: round(float(stability.loc[k, name]), 3) for name in ("stability", "lowest_stability")}
            found[k] = {
                "index": head["index"].round(3).tolist(),
                "units": head["units"].tolist(),
                **steady,
                "shares": shares,
            }
        return found

    def sheet(self) -> tuple[bytes, int, int]:
        """The pictures of all numbers of clusters, a row of a sheet each; with its columns and rows."""
        columns = max(self.numbers)
        kh, kw = self.values["kernel"]
        tiles = np.zeros((len(self.numbers), columns, kh, kw, 3))
        for row, k in enumerate(self.numbers):
            tiles[row, :k] = self.entry.arrays[f"{self.setting}/{k}"] / 255
        return sheet(tiles.reshape(-1, kh, kw, 3), columns)[0], columns, len(self.numbers)
