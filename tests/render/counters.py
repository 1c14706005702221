"""A study whose networks were not trained but made: one that only counts, one that does not, one that died."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import torch

from wbsite import datasets
from wbsite.analyses.base import StudyContext
from wbsite.analyses.information import (
    activation_patterns,
    activation_peaks,
    counting,
    dips,
    information_plane,
    saturation,
)
from wbsite.analyses.information.trajectories import Trained, assemble
from wbsite.core.progress import Progress
from wbsite.core.store import Entry, Store
from wbsite.datasets.base import Samples
from wbsite.results.base import Result
from wbsite.results.information.trajectories import Trajectories
from wbsite.train.study.stacked import initial
from wbsite.train.study.study import Configuration, Study

STUDY = Study(
    (Configuration("tanh", (4, 3)), Configuration("relu", (4, 3), max_norm=0.8)),
    name="made", epochs=30, records=6, seeds=(0, 1, 2),
)  # fmt: skip
DIED = 3
"""Record from which the runs of seed 2 are not finite."""

RUNS: dict[str, Callable[[StudyContext], Result]] = {
    "activation_patterns": activation_patterns.run, "information_plane": information_plane.run,
    "counting": counting.run, "dips": dips.run, "activation_peaks": activation_peaks.run, "saturation": saturation.run,
}  # fmt: skip
"""Analysis → its computation, each after those it needs."""


def parameters(configuration: Configuration, seed: int) -> np.ndarray:
    """(records, P): seed 0 counts from the second record on, with the threshold of the best classifier by count; seed
    1 stays untrained; seed 2 dies."""
    shape = configuration.architecture(12, 2)
    rows = initial(shape, "truncated_normal", None, seed).repeat(len(STUDY.moments), 1)
    if seed == 0:
        made = torch.zeros(1, 1, shape.size)
        views = shape.views(made)
        views["0.weight"].fill_(0.02)
        views["1.weight"].fill_(0.5)
        views["2.weight"][..., 1, :] = 1.0
        # Between the outputs for 5 and for 6 active inputs.
        middle = torch.tensor(0.02 * 5.5)
        hidden = torch.tanh(torch.tanh(middle) * 2) if configuration.activation == "tanh" else middle * 2
        views["2.bias"][..., 1, :] = -3 * hidden
        rows[1:] = made[0, 0]
    if seed == 2:
        rows[DIED:] = torch.nan
    return rows.numpy()


def results(samples: Samples | None = None, study: Study = STUDY) -> dict[str, Result]:
    """Every result of the study, by analysis; of harmonics where no samples are given."""
    samples = samples or datasets.samples("harmonics", Progress())
    store = Store(f"memory://counters-{id(samples)}")
    runs = pd.DataFrame(
        [
            {
                "configuration": name, "seed": seed, "died": float(STUDY.moments[DIED]) if seed == 2 else np.nan,
                "reason": "", "train_accuracy": 0.9, "test_accuracy": 0.9,
            }
            for name, seed in product(study.named(), study.seeds)
        ]
    )  # fmt: skip
    course, gradients = (
        pd.DataFrame(columns=list(Trajectories.fields[name].columns)) for name in ("course", "gradients")
    )
    weights = {
        name: np.stack([parameters(configuration, seed) for seed in study.seeds])
        for name, configuration in study.named().items()
    }
    made: dict[str, Result] = {
        "trajectories": assemble(study, samples, 3277, 819, Trained(weights, course, gradients, runs), "none")
    }
    entries: dict[str, Entry] = {"trajectories": store.put("trajectories", made["trajectories"].contents(), {})}
    for name, run in RUNS.items():
        made[name] = run(StudyContext(study, samples, torch.device("cpu"), {}, dict(entries)))
        entries[name] = store.put(name, made[name].contents(), {})
    return made


def other_data() -> Samples:
    """Samples whose inputs are neither off nor on."""
    rng = np.random.default_rng(0)
    return Samples(rng.normal(size=(200, 12)).astype(np.float32), np.arange(200) % 2, ("a", "b"), None)


ALL_DEAD = replace(STUDY, seeds=(2,))
ONE_SEED = replace(STUDY, seeds=(1,))
