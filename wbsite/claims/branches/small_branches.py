"""Whether the categories that were reported to fill a small branch of InceptionV1 do so by fixed rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED, Claim
from wbsite.claims.effect import UNITS, Effect
from wbsite.claims.verdicts import DESCRIBED, optional
from wbsite.results.branches._examples import concatenated
from wbsite.results.branches.enrichment import Enrichment, Published
from wbsite.results.site import Gap, Model, Site

REPORTED = ("inceptionv1", "inceptionv1_32")
"""Networks with the branches that were reported on."""

WITH_EXCEPTIONS, AS_UNTRAINED = " with exceptions", " as in untrained copies"
"""Endings of verdicts: units of the category are in other branches too; untrained copies cannot be told from it."""

TENDENCY, ALIKE = HOLDS + WITH_EXCEPTIONS, HOLDS + AS_UNTRAINED
TENDENCY_ALIKE = TENDENCY + AS_UNTRAINED


@dataclass(frozen=True)
class Counts:
    """Units of a category in a branch and in its layer.

    Attributes:
        in_branch, in_layer: how many there are.
        expected: in the branch by chance.
        odds_ratio, p, q: of the hypergeometric test; q over all tests of the network.
        untrained_p: of the network as one more untrained copy; None where no copies were measured.
    """

    in_branch: int
    in_layer: int
    expected: float
    odds_ratio: float
    p: float
    q: float
    untrained_p: float | None

    @property
    def elsewhere(self) -> int:
        """Units of the category in other branches."""
        return self.in_layer - self.in_branch


@dataclass(frozen=True)
class Reported:
    """What was reported of a branch, looked up in a network of this site.

    Attributes:
        title: of the network.
        counts: None where no unit of the layer is of the category.
    """

    title: str
    counts: Counts | None


def example(site: Site) -> Model | None:
    """The network that the article shows, where it has the branches that were reported on."""
    model = concatenated(site)
    return model if isinstance(model, Model) and model.architecture.name in REPORTED else None


def reported(layer: str, category: str) -> Callable[[Site], Reported | Gap | None]:
    """Evidence: units of a category in the 5×5 branch of a layer; None for other networks."""

    def evidence(site: Site) -> Reported | Gap | None:
        model = example(site)
        if model is None:
            return None
        enrichment = model.result_or_gap(Enrichment)
        if isinstance(enrichment, Gap):
            return enrichment
        rows = enrichment.rows[enrichment.rows["source"] == "stimuli"]
        for column, name in (("group", layer), ("branch", f"{layer}_5x5"), ("category", category)):
            rows = rows[rows[column] == name]
        return Reported(model.title, _counts(rows.iloc[0].to_dict()) if len(rows) else None)

    return evidence


def _counts(row: dict[str, float]) -> Counts:
    numbers = {name: row[name] for name in ("expected", "odds_ratio", "p", "q")}
    untrained_p = row["untrained_p"]
    return Counts(
        int(row["in_branch"]),
        int(row["in_layer"]),
        **numbers,
        untrained_p=None if untrained_p != untrained_p else untrained_p,
    )


def enriched(e: Reported) -> str:
    """Whether the branch has more units of the category than chance gives."""
    if e.counts is None:
        return UNDECIDED
    return HOLDS if e.counts.q <= 0.05 and e.counts.odds_ratio > 1 else FAILS


def enriched_beyond_architecture(e: Reported) -> str:
    """The same, with what qualifies it."""
    verdict = enriched(e)
    if verdict != HOLDS or e.counts is None:
        return verdict
    exceptions = WITH_EXCEPTIONS if e.counts.elsewhere else ""
    alike = AS_UNTRAINED if e.counts.untrained_p is not None and e.counts.untrained_p > 0.05 else ""
    return f"{verdict}{exceptions}{alike}"


def in_branch(e: Reported) -> Effect | None:
    """How many of the category's units are in the branch, against what chance puts there."""
    if e.counts is None:
        return None
    what = "units of the category in the branch"
    return Effect(what, e.counts.in_branch, null=e.counts.expected, count=e.counts.in_layer, of=UNITS)


def published(site: Site) -> list[Published] | Gap:
    """The counts of the original article, which every network's result repeats."""
    results = [result for model in site.working if (result := model.result(Enrichment))]
    return (
        results[0].published if results else Gap("no network of this site has branches that were tested", failed=False)
    )


def same_training(site: Site) -> Model | None:
    """The network that the article shows, where it was tested for what was reported."""
    model = example(site)
    return model if model and model.result(Enrichment) else None


COUNTED = "{{ e.counts.in_branch | tally(e.counts.in_layer) }}"
BLACK_AND_WHITE = (
    f"In {{{{ e.title }}}}, {COUNTED} units of `mixed3a` that tell black and white from colour are in its 5×5 branch"
)
CURVES = f"Of the units of `mixed3b` that prefer arcs, {COUNTED} are in its 5×5 branch"
MORE, NO_MORE = ", more than chance gives", ", which chance may give as well"
EXCEPTIONS = ": a tendency with exceptions"
UNTRAINED = " Untrained copies of the network cannot be told from it, though, so that the larger kernel may be all there is to it."
RULE = (
    "by the rule of the category, on responses to stimuli, holds where the branch has more of its units than assigning"
    " the layer's units to branches at random, with q ≤ 0.05 (hypergeometric, Benjamini–Hochberg over all tests of the"
    " network); cannot be decided where no unit of the layer is of the category"
)

CLAIMS = (
    Claim(
        name="published-counts",
        statement="In InceptionV1, categories of units are confined to a branch that is a small part of its layer.",
        source="voss2021branch",
        rule="description: the published counts, with P(X ≥ k) of the hypergeometric distribution",
        evidence=published,
        verdict=lambda e: DESCRIBED,
        wording={
            DESCRIBED: '<div class="wb-scroll" tabindex="0"><table class="wb-counts"><caption>Categories reported to be confined to one'
            " branch of InceptionV1, and how probable that is if units are assigned to branches at random</caption><thead><tr>"
            '<th scope="col">category</th><th scope="col">in the branch</th><th scope="col">units of the branch</th>'
            '<th scope="col">probability</th></tr></thead><tbody>{% for p in e %}<tr><th scope="row">{{ p.category }}'
            "<small>{{ p.branch }}</small></th><td>{{ p.in_branch }} of {{ p.in_layer }}</td>"
            "<td>{{ p.branch_units }} of {{ p.layer_units }}</td><td>{{ p.p | p_value }}</td></tr>{% endfor %}</tbody>"
            "</table></div>"
        },
        decides=False,
    ),
    optional(
        Claim(
            name="bw-vs-colour-in-5x5",
            statement="Units of mixed3a that tell black and white from colour are in its 5×5 branch.",
            source="voss2021branch",
            place="text on InceptionV1's 5×5 branches",
            rule=RULE,
            evidence=reported("mixed3a", "bw-vs-colour"),
            verdict=enriched,
            effect=in_branch,
            wording={
                HOLDS: f"{BLACK_AND_WHITE}{MORE}.",
                FAILS: f"{BLACK_AND_WHITE}{NO_MORE}.",
                UNDECIDED: "In {{ e.title }} no unit of `mixed3a` passes the rule for telling black and white from colour, so the"
                " first finding cannot be tested there.",
            },
        )
    ),
    optional(
        Claim(
            name="curves-in-5x5",
            statement="Units of mixed3b that have to do with curves are in its 5×5 branch.",
            source="voss2021branch",
            place="text on InceptionV1's 5×5 branches",
            rule=f"{RULE}. It holds with exceptions where units of the category are in other branches too, and as in untrained"
            " copies where the network's odds ratio, as one more copy, has p > 0.05",
            evidence=reported("mixed3b", "curve"),
            verdict=enriched_beyond_architecture,
            effect=in_branch,
            wording={
                HOLDS: f"{CURVES}{MORE}.",
                TENDENCY: f"{CURVES}{MORE}{EXCEPTIONS}.",
                ALIKE: f"{CURVES}{MORE}.{UNTRAINED}",
                TENDENCY_ALIKE: f"{CURVES}{MORE}{EXCEPTIONS}.{UNTRAINED}",
                FAILS: f"{CURVES}{NO_MORE}.",
                UNDECIDED: "No unit of its `mixed3b` passes the rule for curves, so the second cannot be tested either.",
            },
            meaning={
                TENDENCY: (HOLDS, "with exceptions"),
                ALIKE: (HOLDS, "but in untrained copies too"),
                TENDENCY_ALIKE: (HOLDS, "with exceptions, but in untrained copies too"),
            },
        )
    ),
    optional(
        Claim(
            name="reported-training",
            statement="The weights shown here are those that the original article looked at.",
            source="",
            rule="holds where the weights of the network are called 5h",
            evidence=same_training,
            verdict=lambda model: HOLDS if model.architecture.weights == "5h" else FAILS,
            wording={
                HOLDS: "",
                FAILS: "This is another training than the one the original looked at, and its categories are rules, not judgements.",
            },
            meaning={FAILS: (NOTHING, "another training")},
        )
    ),
)
