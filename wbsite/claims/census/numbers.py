"""What the census holds, in numbers: how many networks, from where, and how those end that end in bands."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, NOTHING
from wbsite.claims.verdicts import description
from wbsite.core.naming import CENSUS
from wbsite.results.census.census import Census
from wbsite.results.site import Gap, Site

from .controls import CLAIMS as CONTROLS
from .hypotheses import CLAIMS as HYPOTHESES

TASK = next(claim for claim in CONTROLS if claim.name == "controls-follow-the-task")


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
        blank_thin: of these layers, those whose map has a single row or column.
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
    blank_thin: int


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
        readers, readers_late: trainings that read lines of text, and the mean of their late H; None without any.
        finders, finders_late: likewise those that find text in pictures.
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
    readers: int
    readers_late: float | None
    finders: int
    finders_late: float | None


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
        blank_thin=int(((blank["map_height"] == 1) | (blank["map_width"] == 1)).sum()),
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
    text = deep[deep["task"] == "text"]
    readers, finders = (text.loc[text["about"].str.startswith(word), "late_index"] for word in ("reads", "finds"))
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
        readers=len(readers),
        readers_late=None if readers.empty else float(readers.mean()),
        finders=len(finders),
        finders_late=None if finders.empty else float(finders.mean()),
    )


@dataclass(frozen=True)
class Outcomes:
    """How many of the five hypotheses hold, fail, and cannot be told."""

    held: int
    failed: int
    open: int


def outcomes(site: Site) -> Outcomes | Gap:
    """From the verdicts."""
    decided = [claim.decide(site) for claim in HYPOTHESES]
    verdicts = [verdict if isinstance(verdict, Gap) else verdict[0] for verdict in decided]
    missing = next((verdict for verdict in verdicts if isinstance(verdict, Gap)), None)
    if missing is not None:
        return missing
    held, failed = verdicts.count(HOLDS), verdicts.count(FAILS)
    return Outcomes(held, failed, len(verdicts) - held - failed)


def readers(site: Site) -> str | Gap | None:
    """The verdict on what bands of small networks that read follow; None where it was not tested."""
    decided = TASK.decide(site)
    return decided if isinstance(decided, Gap) else None if decided[0] == NOTHING else decided[0]


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
        " of the largest weight or less. In {{ e.blank_thin }} of these layers the map itself has only one row or column.",
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
        "census-strong-bands",
        "Whether networks with clear horizontal bands average positions away.",
        ends,
        "{% if not e.across %}None ends in clear horizontal bands."
        "{% elif e.pooled == e.across %}Every network here with clear horizontal bands averages both axes away."
        "{% else %}Of {{ e.across }} networks with clear horizontal bands, {{ e.pooled }} average both axes away.{% endif %}",
    ),
    description(
        "census-text",
        "How banded the late layers of readers and of finders of text are.",
        ends,
        "{% if e.readers and e.finders %}Networks that read a line of text ({{ e.readers }} trainings) have a mean late $H$ of"
        " {{ e.readers_late | share }}, those that find text in a picture ({{ e.finders }}) one of {{ e.finders_late | share }}"
        ".{% endif %}",
    ),
    description(
        "census-conclusion",
        "What became of the five explanations of banding.",
        outcomes,
        "{% if e.held %}{{ e.held }} of five explanations of banding holds out there.{% else %}None of five explanations of"
        " banding holds over the networks that people ship.{% endif %}{% if e.failed %} {{ e.failed }}"
        " {{ 'fails' if e.failed == 1 else 'fail' }} by the rule that was set beforehand{% if e.open %}, and {{ e.open }} cannot"
        " be decided or tested{% endif %}.{% endif %}",
    ),
    description(
        "census-and-controls",
        "What small networks trained for it add to the census.",
        readers,
        "{% if e == 'holds' %}Small networks that were trained for it say more: those that read bear bands across the axis along"
        " which they read. That contradicts the explanation as it stands, though the axis that is kept and the one that is"
        " averaged away were never varied apart in them.{% elif e == 'other"
        " way' %}Small networks that were trained for it say more: those that read bear bands across the axis that they average"
        " away, as the explanation has it.{% endif %}",
    ),
    description(
        "census-late",
        "How banded late layers are.",
        ends,
        "In {{ e.late_grey }} of {{ e.deep }} networks with five layers or more the mean $H$ of the late ones is within 0.1 of"
        " zero.",
    ),
)
