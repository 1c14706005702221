"""Trains a study's networks and keeps what they were at every recorded epoch: parameters, accuracy, gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.core.device import describe
from wbsite.core.store import Contents, Entry
from wbsite.datasets.base import Samples, split
from wbsite.results.information.trajectories import ConfigurationRecord, DataRecord, Trajectories
from wbsite.train.study.ensemble import Ensemble, State, seeds_at_once
from wbsite.train.study.recorded import course_table, gradients_table, runs_table
from wbsite.train.study.replay import measured, split_of
from wbsite.train.study.study import LABELS, Configuration, Study, settings, title_of

STAGES = 10
"""Into how many pieces training is cut; an interrupted one goes on after the last that was finished."""


@dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes:
        parameters: configuration → float32 (seeds, records, P).
        course, gradients, runs: tables of the result.
    """

    parameters: Mapping[str, np.ndarray]
    course: pd.DataFrame
    gradients: pd.DataFrame
    runs: pd.DataFrame


def run(context: StudyContext) -> Trajectories:
    """Everything later analyses measure: they compute activations from the parameters again, and train nothing."""
    study, samples = context.study, context.samples
    train, test = split(samples, split_of(study, samples), study.seeds[0])
    inputs = samples.inputs[measured(study, samples)]
    ensembles = [
        (configurations, seeds)
        for configurations in study.ensembles()
        for seeds in _fitting(configurations, study, samples, context)
    ]
    names = {configuration: name for name, configuration in study.named().items()}
    courses, gradients, runs = [], [], []
    parameters: dict[str, list[np.ndarray]] = {name: [] for name in study.named()}
    for configurations, seeds in ensembles:
        ensemble = Ensemble(configurations, seeds, samples, torch.from_numpy(train), context.device)
        stages = _trained(ensemble, study, context)
        rows = torch.cat([stage["rows"] for stage in stages])  # (records, seeds, configurations, P)
        labels = [names[configuration] for configuration in configurations]
        for column, name in enumerate(labels):
            parameters[name].append(rows[:, :, column].transpose(0, 1).numpy())
        courses.append(course_table(ensemble, rows, study, samples, train, test, labels))
        gradients.append(gradients_table(ensemble, stages, study, labels))
        runs.append(runs_table(ensemble, rows, study, inputs, courses[-1], labels))
    trained = Trained(
        parameters={name: np.concatenate(parts) for name, parts in parameters.items()},
        course=_ordered(courses, study, ["configuration", "epoch", "seed"]),
        gradients=_ordered(gradients, study, ["configuration", "epoch", "seed"]),
        runs=_ordered(runs, study, ["configuration", "seed"]),
    )
    return assemble(study, samples, len(train), len(test), trained, describe(context.device))


def assemble(study: Study, samples: Samples, train: int, test: int, trained: Trained, device: str) -> Trajectories:
    """The result of a study's training.

    Args:
        train, test: how many samples were trained on and tested.
        device: what trained it, in words.
    """
    first = study.configurations[0]
    shape = first.architecture(samples.inputs.shape[1], len(samples.classes))
    return Trajectories(
        study=study.name,
        epochs=list(study.moments),
        records=len(study.moments),
        seeds=list(study.seeds),
        layers=list(shape.layers),
        widths=list(shape.units),
        configurations=[
            ConfigurationRecord(
                name=name,
                title=title_of(configuration, study.differing),
                layers=list(configuration.architecture(1, 2).layers),
                **settings(configuration),
            )
            for name, configuration in study.named().items()
        ],
        common={label: settings(first)[key] for key, label in LABELS.items() if key not in study.differing},
        data=_data(study, samples, train, test),
        device=device,
        parameters=trained.parameters,
        course=trained.course,
        gradients=trained.gradients,
        runs=trained.runs,
    )


def _data(study: Study, samples: Samples, train: int, test: int) -> DataRecord:
    counts = np.bincount(samples.labels, minlength=len(samples.classes))
    shares = counts[counts > 0] / counts.sum()
    return DataRecord(
        name=study.data,
        split=split_of(study, samples),
        samples=len(samples.labels),
        features=samples.inputs.shape[1],
        classes=list(samples.classes),
        class_counts=counts.tolist(),
        train=train,
        test=test,
        measured=len(measured(study, samples)),
        label_entropy=float(-(shares * np.log2(shares)).sum()),
    )


def _ordered(tables: Sequence[pd.DataFrame], study: Study, columns: list[str]) -> pd.DataFrame:
    """The tables of all ensembles as one, sorted by these columns, configurations in the study's order."""
    order = {name: position for position, name in enumerate(study.named())}
    return pd.concat(tables).sort_values(
        columns,
        key=lambda column: column.map(order) if column.name == "configuration" else column,
        kind="stable",
        ignore_index=True,
    )


def _fitting(
    configurations: Sequence[Configuration], study: Study, samples: Samples, context: StudyContext
) -> list[tuple[int, ...]]:
    """The seeds, in groups that fit into memory."""
    at_once = seeds_at_once(configurations, samples, context.device)
    if at_once < len(study.seeds):
        context.progress.line(f"{at_once} of {len(study.seeds)} seeds at once, for want of memory")
    return [study.seeds[start : start + at_once] for start in range(0, len(study.seeds), at_once)]


def _trained(ensemble: Ensemble, study: Study, context: StudyContext) -> list[dict[str, torch.Tensor]]:
    """Trains stage by stage; of each: `rows` (records, seeds, configurations, P) at the moments in it, and `mean`,
    `deviation` and `norm` (records, seeds, configurations, layers) of the gradient and the weights."""
    stages: list[dict[str, torch.Tensor]] = []
    ends = sorted({math.ceil(study.epochs * part / STAGES) for part in range(1, STAGES + 1)})
    name = {
        "configurations": [settings(configuration) for configuration in ensemble.configurations],
        "seeds": list(ensemble.seeds),
        "device": ensemble.device.type,
    }
    state: State | None = None
    context.progress.step(f"train {len(ensemble.configurations) * len(ensemble.seeds)} networks", study.epochs)
    for begin, end in zip([0, *ends], ends, strict=False):
        part = {**name, "until": end}
        stage = context.parts.get(part)
        if stage is None:
            state = state or _state(stages, ensemble)
            moments = [moment for moment in study.moments if begin < moment <= end or moment == begin == 0]
            stage = context.parts.put(part, Contents(values={}, arrays=_stage(ensemble, state, moments, end, context)))
        else:
            state = None
            context.progress.advance(end - begin)
        stages.append(_tensors(stage))
    return stages


def _stage(
    ensemble: Ensemble, state: State, moments: Sequence[int], end: int, context: StudyContext
) -> dict[str, np.ndarray]:
    recorded: dict[str, list[torch.Tensor]] = {"rows": [], "mean": [], "deviation": [], "norm": []}
    for moment in moments:
        ensemble.train(state, moment, context.progress)
        recorded["rows"].append(state.rows.clone())
        for name, layers in zip(("mean", "deviation"), ensemble.gradient_moments(state.rows, moment), strict=True):
            recorded[name].append(_layer_norms(ensemble, layers))
        recorded["norm"].append(_layer_norms(ensemble, state.rows))
    ensemble.train(state, end, context.progress)
    empty = {name: _layer_norms(ensemble, state.rows)[None][:0] for name in recorded} | {"rows": state.rows[None][:0]}
    arrays = {name: (torch.stack(values) if values else empty[name]).cpu().numpy() for name, values in recorded.items()}
    after = {"after_rows": state.rows, "after_first": state.first, "after_second": state.second}
    return arrays | {name: value.cpu().numpy() for name, value in after.items()} | {"after_epoch": np.array([end])}


def _tensors(stage: Entry) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.array(value)) for name, value in stage.arrays.items()}


def _state(stages: Sequence[dict[str, torch.Tensor]], ensemble: Ensemble) -> State:
    """The networks at the end of the last stage, or untrained."""
    if not stages:
        return ensemble.start()
    last = stages[-1]
    rows, first, second = (last[f"after_{name}"].to(ensemble.device) for name in ("rows", "first", "second"))
    return State(int(last["after_epoch"]), rows, first, second)


def _layer_norms(ensemble: Ensemble, rows: torch.Tensor) -> torch.Tensor:
    """Euclidean norm of each layer's weights: (seeds, configurations, layers)."""
    views = ensemble.shape.views(rows)
    return torch.stack(
        [views[f"{layer}.weight"].flatten(2).norm(dim=-1) for layer in range(len(ensemble.shape.units))], 2
    )


ANALYSES = (
    Analysis(
        scope="study",
        run=run,
        result=Trajectories,
        rows="runs",
    ),
)
