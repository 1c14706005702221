"""Whether networks on binary inputs pass through, or stay at, the solution that only counts active inputs.

w is the number of active inputs. All information is in bits, by the study's first estimator that does not compare pairs
of samples, at every record of every run, on the samples that are measured.

Values:
    none: "" or why there is nothing to count; then there are no other values, and the tables are empty.
    estimator: {token, title}.
    counts: the values w takes; samples: how many samples have each; entropy: H(w).
    baseline: {accuracy, information}: of the best classifier that knows only w, and I(w;Y).
    passed: agreement from which a run counts as at the counting solution.
    runs: configuration → what its runs that lived do. Of each NAME of end_accuracy, end_agreement, end_eta_output
        (last record), top_agreement (largest over the records after the untrained one), top_accuracy (at that record),
        top_eta_output (largest η² of the output after the untrained record): NAME, NAME_low and NAME_high, the mean and
        its 95 % t interval, None where undefined; top_epoch, median epoch of the largest agreement; passed, runs whose
        agreement reaches `passed` at some record; alive, runs.
    layers: configuration → layer → end_i_tw, end_h_given_w, end_eta_w, each with _low and _high, as above.
Table `rows`: configuration, seed, epoch, layer, i_tw = I(T;w), h_given_w = I(X;T) − I(T;w) = H(T|w), what the layer
    knows beyond the count; eta_w, η² of the layer's activations by w (variance between the means at each w, over all).
    NaN once a run is not finite.
Table `course`: configuration, seed, epoch, accuracy on the measured samples, agreement, the share of these on which the
    network decides as the best classifier that knows only w, and eta_output, η² of the logits by w, each sample's mean
    over the classes taken away: of two classes that is η² of their difference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.core.store import Contents, Entry
from wbsite.ops.information.counting import NOT_BINARY, binary_counts, count_baseline, count_decisions
from wbsite.ops.information.eta_squared import eta_squared
from wbsite.ops.information.mutual import KDE, Estimator, estimator, mutual_informations
from wbsite.stats.intervals import told
from wbsite.train.study.replay import Replay

PASSED = 0.95
"""Agreement from which a run is said to be at the counting solution. A network without errors reaches 0.875 on
harmonics; 0.95 leaves one sample in twenty, less than half of those that only the counting solution gets wrong."""

ROWS = ("configuration", "seed", "epoch", "layer", "i_tw", "h_given_w", "eta_w")
COURSE = ("configuration", "seed", "epoch", "accuracy", "agreement", "eta_output")


def run(context: StudyContext) -> Contents:
    """Every run and record, on the samples that the information is measured on."""
    study, needed = context.study, context.needs["trajectories"]
    replay = Replay(study, context.samples, needed, context.device)
    counts = binary_counts(replay.inputs)
    if counts is None:
        tables = {"rows": pd.DataFrame(columns=list(ROWS)), "course": pd.DataFrame(columns=list(COURSE))}
        return Contents(values={"none": NOT_BINARY}, tables=tables)
    chosen = _estimator(context.needs["information_plane"])
    known, codes = np.unique(counts, return_inverse=True)
    best = count_decisions(codes, replay.labels)
    context.progress.step("the count of active inputs", study.runs)
    rows, course = [], []
    for name in replay.configurations:
        for seed in study.seeds:
            layers, output = of_run(replay, name, seed, codes, best, chosen)
            rows.append(layers)
            course.append(output)
            context.progress.advance(note=f"{name} seed {seed}")
    tables = {"rows": pd.concat(rows, ignore_index=True), "course": pd.concat(course, ignore_index=True)}
    accuracy, information = count_baseline(codes, replay.labels)
    sizes = np.bincount(codes)
    shares = sizes / sizes.sum()
    runs = needed.table("runs")
    alive = runs.loc[runs["died"].isna(), ["configuration", "seed"]]
    return Contents(
        values={
            "none": "",
            "estimator": {"token": chosen.token, "title": chosen.title},
            "counts": known.tolist(),
            "samples": sizes.tolist(),
            "entropy": float(-(shares * np.log2(shares)).sum()),
            "baseline": {"accuracy": accuracy, "information": information},
            "passed": PASSED,
            "runs": {name: _runs(tables["course"], alive, name) for name in replay.configurations},
            "layers": {name: _layers(tables["rows"], alive, name) for name in replay.configurations},
        },
        tables=tables,
    )


def of_run(
    replay: Replay, name: str, seed: int, codes: np.ndarray, best: np.ndarray, chosen: Estimator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables `rows` and `course` of one run.

    Args:
        codes: int64 (N,), the count of each sample, numbered from 0 without gaps.
        best: int64 (N,), see `count_decisions`.
        chosen: how information is estimated.
    """
    moments, good = replay.study.moments, replay.finite(name, seed)
    groups = torch.from_numpy(codes).to(replay.device)
    parts, below = [], torch.from_numpy(replay.inputs).to(replay.device).expand(good, -1, -1)
    for layer, values in replay.layers(name, seed, slice(good)):
        bits = mutual_informations(values, codes, chosen) if good else np.zeros((0, 2))
        parts.append(_layer(name, seed, moments, layer, bits, eta_squared(values, groups)))
        if layer != "output":
            below = values
    logits = _logits(replay, name, seed, good, below, values.shape[2])
    answers = logits.argmax(2).cpu().numpy()
    found = {
        "accuracy": (answers == replay.labels).mean(1),
        "agreement": (answers == best).mean(1),
        "eta_output": eta_squared(logits - logits.mean(2, keepdim=True), groups),
    }
    about = {"configuration": name, "seed": seed, "epoch": moments}
    return pd.concat(parts), pd.DataFrame({**about, **{k: _filled(v, len(moments)) for k, v in found.items()}})


def _logits(replay: Replay, name: str, seed: int, good: int, below: torch.Tensor, classes: int) -> torch.Tensor:
    """What the readout makes of the last hidden layer, before the softmax, which rounds what is certain to 0 and 1:
    (records, N, classes)."""
    of = replay.configurations[name]
    views = of.architecture(replay.inputs.shape[1], classes).views(replay.parameters(name, seed)[:good])
    weight, bias = (views[f"{len(of.widths)}.{what}"].to(replay.device) for what in ("weight", "bias"))
    return below @ weight.transpose(1, 2) + bias.transpose(1, 2)


def _layer(
    name: str, seed: int, moments: tuple[int, ...], layer: str, bits: np.ndarray, eta: np.ndarray
) -> pd.DataFrame:
    found = {"i_tw": bits[:, 1], "h_given_w": bits[:, 0] - bits[:, 1], "eta_w": eta}
    about = {"configuration": name, "seed": seed, "epoch": moments, "layer": layer}
    return pd.DataFrame({**about, **{what: _filled(values, len(moments)) for what, values in found.items()}})


def _filled(values: np.ndarray, records: int) -> np.ndarray:
    return np.concatenate([values, np.full(records - len(values), np.nan)])


def _estimator(plane: Entry) -> Estimator:
    every = [estimator(each["token"]) for each in plane.values["estimators"]]
    return next((each for each in every if not isinstance(each, KDE)), estimator("binning:0.07"))


def _runs(course: pd.DataFrame, alive: pd.DataFrame, name: str) -> dict[str, Any]:
    mine = course[course["configuration"] == name].merge(alive)
    last = mine[mine["epoch"] == mine["epoch"].max()]
    later = mine[mine["epoch"] > 0]
    tops = later.loc[later.groupby("seed")["agreement"].idxmax()]
    columns = {f"end_{what}": last[what] for what in ("accuracy", "agreement", "eta_output")}
    columns |= {f"top_{what}": tops[what] for what in ("agreement", "accuracy")}
    columns["top_eta_output"] = later.groupby("seed")["eta_output"].max()
    return {
        **_means(columns),
        "top_epoch": float(tops["epoch"].median()) if len(tops) else None,
        "passed": int((tops["agreement"] >= PASSED).sum()),
        "alive": len(tops),
    }


def _layers(rows: pd.DataFrame, alive: pd.DataFrame, name: str) -> dict[str, Any]:
    mine = rows[rows["configuration"] == name]
    last = mine[mine["epoch"] == mine["epoch"].max()].merge(alive)
    return {
        layer: _means(
            {f"end_{what}": last.loc[last["layer"] == layer, what] for what in ("i_tw", "h_given_w", "eta_w")}
        )
        for layer in mine["layer"].unique()
    }


def _means(columns: dict[str, pd.Series]) -> dict[str, float | None]:
    """NAME, NAME_low, NAME_high of each column: t intervals over the runs in which it is defined."""
    return {key: value for name, values in columns.items() for key, value in told(name, values.to_numpy()).items()}


ANALYSES = (
    Analysis(
        name="counting",
        version=1,
        scope="study",
        summary="what layers know of the number of active inputs and beyond it, and whether networks only count",
        run=run,
        needs=("trajectories", "information_plane"),
    ),
)
