"""What the census holds, in numbers: how many networks, from where, and how those end that end in bands."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.verdicts import description
from wbsite.core.naming import CENSUS
from wbsite.results.census.census import Census
from wbsite.results.site import Gap, Site


@dataclass(frozen=True)
class Size:
    """How much the census holds.

    Attributes:
        networks, packages, registries, tasks, layers: how many.
        trained: different trainings; files with the same weights count once.
        runnable: networks whose order of layers is known.
        undeclared: networks of which no package says what they were trained on.
        restricted: networks whose licence allows no pictures.
        blank, blank_networks: layers with a blank row or column in all their kernels, and networks that have some.
    """

    networks: int
    trained: int
    packages: int
    registries: int
    tasks: int
    layers: int
    runnable: int
    undeclared: int
    restricted: int
    blank: int
    blank_networks: int


@dataclass(frozen=True)
class Ends:
    """How trained networks end, by the pictures of their last kernels.

    Attributes:
        judged: networks whose last kernels are on one side of the original's threshold.
        across, along: with horizontal, with vertical bands.
        pooled: of those with horizontal bands, how many average both axes away.
        pooling, pooling_banded: networks that average both axes away, and how many of these have bands.
        keeping, keeping_banded: networks that average nothing away, and how many of these have bands.
        deep: networks that can be run and have five layers or more.
        late_grey: of these, how many have a mean H of late layers within 0.1 of zero.
    """

    judged: int
    across: int
    along: int
    pooled: int
    pooling: int
    pooling_banded: int
    keeping: int
    keeping_banded: int
    deep: int
    late_grey: int


NEAR = 0.1
"""|H| of late layers below which next to nothing is banded."""


def size(site: Site) -> Size | Gap:
    """From the tables of the census."""
    census = site.suite(CENSUS).result_or_gap(Census)
    if isinstance(census, Gap):
        return census
    networks, rows = census.networks, census.rows
    blank = rows[(rows["blank_rows"] > 0) | (rows["blank_columns"] > 0)]
    return Size(
        networks=len(networks),
        trained=networks["training"].nunique(),
        packages=networks["package"].nunique(),
        registries=networks["registry"].nunique(),
        tasks=networks["task"].nunique(),
        layers=len(rows),
        runnable=int((~networks["weights_alone"]).sum()),
        undeclared=int((networks["data"] == "not declared").sum()),
        restricted=len(networks) - len(census.pictures),
        blank=len(blank),
        blank_networks=blank["network"].nunique(),
    )


def ends(site: Site) -> Ends | Gap:
    """From the table of networks, each training once."""
    census = site.suite(CENSUS).result_or_gap(Census)
    if isinstance(census, Gap):
        return census
    networks = census.networks.sort_values("weights_alone", kind="stable").drop_duplicates("training")
    judged = networks[networks["banded"].isin(["horizontal", "vertical", "none"])]
    bands = judged["banded"] != "none"
    deep = networks[~networks["weights_alone"] & networks["late_index"].notna() & (networks["layers"] >= 5)]
    pooling, keeping = judged["pooled"] == "both", judged["pooled"] == "none"
    return Ends(
        judged=len(judged),
        across=int((judged["banded"] == "horizontal").sum()),
        along=int((judged["banded"] == "vertical").sum()),
        pooled=int((pooling & (judged["banded"] == "horizontal")).sum()),
        pooling=int(pooling.sum()),
        pooling_banded=int((pooling & bands).sum()),
        keeping=int(keeping.sum()),
        keeping_banded=int((keeping & bands).sum()),
        deep=len(deep),
        late_grey=int((deep["late_index"].abs() < NEAR).sum()),
    )


CLAIMS = (
    description(
        "census-size",
        "How many networks, packages and layers the census has.",
        size,
        "{{ e.networks }} files of networks from {{ e.packages }} packages of {{ e.registries }} registries, for"
        " {{ e.tasks }} kinds of task; {{ e.layers | number }} layers in all. Some files hold the same weights in another"
        " format: {{ e.trained }} different trainings remain.",
    ),
    description(
        "census-gaps",
        "What the packages do not say.",
        size,
        "Of {{ e.undeclared }} networks no package says what they were trained on. {{ e.networks - e.runnable }} files hold"
        " weights without a network that wbsite can run; their kernels are measured, but the order of their layers is not"
        " known, so that they take no part in what is said of late layers.{% if e.restricted %} Of {{ e.restricted }} no"
        " picture is shown, since their licence does not allow it or there is nothing to show.{% endif %}",
    ),
    description(
        "census-blank",
        "Kernels with rows or columns that hold nothing.",
        size,
        "In {{ e.blank }} layers of {{ e.blank_networks }} networks a whole row or column of every kernel is blank, a millionth"
        " of the largest weight or less.",
    ),
    description(
        "census-ends",
        "How trained networks of the census end.",
        ends,
        "Of the {{ e.judged }} trainings that can be judged, {{ e.across + e.along }} end in bands. Of those that average all"
        " positions away it is {{ e.pooling_banded }} of {{ e.pooling }}, of those that average nothing away"
        " {{ e.keeping_banded }} of {{ e.keeping }}.",
    ),
    description(
        "census-late",
        "How banded late layers are.",
        ends,
        "In {{ e.late_grey }} of {{ e.deep }} networks with five layers or more the mean $H$ of the late ones is within 0.1 of"
        " zero.",
    ),
)
