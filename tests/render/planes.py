"""A small made-up study, as the figures of the information plane find it in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wbsite.analyses.information.information_plane import compression, ends
from wbsite.analyses.information.trajectories import Trained, assemble
from wbsite.core.store import Store
from wbsite.datasets.base import Samples
from wbsite.ops.information import estimator
from wbsite.results.base import Result
from wbsite.results.information.information_plane import EstimatorRecord, InformationPlane
from wbsite.results.site import Site
from wbsite.train.study.study import Configuration, Study

CONFIGURATIONS = (Configuration("tanh", (4, 3)), Configuration("relu", (4, 3), max_norm=0.8))
ESTIMATORS = ("binning:0.07", "kde-upper:0.001")
DEAD = {("relu-0.8", 1): 3}
"""(configuration, seed) → place of the record at which the run died."""


def study(**changes: Any) -> Study:
    """Two configurations, three seeds, six records, two estimators."""
    small: dict[str, Any] = {
        "configurations": CONFIGURATIONS, "name": "small", "epochs": 30, "records": 6, "seeds": (0, 1, 2),
        "estimators": ESTIMATORS,
    }  # fmt: skip
    return Study(**small | changes)


def plane_site(
    folder: Path,
    of: Study | None = None,
    dead: Mapping[tuple[str, int], int] | None = None,
    results: Mapping[str, Result] | None = None,
) -> Site:
    """A site whose store holds `trajectories` and `information_plane` of a study, with made-up numbers.

    Args:
        of: `study()` if left out.
        dead: as `DEAD`, which holds if left out and the study has that run.
        results: of further analyses, by name.
    """
    of = of or study()
    if dead is None:
        dead = {run: place for run, place in DEAD.items() if run[0] in of.named() and run[1] in of.seeds}
    made = {**made_up(of, dead), **(results or {})}
    store = Store(folder / "store")
    keys = {name: f"{position:02d}" * 32 for position, name in enumerate(made)}
    for name, result in made.items():
        store.put(keys[name], result.contents(), {"analysis": name})
    store.put_record(
        "suites/information-plane",
        {
            "id": "information-plane", "title": "The information plane", "article": "information-plane",
            "experiments": {}, "runs": {of.name: {name: list(of.seeds) for name in of.named()}}, "devices": [],
            "results": {name: {"": {"key": key}} for name, key in keys.items()},
        },
    )  # fmt: skip
    store.put_record("models/speck", {"id": "speck", "title": "Speck", "failed": "not computed", "results": {}})
    store.put_record("last", {"models": ["speck"], "suites": ["information-plane"], "articles": [], "code": ""})
    return Site(store, ["speck"])


def made_up(of: Study, dead: Mapping[tuple[str, int], int]) -> dict[str, Result]:
    """The two results: paths that rise and, in the tanh network, fall again."""
    samples = Samples(np.zeros((64, 12), np.float32), np.arange(64) % 2, ("off", "on"), None)
    moments = np.array(of.moments)
    rng = np.random.default_rng(0)
    course, gradients, runs, rows = [], [], [], []
    for (name, configuration), seed in product(of.named().items(), of.seeds):
        about = {"configuration": name, "seed": seed}
        died = dead.get((name, seed))
        progress = moments / of.epochs
        accuracy = 0.5 + 0.4 * progress + 0.02 * rng.normal()
        course.append(
            pd.DataFrame(
                {
                    **about, "epoch": moments, "train_loss": 0.7 - 0.5 * progress, "test_loss": 0.7 - 0.4 * progress,
                    "train_accuracy": accuracy, "test_accuracy": accuracy - 0.05,
                }
            )
        )  # fmt: skip
        runs.append(
            {
                **about,
                "died": np.nan if died is None else float(moments[died]),
                "reason": "" if died is None else "constant output",
                "train_accuracy": accuracy[-1],
                "test_accuracy": accuracy[-1] - 0.05,
            }
        )
        for depth, layer in enumerate(configuration.architecture(12, 2).layers):
            mean, deviation = np.exp(-progress - depth), 0.1 + progress
            gradients.append(
                pd.DataFrame(
                    {
                        **about, "epoch": moments, "layer": layer, "mean": mean, "deviation": deviation,
                        "snr": mean / deviation, "weight_norm": 1 + depth + progress,
                    }
                )
            )  # fmt: skip
            for token in of.estimators:
                rows.append(_path(about, depth, layer, token, moments, progress, died, rng))
    paths = pd.concat(rows, ignore_index=True)
    weights = {name: np.zeros((len(of.seeds), len(moments), 2), np.float32) for name in of.named()}
    trained = Trained(weights, pd.concat(course), pd.concat(gradients), pd.DataFrame(runs))
    trajectories = assemble(of, samples, 51, 13, trained, "none")
    final = ends(paths, set(trajectories.living))
    plane = InformationPlane(
        estimators=[
            EstimatorRecord(token=each, title=estimator(each).title, records=len(moments), seeds=len(of.seeds))
            for each in of.estimators
        ],
        default=of.estimators[0],
        label_entropy=trajectories.data.label_entropy,
        cap=6.0,
        rows=paths,
        final=final,
        compression=compression(final),
    )
    return {"trajectories": trajectories, "information_plane": plane}


def _path(
    about: Mapping[str, Any], depth: int, layer: str, token: str, moments: Sequence[int], progress: np.ndarray,
    died: int | None, rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    falls = 1.5 if str(about["configuration"]).startswith("tanh") else 0.0
    i_xt = 5.5 - 0.7 * depth - falls * progress + 0.1 * rng.normal(size=len(moments)) - 0.3 * token.startswith("kde")
    i_ty = np.minimum(0.2 + 0.7 * progress - 0.05 * depth + 0.02 * rng.normal(size=len(moments)), 1.0)
    if died is not None:
        i_xt[died:], i_ty[died:] = np.nan, np.nan
    return pd.DataFrame({**about, "estimator": token, "layer": layer, "epoch": moments, "i_xt": i_xt, "i_ty": i_ty})
