"""Tables of the recorded networks of an ensemble: loss and accuracy, gradients and weights, runs that died."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from .ensemble import Ensemble
from .stacked import forward
from .study import Study

if TYPE_CHECKING:
    from wbsite.datasets.base import Samples

CONSTANT = 1e-6
"""Largest range of a class's logit over all samples, relative to its size, at which an output counts as constant: a
few roundings of float32."""


def course_table(
    ensemble: Ensemble, rows: torch.Tensor, study: Study, samples: Samples, train: np.ndarray, test: np.ndarray,
    names: Sequence[str],
) -> pd.DataFrame:  # fmt: skip
    """Loss in nats and accuracy of every run at every record."""
    columns: dict[str, np.ndarray] = {}
    for part, indices in (("train", train), ("test", test)):
        inputs = torch.from_numpy(samples.inputs[indices].T.copy()).to(ensemble.device)
        labels = torch.from_numpy(samples.labels[indices]).to(ensemble.device)
        scores = [_scores(ensemble, record.to(ensemble.device), inputs, labels) for record in rows]
        columns[f"{part}_loss"], columns[f"{part}_accuracy"] = (
            torch.stack(values).cpu().double().numpy() for values in zip(*scores, strict=True)
        )
    index = pd.MultiIndex.from_product([study.moments, ensemble.seeds, names], names=["epoch", "seed", "configuration"])
    table = pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index).reset_index()
    return table[["configuration", "seed", "epoch", "train_loss", "test_loss", "train_accuracy", "test_accuracy"]]


def _scores(
    ensemble: Ensemble, rows: torch.Tensor, inputs: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        *_, logits = forward(ensemble.shape, ensemble.shape.views(rows), ensemble.activations, inputs[None])
        repeated = labels[None].expand(logits.shape[0] * logits.shape[1], -1)
        loss = functional.cross_entropy(logits.flatten(0, 1), repeated, reduction="none").mean(1)
        right = (logits.mT.contiguous().argmax(3) == labels).float().mean(2)
    return loss.unflatten(0, logits.shape[:2]), right


def gradients_table(
    ensemble: Ensemble, stages: Sequence[dict[str, torch.Tensor]], study: Study, names: Sequence[str]
) -> pd.DataFrame:
    """Norms over each layer's weights: of the gradient's mean and standard deviation over batches, and of the weights
    themselves."""
    mean, deviation, norm = (
        torch.cat([stage[name] for stage in stages if len(stage["rows"])]).double().numpy()
        for name in ("mean", "deviation", "norm")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = mean / deviation
    ratio[~np.isfinite(ratio)] = np.nan  # a layer that gets no gradient has no ratio
    levels = [study.moments, ensemble.seeds, names, ensemble.shape.layers]
    columns = {"mean": mean, "deviation": deviation, "snr": ratio, "weight_norm": norm}
    table = pd.DataFrame(
        {name: values.ravel() for name, values in columns.items()},
        index=pd.MultiIndex.from_product(levels, names=["epoch", "seed", "configuration", "layer"]),
    ).reset_index()
    return table[["configuration", "seed", "epoch", "layer", "mean", "deviation", "snr", "weight_norm"]]


def runs_table(
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
    runs = []
    for s, seed in enumerate(ensemble.seeds):
        for c, name in enumerate(names):
            usable = [bool(a[s, c] and f[s, c]) for a, f in zip(alive, finite, strict=True)]
            dead = not usable[-1]
            since = max((record + 1 for record, use in enumerate(usable) if use), default=0)
            reason = "constant output" if bool(finite[-1][s, c]) else "parameters not finite"
            runs.append(
                {
                    "configuration": name,
                    "seed": seed,
                    "died": float(study.moments[since]) if dead else math.nan,
                    "reason": reason if dead else "",
                    "train_accuracy": float(ends.loc[(name, seed), "train_accuracy"]),
                    "test_accuracy": float(ends.loc[(name, seed), "test_accuracy"]),
                }
            )
    return pd.DataFrame(runs)
