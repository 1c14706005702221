"""Where the layers of a study's networks lie in the information plane through training, and what they compress."""

from __future__ import annotations

from functools import cached_property

from wbsite.results.base import Record, Result, Table, integer, number, table, text, value


class EstimatorRecord(Record):
    """An estimator of the study.

    Attributes:
        token: that names it, as in "binning:0.07".
        title: for menus and axes.
        records: recorded epochs that it measured.
        seeds: of each configuration that it measured.
    """

    token: str
    title: str
    records: int
    seeds: int


class InformationPlane(Result, analysis="information_plane"):
    """I(X;T) and I(T;Y) of every run, layer and recorded epoch, in bits."""

    estimators: list[EstimatorRecord] = value("in the study's order")
    default: str = value("token of the estimator that figures show first")
    label_entropy: float = value("entropy of the labels of all samples", "bits")
    cap: float = value("log₂ of the number of measured samples", "bits")
    rows: Table = table(
        configuration=text("name"),
        seed=integer("of the run"),
        estimator=text("token"),
        layer=text("name"),
        epoch=integer("recorded epoch"),
        i_xt=number("I(X;T), empty once the run is not finite", "bits", missing=True),
        i_ty=number("I(T;Y), empty once the run is not finite", "bits", missing=True),
    )
    final: Table = table(
        configuration=text("name"),
        estimator=text("token"),
        layer=text("name"),
        seed=integer("of a run that lived to the end"),
        compression=number("largest I(X;T) over the records minus the last", "bits"),
        final_xt=number("I(X;T) at the end", "bits"),
        final_ty=number("I(T;Y) at the end", "bits"),
        peak_epoch=integer("recorded epoch of the largest I(X;T)"),
    )
    compression: Table = table(
        configuration=text("name"),
        estimator=text("token"),
        layer=text("name"),
        seeds=integer("runs that lived to the end"),
        mean=number("compression, mean over these runs", "bits"),
        deviation=number("its standard deviation", "bits", missing=True),
        low=number("lower end of the 95 % t interval of the mean", "bits", missing=True),
        high=number("upper end of the interval", "bits", missing=True),
        final_xt=number("I(X;T) at the end, mean", "bits"),
        final_xt_deviation=number("its standard deviation", "bits", missing=True),
        final_ty=number("I(T;Y) at the end, mean", "bits"),
        final_ty_deviation=number("its standard deviation", "bits", missing=True),
        peak_epoch=number("recorded epoch of the largest I(X;T), median"),
    )

    @cached_property
    def titles(self) -> dict[str, str]:
        """Token → title of every estimator."""
        return {estimator.token: estimator.title for estimator in self.estimators}


RESULTS = (InformationPlane,)
