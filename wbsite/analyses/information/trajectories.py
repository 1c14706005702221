"""Trains a study's networks and keeps what they were at every recorded epoch: parameters, accuracy, gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.core.device import describe
from wbsite.core.store import Contents, Entry
from wbsite.datasets.base import Samples, split
from wbsite.train.study.ensemble import Ensemble, State, seeds_at_once
from wbsite.train.study.recorded import course_table, gradients_table, runs_table
from wbsite.train.study.replay import measured, split_of
from wbsite.train.study.study import LABELS, Configuration, Study, title_of, values

STAGES = 10
"""Into how many pieces training is cut; an interrupted one goes on after the last that was finished."""


def run(context: StudyContext) -> Contents:
    """Everything later analyses measure: they compute activations from the parameters again, and train nothing."""
    study, samples = context.study, context.samples
    train, test = split(samples, split_of(study, samples), study.seeds[0])
    shown = measured(study, samples)
    groups = [
        (configurations, seeds)
        for configurations in study.ensembles()
        for seeds in _fitting(configurations, study, samples, context)
    ]
    names = {of: name for name, of in study.named().items()}
    tables: dict[str, list[pd.DataFrame]] = {"course": [], "gradients": [], "runs": []}
    arrays: dict[str, list[np.ndarray]] = {name: [] for name in study.named()}
    for configurations, seeds in groups:
        ensemble = Ensemble(configurations, seeds, samples, torch.from_numpy(train), context.device)
        stages = _trained(ensemble, study, context)
        rows = torch.cat([stage["rows"] for stage in stages])  # (records, seeds, configurations, P)
        for place, of in enumerate(configurations):
            arrays[names[of]].append(rows[:, :, place].transpose(0, 1).numpy())
        labelled = [names[of] for of in configurations]
        course = course_table(ensemble, rows, study, samples, train, test, labelled)
        tables["course"].append(course)
        tables["gradients"].append(gradients_table(ensemble, stages, study, labelled))
        tables["runs"].append(runs_table(ensemble, rows, study, samples.inputs[shown], course, labelled))
    order = {name: place for place, name in enumerate(study.named())}
    joined = {
        name: pd.concat(found).sort_values(
            ["configuration", *(["epoch"] if "epoch" in found[0] else []), "seed"],
            key=lambda column: column.map(order) if column.name == "configuration" else column,
            kind="stable",
            ignore_index=True,
        )
        for name, found in tables.items()
    }
    return Contents(
        values=facts(study, samples, len(train), len(test), len(shown)) | {"device": describe(context.device)},
        arrays={f"parameters/{name}": np.concatenate(found) for name, found in arrays.items()},
        tables={**joined, "rows": joined["runs"]},
    )


def facts(study: Study, samples: Samples, train: int, test: int, shown: int) -> dict[str, Any]:
    """What was trained on what, as figures and the article say it."""
    shape = study.configurations[0].architecture(samples.inputs.shape[1], len(samples.classes))
    counts = np.bincount(samples.labels, minlength=len(samples.classes))
    shares = counts[counts > 0] / counts.sum()
    named = study.named()
    return {
        "study": study.name,
        "epochs": list(study.moments),
        "records": len(study.moments),
        "seeds": list(study.seeds),
        "layers": list(shape.layers),
        "widths": list(shape.units),
        "configurations": [
            {
                "name": name,
                "title": title_of(of, study.differing),
                "differs": {key: values(of)[key] for key in study.differing},
                **values(of),
                "layers": list(of.architecture(1, 2).layers),
            }
            for name, of in named.items()
        ],
        "common": {
            label: values(study.configurations[0])[key] for key, label in LABELS.items() if key not in study.differing
        },
        "data": {
            "name": study.data,
            "split": split_of(study, samples),
            "samples": len(samples.labels),
            "features": samples.inputs.shape[1],
            "classes": list(samples.classes),
            "class_counts": counts.tolist(),
            "train": train,
            "test": test,
            "measured": shown,
            "label_entropy": float(-(shares * np.log2(shares)).sum()),
        },
    }


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
    found: list[dict[str, torch.Tensor]] = []
    ends = sorted({math.ceil(study.epochs * part / STAGES) for part in range(1, STAGES + 1)})
    name = {
        "configurations": [values(of) for of in ensemble.configurations],
        "seeds": list(ensemble.seeds),
        "device": ensemble.device.type,
    }
    state: State | None = None
    context.progress.step(f"train {len(ensemble.configurations) * len(ensemble.seeds)} networks", study.epochs)
    for begin, end in zip([0, *ends], ends, strict=False):
        part = {**name, "until": end}
        kept = context.parts.get(part)
        if kept is None:
            state = state or _state(found, ensemble)
            moments = [moment for moment in study.moments if begin < moment <= end or moment == begin == 0]
            kept = context.parts.put(part, Contents(values={}, arrays=_stage(ensemble, state, moments, end, context)))
        else:
            state = None
            context.progress.advance(end - begin)
        found.append(_tensors(kept))
    return found


def _stage(
    ensemble: Ensemble, state: State, moments: Sequence[int], end: int, context: StudyContext
) -> dict[str, np.ndarray]:
    recorded: dict[str, list[torch.Tensor]] = {"rows": [], "mean": [], "deviation": [], "norm": []}
    for moment in moments:
        ensemble.train(state, moment, context.progress)
        recorded["rows"].append(state.rows.clone())
        for what, layers in zip(("mean", "deviation"), ensemble.gradient_moments(state.rows, moment), strict=True):
            recorded[what].append(_layer_norms(ensemble, layers))
        recorded["norm"].append(_layer_norms(ensemble, state.rows))
    ensemble.train(state, end, context.progress)
    empty = {what: _layer_norms(ensemble, state.rows)[None][:0] for what in recorded} | {"rows": state.rows[None][:0]}
    arrays = {what: (torch.stack(values) if values else empty[what]).cpu().numpy() for what, values in recorded.items()}
    after = {"after_rows": state.rows, "after_first": state.first, "after_second": state.second}
    return arrays | {what: value.cpu().numpy() for what, value in after.items()} | {"after_epoch": np.array([end])}


def _tensors(kept: Entry) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.array(value)) for name, value in kept.arrays.items()}


def _state(found: Sequence[dict[str, torch.Tensor]], ensemble: Ensemble) -> State:
    """Where the last stage ended, or the untrained networks."""
    if not found:
        return ensemble.start()
    last = found[-1]
    rows, first, second = (last[f"after_{what}"].to(ensemble.device) for what in ("rows", "first", "second"))
    return State(int(last["after_epoch"]), rows, first, second)


def _layer_norms(ensemble: Ensemble, rows: torch.Tensor) -> torch.Tensor:
    """Euclidean norm of each layer's weights: (seeds, configurations, layers)."""
    views = ensemble.shape.views(rows)
    return torch.stack(
        [views[f"{layer}.weight"].flatten(2).norm(dim=-1) for layer in range(len(ensemble.shape.units))], 2
    )


ANALYSES = (
    Analysis(
        name="trajectories",
        version=1,
        scope="study",
        summary="networks of an information-plane study through training: accuracy, gradients, runs that died",
        run=run,
    ),
)
