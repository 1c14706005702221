"""Kernels of all experiments of the banding laboratory, clustered by shape: which experiments have which shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch

from wbsite.analyses.base import Analysis, SuiteContext
from wbsite.ops.banding.kernel_clusters import ShapeClusters, cluster_shapes, different_shapes, shape_features
from wbsite.ops.nmf import one_sided_nmf
from wbsite.results.banding.clusters import ClusteredSetting, Clusters
from wbsite.train.repeated_runs import PLACES, by_setting
from wbsite.train.runs import Run

Row: TypeAlias = dict[str, Any]

COMPONENTS = 3
CLUSTERS = range(4, 20)


@dataclass(frozen=True)
class Layer:
    """One layer of one run."""

    run: Run
    place: str

    @property
    def kernels(self) -> np.ndarray:
        """(units, channels, kh, kw)."""
        return self.run.kernels[self.run.record[self.place]]

    @property
    def size(self) -> tuple[int, int]:
        """(kh, kw)."""
        return self.kernels.shape[2], self.kernels.shape[3]

    @property
    def row(self) -> tuple[str, str]:
        """The row of the table of experiments × clusters it belongs to: seeds are taken together."""
        return self.run.record["experiment"], self.place


@dataclass
class Pool:
    """The layers of a setting whose kernels have the most common size, their units one after another."""

    setting: str
    layers: list[Layer]
    size: tuple[int, int]
    other_sizes: list[Layer]
    pictures: dict[int, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.starts = np.cumsum([0, *(len(layer.kernels) for layer in self.layers)])
        self.rows = list(dict.fromkeys(layer.row for layer in self.layers))
        counts = np.diff(self.starts)
        self.row_of_unit = np.repeat([self.rows.index(layer.row) for layer in self.layers], counts)

    def unit(self, number: int) -> tuple[Layer, int]:
        """A unit's layer and its number there."""
        which = int(np.searchsorted(self.starts, number, side="right")) - 1
        return self.layers[which], number - int(self.starts[which])

    def picture(self, number: int, device: torch.device) -> np.ndarray:
        """NMF picture of one unit, (kh, kw, 3) uint8, its strongest component red."""
        if number not in self.pictures:
            layer, unit = self.unit(number)
            kernel = torch.from_numpy(layer.kernels[unit : unit + 1]).to(device)
            spatial = one_sided_nmf(kernel, COMPONENTS, mode="joint").spatial[0].cpu().numpy()
            self.pictures[number] = np.rint(255 * spatial).astype(np.uint8)
        return self.pictures[number]


def run(context: SuiteContext) -> Clusters:
    """4 to 19 clusters of the kernels of the last two planar layers of all runs of a setting, seeds together.

    Kernels of another size than the setting's most common cannot be compared by position and are not clustered.
    """
    rows: dict[str, list[Row]] = {"clusters": [], "members": [], "stability": [], "other_sizes": []}
    pictures: dict[str, np.ndarray] = {}
    settings = {}
    restarts = context.params["restarts"]
    for setting, experiments in by_setting(context.runs).items():
        pool = _pool(setting, [run for experiment in experiments.values() for run in experiment.runs])
        features = shape_features([torch.from_numpy(layer.kernels).to(context.device) for layer in pool.layers])
        rows["other_sizes"] += _other_sizes(pool)
        most = different_shapes(features)
        numbers = [k for k in CLUSTERS if k <= most]
        found = cluster_shapes(features, numbers, restarts=restarts, seed=0, kernel=pool.size) if numbers else {}
        for k, clusters in found.items():
            rows["clusters"] += _clusters(pool, k, clusters)
            rows["members"] += _members(pool, k, clusters)
            rows["stability"].append(_stability(pool, k, restarts, clusters))
            pictures[f"{setting}/{k}"] = np.stack([pool.picture(int(u), context.device) for u in clusters.medoids])
        settings[setting] = ClusteredSetting(
            units=len(features),
            without_shape=int((~features.any(axis=1)).sum()),
            kernel=pool.size,
            restarts=restarts,
            numbers=numbers,
            other_sizes=list(dict.fromkeys(layer.run.record["experiment"] for layer in pool.other_sizes)),
        )
    tables = {name: Clusters.frame(name, table) for name, table in rows.items()}
    return Clusters(settings=settings, pictures=pictures, **tables)


def _pool(setting: str, runs: list[Run]) -> Pool:
    layers = [Layer(run, place) for run in runs for place in PLACES]
    units = Counter[tuple[int, int]]()
    for layer in layers:
        units[layer.size] += len(layer.kernels)
    (size, _), *_ = units.most_common(1)
    return Pool(
        setting,
        [layer for layer in layers if layer.size == size],
        size,
        [layer for layer in layers if layer.size != size],
    )


def _clusters(pool: Pool, k: int, clusters: ShapeClusters) -> Iterator[Row]:
    rows, columns = centre_shares(clusters.centres, pool.size)
    for cluster in range(k):
        layer, unit = pool.unit(int(clusters.medoids[cluster]))
        yield {
            "setting": pool.setting,
            "k": k,
            "cluster": cluster,
            "units": int(clusters.sizes[cluster]),
            "index": float(clusters.banding[cluster]),
            "row_share": float(rows[cluster]),
            "column_share": float(columns[cluster]),
            "stability": clusters.stability,
            "medoid_experiment": layer.run.record["experiment"],
            "medoid_place": layer.place,
            "medoid_seed": layer.run.record["seed"],
            "medoid_unit": unit,
        }


def _stability(pool: Pool, k: int, restarts: int, clusters: ShapeClusters) -> Row:
    return {
        "setting": pool.setting,
        "k": k,
        "restarts": restarts,
        "stability": clusters.stability,
        "lowest_stability": clusters.lowest_stability,
        "inertia": clusters.inertia,
    }


def centre_shares(grams: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """R and C of Gram matrices (…, kh·kw, kh·kw) of centred kernels, as of a layer that has them."""
    kh, kw = size
    blocks = grams.reshape(*grams.shape[:-2], kh, kw, kh, kw)
    total = np.einsum("...ijij->...", blocks)
    return np.einsum("...ijil->...", blocks) / kw / total, np.einsum("...ijkj->...", blocks) / kh / total


def _members(pool: Pool, k: int, clusters: ShapeClusters) -> Iterator[Row]:
    """One row for each experiment and place in each cluster; shares of a row of the table sum to 1."""
    with_shape = clusters.labels >= 0
    cells = pool.row_of_unit[with_shape] * k + clusters.labels[with_shape]
    counts = np.bincount(cells, minlength=len(pool.rows) * k).reshape(len(pool.rows), k)
    for (experiment, place), row in zip(pool.rows, counts.tolist(), strict=True):
        for cluster, units in enumerate(row):
            yield {
                "setting": pool.setting,
                "k": k,
                "cluster": cluster,
                "experiment": experiment,
                "place": place,
                "units": units,
                "share": units / max(1, sum(row)),
            }


def _other_sizes(pool: Pool) -> Iterator[Row]:
    for layer in pool.other_sizes:
        yield {
            "setting": pool.setting,
            "experiment": layer.run.record["experiment"],
            "seed": layer.run.record["seed"],
            "place": layer.place,
            "kernel": "×".join(map(str, layer.size)),
            "units": len(layer.kernels),
        }


ANALYSES = (
    Analysis(
        scope="suite",
        suite="banding",
        run=run,
        result=Clusters,
        params={"quick": {"restarts": 4}, "full": {"restarts": 20}},
        rows="clusters",
    ),
)
