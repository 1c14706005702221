"""Kernels of all experiments of the banding laboratory, clustered by shape."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Record, Result, Table, arrays, integer, number, table, text, value

SETTING = text("name of the setting")
COUNT = integer("number of clusters")
CLUSTER = integer("number of the cluster, from 0, the most horizontal")
PLACE = text("last or before: the last convolution, or the one before it")


class ClusteredSetting(Record):
    """The kernels of a setting that were clustered: those of the most common size, all seeds together.

    Attributes:
        units: how many there are.
        without_shape: of these, units whose kernels are zero, constant or of single taps; they belong to no cluster.
        kernel: (height, width).
        restarts: random starts of k-means.
        numbers: of clusters, ascending; fewer where there are few different shapes.
        other_sizes: experiments of which a layer has kernels of another size, which are not among the units.
    """

    units: int
    without_shape: int
    kernel: tuple[int, int]
    restarts: int
    numbers: list[int]
    other_sizes: list[str]


class Clusters(
    Result,
    analysis="clusters",
    summary="kernels of all experiments of the banding laboratory clustered by shape, 4 to 19 clusters",
):
    """Clusters of the kernels of the last two planar layers of all runs, for several numbers k of clusters.

    Clusters are numbered by their centres' H, the most horizontal first.
    """

    settings: dict[str, ClusteredSetting] = value("what was clustered, by setting")
    pictures: Mapping[str, NDArray[np.uint8]] = arrays(
        "cluster", "row", "column", "factor", about="SETTING/k → NMF picture of each cluster's medoid", unit="0 to 255"
    )
    clusters: Table = table(
        setting=SETTING, k=COUNT, cluster=CLUSTER,
        units=integer("units of the cluster"),
        index=number("H of the centre", "−1 to 1"),
        row_share=number("R of the centre", "0 to 1"),
        column_share=number("C of the centre", "0 to 1"),
        stability=number("mean adjusted Rand index of pairs of restarts", "1 where they agree"),
        medoid_experiment=text("experiment of the unit nearest to the centre"),
        medoid_place=text("its layer, last or before"),
        medoid_seed=integer("seed of its run"),
        medoid_unit=integer("its number in its layer"),
    )  # fmt: skip
    members: Table = table(
        setting=SETTING, k=COUNT, cluster=CLUSTER,
        experiment=text("name of the experiment"),
        place=PLACE,
        units=integer("of the experiment's layer in the cluster"),
        share=number("of the experiment's layer in the cluster", "0 to 1; sums to 1 over clusters"),
    )  # fmt: skip
    stability: Table = table(
        setting=SETTING, k=COUNT,
        restarts=integer("random starts"),
        stability=number("mean adjusted Rand index of pairs of restarts", "1 where they agree"),
        lowest_stability=number("lowest of the pairs"),
        inertia=number("sum of squared distances from the centres"),
    )  # fmt: skip
    other_sizes: Table = table(
        setting=SETTING,
        experiment=text("name of the experiment"),
        seed=integer("seed of the run"),
        place=PLACE,
        kernel=text("size of its kernels, as in 3×3"),
        units=integer("units of the layer"),
    )  # fmt: skip


RESULTS = (Clusters,)
