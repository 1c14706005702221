"""Whether the towers of a first layer divide colour from black and white, and whether later layers are divided too."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import UNITS, Effect, counted
from wbsite.claims.verdicts import SOME, optional
from wbsite.core.markup import html
from wbsite.results.branches import _examples
from wbsite.results.branches.enrichment import Enrichment
from wbsite.results.branches.tuning import Tuning
from wbsite.results.site import Gap, Site

CLEAR = "clear"
"""The towers hardly overlap."""


@dataclass(frozen=True)
class Towers:
    """Chroma of the filters in one tower of a first layer and in the other.

    Attributes:
        title: of the network.
        branch: the tower.
        median_in, median_out: median chroma in it and in the other.
        auc, low, high: area under the ROC curve with its 95 % interval over filters.
        p, q: of the two-sided Mann–Whitney test; q over all tests of the network.
        units: filters in both.
    """

    title: str
    branch: str
    median_in: float
    median_out: float
    auc: float
    low: float
    high: float
    p: float
    q: float
    units: int

    @property
    def colourful(self) -> str:
        """The tower with the more colourful filters."""
        return self.branch if self.auc >= 0.5 else "the other"

    @property
    def folded(self) -> float:
        """The area under the curve of the more colourful tower."""
        return max(self.auc, 1 - self.auc)


def towers(site: Site) -> Towers | Gap | None:
    """Of the network that the article shows; None where none has towers whose filters were compared."""
    model = _examples.towers(site)
    if isinstance(model, Gap):
        return None
    enrichment = model.result_or_gap(Enrichment)
    if isinstance(enrichment, Gap):
        return enrichment
    effects = enrichment.effects
    of_group = effects["group"] == _examples.first_group(model)
    rows = effects[of_group & (effects["source"] == "weights") & (effects["index"] == "chroma")]
    if rows.empty:
        return None
    row = rows.iloc[0]
    numbers = ("median_in", "median_out", "auc", "low", "high", "p", "q")
    units = int(row["units_in"] + row["units_out"])
    return Towers(model.title, str(row["branch"]), **{name: float(row[name]) for name in numbers}, units=units)


def divided(e: Towers) -> str:
    """Whether the towers differ, and how far they overlap."""
    if not e.q < 0.05:
        return FAILS
    return CLEAR if e.folded > 0.9 else HOLDS


def area(e: Towers) -> Effect:
    """The area under the ROC curve, against no difference."""
    return Effect(f"area under the ROC curve of {e.branch}", e.auc, e.low, e.high, null=0.5, count=e.units, of=UNITS)


@dataclass(frozen=True)
class Difference:
    """An index in which branches of a layer differ."""

    title: str
    auc: float


@dataclass(frozen=True)
class Layer:
    """A later layer in two branches: how many indices were compared, and in which they differ, surest first."""

    name: str
    indices: int
    differing: list[Difference]


@dataclass(frozen=True)
class Later:
    """The later layers of a network with towers."""

    layers: list[Layer]

    @property
    def quiet(self) -> list[str]:
        """Names of those whose branches differ in nothing."""
        return [layer.name for layer in self.layers if not layer.differing]

    @property
    def quoted(self) -> list[str]:
        """The same as code."""
        return [html("`{}`", name) for name in self.quiet]

    @property
    def surest(self) -> Difference:
        """The surest difference of the first layer that has one."""
        return next(layer.differing[0] for layer in self.layers if layer.differing)

    @property
    def differing(self) -> int:
        """Comparisons that stand out, in all layers."""
        return sum(len(layer.differing) for layer in self.layers)

    @property
    def comparisons(self) -> int:
        """Comparisons in all layers."""
        return sum(layer.indices for layer in self.layers)


def later_layers(site: Site) -> Later | Gap | None:
    """Of the network that the article shows; None where none has towers with later layers that were measured."""
    model = _examples.towers(site)
    if isinstance(model, Gap):
        return None
    enrichment, tuning = model.result_or_gap(Enrichment), model.result(Tuning)
    if isinstance(enrichment, Gap):
        return enrichment
    effects = enrichment.effects
    later = (effects["group"] != _examples.first_group(model)) & (effects["source"] == "stimuli")
    rows = effects[later & effects["branch"].isin(["tower 1", "group 1"])]
    titles = {name: index.title for name, index in tuning.indices.items()} if tuning else {}
    layers = [
        Layer(
            name=str(name),
            indices=len(of_layer),
            differing=[
                Difference(titles.get(row["index"], row["index"]), row["auc"])
                for row in of_layer[of_layer["q"] <= 0.05].sort_values("q", kind="stable").to_dict("records")
            ],
        )
        for name, of_layer in rows.groupby("group", sort=False)
    ]
    return Later(layers) if layers else None


def divided_later(e: Later) -> str:
    """In which of the layers branches differ."""
    if not e.differing:
        return FAILS
    return SOME if e.quiet else HOLDS


BRIEF = "In {{ e.title }}, the towers of the first layer"
DIFFERS = f"{BRIEF} differ in colour."
DRAW = (
    "Draw a filter from each tower of {{ e.title }}: the one from {{ e.colourful }} is the more colourful with a probability of"
    " {{ e.folded | fixed }}"
)
INHERITED = (
    " Even where they differ the branches overlap, and a layer that reads the first one tower by tower inherits its division,"
    " which says little about a specialization of its own."
)
LOUD = (
    "The branches of {% for layer in e.layers if layer.differing %}`{{ layer.name }}`{{ ', ' if not loop.last }}{% endfor %}"
    " differ in {{ e.differing }} of {{ e.comparisons }} comparisons, {{ e.surest.title }} among them."
)
QUIET = "Nothing measured here tells the branches of {{ e.quoted | listing }} apart."

CLAIMS = (
    optional(
        Claim(
            name="towers-divide-colour",
            statement="The filters of one tower of AlexNet's first layer are colourful, those of the other black and white.",
            source="krizhevsky2012imagenet",
            rule="holds where the chroma of the towers' filters differs with q < 0.05 (two-sided Mann–Whitney test,"
            " Benjamini–Hochberg over all tests of the network), clearly where the area under the ROC curve is above 0.9"
            " or below 0.1 too",
            evidence=towers,
            verdict=divided,
            effect=area,
            wording={
                CLEAR: f"{DRAW}. The division is about as clear as one can be.",
                HOLDS: f"{DRAW}. The towers differ, though they overlap.",
                FAILS: "**The towers of {{ e.title }} do not differ in colour** by more than chance. It is a single training, and what"
                " the original showed did not come out in it.",
            },
            meaning={CLEAR: (HOLDS, "clearly")},
            brief={CLEAR: DIFFERS, HOLDS: DIFFERS, FAILS: f"{BRIEF} do not differ in colour by more than chance."},
        )
    ),
    optional(
        Claim(
            name="later-towers-divide-work",
            statement="The towers of later layers divide the work as well, if more subtly.",
            source="voss2021branch",
            place="text on AlexNet's later layers",
            rule="a layer is divided where its first tower or group differs from the rest in an index of tuning to stimuli"
            " with q ≤ 0.05 (two-sided Mann–Whitney test, Benjamini–Hochberg over all tests of the network); holds where"
            " every later layer is",
            evidence=later_layers,
            verdict=divided_later,
            effect=lambda e: counted(
                "share of comparisons that stand out", e.differing, e.comparisons, "comparisons", 0
            ),
            wording={HOLDS: LOUD + INHERITED, SOME: f"{LOUD} {QUIET}{INHERITED}", FAILS: QUIET},
            meaning={SOME: (UNDECIDED, "holds for some of the layers")},
        )
    ),
)
