"""What claims about the information plane are decided by: intervals over a study's runs."""

from __future__ import annotations

from wbsite.results.base import Result, Table, integer, number, table, text, value


class PlaneClaims(Result, analysis="plane_claims"):
    """Shared compression, differences that a limit on weights makes, and whether compression goes with accuracy.

    Everything is of the runs that lived to the end of training; intervals are 95 % Student t intervals over them.
    """

    default: str = value("token of the study's first estimator")
    rows: Table = table(
        quantity=text(
            '"compression": of I(X;T), shared by the runs; "ty": the highest I(T;Y) of the unconstrained network minus '
            'that of this one; "loss": test accuracy of the unconstrained network minus that of this one; "gap": '
            "training minus test accuracy"
        ),
        estimator=text('token; "" for accuracies'),
        configuration=text("name"),
        against=text('name of the unconstrained network that runs are paired with by seed, or ""'),
        layer=text('name; "mean" for the mean over hidden layers; "" for accuracies'),
        mean=number("over runs", "bits, or shares of 1", missing=True),
        low=number("lower end of the interval", missing=True),
        high=number("upper end of the interval", missing=True),
        seeds=integer("runs, or pairs of runs"),
    )
    links: Table = table(
        configuration=text("name"),
        estimator=text("token"),
        rho=number(
            "Spearman's ρ over runs of compression, largest I(X;T) minus last, mean over hidden layers, with test "
            "accuracy; empty for fewer than 6 runs", "−1 to 1", missing=True,
        ),
        low=number("lower end of its bootstrap interval", missing=True),
        high=number("upper end of the interval", missing=True),
        p=number("by permutation", "0 to 1", missing=True),
        seeds=integer("runs"),
    )  # fmt: skip


RESULTS = (PlaneClaims,)
