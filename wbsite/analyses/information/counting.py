"""Whether networks on binary inputs pass through, or stay at, the solution that only counts active inputs.

w is the number of active inputs. All information is in bits, by the study's first estimator that does not compare pairs
of samples, at every record of every run, on the samples that are measured.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.ops.information import Estimator, estimator, mutual_informations
from wbsite.ops.information.counting import NOT_BINARY, binary_counts, count_baseline, count_decisions
from wbsite.ops.information.eta_squared import eta_squared
from wbsite.results.information.counting import Baseline, Counting, CountingEstimator, CountingLayer, CountingRuns
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import Trajectories
from wbsite.train.study.replay import Replay

from ._runs import mean_over_runs, of_living

PASSED = 0.95
"""Agreement from which a run is said to be at the counting solution. A network without errors reaches 0.875 on
harmonics; 0.95 leaves one sample in twenty, less than half of those that only the counting solution gets wrong."""


def run(context: StudyContext) -> Counting:
    """Every run and record, on the samples that the information is measured on."""
    study, trajectories = context.study, context.need(Trajectories)
    replay = Replay(study, context.samples, trajectories.parameters, context.device)
    counts = binary_counts(replay.inputs)
    if counts is None:
        rows, course = (pd.DataFrame(columns=list(Counting.fields[name].columns)) for name in ("rows", "course"))
        return Counting(reason=NOT_BINARY, rows=rows, course=course)
    chosen = _estimator(context.need(InformationPlane))
    values, codes = np.unique(counts, return_inverse=True)
    best = count_decisions(codes, replay.labels)
    context.progress.step("the count of active inputs", study.runs)
    layer_tables, courses = [], []
    for name in replay.configurations:
        for seed in study.seeds:
            layers, course = measure_run(replay, name, seed, codes, best, chosen)
            layer_tables.append(layers)
            courses.append(course)
            context.progress.advance(note=f"{name} seed {seed}")
    rows, course = pd.concat(layer_tables, ignore_index=True), pd.concat(courses, ignore_index=True)
    accuracy, information = count_baseline(codes, replay.labels)
    sizes = np.bincount(codes)
    shares = sizes / sizes.sum()
    living_course = of_living(course, trajectories)
    living_last = of_living(rows[rows["epoch"] == study.moments[-1]], trajectories)
    return Counting(
        reason="",
        estimator=CountingEstimator(token=chosen.token, title=chosen.title),
        counts=values.tolist(),
        samples=sizes.tolist(),
        entropy=float(-(shares * np.log2(shares)).sum()),
        baseline=Baseline(accuracy=accuracy, information=information),
        passed=PASSED,
        runs={name: _runs(living_course[living_course["configuration"] == name]) for name in replay.configurations},
        layers={
            name: {
                layer: _layer(living_last[(living_last["configuration"] == name) & (living_last["layer"] == layer)])
                for layer in configuration.architecture(1, 2).layers
            }
            for name, configuration in replay.configurations.items()
        },
        rows=rows,
        course=course,
    )


def measure_run(
    replay: Replay, name: str, seed: int, codes: np.ndarray, best: np.ndarray, chosen: Estimator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables `rows` and `course` of one run.

    Args:
        codes: int64 (N,), the count of each sample, numbered from 0 without gaps.
        best: int64 (N,), see `count_decisions`.
        chosen: how information is estimated.
    """
    moments, (finite, layers) = replay.study.moments, replay.finite(name, seed)
    groups = torch.from_numpy(codes).to(replay.device)
    about = {"configuration": name, "seed": seed, "epoch": moments}
    tables, below = [], torch.from_numpy(replay.inputs).to(replay.device).expand(finite, -1, -1)
    for layer, values in layers:
        bits = mutual_informations(values, codes, chosen) if finite else np.zeros((0, 2))
        columns = {"i_tw": bits[:, 1], "h_given_w": bits[:, 0] - bits[:, 1], "eta_w": eta_squared(values, groups)}
        tables.append(pd.DataFrame({**about, "layer": layer, **_padded(columns, len(moments))}))
        if layer != "output":
            below = values
    logits = _logits(replay, name, seed, finite, below, values.shape[2])
    answers = logits.argmax(2).cpu().numpy()
    columns = {
        "accuracy": (answers == replay.labels).mean(1),
        "agreement": (answers == best).mean(1),
        "eta_output": eta_squared(logits - logits.mean(2, keepdim=True), groups),
    }
    return pd.concat(tables), pd.DataFrame({**about, **_padded(columns, len(moments))})


def _logits(replay: Replay, name: str, seed: int, finite: int, below: torch.Tensor, classes: int) -> torch.Tensor:
    """The readout of the last hidden layer before the softmax, which rounds what is certain to 0 and 1:
    (records, N, classes)."""
    configuration = replay.configurations[name]
    architecture = configuration.architecture(replay.inputs.shape[1], classes)
    views = architecture.views(replay.parameters(name, seed)[:finite])
    weight, bias = (views[f"{len(configuration.widths)}.{part}"].to(replay.device) for part in ("weight", "bias"))
    return below @ weight.transpose(1, 2) + bias.transpose(1, 2)


def _padded(columns: dict[str, np.ndarray], records: int) -> dict[str, np.ndarray]:
    """Columns with NaN for the records that are missing at their ends."""
    return {name: np.concatenate([values, np.full(records - len(values), np.nan)]) for name, values in columns.items()}


def _estimator(plane: InformationPlane) -> Estimator:
    estimators = [estimator(each.token) for each in plane.estimators]
    return next((each for each in estimators if not each.pairwise), estimator("binning:0.07"))


def _runs(course: pd.DataFrame) -> CountingRuns:
    last = course[course["epoch"] == course["epoch"].max()]
    later = course[course["epoch"] > 0]
    tops = later.loc[later.groupby("seed")["agreement"].idxmax()]
    return CountingRuns(
        end_accuracy=mean_over_runs(last["accuracy"].to_numpy()),
        end_agreement=mean_over_runs(last["agreement"].to_numpy()),
        end_eta_output=mean_over_runs(last["eta_output"].to_numpy()),
        top_agreement=mean_over_runs(tops["agreement"].to_numpy()),
        top_accuracy=mean_over_runs(tops["accuracy"].to_numpy()),
        top_eta_output=mean_over_runs(later.groupby("seed")["eta_output"].max().to_numpy()),
        top_epoch=float(tops["epoch"].median()) if len(tops) else None,
        passed=int((tops["agreement"] >= PASSED).sum()),
        alive=len(tops),
    )


def _layer(last: pd.DataFrame) -> CountingLayer:
    return CountingLayer(
        end_i_tw=mean_over_runs(last["i_tw"].to_numpy()),
        end_h_given_w=mean_over_runs(last["h_given_w"].to_numpy()),
        end_eta_w=mean_over_runs(last["eta_w"].to_numpy()),
    )


ANALYSES = (
    Analysis(
        scope="study",
        run=run,
        result=Counting,
        needs=("trajectories", "information_plane"),
    ),
)
