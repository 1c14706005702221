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
            "several": "The last hidden layer of {{ e.title }} compresses by"
            " {% for title, bits in e.bits.items() %}{{ bits | fixed }} bits by"
            " {{ title }}{{ ', ' if not loop.last }}{% endfor %}. These are the same networks at the same epochs. A"
            " statement about compression without its estimator is a statement about nothing in particular; what can"
            " be said of a network is what all of them agree on, or why they do not. Narrow bins give every sample a"
            " cell of its own for longer; wide ones see only what is coarse; fixed bins over a range lump everything"
            " beyond it together; a kernel density depends on how its noise compares with the size of the activations,"
            " which a limit on weights changes.",
            "one": "",
        },
    ),
)
