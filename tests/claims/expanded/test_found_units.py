"""Claims about units that were looked for: beyond chance, within it, and not found, each in its own words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from expanded_results import architecture, examples, finding, nothing_found

from wbsite.claims.base import FAILS, HOLDS, NOTHING
from wbsite.claims.expanded._network import called
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
def test_a_score_above_chance_holds_and_the_card_has_both(decide: Decide, claim: str, rule: str) -> None:
    verdict, words = decide(claim, examples=examples({rule: finding(("conv3", 7, 0.4))}))
    assert verdict == HOLDS
    assert "0.400" in words and "null 0.200" in words
    text = words.partition("<span")[0]
    assert "no better" not in text and "as near" not in text and "some unit has as much" not in text


@pytest.mark.parametrize(
    ("claim", "caveat"),
    [
        ("clear-spatial-structure", "With positions shuffled some unit has as much"),
        ("high-low-detectors", "**Speck has no clear family of them** at this depth. The units that come nearest fit"),
        ("black-and-white-centre", "Chance brings some unit as near"),
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
    assert "of all 9 units at its depth" in words


def test_factors_of_a_family_are_told_with_what_they_are_compared_with(decide: Decide) -> None:
    verdict, words = decide("high-low-factors")
    assert verdict == DESCRIBED
    assert "Two factors explain 80\u00a0% of the squared weights of a thing; of random groups" in words
    assert words.endswith("40\u00a0% to 50\u00a0%.")
    failing = examples({"high-low": finding(("conv2", 2, 0.1), ("conv2", 5, 0.1))})
    assert "of the units nearest to a thing;" in decide("high-low-factors", examples=failing)[1]


def test_what_failed_its_test_is_not_called_what_was_looked_for() -> None:
    """Units that fit a description no better than chance were drawn under its name."""
    assert called(finding(("conv3", 7, 0.4))) == "a thing"
    assert called(finding(("conv3", 7, 0.1))) == "the unit nearest to a thing"
    assert called(finding(("conv3", 7, 0.1), ("conv3", 8, 0.1))) == "the units nearest to a thing"
    assert called(finding(("conv3", 7, 0.1), null=None)) == "a thing"


def test_lines_that_excite_their_own_direction(decide: Decide) -> None:
    verdict, words = decide("lines-excite-lines", examples=examples(agreement=Agreement(correlation=0.5, null=0.3)))
    assert verdict == HOLDS
    assert "they tend to, more than in 95 of 100 random assignments" in words and "wb-cite" in words
    assert "direction accounts for 25\u00a0% of the variance" in words


def test_what_the_diagonal_looks_like_is_said_beside_the_correlation(decide: Decide) -> None:
    """A correlation just above chance was called a yes where the diagonal is not red."""
    kernels = np.full((10, 8, 3, 3), -1.0, np.float16)
    kernels[6, 3] = 1.0  # lines at 30 degrees at both ends; those at 0, of units 1 and 0, inhibit
    made = examples(agreement=Agreement(correlation=0.35, null=0.34), pair_kernels=kernels)
    verdict, words = decide("lines-excite-lines", examples=made)
    assert verdict == HOLDS
    assert "direction accounts for 12\u00a0% of the variance between kernels, and 1 of 2 lines are excited" in words


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
    assert "oriented units of `conv3`, one for each of 2 equal ranges of angles" in words


def test_a_bottleneck_is_told_in_channels(decide: Decide) -> None:
    verdict, words = decide("bottleneck")
    assert verdict == HOLDS
    assert "Speck squeezes 8 channels into 4" in words
    assert "easier to read, as the original article finds, is for the eye to say and was not measured" in " ".join(
        words.split()
    )


def test_a_network_without_a_bottleneck_is_said_to_have_none(decide: Decide) -> None:
    verdict, words = decide("bottleneck", examples=examples({"bottleneck": NONE}))
    assert verdict == FAILS
    assert words.startswith("No spatial convolution of Speck reads through a bottleneck")
    assert "of these networks reads" in decide("bottleneck", examples=None)[1]


def test_the_table_leads_to_the_units_and_says_what_chance_would_give(decide: Decide) -> None:
    made = examples({"bottleneck": nothing_found("there is none")})
    verdict, words = decide("rules-and-units", examples=made)
    assert verdict == DESCRIBED
    lines = words.strip().splitlines()
    assert len(lines) == 2 + len(made.order) and len({line.count(" | ") for line in lines[2:]}) == 1
    assert "`conv3` [107](../../models/speck/conv3/#unit-107) | 0.40 | 0.20 |" in words
    assert words.count("(not above)") == 1, "the family whose score is 0.1 against 0.2"
    assert "| **a thing**: a rule | there is none | – | – |" in words
    assert "`conv2` [100](../../models/speck/conv2/#unit-100), [103]" in words


SCORES = ("black-and-white-centre", "high-low", "black-and-white", "example", "bottleneck")
"""Rules with a null."""


def scored(**scores: float) -> dict[str, object]:
    """Every rule with a null, with a score of 0.1 unless given."""
    units = {name: scores.get(name.replace("-", "_"), 0.1) for name in SCORES}
    return {name: finding(("conv3", n, score), title=name) for n, (name, score) in enumerate(units.items())}


def test_rules_are_listed_by_whether_they_stand_out(decide: Decide) -> None:
    verdict, words = decide("units-beyond-chance", examples=examples(scored(example=0.9, high_low=0.5)))
    assert verdict == SOME
    assert "In Speck these stand out further than chance: example and high-low." in words
    assert "These do not: black-and-white, black-and-white-centre and bottleneck. Figures of them" in words


def test_one_finding_by_two_rules_is_not_told_as_two(decide: Decide) -> None:
    """The unit behind a bottleneck is often the one with the clearest structure, and by the same score."""
    same = scored(example=0.9, bottleneck=0.9) | {
        name: finding(("conv3", 7, 0.9), title=name) for name in ("example", "bottleneck")
    }
    verdict, words = decide("units-beyond-chance", examples=examples(same))
    assert verdict == SOME
    assert "In Speck this stands out further than chance: " in words
    assert " (one finding by 2 rules)." in words
    assert "0.400" in words and "5 rules" in words, "the count stays that of rules, as the rule says"


def test_all_or_none_of_the_rules_stand_out(decide: Decide) -> None:
    every = scored(example=1, high_low=1, bottleneck=1, black_and_white=1, black_and_white_centre=1)
    verdict, words = decide("units-beyond-chance", examples=examples(every))
    assert verdict == HOLDS and "do not" not in words
    verdict, words = decide("units-beyond-chance", examples=examples(scored()))
    assert verdict == FAILS and "In Speck none stands out" in words


def test_where_no_rule_with_a_null_found_anything_none_is_listed(decide: Decide) -> None:
    assert decide("units-beyond-chance", examples=examples(dict.fromkeys(SCORES, NONE))) == (NOTHING, "")


def test_unit_numbers_of_the_article_apply_to_its_own_network_only(decide: Decide) -> None:
    verdict, words = decide("unit-numbers", architecture=architecture(name="inceptionv1", weights="5h"))
    assert verdict == HOLDS and "its unit numbers apply" in words
    verdict, words = decide("unit-numbers", architecture=architecture(name="inceptionv1", weights="bvlc"))
    assert verdict == FAILS and "do not apply" in words
    assert decide("unit-numbers", examples=None) == (NOTHING, "")
