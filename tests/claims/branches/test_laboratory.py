"""Claims about the branch laboratory: for every outcome of made-up runs, the verdict and the words of the article."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED
from wbsite.claims.branches import colour, onset
from wbsite.claims.verdicts import DESCRIBED, SOME
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
    *("colour-by-experiment", "two-branches-divide-colour", "four-branches-divide-colour-more", "no-colour-to-divide"),
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

    def make(**settings: Mapping[str, Experiment]) -> Site:
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
            **{name: frame(BranchExperiments, name) for name in tables},
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
    optional = [name for name in NAMES[1:] if name not in ("colour-divides-early", "training-of-branch-networks")]
    assert {name: say(site, name) for name in optional} == dict.fromkeys(optional, (NOTHING, ""))
    assert say(site, "two-branches-divide-colour", brief=True)[1] == ""
    assert say(site, "colour-divides-early") == (FAILS, "")


@pytest.mark.parametrize(
    ("two", "alexnet", "verdict", "said"),
    [
        (difference(3), 3, HOLDS, "divided colour from black and white in every training."),
        (difference(2, low=0.06), 3, SOME, "in 2 of 3 trainings: more often than the one in twenty"),
        (difference(1, low=0.05), 3, UNDECIDED, "in 1 of 3 trainings, which chance alone may give."),
        (difference(0), None, FAILS, "**So in none of 3 trainings did two branches"),
        (difference(0), 3, colour.FAILS_HERE, "3 of 3 part, with an area under the curve of 0.763 on average."),
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
    assert f"{two.beyond_chance} of 3 with two branches and 2 of 3 with four part in colour" in brief
    assert ("3 of 3 small AlexNets" in brief) == (alexnet is not None)


@pytest.mark.parametrize(
    ("two", "four", "verdict", "said"),
    [
        (difference(1), difference(2), HOLDS, "With four branches, 2 of 3 part: "),
        (difference(2), difference(1, share=0.3), HOLDS, "With four branches, 1 of 3 part: "),
        (difference(1), difference(1), FAILS, "With four branches it is 1 of 3: "),
    ],
)
def test_four_branches_divide_colour_more(
    laboratory: Laboratory, say: Say, two: BranchDifference, four: BranchDifference, verdict: str, said: str
) -> None:
    site = laboratory(cifar10={"two": experiment("two", 2, two), "four": experiment("four", 4, four)})
    decided, words = say(site, "four-branches-divide-colour-more")
    assert decided == verdict
    assert words.startswith(said)
    assert words.endswith("shows the run in the middle.")


@pytest.mark.parametrize(("beyond", "verdict"), [(3, HOLDS), (1, SOME), (0, FAILS)])
def test_four_branches_divide_frequency(laboratory: Laboratory, say: Say, beyond: int, verdict: str) -> None:
    four = experiment("four", 4, difference(3), difference(2), difference(beyond, share=0.1))
    decided, words = say(laboratory(cifar10={"four": four}), "four-branches-divide-frequency")
    assert decided == verdict
    assert "In frequency, 2 of 3 networks with four branches part beyond chance ($\\eta^2$ = 0.200 (0.100 to" in words
    assert f"with colour taken out, {beyond} of 3 (0.100 (0.000 to 0.200))." in words


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
    assert f"{beyond} of 3 networks with four branches part in it. With hues permuted, 2 of 3 do." in words
    assert "by half or more number 3, 7, against 11, 12 with hues kept." in words


def test_every_setting_lists_its_divided_networks_in_the_order_of_the_suite(laboratory: Laboratory, say: Say) -> None:
    alone = difference(1, seeds=1, share=0.25, split=UNKNOWN).model_copy(
        update={"share": Estimate(mean=0.25, low=None, high=None)}
    )
    experiments = {
        "a": experiment("four branches", 4, difference(2), order=2),
        "b": experiment("two branches", 2, alone, seeds=1, order=1),
        "undivided": experiment("undivided", 1),
    }
    verdict, words = say(laboratory(cifar10=experiments, tiny={}), "colour-by-experiment")
    assert verdict == DESCRIBED
    assert words.splitlines() == [
        "**cifar10** (50\u202f000 training pictures). Colour, in runs of each kind:",
        "",
        "- two branches: 1 of 1 part beyond chance, $\\eta^2$ = 0.250, by chance 0.020.",
        "- four branches: 2 of 3 part beyond chance, $\\eta^2$ = 0.200 (0.100 to 0.300), by chance 0.020; the undivided"
        " network split at random 0.030 (0.000 to 0.100).",
        "",
        "**tiny** (50\u202f000 training pictures). Colour, in runs of each kind:",
        "",
    ]


def test_when_colour_divides(laboratory: Laboratory, say: Say) -> None:
    since = {"above_from": 0.75, "half_epoch": 1.389}
    experiments = {
        "two": experiment("two branches", 2, difference()),
        "four": experiment("four branches", 4, difference(3, **since)),
        "grey": experiment("grey", 4, difference(3, **since), parameters={"colours": "removed"}),
        "other": experiment("other", 4, difference(3, above_from=1.0)),
    }
    verdict, words = say(laboratory(cifar10=experiments), "colour-divides-early")
    assert verdict == onset.DATED
    assert words.splitlines() == [
        "- four branches (cifar10): the mean over seeds stays above chance from epoch 0.75 on and half of what it ends"
        " with above chance is reached at epoch 1.39, of 6 or 8.",
        "- other (cifar10): the mean over seeds stays above chance from epoch 1.0 on, of 6 or 8.",
    ]


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
    assert f"$|\\rho|$ = 0.735 (0.519 to 0.951) over 3 seeds, in {certain} of them beyond chance;" in words


def test_every_setting_says_how_it_was_trained(laboratory: Laboratory, say: Say) -> None:
    verdict, words = say(laboratory(cifar10={}, tiny={}), "training-of-branch-networks")
    assert verdict == DESCRIBED
    first, second = words.strip().split("\n\n")
    assert first.startswith("**Training** on cifar10: 9 runs of 6 or 8 epochs, 1 to 3 seeds an experiment, AdamW")
    assert "learning rate of 0.003 at most, weight decay 0.05, batches of 64, on cpu." in second
