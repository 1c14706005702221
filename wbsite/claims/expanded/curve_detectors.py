"""Curve detectors of a network that has them, with the weights between two families of them."""

from __future__ import annotations

from wbsite.claims.verdicts import description
from wbsite.results.expanded._curve_units import CurveUnits, curve_units
from wbsite.results.site import Gap, Site

from ._network import network


def evidence(site: Site) -> CurveUnits | None:
    """Of the example network; None where there are too few."""
    model = network(site)
    units = curve_units(model) if model else None
    return None if isinstance(units, Gap) else units


CLAIMS = (
    description(
        "curve-detectors",
        "A network has families of curve detectors of which one reads the other.",
        evidence,
        "{{ e.network }} has curve detectors at both ends as well, which are found by showing it arcs and lines instead of"
        ' reading weights. {{ ref("curve-grid") }} has the kernels between them.\n\n{{ figure("curve-grid") }}\n',
    ),
)
