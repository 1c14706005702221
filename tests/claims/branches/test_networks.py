"""Claims about networks: for every outcome of made-up results, the verdict and the words of the article."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED
from wbsite.claims.branches import categories, connections, small_branches, towers
from wbsite.claims.verdicts import DESCRIBED, SOME
from wbsite.core import registry
from wbsite.results.base import Result
from wbsite.results.branches.branches import Branches, Graph, Group
from wbsite.results.branches.connectivity import Communities, Connectivity, Explained
from wbsite.results.branches.enrichment import Counts, Enrichment, FalseAlarms, Published, Untrained
from wbsite.results.branches.tuning import Index, Tuning
from wbsite.results.network.architecture import Architecture, Head
from wbsite.results.site import Site

Say = Callable[..., tuple[str, str]]
Rows = Sequence[Mapping[str, Any]]
NONE = float("nan")
CERTAIN, NEGATIVE, OPEN = (0.6, 0.2, 0.8), (-0.5, -0.7, -0.1), (0.1, -0.2, 0.3)
"""ρ with its interval: above zero, below, around it."""

NAMES = [
    *("networks-have-branches", "first-layer-in-towers", "towers-divide-colour", "later-towers-divide-work"),
    *("bw-vs-colour-in-5x5", "curves-in-5x5", "reported-training", "branches-hold-categories"),
    *(
        "connections-beyond-chance",
        "first-factor-is-colour",
        "second-factor-is-frequency",
        "communities-of-connections",
    ),
]


def architecture(name: str, weights: str = "made") -> Architecture:
    return Architecture(
        name=name, weights=weights, title=name, reference="", note="", source=None, digest="", missing=[],
        provenance={}, input_shape=(3, 16, 16), parameters=1, parameters_held=1, layers=[], skipped=[], notes=[],
        head=Head(kind="pooled", layer="", positions=1),
    )  # fmt: skip


class Made:
    """Makes results of a network."""

    def __init__(self, frame: Callable[..., Any], made_site: Callable[..., Site]) -> None:
        self.frame, self.made_site = frame, made_site

    def site(self, *networks: str | Result, weights: str = "made") -> Site:
        """Networks by name, each followed by its results."""
        models: dict[str, dict[str, dict[str, Result]]] = {}
        for item in networks:
            if isinstance(item, str):
                models[item] = results = {"architecture": {"": architecture(item, weights)}}
            else:
                results[item.analysis] = {"": item}
        return self.made_site(models=models)

    def branches(self, **kinds: Any) -> Branches:
        """Groups by name → how their branches meet."""
        graph = Graph(nodes=[], edges=[])
        return Branches(
            groups=[Group(group=name, kind=kind, branches=2, units=8, graph=graph) for name, kind in kinds.items()],
            none="" if kinds else "No two paths run side by side.",
            passed_over=[],
            rows=self.frame(Branches, "rows"),
            members=self.frame(Branches, "members"),
        )

    def enrichment(self, rows: Rows = (), effects: Rows = ()) -> Enrichment:
        nothing = FalseAlarms(tests=0, share=None)
        counts = {"in_branch": 30, "in_layer": 30, "branch_units": 96, "layer_units": 480}
        return Enrichment(
            permutations=2000,
            seed=0,
            sources={},
            tests=Counts(rows=len(rows), effects=len(effects), blocks=0),
            published=[Published(category="curve-related", branch="mixed3b_5x5", **counts, p=1.7e-23)],
            untrained=Untrained(copies=0, groups=[], reason="", rows=nothing, effects=nothing, blocks=nothing),
            stages=[],
            rows=self.frame(Enrichment, "rows", rows),
            effects=self.frame(Enrichment, "effects", effects),
            blocks=self.frame(Enrichment, "blocks"),
        )

    def tuning(self, **titles: str) -> Tuning:
        about = {"low": 0, "high": 1, "formula": "", "source": ""}
        return Tuning(
            indices={name: Index(title=title, **about) for name, title in titles.items()},
            categories={},
            layers=[],
            omitted=[],
            dead_below=0.01,
            rows=self.frame(Tuning, "rows").astype({"dead": bool}),
            members=self.frame(Tuning, "members"),
            stimuli={},
        )

    def connectivity(self, p: float = 0.01, communities: Communities | None = None, **rho: Any) -> Connectivity:
        """ρ with its interval as chroma_1, frequency_1, chroma_2, frequency_2."""
        rows = [
            {
                "factor": factor,
                "property": name,
                **dict(zip(("rho", "low", "high"), rho.get(f"{name}_{factor}", OPEN), strict=True)),
            }
            for factor in (1, 2)
            for name in ("chroma", "frequency", "frequency_without_chroma")
        ]
        return Connectivity(
            reason="",
            communities=communities,
            rows=self.frame(Connectivity, "rows", rows),
            factors=self.frame(Connectivity, "factors", [{"factor": 1, "p": p}, {"factor": 2, "p": 0.5}]),
            inputs=self.frame(Connectivity, "inputs").astype({"dead": bool}),
            outputs=self.frame(Connectivity, "outputs"),
        )


@pytest.fixture
def made(frame: Callable[..., Any], made_site: Callable[..., Site]) -> Made:
    return Made(frame, made_site)


def test_of_a_network_without_branches_an_article_says_that_alone(made: Made, say: Say) -> None:
    site = made.site("plain", made.branches())
    assert {name: say(site, name)[0] for name in NAMES[2:]} == dict.fromkeys(NAMES[2:], NOTHING)
    assert all(say(site, name)[1] == "" for name in NAMES[2:])
    assert say(site, "networks-have-branches") == (FAILS, "")
    assert say(site, "first-layer-in-towers") == (FAILS, "")
    verdict, words = say(site, "published-counts")
    assert verdict == "gap"
    assert "no network of this site has branches that were tested" in words
    assert say(site, "permutations-keep-sizes")[1].startswith("permutation tests assign units to branches at random,")


def test_a_network_with_towers_is_shown(made: Made, say: Say) -> None:
    site = made.site("other", made.branches(conv2="towers"), "alexnet", made.branches(conv1="towers"))
    verdict, words = say(site, "first-layer-in-towers")
    assert verdict == HOLDS
    assert "first layer of alexnet, tower by tower" in words, "the network of the article before others"
    verdict, words = say(site, "networks-have-branches")
    assert verdict == HOLDS
    assert "drawn from such a recording" in words


@pytest.mark.parametrize(
    ("auc", "q", "verdict", "said", "brief"),
    [
        (0.95, 0.001, towers.CLEAR, "one from tower 1 is the more colourful with a probability of 0.95", "differ in"),
        (0.05, 0.001, towers.CLEAR, "one from the other is the more colourful with a probability of 0.95", "differ in"),
        (0.8, 0.04, HOLDS, "The towers differ, though they overlap", "the towers of the first layer differ in colour."),
        (0.8, 0.05, FAILS, "**The towers of alexnet do not differ in colour**", "do not differ in colour by more than"),
        (0.5, NONE, FAILS, "do not differ", "do not differ in colour"),
    ],
)
def test_towers_divide_colour(made: Made, say: Say, auc: float, q: float, verdict: str, said: str, brief: str) -> None:
    row = {"group": "conv1", "source": "weights", "index": "chroma", "branch": "tower 1", "median_in": 0.449}
    effects = [{**row, "group": "conv3"}, {**row, "auc": auc, "low": 0.3, "high": 0.6, "p": 0.46, "q": q}]
    site = made.site("alexnet", made.branches(conv1="towers"), made.enrichment(effects=effects))
    decided, words = say(site, "towers-divide-colour")
    assert decided == verdict
    assert said in words
    decided, words = say(site, "towers-divide-colour", brief=True)
    assert words.startswith("In alexnet, the towers of the first layer ")
    assert brief in words


def test_towers_that_were_not_tested_are_a_card(made: Made, say: Say) -> None:
    site = made.site("alexnet", made.branches(conv1="towers"))
    for name in ("towers-divide-colour", "later-towers-divide-work"):
        verdict, words = say(site, name)
        assert verdict == "gap"
        assert "wb-gap" in words
    assert say(made.site("alexnet", made.branches(conv1="towers"), made.enrichment()), "towers-divide-colour")[1] == ""


@pytest.mark.parametrize(
    ("differing", "verdict", "said", "unsaid"),
    [
        (
            ("conv2", "conv3"),
            HOLDS,
            "The branches of `conv2`, `conv3` differ in 2 of 4 comparisons",
            "Nothing measured",
        ),
        (
            ("conv3",),
            SOME,
            "`conv3` differ in 1 of 4 comparisons, curves among them. Nothing measured here tells the"
            " branches of `conv2` apart. Even",
            "`conv2`, `conv3`",
        ),
        ((), FAILS, "the branches of `conv2` and `conv3` apart.", "comparisons, "),
    ],
)
def test_later_layers_are_divided(
    made: Made, say: Say, differing: tuple[str, ...], verdict: str, said: str, unsaid: str
) -> None:
    effects = [{"group": "conv1", "source": "stimuli", "branch": "tower 1", "q": 0.001}]
    for layer in ("conv2", "conv3"):
        row = {"group": layer, "source": "stimuli", "branch": "group 1", "auc": 0.75}
        effects += [{**row, "index": "curve", "q": 0.01 if layer in differing else 0.5}]
        effects += [{**row, "index": "colour", "q": 0.9}, {**row, "branch": "group 2", "index": "curve", "q": 0.01}]
    results = made.enrichment(effects=effects), made.tuning(curve="curves")
    site = made.site("alexnet", made.branches(conv1="towers", conv2="groups"), *results)
    decided, words = say(site, "later-towers-divide-work")
    assert decided == verdict
    assert said in words
    assert unsaid not in words


CURVE = {"group": "mixed3b", "branch": "mixed3b_5x5", "category": "curve", "source": "stimuli", "expected": 2.04}


@pytest.mark.parametrize(
    ("row", "verdict", "said"),
    [
        ({}, HOLDS, "arcs, all 30 are in its 5×5 branch, more than chance gives."),
        (
            {"in_layer": 34},
            small_branches.TENDENCY,
            "arcs, 30 of 34 are in its 5×5 branch, more than chance gives: a tendency",
        ),
        ({"untrained_p": 0.2}, small_branches.ALIKE, "more than chance gives. Untrained copies of the network cannot"),
        (
            {"untrained_p": 0.2, "in_layer": 34},
            small_branches.TENDENCY_ALIKE,
            "with exceptions. Untrained copies of the",
        ),
        ({"untrained_p": 0.05}, HOLDS, "branch, more than chance gives."),
        ({"q": 0.06}, FAILS, "branch, which chance may give as well."),
        ({"odds_ratio": 0.5}, FAILS, "branch, which chance may give as well."),
        ({"category": "corner"}, UNDECIDED, "so the second cannot be tested either."),
    ],
)
def test_curves_are_in_the_5x5_branch(made: Made, say: Say, row: dict[str, Any], verdict: str, said: str) -> None:
    numbers = {"in_branch": 30, "in_layer": 30, "p": 1.7e-23, "q": 0.01, "odds_ratio": 3, "untrained_p": NONE}
    results = made.branches(mixed3a="concat"), made.enrichment([{**CURVE, **numbers, **row}])
    decided, words = say(made.site("inceptionv1_32", *results), "curves-in-5x5")
    assert decided == verdict
    assert said in words
    assert say(made.site("squeezenet", *results), "curves-in-5x5") == (NOTHING, ""), "no such branch"


@pytest.mark.parametrize(
    ("row", "verdict", "said"),
    [
        ({}, HOLDS, "are in its 5×5 branch, more than chance gives."),
        ({"q": 0.06}, FAILS, "are in its 5×5 branch, which chance may give as well."),
        ({"source": "yours"}, UNDECIDED, "no unit of `mixed3a` passes the rule"),
    ],
)
def test_black_and_white_against_colour_is_in_the_5x5_branch(
    made: Made, say: Say, row: dict[str, Any], verdict: str, said: str
) -> None:
    place = {"group": "mixed3a", "branch": "mixed3a_5x5", "category": "bw-vs-colour", "source": "stimuli"}
    numbers = {"p": 0.005, "q": 0.01, "odds_ratio": 3, "untrained_p": NONE}
    results = made.branches(mixed3a="concat"), made.enrichment([{**place, **numbers, **row}])
    decided, words = say(made.site("inceptionv1", *results), "bw-vs-colour-in-5x5")
    assert decided == verdict
    assert words.startswith("In inceptionv1")
    assert said in words


def test_what_was_reported_of_is_the_same_training_or_another(made: Made, say: Say) -> None:
    results = made.branches(mixed3a="concat"), made.enrichment()
    assert say(made.site("inceptionv1", *results, weights="5h"), "reported-training") == (HOLDS, "")
    verdict, words = say(made.site("inceptionv1", *results), "reported-training")
    assert verdict == FAILS
    assert "another training" in words
    verdict, words = say(made.site("inceptionv1", *results), "published-counts")
    assert verdict == DESCRIBED
    assert "<td>30 of 30</td><td>96 of 480</td><td>1.7&nbsp;·&nbsp;10<sup>−23</sup></td>" in words
    assert "<small>mixed3b_5x5</small>" in words and words.count("<caption>") == 1
    assert "2\u202f000 times" in say(made.site("inceptionv1", *results), "permutations-keep-sizes")[1]


@pytest.mark.parametrize(("enriched", "verdict"), [((2, 1), HOLDS), ((0, 1), SOME), ((0, 0), FAILS)])
def test_branches_hold_categories(made: Made, say: Say, enriched: tuple[int, int], verdict: str) -> None:
    row = {"odds_ratio": 2, "untrained_p": 0.01, "same_kernel_p": NONE}
    items: list[Any] = []
    for name, count in zip(("a", "b"), enriched, strict=True):
        rows = [{**row, "q": 0.01 if i < count else 0.5} for i in range(3)] + [{**row, "q": 0.01, "odds_ratio": 0.5}]
        items += [name, made.branches(x="concat"), made.enrichment(rows)]
    decided, words = say(made.site(*items), "branches-hold-categories")
    assert decided == verdict
    total = sum(enriched)
    hold = "holds" if total == 1 else "hold"
    assert words.startswith(
        f"Over 2 networks, {total or 'none'} of 8 pairs of a branch and a category {hold} more units"
    )
    assert (f", and {total} of them more than" in words) == (total > 0)
    assert words.startswith(say(made.site(*items), "branches-hold-categories", brief=True)[1].rpartition(" of them")[0])
    assert categories.divided([categories.Network("a", 4, 1, 0, 0)]) == HOLDS


def test_a_division_found_in_few_pairs_is_said_to_be_weak(made: Made, say: Say) -> None:
    """The rule holds with one pair in a network; who reads the sentence has to see how few there are."""
    row = {"odds_ratio": 2, "same_kernel_p": NONE}
    rows = [{**row, "q": 0.01, "untrained_p": p} for p in (0.01, 0.2, 0.3, NONE)] + [{**row, "q": 0.5}] * 60
    verdict, words = say(made.site("a", made.branches(x="concat"), made.enrichment(rows)), "branches-hold-categories")
    assert verdict == HOLDS
    assert words.startswith(
        "In a, only 4 of 64 pairs of a branch and a category hold more units than chance gives. Of the 3"
    )
    assert ", 1 holds more than these." in words, "one that was not compared is not within chance"
    assert "content with one such pair" in words and "cannot be told from what is there before training" in words
    rows = [{**row, "q": 0.01, "untrained_p": NONE}] * 3
    words = say(made.site("a", made.branches(x="concat"), made.enrichment(rows)), "branches-hold-categories")[1]
    assert "3 of 3 pairs of a branch and a category hold more units than chance gives." in words, (
        "no copies, none beaten"
    )
    assert "content with" not in words


@pytest.mark.parametrize(
    ("structured", "verdict"), [((0.01, 0.04), HOLDS), ((0.01, 0.51), SOME), ((0.05, 0.51), FAILS)]
)
def test_connections_are_beyond_chance(made: Made, say: Say, structured: tuple[float, float], verdict: str) -> None:
    items: list[Any] = []
    for name, p in zip(("a", "b"), structured, strict=True):
        items += [name, made.connectivity(p, chroma_1=(0.573, 0.157, 0.817))]
    decided, words = say(made.site(*items), "connections-beyond-chance")
    assert decided == verdict
    more = " and ".join(name for name, p in zip(("a", "b"), structured, strict=True) if p < 0.05)
    less = " and ".join(name for name, p in zip(("a", "b"), structured, strict=True) if p >= 0.05)
    assert (f"In {more}, who reads whom has more structure than connections assigned at random." in words) == bool(more)
    assert (f"In {less} it has no more, so that" in words) == bool(less)


@pytest.mark.parametrize(
    ("chroma", "verdict", "said", "brief"),
    [
        ((CERTAIN, CERTAIN), HOLDS, "The first factor goes with colour in a and b.", "follows colour in a and b."),
        ((CERTAIN, OPEN), SOME, "goes with colour in a, not in every network with such", "follows colour in a."),
        ((OPEN, OPEN), FAILS, "Neither came out here.", "in none of these networks"),
    ],
)
def test_the_first_factor_is_colour(
    made: Made, say: Say, chroma: tuple[Any, Any], verdict: str, said: str, brief: str
) -> None:
    items: list[Any] = ["chance", made.connectivity(0.5, chroma_1=CERTAIN)]
    for name, rho in zip(("a", "b"), chroma, strict=True):
        items += [name, made.connectivity(chroma_1=rho)]
    decided, words = say(made.site(*items), "first-factor-is-colour")
    assert decided == verdict
    assert words.startswith("The original article found colour in the first factor")
    assert said in words
    assert brief in say(made.site(*items), "first-factor-is-colour", brief=True)[1]
    assert "with colour in a." in say(made.site("a", items[3]), "first-factor-is-colour")[1] or chroma[0] == OPEN


BOTH = {"chroma_1": CERTAIN, "frequency_1": NEGATIVE}
SPLIT = {"chroma_1": CERTAIN, "frequency_2": NEGATIVE}
MIXED = {**SPLIT, "chroma_2": CERTAIN}
ALONE = {**MIXED, "frequency_without_chroma_2": NEGATIVE}


@pytest.mark.parametrize(
    ("networks", "verdict", "said", "brief"),
    [
        (
            (SPLIT, SPLIT),
            HOLDS,
            "In a and b the second factor does go with frequency. Intervals",
            "frequency in a and b.",
        ),
        (
            (SPLIT, MIXED),
            HOLDS,
            "In a the second factor does go with frequency. In b the second factor goes with",
            "in a and b, and cannot be told from colour there.",
        ),
        (
            (MIXED, MIXED),
            connections.WITH_COLOUR,
            "but with colour no less (0.60). With colour taken out, 0.10 is left, which cannot be told from",
            "cannot be told from colour there.",
        ),
        (
            (ALONE, SPLIT),
            HOLDS,
            "In a and b the second factor does go with frequency. Intervals",
            "frequency in a and b.",
        ),
        ((SPLIT, BOTH), SOME, "In b the second half does not hold as stated: colour and", "did not come out in b."),
        ((BOTH, BOTH), FAILS, "In a and b the second half does not hold as stated", "did not come out in a and b."),
        (({}, {}), connections.NEITHER, "Intervals are over filters", ""),
    ],
)
def test_the_second_factor_is_frequency(
    made: Made, say: Say, networks: tuple[dict[str, Any], ...], verdict: str, said: str, brief: str
) -> None:
    items: list[Any] = ["chance", made.connectivity(0.5, **SPLIT)]
    for name, rho in zip(("a", "b"), networks, strict=True):
        items += [name, made.connectivity(**rho)]
    decided, words = say(made.site(*items), "second-factor-is-frequency")
    assert decided == verdict
    assert said in words
    assert ("does go with frequency" in words) == (SPLIT in networks)
    if verdict == connections.WITH_COLOUR:
        assert registry.named("claims", "second-factor-is-frequency", "claim").put(verdict)[0] == HOLDS
    summary = say(made.site(*items), "second-factor-is-frequency", brief=True)[1]
    assert summary.endswith(brief)
    assert bool(summary) == bool(brief)


def test_communities_are_described(made: Made, say: Say) -> None:
    explained = {"chroma": Explained(eta=0.65, chance=0.17, p=0.001, units=24)}
    communities = Communities(
        count=5, modularity=0.069, median=0.06, null_median=0.05, null_high=0.059, p=0.02, null=50, seeds=10,
        stability=0.5, explained=explained, each=[],
    )  # fmt: skip
    faint = communities.model_copy(update={"null_high": 0.07})
    of = [made.connectivity(communities=each) for each in (communities, faint)]
    verdict, words = say(made.site("a", of[0], "b", of[1], "c", made.connectivity()), "communities-of-connections")
    assert verdict == DESCRIBED
    assert words.startswith("In a the communities are clearer than in any of the connections assigned at random")
    assert "is at most 0.07, and 1 would be" in words
    assert words.endswith(" In b they are no clearer than chance.")
    assert (
        say(made.site("b", of[1]), "communities-of-connections")[1].strip() == "In b they are no clearer than chance."
    )
