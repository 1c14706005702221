"""Tables of a study: its networks, and the notebook's claims by every estimator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, WORDS
from wbsite.claims.effect import Effect
from wbsite.core import registry
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import Setting, Trajectories
from wbsite.results.site import Gap, Site
from wbsite.stats.intervals import Interval, t_interval

from ._study import description, read, table
from .base import NOTEBOOK, QUANTITIES, Evidence

MARKS = {True: HOLDS, False: FAILS, None: UNDECIDED}
"""Whether a claim holds → the usual verdict."""


class Network(NamedTuple):
    """A configuration: its title, runs that lived and all of them, and accuracies at the end."""

    title: str
    lived: int
    runs: int
    train: Interval
    test: Interval


@dataclass(frozen=True)
class Networks:
    """The configurations of a study.

    Attributes:
        networks: in its order.
        common: what all of them share, in words; "" where they share nothing.
    """

    networks: list[Network]
    common: str


class Row(NamedTuple):
    """A claim of the notebook.

    Attributes:
        name, statement: of the claim.
        effect: the number that decides it, by the study's first estimator; None without one.
        verdicts: usual verdict by each estimator; of accuracies, which none measures, one and then None.
    """

    name: str
    statement: str
    effect: Effect | None
    verdicts: list[str | None]


@dataclass(frozen=True)
class NotebookTable:
    """The notebook's claims that a study can decide.

    Attributes:
        estimators: titles, the study's first at the front.
        rows: a claim each.
        words: of the verdicts.
    """

    estimators: list[str]
    rows: list[Row]
    words: Mapping[str, str] = field(default_factory=lambda: WORDS)


def networks(site: Site) -> Networks | Gap:
    """Of a site's study."""
    results = read(site, Trajectories)
    if isinstance(results, Gap):
        return results
    (trajectories,) = results
    living = trajectories.runs[trajectories.lived(trajectories.runs)]
    rows = []
    for each in trajectories.configurations:
        runs, count = living[living["configuration"] == each.name], trajectories.run_counts[each.name]
        train, test = (t_interval(runs[f"{part}_accuracy"]) for part in ("train", "test"))
        rows.append(Network(each.title, count.lived, count.runs, train, test))
    return Networks(rows, common_text(trajectories.common))


def common_text(common: Mapping[str, Setting]) -> str:
    """What all configurations share, as a sentence; "" where they share nothing."""
    # "as initialised" rather than none: the initialisation sets a bias where the study does not.
    renamed = {**common, **({"initial bias": "as initialised"} if common.get("initial bias", 0) is None else {})}
    texts = [f"{name} {_setting_text(setting).replace('_', ' ')}" for name, setting in renamed.items()]
    return f"In all of them: {'; '.join(texts)}." if texts else ""


def _setting_text(setting: Setting) -> str:
    if isinstance(setting, bool):
        return "yes" if setting else "no"
    if setting is None:
        return "none"
    if isinstance(setting, list):
        return "-".join(map(str, setting))
    return f"{setting:g}" if isinstance(setting, float) else str(setting)


def notebook(site: Site) -> NotebookTable | Gap:
    """Of a site's study."""
    results = read(site, InformationPlane)
    if isinstance(results, Gap):
        return results
    (plane,) = results
    rows: list[tuple[int, Row]] = []
    for claim in registry.entries("claims"):
        evidence = claim.evidence(site) if claim.source == NOTEBOOK else None
        if isinstance(evidence, Gap):
            return evidence
        if not isinstance(evidence, Evidence) or not evidence.decisions:
            continue
        decisions = [evidence.decisions.get(token) for token in plane.titles]
        decisions[0] = decisions[0] or evidence.decision
        verdicts = [None if decision is None else MARKS[decision.holds] for decision in decisions]
        row = Row(claim.name, claim.statement, claim.effect(evidence) if claim.effect else None, verdicts)
        rows.append((list(QUANTITIES).index(evidence.quantity), row))
    rows.sort(key=lambda pair: pair[0])
    return NotebookTable(list(plane.titles.values()), [row for _, row in rows])


ESTIMATORS = 'By {{ e.estimators | join("</th><th scope=\\"col\\">by ") }}'
CELLS = (
    "{% if n.effect %}{{ n.effect.value | fixed(3) }}{% if n.effect.low is not none %} ({{ n.effect.low | fixed(3) }} to"
    " {{ n.effect.high | fixed(3) }}){% endif %} {{ n.effect.unit }}<br><small>{{ n.effect.what }}; threshold"
    " {{ n.effect.null }}</small>{% else %}–{% endif %}",
    "{% for verdict in n.verdicts %}{{ '</td><td>' if not loop.first }}{% if verdict %}"
    '<span class="wb-verdict wb-verdict-{{ verdict }}">{{ e.words[verdict] }}</span>{% else %}–{% endif %}{% endfor %}',
)

CLAIMS = (
    description(
        "plane-networks-table",
        "The networks of a study and how good they become.",
        networks,
        lambda e: "listed",
        {
            "listed": table(
                "The networks at the end of training: means over the runs that lived, with 95 % Student t intervals."
                "{{ ' ' ~ e.common if e.common }}",
                ("Network", "Runs lived", "Training accuracy, %", "Test accuracy, %"),
                "e.networks",
                (
                    "{{ n.lived }} of {{ n.runs }}",
                    "{{ n.train | interval(1, 100) }}",
                    "{{ n.test | interval(1, 100) }}",
                ),
            )
        },
    ),
    description(
        "plane-notebook-table",
        "The notebook's claims, by every estimator.",
        notebook,
        lambda e: "listed" if e.rows else "none",
        {
            "listed": table(
                "What the notebook claims, and what came out. Claims about accuracy are decided once, since no estimator"
                " measures it.",
                ("Claim", "Effect with its 95 % interval", ESTIMATORS),
                "e.rows",
                CELLS,
                '<a href="{{ up }}claims/#{{ n.name }}">{{ n.statement | prose }}</a>',
            ),
            "none": "",
        },
    ),
)
