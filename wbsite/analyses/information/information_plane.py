"""Where every layer of a study's networks lies in the information plane through training, and what it compresses."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from wbsite.analyses.base import Analysis, StudyContext
from wbsite.core.store import Contents
from wbsite.ops.information import Estimator, by_estimator, estimator
from wbsite.results.information.information_plane import EstimatorRecord, InformationPlane
from wbsite.results.information.trajectories import Trajectories
from wbsite.stats.intervals import t_interval
from wbsite.train.study.replay import Replay

from ._runs import living

EVERY, SEEDS = 5, 3
"""Estimators that compare all pairs of samples take one record in `EVERY`, and this many seeds: on a network whose
activations all differ, one of them takes a thousand times as long as bins."""

NO_ROWS = pd.DataFrame(columns=list(InformationPlane.fields["rows"].columns)).astype(
    {"seed": "int64", "epoch": "int64", "i_xt": "float64", "i_ty": "float64"}
)


def run(context: StudyContext) -> InformationPlane:
    """I(X;T) and I(T;Y) in bits of every run, layer and record, and the compression of every layer.

    The compression of a layer is the largest I(X;T) over the records minus the last; its mean is over the seeds whose
    run lived to the end, with a Student t interval.
    """
    study, trajectories = context.study, context.need(Trajectories)
    replay = Replay(study, context.samples, trajectories.parameters, context.device)
    estimators = [estimator(token) for token in study.estimators]
    context.progress.step("mutual information", study.runs)
    parts = []
    for name in replay.configurations:
        for position, seed in enumerate(study.seeds):
            key = {"configuration": name, "seed": seed, "estimators": [each.token for each in estimators]}
            part = context.parts.get(key)
            if part is None:
                rows = measure_run(replay, name, seed, position, estimators)
                part = context.parts.put(key, Contents({}, tables={"rows": rows}))
            parts.append(part.table("rows"))
            context.progress.advance(note=f"{name} seed {seed}")
    rows = pd.concat(parts, ignore_index=True)
    final = ends(rows, set(living(trajectories)))
    return InformationPlane(
        estimators=[
            EstimatorRecord(
                token=each.token,
                title=each.title,
                records=len(_records(each, len(study.moments))),
                seeds=min(SEEDS, len(study.seeds)) if each.pairwise else len(study.seeds),
            )
            for each in estimators
        ],
        default=estimators[0].token,
        label_entropy=trajectories.data.label_entropy,
        cap=float(np.log2(trajectories.data.measured)),
        rows=rows,
        final=final,
        compression=compression(final),
    )


def measure_run(replay: Replay, name: str, seed: int, position: int, estimators: Sequence[Estimator]) -> pd.DataFrame:
    """All layers of one run, the table `rows`; NaN once the run is not finite.

    Args:
        position: of the seed in the study.
    """
    moments, (finite, layers) = np.array(replay.study.moments), replay.finite(name, seed)
    fast = [each for each in estimators if not each.pairwise]
    slow = [each for each in estimators if each.pairwise and position < SEEDS]
    tables = []
    for layer, values in layers:
        for group in (fast, slow):
            if not group:
                continue
            records = _records(group[0], len(moments))
            bits = np.full((len(group), len(records), 2), np.nan)
            measured = records[records < finite]
            if len(measured):
                bits[:, : len(measured)] = by_estimator(values[measured], replay.labels, group)
            for each, pair in zip(group, bits, strict=True):
                columns = {"epoch": moments[records], "i_xt": pair[:, 0], "i_ty": pair[:, 1]}
                about = {"configuration": name, "seed": seed, "estimator": each.token, "layer": layer}
                tables.append(pd.DataFrame({**about, **columns}))
    return pd.concat(tables, ignore_index=True) if tables else NO_ROWS


def _records(each: Estimator, count: int) -> np.ndarray:
    """Which records an estimator measures."""
    if not each.pairwise:
        return np.arange(count)
    return np.unique([*range(0, count, EVERY), count - 1])


def ends(rows: pd.DataFrame, lived: Collection[tuple[str, int]]) -> pd.DataFrame:
    """The table `final`: one row a run that lived, estimator and layer.

    Args:
        rows: the table of that name.
        lived: (configuration, seed) of the runs that lived.
    """
    runs = []
    columns = ["configuration", "estimator", "layer", "seed"]
    for key, course in rows.groupby(columns, sort=False):
        configuration, *_, seed = key
        if (configuration, seed) not in lived:
            continue
        course = course.sort_values("epoch")
        top = int(course["i_xt"].to_numpy().argmax())
        last = course.iloc[-1]
        runs.append(
            {
                **dict(zip(columns, key, strict=True)),
                "compression": course["i_xt"].iloc[top] - last["i_xt"],
                "final_xt": last["i_xt"],
                "final_ty": last["i_ty"],
                "peak_epoch": int(course["epoch"].iloc[top]),
            }
        )
    return pd.DataFrame(runs, columns=list(InformationPlane.fields["final"].columns))


def compression(final: pd.DataFrame) -> pd.DataFrame:
    """The table of that name: means over the seeds that lived, with 95 % t intervals."""
    means = []
    keys = ["configuration", "estimator", "layer"]
    for key, runs in final.groupby(keys, sort=False):
        interval = t_interval(runs["compression"].to_numpy())
        means.append(
            {
                **dict(zip(keys, key, strict=True)),
                "seeds": len(runs),
                "mean": interval.mean,
                "deviation": runs["compression"].std(ddof=1),
                "low": interval.low,
                "high": interval.high,
                "final_xt": runs["final_xt"].mean(),
                "final_xt_deviation": runs["final_xt"].std(ddof=1),
                "final_ty": runs["final_ty"].mean(),
                "final_ty_deviation": runs["final_ty"].std(ddof=1),
                "peak_epoch": float(runs["peak_epoch"].median()),
            }
        )
    return pd.DataFrame(means, columns=list(InformationPlane.fields["compression"].columns))


ANALYSES = (
    Analysis(
        scope="study",
        run=run,
        result=InformationPlane,
        needs=("trajectories",),
        inputs=("estimators",),
    ),
)
