"""Whether what a layer compresses depends on the estimator."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Gap, Site

from ._study import description, read


@dataclass(frozen=True)
class Compressions:
    """Compression of the last hidden layer of the study's first configuration, by every estimator.

    Attributes:
        title: of the configuration.
        bits: estimator's title → mean over runs.
    """

    title: str
    bits: dict[str, float]

    @property
    def least(self) -> str:
        """The estimator by which it compresses least."""
        return min(self.bits, key=lambda title: self.bits[title])

    @property
    def most(self) -> str:
        """The estimator by which it compresses most."""
        return max(self.bits, key=lambda title: self.bits[title])


def compressions(site: Site) -> Compressions | Gap:
    """Of a site's study."""
    results = read(site, Trajectories, InformationPlane)
    if isinstance(results, Gap):
        return results
    trajectories, plane = results
    first = trajectories.configurations[0]
    rows = plane.compression
    rows = rows[(rows["configuration"] == first.name) & (rows["layer"] == first.hidden[-1])]
    bits = {plane.titles[token]: float(mean) for token, mean in zip(rows["estimator"], rows["mean"], strict=True)}
    return Compressions(first.title, bits)


CLAIMS = (
    description(
        "estimators-differ",
        "What a layer compresses by every estimator.",
        compressions,
        lambda e: "several" if len(e.bits) > 1 else "one",
        {
            "several": "By how much the last hidden layer of “{{ e.title }}” compresses depends on who measures:"
            " {{ e.bits.values() | min | fixed }} bits by {{ e.least }}, {{ e.bits.values() | max | fixed }} by"
            " {{ e.most }}. These are the same networks at the same epochs.",
            "one": "",
        },
    ),
)
