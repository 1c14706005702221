"""Clusters of kernel shapes for k = 4 … 19: wbsite's chains of k-means against scikit-learn's KMeans for each k.

    python benchmarks/clusters.py
    python benchmarks/clusters.py --repeats 5 --restarts 20

The units of the last two convolutions of all bundled runs of the banding laboratory, 325 features each. Both get the
same features, make equally many restarts, with another seed in every turn, and run in one process and in turns:

    wbsite                 `cluster_shapes` for all k at once; with what it adds: order, medoids, agreement of restarts
    scikit-learn           `KMeans(k, n_init=restarts)` for each k, on the float64 features as they are
    scikit-learn, float32  the same on the features in float32

Besides processor time, what was found: the inertia of wbsite's best restart against scikit-learn's, for every k.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import sklearn
import torch
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from benchmarks.row import report
from wbsite.analyses.banding.clusters import CLUSTERS
from wbsite.models.weights import BUNDLED
from wbsite.ops.banding.kernel_clusters import cluster_shapes, shape_features
from wbsite.train.repeated_runs import PLACES
from wbsite.train.suite_runs import read_runs

TABLE = ("--repeats", "{turns}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--restarts", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"one thread; Python {platform.python_version()}, scikit-learn {sklearn.__version__}", flush=True)
    features = laboratory()
    print(f"{features.shape[0]} units of {features.shape[1]} features, {options.restarts} restarts", flush=True)
    took: dict[str, list[float]] = {"wbsite": [], "scikit-learn": [], "scikit-learn, float32": []}
    excess = []
    with threadpool_limits(1):
        for turn in range(options.repeats):
            started = time.process_time()
            found = cluster_shapes(features, CLUSTERS, options.restarts, seed=turn)
            took["wbsite"].append(time.process_time() - started)
            for name, dtype in (("scikit-learn", np.float64), ("scikit-learn, float32", np.float32)):
                x = features.astype(dtype)
                started = time.process_time()
                theirs = [KMeans(k, n_init=options.restarts, random_state=turn).fit(x).inertia_ for k in CLUSTERS]
                took[name].append(time.process_time() - started)
                if dtype is np.float64:
                    excess.append([found[k].inertia / other - 1 for k, other in zip(CLUSTERS, theirs, strict=True)])
    for name, seconds in took.items():
        ratios = sorted(other / own for other, own in zip(seconds, took["wbsite"], strict=True))
        print(
            f"{name:22}{statistics.median(seconds):6.2f} s of processor time,"
            f" {statistics.median(ratios):5.1f} times that of wbsite ({ratios[0]:.1f} to {ratios[-1]:.1f})"
        )
    report(
        "clusters, k = 4 to 19, of the laboratory's units",
        "scikit-learn's KMeans for each k, restarts equal",
        took["wbsite"],
        took["scikit-learn"],
        goal=8,
    )
    by_number = 100 * np.median(excess, axis=0)
    print(
        f"inertia against scikit-learn's: {by_number.mean():+.3f} % on average over k; of the medians over turns"
        f" {by_number.min():+.3f} % at best, {by_number.max():+.3f} % at worst"
    )
    return 0 if by_number.max() <= 0.1 else 1


def laboratory() -> np.ndarray:
    """Features of all units that the analysis clusters: kernels of the size that is most common."""
    folder = BUNDLED / "banding"
    runs = [run for run, _ in read_runs("banding", folder, sorted(folder.glob("*/*.npz")))]
    layers = [run.kernels[run.record[place]] for run in runs for place in PLACES]
    sizes = [layer.shape[2:] for layer in layers for _ in layer]
    common = max(set(sizes), key=sizes.count)
    return shape_features([torch.from_numpy(layer) for layer in layers if layer.shape[2:] == common])


if __name__ == "__main__":
    sys.exit(main())
