"""How a layer's kernels lie in space: their middle, their symmetries, their stripes, their number of patterns."""

from __future__ import annotations

from wbsite.results.base import Record, Result, Table, number, table, text, value


class Measure(Record):
    """A number of a layer's kernels; None where it is not defined.

    Attributes:
        low, high: 95 % bootstrap interval over units; None where there is none.
        null: its expectation for independent weights in kernels of this size.
    """

    value: float | None
    low: float | None
    high: float | None
    null: float | None


class KernelGeometry(
    Result,
    analysis="kernel_geometry",
    summary="centre share, mirror and turn symmetry, stripes and number of patterns of a layer's kernels",
):
    """As `wbsite.ops.kernel_geometry` defines them; kernels are centred over space but for the centre share."""

    centre_share: Measure = value("share of the squared weights in the middle", "0 to 1")
    left_right: Measure = value("symmetry under a flip of columns", "−1 to 1")
    up_down: Measure = value("symmetry under a flip of rows", "−1 to 1")
    quarter_turn: Measure | None = value("symmetry under a turn by 90°, of square kernels", "−1 to 1", default=None)
    coherence: Measure = value("how far the spectrum prefers stripes of one direction", "0 to 1")
    angle: float | None = value("of these stripes, 0 horizontal, 90 vertical, counted anticlockwise", "degrees")
    patterns: Measure = value("participation ratio of the kernels' patterns", "1 to positions − 1")
    rows: Table = table(
        measure=text("centre_share, left_right, up_down, quarter_turn, coherence, angle or patterns"),
        value=number("what it is", missing=True),
        low=number("lower end of its 95 % interval", missing=True),
        high=number("upper end of its 95 % interval", missing=True),
        null=number("what independent weights have on average", missing=True),
    )


RESULTS = (KernelGeometry,)
