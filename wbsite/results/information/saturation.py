"""Whether layers compress as their activations saturate, within runs and between them."""

from __future__ import annotations

from wbsite.results.base import Record, Result, Table, integer, number, table, text, value
from wbsite.results.estimate import Estimate


class KindCounts(Record):
    """How many layers of runs compress, saturate, do both or neither; None where the function is nowhere flat."""

    both: int | None
    only_compresses: int | None
    only_saturates: int | None
    neither: int | None


class LayerSaturation(Record):
    """One layer over the runs that lived.

    Attributes:
        alive: runs.
        compression: in bits, mean over runs.
        rise: of the saturated share, mean over runs.
        rho, rho_steps, rho_other: of the table `rows`, means over runs.
        rho_seeds: Spearman's ρ over runs between compression and rise, with a bootstrap interval.
        rho_seeds_p: by permutation; None for fewer than 6 runs.
        kinds: of these runs.
    """

    alive: int
    compression: Estimate
    rise: Estimate
    rho: Estimate
    rho_steps: Estimate
    rho_other: Estimate
    rho_seeds: Estimate
    rho_seeds_p: float | None
    kinds: KindCounts


class ConfigurationSaturation(Record):
    """All hidden layers of the runs that lived, one by one.

    Attributes:
        kinds: of these layers.
        no_rise_compression: mean compression where nothing saturates, in bits; the interval is over means of runs.
    """

    kinds: KindCounts
    no_rise_compression: Estimate


class Saturation(Result, analysis="saturation"):
    """Compression and saturation of every layer, by the study's first estimator, over the runs that lived."""

    estimator: str = value("token")
    compresses: float = value("compression from which on a layer compresses", "bits")
    saturates: float = value("rise of the saturated share from which on a layer saturates", "0 to 1")
    fewest: int = value("records from the peak on, below which a course has no ρ")
    layers: dict[str, dict[str, LayerSaturation]] = value("configuration → layer")
    configurations: dict[str, ConfigurationSaturation] = value("configuration → its hidden layers")
    rows: Table = table(
        configuration=text("name"),
        seed=integer("of the run"),
        layer=text("name"),
        peak_epoch=integer("recorded epoch of the largest I(X;T), the first of several"),
        compression=number("I(X;T) there minus at the end", "bits"),
        i_peak=number("I(X;T) there", "bits"),
        i_end=number("I(X;T) at the end", "bits"),
        saturated_peak=number("share that is saturated there", "0 to 1", missing=True),
        saturated_end=number("share that is saturated at the end", "0 to 1", missing=True),
        rise=number("from there to the end; empty where the function is nowhere flat", "−1 to 1", missing=True),
        rho=number(
            "Spearman's ρ between saturated and I(X;T) over the records from the peak on, −1 where I falls as the layer"
            " saturates; empty for few records or without change", "−1 to 1", missing=True,
        ),
        rho_steps=number("the same of their changes from record to record", "−1 to 1", missing=True),
        rho_other=number(
            "`rho` with the saturation of the configuration's other runs at the same epochs, averaged: what the common"
            " course of training gives without any link within a run", "−1 to 1", missing=True,
        ),
    )  # fmt: skip


RESULTS = (Saturation,)
