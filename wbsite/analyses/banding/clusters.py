"""Kernels of all experiments of the banding laboratory, clustered by shape: which experiments have which shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, SuiteContext
from wbsite.core.store import Contents
from wbsite.ops.banding.kernel_clusters import ShapeClusters, cluster_shapes, shape_features
from wbsite.ops.nmf import one_sided_nmf
from wbsite.train.repeated_runs import PLACES, by_setting
from wbsite.train.runs import Run

COMPONENTS = 3
CLUSTERS = range(4, 20)

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "clusters": (
        *("setting", "k", "cluster", "units", "index", "row_share", "column_share", "stability"),
        *("medoid_experiment", "medoid_place", "medoid_seed", "medoid_unit"),
    ),
    "members": ("setting", "k", "cluster", "experiment", "place", "units", "share"),
    "stability": ("setting", "k", "restarts", "stability", "lowest_stability", "inertia"),
    "left_out": ("setting", "experiment", "seed", "place", "kernel", "units"),
}


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
    left_out: list[Layer]
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


def run(context: SuiteContext) -> Contents:
    """4 to 19 clusters of the kernels of the last two planar layers of all runs of a setting, seeds together.

    Clusters are numbered by their centres' H, the most horizontal first. Kernels of another size than
    the setting's most common cannot be compared by position and are left out, see the table `left_out`.

    Values: by setting: "units", of which "without_shape" belong to no cluster; "kernel", its size;
    "numbers" of clusters; experiments with layers "left_out"; "lost" and "turned", [experiment, place] of the
    rows that lost their banding by the rule of `experiments`.
    Arrays: SETTING/K, (K, kh, kw, 3) uint8, each cluster's picture: the NMF of the unit nearest to its centre.
    """
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in COLUMNS}
    arrays: dict[str, np.ndarray] = {}
    values: dict[str, Any] = {}
    restarts = context.params["restarts"]
    known = context.needs["experiments"].values
    for setting, experiments in by_setting(context.runs).items():
        runs = [run for experiment in experiments.values() for run in experiment.runs]
        pool = _pool(setting, runs)
        features = shape_features([torch.from_numpy(layer.kernels).to(context.device) for layer in pool.layers])
        rows["left_out"] += _left_out(pool)
        shapes = len({shape.tobytes() for shape in features[features.any(axis=1)].astype(np.float32)})
        numbers = [k for k in CLUSTERS if k <= shapes]
        for k in numbers:
            found = cluster_shapes(features, k, restarts=restarts, seed=0, kernel=pool.size)
            rows["clusters"] += _clusters(pool, k, found)
            rows["members"] += _members(pool, k, found)
            rows["stability"].append(_stability(pool, k, restarts, found))
            arrays[f"{setting}/{k}"] = np.stack([pool.picture(int(u), context.device) for u in found.medoids])
        values[setting] = {
            "units": len(features),
            "kernel": list(pool.size),
            "restarts": restarts,
            "numbers": numbers,
            "without_shape": int((~features.any(axis=1)).sum()),
            "left_out": list(dict.fromkeys(layer.run.record["experiment"] for layer in pool.left_out)),
            **{
                word: [[name, place] for name, place in pool.rows if known[setting][name][place][word]]
                for word in ("lost", "turned")
            },
        }
    tables = {table: pd.DataFrame(rows[table], columns=list(columns)) for table, columns in COLUMNS.items()}
    return Contents(values=values, arrays=arrays, tables=tables)


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


def _clusters(pool: Pool, k: int, found: ShapeClusters) -> Iterator[dict[str, Any]]:
    rows, columns = centre_shares(found.centres, pool.size)
    for cluster in range(k):
        layer, unit = pool.unit(int(found.medoids[cluster]))
        yield {
            "setting": pool.setting,
            "k": k,
            "cluster": cluster,
            "units": int(found.sizes[cluster]),
            "index": float(found.banding[cluster]),
            "row_share": float(rows[cluster]),
            "column_share": float(columns[cluster]),
            "stability": found.stability,
            "medoid_experiment": layer.run.record["experiment"],
            "medoid_place": layer.place,
            "medoid_seed": layer.run.record["seed"],
            "medoid_unit": unit,
        }


def _stability(pool: Pool, k: int, restarts: int, found: ShapeClusters) -> dict[str, Any]:
    return {
        "setting": pool.setting,
        "k": k,
        "restarts": restarts,
        "stability": found.stability,
        "lowest_stability": found.lowest_stability,
        "inertia": found.inertia,
    }


def centre_shares(grams: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """R and C of Gram matrices (…, kh·kw, kh·kw) of centred kernels, as of a layer that has them."""
    kh, kw = size
    blocks = grams.reshape(*grams.shape[:-2], kh, kw, kh, kw)
    total = np.einsum("...ijij->...", blocks)
    return np.einsum("...ijil->...", blocks) / kw / total, np.einsum("...ijkj->...", blocks) / kh / total


def _members(pool: Pool, k: int, found: ShapeClusters) -> Iterator[dict[str, Any]]:
    """One row for each experiment and place in each cluster; shares of a row of the table sum to 1."""
    with_shape = found.labels >= 0
    cells = pool.row_of_unit[with_shape] * k + found.labels[with_shape]
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


def _left_out(pool: Pool) -> Iterator[dict[str, Any]]:
    for layer in pool.left_out:
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
        name="clusters",
        version=2,
        scope="suite",
        suite="banding",
        summary="kernels of all experiments of the banding laboratory clustered by shape, 4 to 19 clusters",
        run=run,
        params={"quick": {"restarts": 4}, "full": {"restarts": 20}},
        needs=("experiments",),
        rows="clusters",
    ),
)
