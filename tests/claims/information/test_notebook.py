"""Claims of the notebook on trainings made so that the answers are known, and every outcome's words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest
from claimed import TOKENS, claimed_study

from wbsite.claims.base import Claim
from wbsite.claims.information.base import Comparison, Decision, Evidence, Measured, chosen_layers
from wbsite.claims.information.compression_accuracy import Correlations, linked
from wbsite.core import registry
from wbsite.render.page import Writing
from wbsite.results.site import Gap, Site

NOTEBOOK = [claim.name for claim in registry.entries("claims") if claim.source == "deepbottleneck2018"]
ACCURACIES = ("accuracy-tanh-0.8", "accuracy-relu-0.8", "accuracy-relu-0.4", "gap-relu-0.4")


def named(name: str) -> Claim:
    claim: Claim = registry.named("claims", name, "claim")
    return claim


def decided(site: Site) -> dict[str, str]:
    """Verdict of every claim of the notebook."""
    return {name: named(name).decide(site)[0] for name in NOTEBOOK}  # type: ignore[index]


@pytest.fixture
def claimed_site(made_site: Callable[..., Site]) -> Callable[..., Site]:
    return lambda **changes: made_site(suites={"information-plane": claimed_study(**changes)})


def test_what_was_built_in_comes_out(claimed_site: Callable[..., Site]) -> None:
    wrong = {
        "relu-0.4": "fails",
        "tanh-earlier-average": "fails",
        "accuracy-relu-0.8": "fails",
        "compression-accuracy": "chance",
    }
    assert decided(claimed_site()) == dict.fromkeys(NOTEBOOK, "holds") | wrong
    assert len(NOTEBOOK) == 15


def test_another_estimator_may_say_otherwise(claimed_site: Callable[..., Site]) -> None:
    site = claimed_site()
    last, earlier = (named(name).evidence(site) for name in ("tanh-last", "tanh-earlier"))
    assert [last.decisions[token].holds for token in TOKENS] == [True, False]
    assert last.by_estimators == ""
    assert earlier.by_estimators == ", whichever estimator is asked"
    loss = named("accuracy-relu-0.4").evidence(site)
    assert list(loss.decisions) == [""], "accuracy is by no estimator"
    assert loss.by_estimators == ""


def test_the_text_says_what_was_decided_and_the_card_by_which_numbers(claimed_site: Callable[..., Site]) -> None:
    writing = Writing(claimed_site(), "articles/x")
    text = writing.claim("tanh-last")
    assert text.startswith("With hyperbolic tangents and free weights, the last hidden layer compresses.<span")
    assert "compression of layer 3: 0.977 (0.960 to 0.995) bits" in text
    assert "networks of rectifiers 10 points." in writing.claim("accuracy-relu-0.4")
    assert "no hidden layer of theirs compresses" in writing.claim("relu-0.4")


def test_what_the_notebook_says_of_several_runs_is_asked_of_the_mean(claimed_site: Callable[..., Site]) -> None:
    """It says that on average earlier layers compress as well, in the plural: one alone does not do."""
    claim = named("tanh-earlier-average")
    assert claim.source == "deepbottleneck2018"
    assert "lies above 0.1 in at least 2 of the hidden layers before the last" in claim.rule
    assert decided(claimed_site())["tanh-earlier-average"] == "fails"
    assert "that is not so here" in Writing(claimed_site(), "articles/x").claim("tanh-earlier-average")


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_decide_little_and_break_nothing(claimed_site: Callable[..., Site], seeds: int) -> None:
    site = claimed_site(seeds=seeds)
    verdicts = decided(site)
    assert verdicts["compression-accuracy"] == "few seeds"
    assert f"{seeds} seed" in Writing(site, "articles/x").claim("compression-accuracy")
    if seeds == 1:
        assert set(verdicts.values()) == {"undecided", "few seeds"}
        assert "cannot be decided with 1 seed" in Writing(site, "articles/x").claim("tanh-last")


def test_all_runs_dead(claimed_site: Callable[..., Site]) -> None:
    names = ("tanh-none", "tanh-0.8", "relu-none", "relu-0.8", "relu-0.4")
    site = claimed_site(seeds=8, dead=tuple(product(names, range(8))))
    verdicts = decided(site)
    assert verdicts["compression-accuracy"] == "nothing varies"
    assert set(verdicts.values()) == {"undecided", "nothing varies"}
    assert Writing(site, "articles/x").claim("compression-accuracy") == ""


def test_networks_that_a_study_does_not_have_are_said_to_be_absent(claimed_site: Callable[..., Site]) -> None:
    site = claimed_site(configurations=(("tanh", None), ("relu", 0.8)))
    verdicts = decided(site)
    assert verdicts["tanh-last"] == verdicts["relu-0.8"] == "holds"
    for name in ("relu-hidden", "tanh-0.8", "ty-relu-0.8", "accuracy-relu-0.8", "gap-relu-0.4"):
        assert verdicts[name] == "absent"
    absent = Writing(site, "articles/x").claim("relu-hidden")
    assert absent.startswith("The study has no network of rectifiers with free weights.<span")
    assert Writing(site, "articles/x").claim("relu-0.4") == ""


def test_without_the_study_there_is_a_gap(made_site: Callable[..., Site]) -> None:
    assert all(isinstance(named(name).evidence(made_site()), Gap) for name in NOTEBOOK)


@pytest.mark.parametrize("name", [name for name in NOTEBOOK if name != "compression-accuracy"])
@pytest.mark.parametrize("holds", [True, False, None])
def test_every_verdict_has_its_words(words: Callable[..., str], name: str, holds: bool | None) -> None:
    tokens = ("",) if name in ACCURACIES else TOKENS
    layer = "mean" if name.startswith("ty") else "" if name in ACCURACIES else "layer 1"
    measured = (Measured(layer, 0.02, -0.01, 0.05, 5),)
    evidence = Evidence("compression", 0.1, 5, {token: Decision(holds, measured) for token in tokens})
    others = [words(name, replace(evidence, decisions=dict.fromkeys(tokens, Decision(other, measured))))
              for other in (True, False, None) if other is not holds]  # fmt: skip
    text = words(name, evidence)
    assert text not in others, "another verdict has other words"
    assert ("cannot be decided with 5 seeds" in text) == (holds is None)
    assert text.endswith("." if name in ACCURACIES else ", whichever estimator is asked.")
    assert "{" not in text


def test_a_loss_that_is_certain_is_said_where_its_size_is_not(words: Callable[..., str]) -> None:
    for name in ("accuracy-tanh-0.8", "accuracy-relu-0.8"):
        loss = Evidence("loss", 0.01, 5, {"": Decision(None, (Measured("", 0.02, 0.005, 0.035, 5),))})
        assert words(name, loss).endswith("cannot be decided with 5 seeds, though that it costs some is certain.")


@pytest.mark.parametrize(
    ("at_least", "sides", "holds"),
    [
        (0, [False, False], True),
        (0, [False, True, None], False),
        (0, [False, None], None),
        (0, [], None),
        (1, [None, True], True),
        (1, [None, False], None),
        (1, [False, False], False),
        (2, [True, None, False], None),
        (2, [True, True, None], True),
        (2, [True, False, False], False),
        (2, [], None),
    ],
)
def test_a_claim_is_decided_by_the_layers_that_are_certain(
    at_least: int, sides: list[bool | None], holds: bool | None
) -> None:
    assert Comparison("compression", "tanh", None, 0.1, at_least=at_least).holds(sides) is holds


def test_layers_of_a_claim() -> None:
    layers = ["layer 1", "layer 2", "output"]
    assert chosen_layers(layers, "last hidden") == ["layer 2"]
    assert chosen_layers(layers, "earlier hidden") == ["layer 1"]
    assert chosen_layers(layers, "hidden") == ["layer 1", "layer 2"]
    assert chosen_layers(layers, "output") == ["output"]


def test_a_rule_says_what_is_compared_with_what() -> None:
    rule = Comparison("compression", "tanh", 0.8, 0.1, at_least=2).rule
    assert "tanh under max-norm 0.8" in rule
    assert "lies above 0.1 in at least 2 of the hidden layers" in rule
    assert "lies below 0.01;" in Comparison("loss", "relu", 0.8, 0.01, at_least=0).rule


def ranks(*pairs: tuple[float, float]) -> tuple[Measured, ...]:
    """Correlations ρ with p."""
    return tuple(Measured(f"c{n}", rho, -1, 1, 9, p=p) for n, (rho, p) in enumerate(pairs))


def test_a_link_is_corrected_for_how_many_configurations_were_tested() -> None:
    nan = math.nan
    assert linked(ranks((0.8, 0.02), (nan, nan))) is True
    assert linked(ranks((-0.8, 0.02), (0.1, 0.9))) is False
    assert linked(ranks((0.8, 0.03), (0.1, 0.9))) is None
    assert linked(ranks((0.8, 0.01), (-0.8, 0.01))) is None
    assert linked(()) is None


@pytest.mark.parametrize(
    ("pairs", "verdict", "said"),
    [
        (((0.8, 0.01), (0.1, 0.9)), "holds", "runs of “C0”, those that compress more are better on test samples"),
        (((-0.8, 0.01),), "fails", "those that compress more are worse on test samples, beyond chance after"),
        (((0.8, 0.01), (-0.7, 0.01), (0.9, 0.01)), "opposite", "there is no rule"),
        (((0.1, 0.9), (math.nan, math.nan)), "chance", "no more than chance allows"),
    ],
)  # fmt: skip
def test_a_link_between_compression_and_accuracy_in_words(
    words: Callable[..., str], pairs: tuple[tuple[float, float], ...], verdict: str, said: str
) -> None:
    measured = ranks(*pairs)
    titles = {each.name: each.name.upper() for each in measured}
    evidence = Correlations("rho", 0.0, 9, {"binning:0.07": Decision(linked(measured), measured)}, titles)
    assert named("compression-accuracy").verdict(evidence) == verdict
    assert said in words("compression-accuracy", evidence)


@pytest.mark.parametrize(
    ("name", "value", "side"),
    [
        ("tanh-last", 1, "above"), ("tanh-earlier", 0, "below"), ("relu-hidden", 0, "below"),
        ("tanh-earlier-average", 0, "below"),
        ("relu-output", 1, "above"), ("relu-0.8", 1, "above"), ("relu-0.4", 0, "below"),
        ("tanh-0.8", 1, "above"), ("ty-relu-0.8", 0.3, "above"), ("accuracy-tanh-0.8", 0, "below"),
        ("accuracy-relu-0.8", 0.02, "above"), ("accuracy-relu-0.4", 0.1, "above"), ("gap-relu-0.4", 0, "below"),
    ],
)  # fmt: skip
def test_the_effect_is_the_interval_that_decides(
    claimed_site: Callable[..., Site], name: str, value: float, side: str
) -> None:
    """Of several layers the one that compresses most; where two have to, the second."""
    claim = named(name)
    decided = claim.decide(claimed_site())
    assert not isinstance(decided, Gap) and claim.effect is not None
    effect = claim.effect(decided[1])
    assert effect is not None and effect.low is not None and effect.high is not None and effect.null is not None
    assert effect.value == pytest.approx(value, abs=0.05 if effect.unit else 0.006)
    assert effect.low > effect.null if side == "above" else effect.high < effect.null
    assert (effect.count, effect.of) == (8, "seeds")
