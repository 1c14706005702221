"""Claims about units that were looked for: beyond chance, within it, and not found, each in its own words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from expanded_results import architecture, examples, finding, nothing_found

from wbsite.claims.base import FAILS, HOLDS, NOTHING
from wbsite.claims.verdicts import DESCRIBED, SOME
from wbsite.results.expanded.examples import Agreement

Decide = Callable[..., tuple[str, str]]

RULES = {
    "clear-spatial-structure": "example",
    "high-low-detectors": "high-low",
    "black-and-white-centre": "black-and-white-centre",
}
"""Claims that rest on the score of one rule."""

NONE = nothing_found("there is no such thing")


@pytest.mark.parametrize(("claim", "rule"), RULES.items())
def test_a_score_above_chance_holds_and_the_words_have_both(decide: Decide, claim: str, rule: str) -> None:
    verdict, words = decide(claim, examples=examples({rule: finding(("conv3", 7, 0.4))}))
    assert verdict == HOLDS
    assert "0.400, where chance reaches 0.200" in words
    assert "no more" not in words and "does not rise" not in words


@pytest.mark.parametrize(
    ("claim", "caveat"),
    [
        ("clear-spatial-structure", "0.100, where chance reaches 0.200"),
        ("high-low-detectors", "**That is no more than chance gives**, so Speck has no clear family"),
        ("black-and-white-centre", "That does not rise above chance"),
    ],
)
def test_a_score_within_chance_is_said_to_be_no_more(decide: Decide, claim: str, caveat: str) -> None:
    verdict, words = decide(claim, examples=examples({RULES[claim]: finding(("conv3", 7, 0.1))}))
    assert verdict == FAILS
    assert caveat in words


@pytest.mark.parametrize(("claim", "rule"), [*RULES.items(), ("high-low-factors", "high-low")])
def test_of_what_was_not_found_nothing_is_said(decide: Decide, claim: str, rule: str) -> None:
    assert decide(claim, examples=examples({rule: NONE})) == (NOTHING, "")


@pytest.mark.parametrize("claim", [*RULES, "families-of-lines", "lines-excite-lines", "units-beyond-chance"])
def test_a_site_on_which_nothing_was_looked_for_is_left_without_words(decide: Decide, claim: str) -> None:
    assert decide(claim, examples=None) == (NOTHING, "")


def test_units_are_named_by_their_place_in_the_block_and_linked(decide: Decide) -> None:
    _, words = decide("clear-spatial-structure", examples=examples({"example": finding(("conv3", 7, 0.4))}))
    assert "[`conv3` 107](../../models/speck/conv3/#unit-107) of Speck" in words
    assert "of 9 units at its depth" in words


def test_factors_of_a_family_are_told_with_what_they_are_compared_with(decide: Decide) -> None:
    verdict, words = decide("high-low-factors")
    assert verdict == DESCRIBED
    assert "Two factors explain 0.800 of the squared weights of these 2 units over 6 inputs" in words
    assert "2 random groups" in words


def test_lines_that_excite_their_own_direction(decide: Decide) -> None:
    verdict, words = decide("lines-excite-lines", examples=examples(agreement=Agreement(correlation=0.5, null=0.3)))
    assert verdict == HOLDS
    assert "is 0.500 over the grid" in words and "stays below 0.300" in words
    assert "So they do here" in words and "wb-cite" in words


def test_lines_that_do_not(decide: Decide) -> None:
    verdict, words = decide("lines-excite-lines", examples=examples(agreement=Agreement(correlation=0.1, null=0.3)))
    assert verdict == FAILS
    assert "cannot be told from chance" in words


@pytest.mark.parametrize("side", ["oriented-targets", "oriented-sources"])
def test_without_either_family_of_lines_there_is_nothing_to_say(decide: Decide, side: str) -> None:
    made = examples({side: NONE}, agreement=None)
    assert decide("families-of-lines", examples=made) == (NOTHING, "")
    assert decide("lines-excite-lines", examples=made) == (NOTHING, "")


def test_families_of_lines_are_introduced(decide: Decide) -> None:
    verdict, words = decide("families-of-lines")
    assert verdict == DESCRIBED
    assert "from each of 2 equal sectors of angles the unit of `conv3`" in words


def test_a_bottleneck_is_told_in_channels(decide: Decide) -> None:
    verdict, words = decide("bottleneck")
    assert verdict == HOLDS
    assert "Speck squeezes 8 channels into 4" in words


def test_a_network_without_a_bottleneck_is_said_to_have_none(decide: Decide) -> None:
    verdict, words = decide("bottleneck", examples=examples({"bottleneck": NONE}))
    assert verdict == FAILS
    assert words.startswith("No spatial convolution of Speck reads through a bottleneck")
    assert "of these networks reads" in decide("bottleneck", examples=None)[1]


SCORES = ("black-and-white-centre", "high-low", "black-and-white", "example", "bottleneck")
"""Rules with a null."""


def scored(**scores: float) -> dict[str, object]:
    """Every rule with a null, with a score of 0.1 unless given."""
    units = {name: scores.get(name.replace("-", "_"), 0.1) for name in SCORES}
    return {name: finding(("conv3", 1, score), title=name) for name, score in units.items()}


def test_rules_are_listed_by_whether_they_stand_out(decide: Decide) -> None:
    verdict, words = decide("units-beyond-chance", examples=examples(scored(example=0.9, high_low=0.5)))
    assert verdict == SOME
    assert "- **Beyond chance in Speck:** example, high-low.\n" in words
    assert (
        "- **Not beyond chance in Speck:** black-and-white, black-and-white-centre, bottleneck. Their figures" in words
    )


def test_all_or_none_of_the_rules_stand_out(decide: Decide) -> None:
    every = scored(example=1, high_low=1, bottleneck=1, black_and_white=1, black_and_white_centre=1)
    verdict, words = decide("units-beyond-chance", examples=examples(every))
    assert verdict == HOLDS and "Not beyond" not in words
    verdict, words = decide("units-beyond-chance", examples=examples(scored()))
    assert verdict == FAILS and "**Beyond" not in words


def test_where_no_rule_with_a_null_found_anything_none_is_listed(decide: Decide) -> None:
    assert decide("units-beyond-chance", examples=examples(dict.fromkeys(SCORES, NONE))) == (NOTHING, "")


def test_unit_numbers_of_the_article_apply_to_its_own_network_only(decide: Decide) -> None:
    verdict, words = decide("unit-numbers", architecture=architecture(name="inceptionv1", weights="5h"))
    assert verdict == HOLDS and "whose unit numbers apply" in words
    verdict, words = decide("unit-numbers", architecture=architecture(name="inceptionv1", weights="bvlc"))
    assert verdict == FAILS and "do not apply" in words
    assert decide("unit-numbers", examples=None) == (NOTHING, "")
