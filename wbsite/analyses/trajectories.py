"""Trains a study's networks and keeps what they were at every recorded epoch: parameters, accuracy, gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from ..datasets.base import Samples, split
from ..device import describe
from ..models.stacked import forward
from ..store import Entry, Result
from ..train.ensemble import Ensemble, State, seeds_at_once
from ..train.replay import measured, split_of
from ..train.study import LABELS, Configuration, Study, title_of, values
from .base import Analysis, StudyContext

STAGES = 10
"""Into how many pieces training is cut; an interrupted one goes on after the last that was finished."""

CONSTANT = 1e-6
"""Largest range of a class's logit over all samples, relative to its size, at which an output counts as constant: a
few roundings of float32."""


def run(context: StudyContext) -> Result:
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
        course = _course(ensemble, rows, study, samples, train, test, labelled)
        tables["course"].append(course)
        tables["gradients"].append(_gradients(ensemble, stages, study, labelled))
        tables["runs"].append(_runs(ensemble, rows, study, samples.inputs[shown], course, labelled))
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
    return Result(
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
            "name": study.dataset,
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
            kept = context.parts.put(part, Result(values={}, arrays=_stage(ensemble, state, moments, end, context)))
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


def _course(
    ensemble: Ensemble, rows: torch.Tensor, study: Study, samples: Samples, train: np.ndarray, test: np.ndarray,
    names: Sequence[str],
) -> pd.DataFrame:  # fmt: skip
    """Loss in nats and accuracy of every run at every record."""
    found: dict[str, np.ndarray] = {}
    for part, indices in (("train", train), ("test", test)):
        inputs = torch.from_numpy(samples.inputs[indices].T.copy()).to(ensemble.device)
        labels = torch.from_numpy(samples.labels[indices]).to(ensemble.device)
        scores = [_scores(ensemble, record.to(ensemble.device), inputs, labels) for record in rows]
        found[f"{part}_loss"], found[f"{part}_accuracy"] = (
            torch.stack(values).cpu().double().numpy() for values in zip(*scores, strict=True)
        )
    columns = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
    place = pd.MultiIndex.from_product([study.moments, ensemble.seeds, names], names=["epoch", "seed", "configuration"])
    table = pd.DataFrame({name: found[name].ravel() for name in columns}, index=place).reset_index()
    return table[["configuration", "seed", "epoch", *columns]]


def _scores(
    ensemble: Ensemble, rows: torch.Tensor, inputs: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        *_, logits = forward(ensemble.shape, ensemble.shape.views(rows), ensemble.activations, inputs[None])
        each = labels[None].expand(logits.shape[0] * logits.shape[1], -1)
        loss = functional.cross_entropy(logits.flatten(0, 1), each, reduction="none").mean(1)
        right = (logits.argmax(2) == labels).float().mean(2)
    return loss.unflatten(0, logits.shape[:2]), right


def _gradients(
    ensemble: Ensemble, stages: Sequence[dict[str, torch.Tensor]], study: Study, names: Sequence[str]
) -> pd.DataFrame:
    """Norms over each layer's weights: of the gradient's mean and standard deviation over batches, and their own."""
    found = {
        what: torch.cat([stage[what] for stage in stages if len(stage["rows"])]).double().numpy()
        for what in ("mean", "deviation", "norm")
    }
    levels = [study.moments, ensemble.seeds, names, ensemble.shape.layers]
    place = pd.MultiIndex.from_product(levels, names=["epoch", "seed", "configuration", "layer"])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = found["mean"] / found["deviation"]
    ratio[~np.isfinite(ratio)] = np.nan  # a layer that gets no gradient has no ratio
    table = pd.DataFrame(
        {
            "mean": found["mean"].ravel(),
            "deviation": found["deviation"].ravel(),
            "snr": ratio.ravel(),
            "weight_norm": found["norm"].ravel(),
        },
        index=place,
    ).reset_index()
    return table[["configuration", "seed", "epoch", "layer", "mean", "deviation", "snr", "weight_norm"]]


def _runs(
    ensemble: Ensemble, rows: torch.Tensor, study: Study, inputs: np.ndarray, course: pd.DataFrame,
    names: Sequence[str],
) -> pd.DataFrame:  # fmt: skip
    """Each run with its accuracy at the end, and since which record it is dead: to the last record its parameters are
    not finite, or its output is the same for every sample."""
    samples = torch.from_numpy(inputs.T.copy()).to(ensemble.device)
    finite, alive = [], []
    for record in rows:
        with torch.no_grad():
            views = ensemble.shape.views(record.to(ensemble.device))
            *_, logits = forward(ensemble.shape, views, ensemble.activations, samples[None])
            spread = logits.amax(3) - logits.amin(3)
            alive.append((spread > CONSTANT * (1 + logits.abs().amax(3))).any(2).cpu())
            finite.append(record.isfinite().all(2))
    ends = course[course["epoch"] == study.moments[-1]].set_index(["configuration", "seed"])
    found = []
    for s, seed in enumerate(ensemble.seeds):
        for c, name in enumerate(names):
            well = [bool(a[s, c] and f[s, c]) for a, f in zip(alive, finite, strict=True)]
            dead = not well[-1]
            since = max((place + 1 for place, good in enumerate(well) if good), default=0)
            why = "constant output" if bool(finite[-1][s, c]) else "parameters not finite"
            found.append(
                {
                    "configuration": name,
                    "seed": seed,
                    "died": float(study.moments[since]) if dead else math.nan,
                    "reason": why if dead else "",
                    "train_accuracy": float(ends.loc[(name, seed), "train_accuracy"]),
                    "test_accuracy": float(ends.loc[(name, seed), "test_accuracy"]),
                }
            )
    return pd.DataFrame(found)


ANALYSES = (
    Analysis(
        name="trajectories",
        version=1,
        scope="study",
        summary="networks of an information-plane study through training: accuracy, gradients, runs that died",
        run=run,
    ),
)
