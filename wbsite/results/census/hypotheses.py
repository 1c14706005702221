"""What the census says to five hypotheses on why kernels are banded."""

from __future__ import annotations

from wbsite.results.base import Record, Result, Table, integer, number, table, text, value


class Evidence(Record):
    """One hypothesis, tested over networks, with packages as clusters; None for what cannot be estimated.

    Attributes:
        effect: in the direction that the hypothesis predicts: above 0 for it.
        low, high: its 95 % interval over resampled packages.
        p: two-sided, of permutations.
        p_holm: the same, corrected for five hypotheses after Holm.
        networks, packages: that it rests on.
        smaller: packages at the rarer level of the predictor.
    """

    effect: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    networks: int
    packages: int
    smaller: int


class Hypotheses(
    Result, analysis="hypotheses", summary="what banding in the wild goes with: pooling, task, map, pictures, depth"
):
    """Five tests; `claims/census/hypotheses.py` says what each holds of the late layers' H."""

    pooled: Evidence = value("|late H| of networks that pool positions away, minus that of others")
    task_axis: Evidence = value("slope of late H over the axis that matters: +1 vertical, −1 horizontal")
    map_shape: Evidence = value("slope of late H over log₂ of height by width of the last map")
    upright: Evidence = value("late H of networks for upright pictures, minus that of others")
    depth: Evidence = value("Spearman correlation of |H| with depth, mean over packages")
    rows: Table = table(
        hypothesis=text("pooled, task_axis, map_shape, upright or depth"),
        effect=number("in the direction that it predicts", missing=True),
        low=number("lower end of the 95 % interval", missing=True),
        high=number("upper end of the 95 % interval", missing=True),
        p=number("of permutations", missing=True),
        p_holm=number("the same, corrected for five hypotheses", missing=True),
        networks=integer("that it rests on"),
        packages=integer("that it rests on"),
        smaller=integer("packages at the rarer level"),
    )


RESULTS = (Hypotheses,)
