"""What a study's layers know of the number of active inputs w and beyond it, and whether networks only count."""

from __future__ import annotations

from wbsite.results.base import Record, Result, Table, integer, number, table, text, value
from wbsite.results.estimate import Estimate


class Baseline(Record):
    """The best classifier that knows only w: its accuracy, 0 to 1, and I(w;Y) in bits."""

    accuracy: float
    information: float


class CountingEstimator(Record):
    """How information was estimated."""

    token: str
    title: str


class CountingRuns(Record):
    """What the runs of a configuration that lived do; means over them.

    Attributes:
        end_accuracy, end_agreement, end_eta_output: at the last record, see the table `course`.
        top_agreement: the largest agreement over the records after the untrained one.
        top_accuracy: at that record.
        top_eta_output: the largest η² of the output over these records.
        top_epoch: median epoch of the largest agreement.
        passed: runs whose agreement reaches the result's `passed` at some record.
        alive: runs that lived.
    """

    end_accuracy: Estimate
    end_agreement: Estimate
    end_eta_output: Estimate
    top_agreement: Estimate
    top_accuracy: Estimate
    top_eta_output: Estimate
    top_epoch: float | None
    passed: int
    alive: int


class CountingLayer(Record):
    """A layer at the last record, see the table `rows`; means over the runs that lived."""

    end_i_tw: Estimate
    end_h_given_w: Estimate
    end_eta_w: Estimate


class Counting(Result, analysis="counting"):
    """Whether networks on binary inputs pass through, or stay at, the solution that only counts active inputs.

    Where inputs cannot be counted, `reason` says so, there are no other values, and the tables are empty. All
    information is in bits, on the measured samples.
    """

    reason: str = value('why there is nothing to count; "" where there is')
    estimator: CountingEstimator | None = value("the study's first that does not compare pairs", default=None)
    counts: list[int] = value("the values of w", default=[])
    samples: list[int] = value("how many samples have each", default=[])
    entropy: float = value("H(w)", "bits", default=0.0)
    baseline: Baseline | None = value("the best classifier that knows only w", default=None)
    passed: float = value("agreement from which a run counts as at the counting solution", default=1.0)
    runs: dict[str, CountingRuns] = value("configuration → its runs", default={})
    layers: dict[str, dict[str, CountingLayer]] = value("configuration → layer", default={})
    rows: Table = table(
        configuration=text("name"),
        seed=integer("of the run"),
        epoch=integer("recorded epoch"),
        layer=text("name"),
        i_tw=number("I(T;w); this and what follows empty once the run is not finite", "bits", missing=True),
        h_given_w=number("H(T|w), what the layer knows beyond the count", "bits", missing=True),
        eta_w=number("η² of the layer's activations by w", "0 to 1", missing=True),
    )
    course: Table = table(
        configuration=text("name"),
        seed=integer("of the run"),
        epoch=integer("recorded epoch"),
        accuracy=number("on the measured samples", "0 to 1", missing=True),
        agreement=number(
            "share of these on which the network decides as the best classifier that knows only w", "0 to 1",
            missing=True,
        ),
        eta_output=number("η² by w of the logits, less each sample's mean over classes", "0 to 1", missing=True),
    )  # fmt: skip


RESULTS = (Counting,)
