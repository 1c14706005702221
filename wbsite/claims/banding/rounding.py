"""What rounding the kernels that travel with wbsite does to their banding index."""

from __future__ import annotations

from wbsite.claims.verdicts import description
from wbsite.results.banding.lab_pictures import LabPictures, Quantisation
from wbsite.results.site import Site


def quantisation(site: Site) -> Quantisation | None:
    """What rounding does to H; None where the pictures were not computed."""
    pictures = site.suite("banding").result(LabPictures)
    return pictures.quantisation if pictures else None


CLAIMS = (
    description(
        "rounding-of-kernels",
        "How far H of rounded kernels is from H of the full weights.",
        quantisation,
        " ({{ e.levels }}; $|H|$ of the rounded kernels is {{ e.ratio | share }} of that of the full ones on average, and"
        " differs by {{ e.largest_difference | share }} at most)",
    ),
)
