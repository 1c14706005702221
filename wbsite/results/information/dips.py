"""The dip of I(X;T) early in training: in how many runs, how deep, when, and whether the network only counts there."""

from __future__ import annotations

from wbsite.results.base import Record, Result, Table, integer, number, table, text, value
from wbsite.results.estimate import Estimate


class CountingAtDips(Record):
    """Whether a course that is largest where a network only counts is large at a layer's dips.

    Attributes:
        value: at the dip, mean over dips.
        rank: share of the run's other records after the untrained one that have a smaller value: 0.5 by chance.
        excess: mean at own dips minus that of the other runs at the same epochs.
        p: how often pairing every dip with a random run's course gives as much.
        ratio: mean factor between the epochs of the dip and of the run's maximum.
        ratio_other: the same with other runs' maxima.
        ratio_p: how often random pairing brings them as near.
    """

    value: Estimate
    rank: Estimate
    excess: float | None
    p: float | None
    ratio: float | None
    ratio_other: float | None
    ratio_p: float | None


class LayerDips(Record):
    """The dips of a layer; means over the runs that have one.

    Attributes:
        alive: runs that lived.
        dips: runs with a dip.
        depth: in bits.
        epoch: of the dip.
        epoch_median, epoch_first, epoch_last: over these runs.
        mean_depth, mean_epoch: of the dip of the mean course; None without one.
        accuracy: on the measured samples, at the dip; this and what follows undefined where inputs are not binary.
        beyond: accuracy minus that of the best classifier that knows only the count.
        eta_w, i_tw, h_given_w: of the layer at the dip, see `counting`.
        agreement, eta_output: of the output, see `counting`.
    """

    alive: int
    dips: int
    depth: Estimate
    epoch: Estimate
    epoch_median: float | None
    epoch_first: float | None
    epoch_last: float | None
    mean_depth: float | None
    mean_epoch: float | None
    accuracy: Estimate
    beyond: Estimate
    eta_w: Estimate
    i_tw: Estimate
    h_given_w: Estimate
    agreement: CountingAtDips
    eta_output: CountingAtDips


class Dips(Result, analysis="dips"):
    """Dips by layer, of every run that lived and of their mean course, by the study's first estimator."""

    window: tuple[int, int] = value("epochs between which a dip is looked for")
    least: float = value("depth of a dip, at least", "bits")
    estimator: str = value("token")
    draws: int = value("random pairings of a test")
    layers: dict[str, dict[str, LayerDips]] = value("configuration → layer")
    rows: Table = table(
        configuration=text("name"),
        layer=text("name"),
        seed=integer("of the run; −1 for the mean course"),
        depth=number("of the dip", "bits"),
        epoch=integer("recorded epoch of the dip"),
        i_dip=number("I(X;T) at the dip", "bits"),
        i_before=number("the largest before it", "bits"),
        i_after=number("the largest after it", "bits"),
        epoch_before=integer("recorded epoch of that before"),
        epoch_after=integer("recorded epoch of that after"),
        agreement=number("at the dip; empty, as what follows, for the mean course or other inputs", missing=True),
        accuracy=number("on the measured samples, at the dip", "0 to 1", missing=True),
        beyond=number("the same minus the best classifier that knows only the count", "−1 to 1", missing=True),
        eta_output=number("η² of the output by the count, at the dip", "0 to 1", missing=True),
        eta_w=number("η² of the layer by the count, at the dip", "0 to 1", missing=True),
        i_tw=number("I(T;w) at the dip", "bits", missing=True),
        h_given_w=number("H(T|w) at the dip", "bits", missing=True),
        agreement_rank=number("share of the run's other records with less agreement", "0 to 1", missing=True),
        eta_output_rank=number("share of the run's other records with a smaller η²", "0 to 1", missing=True),
        agreement_epoch=number("recorded epoch of the run's largest agreement", missing=True),
        eta_output_epoch=number("recorded epoch of the run's largest η² of the output", missing=True),
    )


RESULTS = (Dips,)
