"""Claims about the branch laboratory: for every outcome of made-up runs, the verdict and the words of the article."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED
from wbsite.claims.branches import colour, onset
from wbsite.claims.verdicts import DESCRIBED, SOME
from wbsite.core import registry
from wbsite.results.branches.branch_experiments import (
    BranchDifference,
    BranchExperiments,
    Experiment,
    FactorCorrelation,
    Setting,
)
from wbsite.results.estimate import Estimate
from wbsite.results.repeated_runs import SettingFacts
from wbsite.results.site import Site

Say = Callable[..., tuple[str, str]]
Laboratory = Callable[..., Site]
UNKNOWN = Estimate(mean=None, low=None, high=None)

NAMES = [
    *("two-branches-divide-colour", "four-branches-divide-colour-more", "no-colour-to-divide"),
    *("four-branches-divide-frequency", "colour-divides-early", "undivided-factor-is-colour"),
    "training-of-branch-networks",
]


def difference(beyond: int = 0, seeds: int = 3, share: float = 0.2, low: float = 0.1, **of: Any) -> BranchDifference:
    """Branches that differ beyond chance in so many of the seeds; `low` is where the interval of these begins."""
    fields: dict[str, Any] = {
        "share": Estimate(mean=share, low=share - 0.1, high=share + 0.1), "area": 0.763, "expected": 0.02, "limit": 0.1,
        "beyond_chance": beyond, "proportion": Estimate(mean=beyond / seeds, low=low, high=1), "difference": UNKNOWN,
        "split": Estimate(mean=0.03, low=0, high=0.1), "above_from": None, "half_epoch": None,
    }  # fmt: skip
    return BranchDifference(**{**fields, **of})


def experiment(title: str, branches: int, *differences: BranchDifference, seeds: int = 3, **changes: Any) -> Experiment:
    """Networks whose branches differ so in chroma, frequency, and frequency beyond colour."""
    properties = ("chroma", "frequency", "frequency beyond colour")
    fields: dict[str, Any] = {
        "title": title, "group": "kept", "order": 0, "summary": "", "network": "divided", "baseline": "undivided",
        "parameters": {"branches": branches, "colours": "kept"}, "weights": 1, "branches": branches, "seeds": seeds,
        "seed_list": list(range(seeds)), "accuracy": UNKNOWN, "accuracy_difference": UNKNOWN, "chroma_medians": [],
        "colour_units": [[1, 2], [3, 4]], "differences": dict(zip(properties, differences, strict=False)), "factor": {},
    }  # fmt: skip
    return Experiment(**{**fields, **changes})


@pytest.fixture
def laboratory(frame: Callable[..., Any], made_site: Callable[..., Site]) -> Laboratory:
    """A site of experiments, by data set: laboratory(cifar10={"two": experiment(…)})."""

    def make(course: Any = (), **settings: Mapping[str, Experiment]) -> Site:
        facts = {
            name: SettingFacts(
                dataset=name, dataset_digest=None, training_pictures=50000, test_pictures=None, preset="small",
                recipe={"rate": 0.003, "decay": 0.05, "batch": 64}, epochs=[6, 8], experiments=[], runs=9, seeds_low=1,
                seeds_high=3, seconds=1.0, devices=["cpu"], torch=[], wbsite=[],
            )
            for name in settings
        }  # fmt: skip
        tables = [name for name, spec in BranchExperiments.fields.items() if spec.kind == "table"]
        result = BranchExperiments(
            settings={name: Setting(facts=facts[name], experiments=dict(of)) for name, of in settings.items()},
            properties=[],
            level=0.95,
            colour=0.5,
            draws=1,
            splits=1,
            kernels={},
            **{name: frame(BranchExperiments, name, course if name == "course" else ()) for name in tables},
        )
        return made_site(suites={"branches": {"branch_experiments": result}})

    return make


@pytest.mark.parametrize("name", NAMES)
def test_without_runs_there_is_a_card(made_site: Callable[..., Site], say: Say, name: str) -> None:
    verdict, words = say(made_site(), name)
    assert verdict == "gap"
    assert "wbsite train branches" in words


def test_an_article_says_nothing_of_experiments_that_were_not_run(laboratory: Laboratory, say: Say) -> None:
    site = laboratory(cifar10={"undivided": experiment("undivided", 1)})
    optional = [name for name in NAMES if name not in ("colour-divides-early", "training-of-branch-networks")]
    assert {name: say(site, name) for name in optional} == dict.fromkeys(optional, (NOTHING, ""))
    assert say(site, "two-branches-divide-colour", brief=True)[1] == ""
    assert say(site, "colour-divides-early") == (FAILS, "")


@pytest.mark.parametrize(
    ("two", "alexnet", "verdict", "said"),
    [
        (difference(3), 3, HOLDS, "divided colour from black and white in every training."),
        (difference(2, low=0.06), 3, SOME, "in two of three trainings: more often than chance would"),
        (difference(1, low=0.05), 3, UNDECIDED, "in one of three trainings, as often as chance alone may."),
        (difference(0), None, FAILS, "black and white in none of three trainings.**"),
        (difference(0), 3, colour.FAILS_HERE, "Of small AlexNets with two towers, all three did."),
    ],
)
def test_two_branches_divide_colour(
    laboratory: Laboratory, say: Say, two: BranchDifference, alexnet: int | None, verdict: str, said: str
) -> None:
    experiments = {"two": experiment("two", 2, two), "four": experiment("four", 4, difference(2))}
    if alexnet is not None:
        experiments["alexnet_towers"] = experiment("AlexNet", 2, difference(alexnet))
    site = laboratory(cifar10=experiments)
    decided, words = say(site, "two-branches-divide-colour")
    assert decided == verdict
    assert said in words
    brief = say(site, "two-branches-divide-colour", brief=True)[1]
    count = {0: "none of three", 1: "one of three", 2: "two of three", 3: "all three"}[two.beyond_chance]
    assert f"two of three smaller networks with four branches, and {count} with two." in brief
    assert ("all three small AlexNets" in brief) == (alexnet is not None)


@pytest.mark.parametrize(
    ("two", "four", "verdict", "said"),
    [
        (difference(1), difference(2), HOLDS, "in two of three trainings, which is more than two branches show."),
        (difference(2), difference(1, share=0.3), HOLDS, "in one of three trainings, which is more than two branches"),
        (difference(1), difference(1), FAILS, "in one of three trainings, which is no more than two branches show."),
    ],
)
def test_four_branches_divide_colour_more(
    laboratory: Laboratory, say: Say, two: BranchDifference, four: BranchDifference, verdict: str, said: str
) -> None:
    site = laboratory(cifar10={"two": experiment("two", 2, two), "four": experiment("four", 4, four)})
    decided, words = say(site, "four-branches-divide-colour-more")
    assert decided == verdict
    assert said in words
    effect = registry.named("claims", "four-branches-divide-colour-more", "claim").effect(colour.branched(site))
    assert (effect.value, effect.null) == (four.share.mean, two.share.mean)
    assert effect.low is effect.high is None, "three shares give no interval"


@pytest.mark.parametrize(("beyond", "verdict"), [(3, HOLDS), (1, SOME), (0, FAILS)])
def test_four_branches_divide_frequency(laboratory: Laboratory, say: Say, beyond: int, verdict: str) -> None:
    four = experiment("four", 4, difference(3), difference(2), difference(beyond, share=0.1))
    decided, words = say(laboratory(cifar10={"four": four}), "four-branches-divide-frequency")
    assert decided == verdict
    count = {0: "none of three", 1: "one of three", 3: "all three"}[beyond]
    assert "two of three trainings had branches that differ in frequency by more than chance" in words
    assert f"with what colour explains taken out, {count}." in words


@pytest.mark.parametrize(("beyond", "verdict"), [(0, HOLDS), (1, FAILS)])
def test_without_colours_there_is_nothing_to_divide(
    laboratory: Laboratory, say: Say, beyond: int, verdict: str
) -> None:
    experiments = {
        "four": experiment("four", 4, difference(3), colour_units=[[5, 6], [7, 5]]),
        "four_grey": experiment("grey", 4, difference(beyond)),
        "four_hues": experiment("hues", 4, difference(2)),
    }
    decided, words = say(laboratory(cifar10=experiments), "no-colour-to-divide")
    assert decided == verdict
    assert f"differed in it in {'one' if beyond else 'none'} of three trainings" in words
    assert "they differed in two of three, though 10 filters in all" in words
    assert "against 23 with the hues kept." in words


def test_when_colour_divides(laboratory: Laboratory, say: Say) -> None:
    since = {"above_from": 0.75, "half_epoch": 1.389}
    experiments = {
        "two": experiment("two branches", 2, difference()),
        "four": experiment("four branches", 4, difference(3, **since)),
        "grey": experiment("grey", 4, difference(3, above_from=0.1), parameters={"colours": "removed"}),
        "other": experiment("other", 4, difference(3, above_from=1.0)),
    }
    moments = [{"setting": "cifar10", "experiment": "four", "epoch": epoch} for epoch in (0.0, 0.75, 1.0, 1.5, 2.0)]
    verdict, words = say(laboratory(moments, cifar10=experiments), "colour-divides-early")
    assert verdict == onset.DATED
    assert (
        "above chance for good by epoch 0.75 to 1 and has come half of the way to where it ends by epoch 1.5" in words
    )
    assert ", of 6 or 8 epochs of training." in words
    alone = {"other": experiments["other"]}
    assert "half of the way" not in say(laboratory(cifar10=alone), "colour-divides-early")[1]


def test_half_of_the_way_and_the_rise_above_chance_are_on_one_grid(laboratory: Laboratory, say: Say) -> None:
    """Half of the way, interpolated to epoch 0.99, is not told to come before a rise by epoch 1, the next that was
    measured."""
    four = experiment("four branches", 4, difference(3, above_from=1.0, half_epoch=0.99))
    moments = [{"setting": "cifar10", "experiment": "four", "epoch": epoch} for epoch in (0.75, 1.0, 1.5)]
    words = say(laboratory(moments, cifar10={"four": four}), "colour-divides-early")[1]
    assert "for good by epoch 1 and has come half of the way to where it ends by epoch 1, of" in words


@pytest.mark.parametrize(("certain", "verdict"), [(3, HOLDS), (1, SOME), (0, FAILS)])
def test_the_first_factor_of_undivided_networks_is_colour(
    laboratory: Laboratory, say: Say, certain: int, verdict: str
) -> None:
    rho = Estimate(mean=0.735, low=0.519, high=0.951)
    factor = {
        name: FactorCorrelation(rho=rho, inertia=0.2, seeds=3, certain=certain) for name in ("chroma", "frequency")
    }
    site = laboratory(cifar10={"undivided": experiment("undivided", 1, factor=factor)})
    decided, words = say(site, "undivided-factor-is-colour")
    assert decided == verdict
    count = {0: "none of three", 1: "one of three", 3: "all three"}[certain]
    assert f"goes with colour in {count}, by more than chance: the mean of $|\\rho|$ is 0.73" in words


def test_every_setting_says_how_it_was_trained(laboratory: Laboratory, say: Say) -> None:
    verdict, words = say(laboratory(cifar10={}, tiny={}), "training-of-branch-networks")
    assert verdict == DESCRIBED
    first, second = words.strip().split("\n\n")
    assert first.startswith("**Training** on cifar10: 9 runs of 6 or 8 epochs, 1 to 3 seeds an experiment, AdamW")
    assert "learning rate of 0.003 at most, weight decay 0.05, batches of 64, on cpu." in second
