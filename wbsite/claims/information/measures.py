"""How much one layer compresses by each of the ways in which figures and claims count it."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.plane_claims import PlaneClaims
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Gap, Site

from ._study import description, read


@dataclass(frozen=True)
class Measures:
    """Compression in bits of the last hidden layer of the study's first configuration, by its first estimator.

    Attributes:
        title: of the configuration.
        estimator: title.
        path: largest minus last I(X;T) of the mean over runs.
        largest: mean over runs of each run's largest minus its last.
        shared: mean over runs of I(X;T) at the epoch at which the other runs' mean is largest, minus the last.
    """

    title: str
    estimator: str
    path: float
    largest: float
    shared: float


def measures(site: Site) -> Measures | Gap | None:
    """Of a site's study; None where fewer than two runs lived."""
    results = read(site, Trajectories, InformationPlane, PlaneClaims)
    if isinstance(results, Gap):
        return results
    trajectories, plane, claims = results
    first = trajectories.configurations[0]
    tables = [
        table[
            (table["configuration"] == first.name)
            & (table["layer"] == first.hidden[-1])
            & (table["estimator"] == plane.default)
        ]
        for table in (plane.rows[trajectories.lived(plane.rows)], plane.compression, claims.rows)
    ]
    path = tables[0].groupby("epoch")["i_xt"].mean()
    largest, shared = tables[1]["mean"], tables[2].loc[tables[2]["quantity"] == "compression", "mean"].dropna()
    if path.empty or largest.empty or shared.empty:
        return None
    falls = float(path.max() - path.iloc[-1]), float(largest.iloc[0]), float(shared.iloc[0])
    return Measures(first.title, plane.titles[plane.default], *falls)


CLAIMS = (
    description(
        "compression-by-measure",
        "How much a layer compresses by each way of counting.",
        measures,
        lambda e: "measured" if e else "too few runs",
        {
            "measured": "By {{ e.estimator }}, the last hidden layer of “{{ e.title }}” loses {{ e.path | fixed }} bits if"
            ' the *mean path* is followed from its rightmost point to its end, as in {{ ref("information-plane") }};'
            " {{ e.largest | fixed }} if every *single run* is, and the losses are averaged, as in"
            ' {{ ref("compression") }} and {{ ref("estimators") }}; and {{ e.shared | fixed }} by the stricter measure that'
            " decides claims, which takes a run at the epoch at which the *other* runs are furthest right. A path that"
            " only trembles has a rightmost point, too, and seems to compress by the second measure; by the third,"
            " trembling cancels out.",
            "too few runs": "Figures follow a path from its rightmost point to its end, and one that only trembles has such"
            " a point, too; claims are decided by a stricter measure, in which trembling cancels out.",
        },
    ),
)
