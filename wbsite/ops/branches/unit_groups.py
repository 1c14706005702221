"""Units of a group of branches, what is known of them, and the tests of one group by one source of knowledge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from . import groups
from .group_tests import GroupUnits, category_tests, index_tests, stage_tests

UNIT = ["layer", "unit"]


@dataclass(frozen=True)
class UnitGroup:
    """A place where branches meet: `units` has one row a unit, with the number of its branch, its layer and unit."""

    name: str
    kind: str
    branches: tuple[str, ...]
    kernels: tuple[int, ...]
    units: pd.DataFrame

    @classmethod
    def of(cls, group: groups.Group) -> UnitGroup:
        """A group as it was found in a network."""
        members = [(number, member) for number, branch in enumerate(group.branches) for member in branch.members]
        return cls(
            group.name,
            group.kind,
            tuple(branch.name for branch in group.branches),
            tuple(branch.kernel for branch in group.branches),
            pd.concat([units_of(number, m.layer, m.low, m.high) for number, m in members], ignore_index=True),
        )

    @property
    def layers(self) -> list[str]:
        """Layers of its units, in order."""
        return list(dict.fromkeys(self.units["layer"]))


def units_of(branch: int, layer: str, low: int, high: int) -> pd.DataFrame:
    """Rows of `UnitGroup.units`: units low … high − 1 of a layer."""
    return pd.DataFrame({"branch": branch, "layer": layer, "unit": np.arange(low, high)})


@dataclass(frozen=True)
class Source:
    """Where knowledge of units comes from.

    Attributes:
        name: "stimuli", "weights" or "yours".
        units: one row a live unit: layer, unit, and a column an index.
        indices: names of these columns.
        categories: layer, unit, category.
    """

    name: str
    units: pd.DataFrame
    indices: tuple[str, ...]
    categories: pd.DataFrame


@dataclass(frozen=True)
class KnownUnits:
    """The units of a group that a source knows.

    Attributes:
        rows: those of `UnitGroup.units`, with the source's columns.
        population: their branches.
        indices: (N, J), the source's, NaN where undefined.
    """

    rows: pd.DataFrame
    population: GroupUnits
    indices: np.ndarray

    @classmethod
    def of(cls, group: UnitGroup, source: Source) -> KnownUnits | None:
        """None where the source has units of fewer than two branches."""
        rows = group.units.merge(source.units, on=UNIT)
        if rows["branch"].nunique() < 2:
            return None
        population = GroupUnits(group.branches, group.kernels, rows["branch"].to_numpy())
        return cls(rows, population, rows[list(source.indices)].to_numpy(float))


def source_tests(group: UnitGroup, source: Source, permutations: int, seed: int) -> dict[str, pd.DataFrame]:
    """All tests of one group, by name as `untrained_null` calls them; none where `KnownUnits` are none."""
    if (known := KnownUnits.of(group, source)) is None:
        return {}
    keys, members = pd.MultiIndex.from_frame(known.rows[UNIT]), source.categories
    names = sorted(set(members["category"]))
    having = [keys.isin(pd.MultiIndex.from_frame(members.loc[members["category"] == name, UNIT])) for name in names]
    tests: dict[str, list[dict[str, Any]]] = {
        "rows": category_tests(known.population, names, np.array(having).T, permutations, seed) if names else [],
        "effects": index_tests(known.population, source.indices, known.indices),
    }
    if group.kind == "residual" and source.indices:
        tests["stages"], stage = stage_tests(known.population, known.indices, permutations, seed)
        tests["shares"] = [stage]
    place = {"group": group.name, "kind": group.kind, "source": source.name}
    return {name: pd.DataFrame([{**place, **row} for row in rows]) for name, rows in tests.items()}
