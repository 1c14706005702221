"""Where every layer of a study's networks lies in the information plane through training, and what it compresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.core.store import Contents
from wbsite.ops.information.mutual import KDE, Estimator, by_estimator, estimator
from wbsite.stats.intervals import t_interval
from wbsite.train.study.replay import Replay

EVERY, SEEDS = 5, 3
"""Estimators that compare all pairs of samples take one record in `EVERY`, and this many seeds: on a network whose
activations all differ, one of them takes a thousand times as long as bins."""


EMPTY = pd.DataFrame(
    {
        "configuration": pd.Series(dtype=object),
        "seed": pd.Series(dtype="int64"),
        "estimator": pd.Series(dtype=object),
        "layer": pd.Series(dtype=object),
        "epoch": pd.Series(dtype="int64"),
        "i_xt": pd.Series(dtype="float64"),
        "i_ty": pd.Series(dtype="float64"),
    }
)


def run(context: StudyContext) -> Contents:
    """I(X;T) and I(T;Y) in bits of every run, layer and record, and the compression of every layer.

    The compression of a layer is the largest I(X;T) over the records minus the last; its mean is over the seeds whose
    run lived to the end, with a Student t interval.
    """
    study = context.study
    replay = Replay(study, context.samples, context.needs["trajectories"], context.device)
    chosen = [estimator(token) for token in study.estimators]
    runs = context.needs["trajectories"].table("runs")
    died = dict(zip(zip(runs["configuration"], runs["seed"], strict=True), runs["died"], strict=True))
    context.progress.step("mutual information", study.runs)
    found = []
    for name in replay.configurations:
        for place, seed in enumerate(study.seeds):
            key = {"configuration": name, "seed": seed, "estimators": [each.token for each in chosen]}
            kept = context.parts.get(key)
            if kept is None:
                kept = context.parts.put(key, Contents({}, tables={"rows": of_run(replay, name, seed, place, chosen)}))
            found.append(kept.table("rows"))
            context.progress.advance(note=f"{name} seed {seed}")
    rows = pd.concat(found, ignore_index=True)
    final = ends(rows, died)
    data = context.needs["trajectories"].values["data"]
    return Contents(
        values={
            "estimators": [
                {
                    "token": each.token,
                    "title": each.title,
                    "records": len(_records(each, len(study.moments))),
                    "seeds": min(SEEDS, len(study.seeds)) if isinstance(each, KDE) else len(study.seeds),
                }
                for each in chosen
            ],
            "default": chosen[0].token,
            "label_entropy": data["label_entropy"],
            "cap": float(np.log2(data["measured"])),
        },
        tables={"rows": rows, "final": final, "compression": compression(final)},
    )


def of_run(replay: Replay, name: str, seed: int, place: int, chosen: Sequence[Estimator]) -> pd.DataFrame:
    """All layers of one run: configuration, seed, estimator, layer, epoch, i_xt, i_ty; NaN once it is not finite."""
    moments, good = np.array(replay.study.moments), replay.finite(name, seed)
    fast = [each for each in chosen if not isinstance(each, KDE)]
    slow = [each for each in chosen if isinstance(each, KDE) and place < SEEDS]
    found = []
    for layer, values in replay.layers(name, seed, slice(good)):
        for group in (fast, slow):
            if not group:
                continue
            records = _records(group[0], len(moments))
            bits = np.full((len(group), len(records), 2), np.nan)
            alive = records[records < good]
            if len(alive):
                bits[:, : len(alive)] = by_estimator(values[alive], replay.labels, group)
            for each, pair in zip(group, bits, strict=True):
                columns = {"epoch": moments[records], "i_xt": pair[:, 0], "i_ty": pair[:, 1]}
                about = {"configuration": name, "seed": seed, "estimator": each.token, "layer": layer}
                found.append(pd.DataFrame({**about, **columns}))
    return pd.concat(found, ignore_index=True) if found else EMPTY


def _records(each: Estimator, count: int) -> np.ndarray:
    """Which records an estimator measures."""
    if not isinstance(each, KDE):
        return np.arange(count)
    return np.unique([*range(0, count, EVERY), count - 1])


def ends(rows: pd.DataFrame, died: Mapping[tuple[str, int], float]) -> pd.DataFrame:
    """One row a run that lived, estimator and layer: its compression, where it ended, and when I(X;T) was largest."""
    found = []
    columns = ["configuration", "estimator", "layer", "seed"]
    for key, table in rows.groupby(columns, sort=False):
        configuration, *_, seed = key
        if died[configuration, seed] == died[configuration, seed]:
            continue
        table = table.sort_values("epoch")
        top = int(table["i_xt"].to_numpy().argmax())
        last = table.iloc[-1]
        found.append(
            {
                **dict(zip(columns, key, strict=True)),
                "compression": table["i_xt"].iloc[top] - last["i_xt"],
                "final_xt": last["i_xt"],
                "final_ty": last["i_ty"],
                "peak_epoch": int(table["epoch"].iloc[top]),
            }
        )
    names = [*columns, "compression", "final_xt", "final_ty", "peak_epoch"]
    return pd.DataFrame(found, columns=names)


def compression(final: pd.DataFrame) -> pd.DataFrame:
    """Means over the seeds that lived, by configuration, estimator and layer, with 95 % t intervals."""
    found = []
    for key, table in final.groupby(["configuration", "estimator", "layer"], sort=False):
        values = table["compression"].to_numpy()
        interval = t_interval(values)
        found.append(
            {
                **dict(zip(["configuration", "estimator", "layer"], key, strict=True)),
                "seeds": len(table),
                "mean": interval.mean,
                "deviation": values.std(ddof=1) if len(values) > 1 else np.nan,
                "low": interval.low,
                "high": interval.high,
                "final_xt": table["final_xt"].mean(),
                "final_xt_deviation": table["final_xt"].std(ddof=1),
                "final_ty": table["final_ty"].mean(),
                "final_ty_deviation": table["final_ty"].std(ddof=1),
                "peak_epoch": float(table["peak_epoch"].median()),
            }
        )
    names = ["configuration", "estimator", "layer", "seeds", "mean", "deviation", "low", "high", "final_xt",
             "final_xt_deviation", "final_ty", "final_ty_deviation", "peak_epoch"]  # fmt: skip
    return pd.DataFrame(found, columns=names)


ANALYSES = (
    Analysis(
        name="information_plane",
        version=1,
        scope="study",
        summary="I(X;T) and I(T;Y) of every layer through training, by several estimators, and its compression",
        run=run,
        needs=("trajectories",),
        estimators=True,
    ),
)
