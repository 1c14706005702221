"""Claims about paths over several layers: what cancels, what is smooth, how many inputs are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from expanded_results import (
    architecture,
    cancellation,
    examples,
    long_range,
    long_tail,
    range_summary,
    tail_summary,
    unit_pictures,
)

from wbsite.claims.base import FAILS, HOLDS, NOTHING
from wbsite.claims.expanded.cancellation import SHUFFLED_ONLY
from wbsite.claims.expanded.methods import NOT_GIVEN
from wbsite.claims.verdicts import DESCRIBED, SOME
from wbsite.render.page import Writing
from wbsite.results.expanded.long_range import LongRange, RangeSummaries, RangeSummary
from wbsite.results.expanded.long_tail import LongTail

Decide = Callable[..., tuple[str, str]]


@pytest.mark.parametrize(
    ("shuffle", "signs", "outcome", "part"),
    [
        (9, 4, HOLDS, "In Speck, 9 of 500 units hide more of what they read than shuffled kernels explain, and some"),
        (9, 0, SHUFFLED_ONLY, "explain; but none hides more than random signs do"),
        (0, 0, FAILS, "Of 500 units of Speck none hides more of what it reads than shuffled kernels explain"),
    ],
)
def test_units_that_hide_what_they_read(decide: Decide, shuffle: int, signs: int, outcome: str, part: str) -> None:
    result = cancellation(layers=3, units=500, beyond_shuffle=shuffle, beyond_signs=signs)
    verdict, words = decide("boundary-units", cancellation=result)
    assert verdict == outcome
    assert part in words
    assert part in decide("boundary-units", brief=True, cancellation=result)[1]


@pytest.mark.parametrize("claim", ["boundary-units", "cancellation-by-network"])
@pytest.mark.parametrize("result", [None, cancellation()], ids=["not computed", "no layers"])
def test_without_layers_that_could_cancel_nothing_is_said(decide: Decide, claim: str, result: Any) -> None:
    assert decide(claim, cancellation=result) == (NOTHING, "")


def test_networks_are_listed_with_what_cancels(decide: Decide) -> None:
    some = cancellation(layers=3, units=500, beyond_shuffle=9, beyond_signs=4)
    verdict, words = decide("cancellation-by-network", cancellation=some)
    assert verdict == DESCRIBED
    assert words.endswith("|---|---|---|---|\n| [Speck](../../models/speck/) | 500 | 9 | 4 |\n")
    none = decide("cancellation-by-network", cancellation=cancellation(layers=3, units=500))[1]
    assert "| 500 | 0 | – |" in none


def smoothness(
    two: RangeSummary | None = None, three: RangeSummary | None = None, balance: RangeSummary | None = None
) -> LongRange:
    """A result with summaries at these distances."""
    measured = {kind: summary for kind, summary in (("2", two), ("3", three)) if summary}
    return long_range(summary=RangeSummaries(smoothness=measured, balance={"2": balance} if balance else {}))


@pytest.mark.parametrize(
    ("summary", "outcome", "part"),
    [
        (
            range_summary(0.7, 0.4, 1.0),
            HOLDS,
            "smooth shapes are typical two convolutions back, and smoother than composition alone makes",
        ),
        (range_summary(0.7), HOLDS, "smooth shapes are typical"),
        (range_summary(0.4, 0.2, 0.6), SOME, "more units than chance allows are smoother"),
        (range_summary(0.7, 0.0, 1.0), FAILS, "as smooth as composition alone makes them"),
        (range_summary(0.4, 0.05, 0.7), FAILS, "as smooth as composition alone makes them"),
        (range_summary(0.4), FAILS, "as smooth as composition alone makes them"),
    ],
)
def test_smooth_shapes_are_typical_frequent_or_composed(
    decide: Decide, summary: RangeSummary, outcome: str, part: str
) -> None:
    verdict, words = decide("smooth-shapes", long_range=smoothness(summary))
    assert verdict == outcome
    assert words.startswith("In Speck") and part in words
    brief = decide("smooth-shapes", brief=True, long_range=smoothness(summary))[1]
    share = "70" if summary.share > 0.5 else "40"
    assert f"{share}\u00a0% of the units of Speck have smoother expanded weights than shuffled kernels make." in brief


def test_the_summary_tells_of_three_steps_where_there_are_any(decide: Decide) -> None:
    result = smoothness(range_summary(0.7), range_summary(0.1))
    assert "make; three back 10\u00a0%." in decide("smooth-shapes", brief=True, long_range=result)[1]


def test_further_back_most_are_smoother_or_not(decide: Decide) -> None:
    verdict, words = decide("smooth-shapes-further-back", long_range=smoothness(range_summary(0.7), range_summary(0.5)))
    assert verdict == HOLDS
    assert words.startswith(" Three convolutions back 50\u00a0% of units are smoother than with shuffled kernels.")
    faded = smoothness(range_summary(0.7), range_summary(0.1, 0.0, 0.3))
    verdict, words = decide("smooth-shapes-further-back", long_range=faded)
    assert verdict == FAILS
    assert "10\u00a0% of units are smoother than with shuffled kernels: further back" in words


def test_balance_is_told_as_the_second_measure(decide: Decide) -> None:
    verdict, words = decide("balanced-lobes", long_range=smoothness(range_summary(0.7), balance=range_summary(0.9)))
    assert verdict == DESCRIBED
    assert "in 90\u00a0% of units excitation and inhibition balance better" in words


SMOOTH = ("smooth-shapes", "smooth-shapes-further-back", "balanced-lobes", "smoothness-by-network")


@pytest.mark.parametrize("claim", SMOOTH)
@pytest.mark.parametrize("result", [None, smoothness()], ids=["not computed", "no pairs"])
def test_without_pairs_of_layers_nothing_is_said(decide: Decide, claim: str, result: Any) -> None:
    assert decide(claim, long_range=result) == (NOTHING, "")
    if claim == "smooth-shapes":
        assert decide(claim, brief=True, long_range=result)[1] == ""


@pytest.mark.parametrize("claim", ["smooth-shapes-further-back", "balanced-lobes"])
def test_what_was_not_measured_beside_smoothness_is_left_out(decide: Decide, claim: str) -> None:
    assert decide(claim, long_range=smoothness(range_summary(0.7))) == (NOTHING, "")


def test_networks_are_listed_with_their_smoothness(decide: Decide) -> None:
    verdict, words = decide("smoothness-by-network", long_range=smoothness(range_summary(0.7, 0.4, 1.0)))
    assert verdict == DESCRIBED
    assert "| 60 | 70\u00a0% (40\u00a0% to 100\u00a0%) | 0.70 | 0.60 |" in words
    assert "| 70\u00a0% | 0.70 |" in decide("smoothness-by-network", long_range=smoothness(range_summary(0.7)))[1]


def tail(few_r2: float) -> LongTail:
    """A result in which the median unit needs 60 % of its inputs."""
    summaries = {"norm": tail_summary(0.6, few_r2), "contribution": tail_summary(0.5, few_r2)}
    return long_tail(layers=4, summary={**summaries, "random": tail_summary(0.8, 0.2)})


def test_the_long_tail_is_long_or_short(decide: Decide) -> None:
    verdict, words = decide("long-tail", long_tail=tail(0.4))
    assert (
        verdict == HOLDS
        and "A few inputs do not reproduce a unit of Speck: its 8 strongest reach an $R^2$ of 0.40" in words
    )
    verdict, words = decide("long-tail", long_tail=tail(0.95))
    assert verdict == FAILS and "A few inputs reproduce a unit of Speck" in words


def test_networks_are_listed_with_the_inputs_that_they_need(decide: Decide) -> None:
    verdict, words = decide("inputs-needed-by-network", long_tail=tail(0.4))
    assert verdict == DESCRIBED
    assert "$R^2$ with the 8 strongest |" in words
    assert words.endswith("| [Speck](../../models/speck/) | 30 | 60\u00a0% | 80\u00a0% | 0.40 |\n")


@pytest.mark.parametrize("claim", ["long-tail", "inputs-needed-by-network"])
@pytest.mark.parametrize("result", [None, long_tail()], ids=["not computed", "few inputs"])
def test_without_convolutions_of_many_inputs_nothing_is_said(decide: Decide, claim: str, result: Any) -> None:
    assert decide(claim, long_tail=result) == (NOTHING, "")


def test_pictures_are_told_with_their_size(decide: Decide) -> None:
    verdict, words = decide("picture-settings", layers={"unit_pictures": {"conv1": unit_pictures(3)}})
    assert verdict == DESCRIBED
    assert words == " Those of Speck have 32 pixels and took 128 steps."


def test_of_a_layer_without_pictures_no_size_is_told(decide: Decide) -> None:
    assert decide("picture-settings", layers={"unit_pictures": {"conv1": unit_pictures(0)}}) == (NOTHING, "")
    assert decide("picture-settings") == (NOTHING, "")


def test_photographs_are_named_or_how_to_give_some(decide: Decide) -> None:
    assert decide("photographs", long_tail=long_tail()) == (DESCRIBED, "64 crops")
    assert decide("photographs") == (NOT_GIVEN, "those given with `--photographs`")


def test_claims_are_decided_on_a_preferred_network_and_lists_have_all(made_site: Callable[..., Any]) -> None:
    """Or a reader of a site with InceptionV1 would be told of another network than the figures show."""
    made = {
        name: {
            "architecture": {"": architecture(name=name)},
            "examples": {"": examples()},
            "cancellation": {"": cancellation(layers=1, units=units)},
        }
        for name, units in (("simplified_32", 11), ("inceptionv1_32", 22))
    }
    writing = Writing(made_site(models=made), "articles/x")
    assert "Of 22 units of inceptionv1_32 none" in writing.claim("boundary-units")
    assert writing.claim("cancellation-by-network").count("\n| [") == 2
