"""Claims about the laboratory: for every outcome of made-up runs, the verdict and the words of the article."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wbsite.claims.banding import (
    architectures,
    axis_pooling,
    baseline,
    directions,
    persistence,
    pooling,
    reproduction,
    rotation,
    sizes,
    time_course,
)
from wbsite.claims.base import FAILS, HOLDS, NOTHING, UNDECIDED, Claim
from wbsite.core import registry
from wbsite.render.page import Writing
from wbsite.results.banding.experiments import Experiment, Experiments, Head, Layer, Setting
from wbsite.results.banding.lab_pictures import LabPictures, Quantisation
from wbsite.results.estimate import Estimate
from wbsite.results.repeated_runs import SettingFacts
from wbsite.results.site import Gap, Site

Numbers = tuple[float, float, float] | float
"""An estimate with its bounds, or one of a single seed."""

UP, WEAK, LOW, NONE, DOWN = (0.4, 0.3, 0.5), (0.3, 0.2, 0.4), (0.1, 0.05, 0.15), (0.01, -0.1, 0.1), (-0.4, -0.5, -0.3)
FEWER, SAME, MORE = (-0.3, -0.4, -0.2), (0.01, -0.1, 0.1), (0.3, 0.2, 0.4)


def estimate(numbers: Numbers | None) -> Estimate:
    mean, low, high = numbers if isinstance(numbers, tuple) else (numbers, None, None)
    return Estimate(mean=mean, low=low, high=high)


def layer(name: str, index: Numbers, difference: Numbers | None, lost: bool | None, half: float | None) -> Layer:
    return Layer(
        layer=name, index=estimate(index), difference=estimate(difference), lost=lost, turned=None, half_epoch=half
    )


def trial(
    last: Numbers = UP, before: Numbers | None = None, difference: Numbers | None = None, lost: bool | None = None,
    before_lost: bool | None = None, half: tuple[float | None, float | None] = (None, None), **more: Any,
) -> Experiment:  # fmt: skip
    """An experiment by the numbers of its last layer; those of the one before are the same where they are not given."""
    facts: dict[str, Any] = {
        "title": "some change", "group": "main", "order": 1, "summary": "", "network": "simplified",
        "baseline": "baseline", "parameters": {}, "seeds": 3, "accuracy": estimate((0.6, 0.5, 0.7)),
        "accuracy_difference": estimate(None), "dataset": "cifar10", "weights": 1234, "head": None,
    }  # fmt: skip
    return Experiment(
        last=layer("5b", last, difference, lost, half[0]),
        before=layer("5a", last if before is None else before, difference, before_lost, half[1]),
        **{**facts, **more},
    )


def head(index: Numbers) -> Head:
    return Head(row_share=0.4, column_share=0.1, index=estimate(index), positions=64, seeds=3)


def result(experiments: dict[str, Experiment]) -> Experiments:
    facts = SettingFacts(
        dataset="cifar10", dataset_digest="00", training_pictures=50, test_pictures=10, preset="small", recipe={},
        epochs=[3], experiments=list(experiments), runs=3, seeds_low=3, seeds_high=3, seconds=1.0, devices=["cpu"],
        torch=["2.6"], wbsite=["0"],
    )  # fmt: skip
    tables = {name: Experiments.frame(name, []) for name, field in Experiments.fields.items() if field.kind == "table"}
    return Experiments(settings={"a": Setting(facts=facts, experiments=experiments)}, lost_below=0.5, **tables)


def persisted(title: str, **numbers: Any) -> Experiment:
    return trial(title=title, group="persisted", **numbers)


KEPT, WEAKER = persisted("masks", difference=SAME), persisted("attention", difference=FEWER)
LOST, ONE_SEED = persisted("group heads", difference=FEWER, lost=True), persisted("FiLM", last=0.3, difference=-0.1)


def network(title: str, rotated: Numbers, without: Numbers, last: Numbers = UP) -> dict[str, Experiment]:
    name = title.lower()
    return {
        f"{name}_baseline": trial(last, title=f"{title}, baseline"),
        f"{name}_rotated": trial(rotated),
        f"{name}_positions": trial(difference=without),
    }


CASES: list[tuple[str, dict[str, Experiment], str, str]] = [
    ("simplified-network-is-banded", {}, HOLDS, "grows bands. $H$ is 0.400 (0.300 to 0.500)"),
    ("simplified-network-is-banded", {"baseline": trial(UP, NONE)}, FAILS, "is not clearly banded"),
    ("simplified-network-is-banded", {"baseline": trial(0.4)}, UNDECIDED, "$H$ is 0.400 in `5a`"),
    ("last-layer-is-most-banded", {"baseline": trial(UP, LOW)}, HOLDS, ""),
    ("last-layer-is-most-banded", {"baseline": trial(LOW, UP)}, FAILS, "here the one before it is."),
    ("last-layer-is-most-banded", {}, UNDECIDED, ""),
    (
        "other-seeds-agree",
        {"baseline_2": trial(difference=SAME)},
        HOLDS,
        "no more than the seeds explain. The networks",
    ),
    ("other-seeds-agree", {"baseline_2": trial(difference=FEWER)}, FAILS, "in `5b`, more than the seeds explain."),
    ("other-seeds-agree", {"baseline_2": trial(0.3, difference=0.1)}, UNDECIDED, "by 0.100 in `5b`, one training"),
    ("rotation-turns-bands", {"rotated": trial(DOWN)}, HOLDS, "They turn. $H$ of `5b` goes from 0.400"),
    ("rotation-turns-bands", {"rotated": trial(NONE)}, FAILS, "does not repeat the article's clear result"),
    ("rotation-turns-bands", {"rotated": trial(-0.3)}, UNDECIDED, "to −0.300. One training"),
    (
        "pooling-causes-bands",
        {"fc_only": trial(LOW, difference=FEWER, lost=True, before_lost=True)},
        HOLDS,
        "both layers",
    ),
    ("pooling-causes-bands", {"fc_only": trial(LOW, difference=FEWER, lost=True)}, "last", "the last layer loses"),
    (
        "pooling-causes-bands",
        {"fc_only": trial(LOW, difference=SAME, before_lost=True)},
        "before",
        "the last layer but one",
    ),
    ("pooling-causes-bands", {"fc_only": trial(WEAK, difference=FEWER)}, "weaker", "but more than half is left"),
    ("pooling-causes-bands", {"fc_only": trial(UP, difference=MORE)}, "stronger", "there is more of it"),
    ("pooling-causes-bands", {"fc_only": trial(UP, difference=SAME)}, FAILS, "is no more than the seeds explain"),
    ("pooling-causes-bands", {"fc_only": trial(0.1, difference=-0.3)}, UNDECIDED, "0.100, −0.300 against the baseline"),
    ("bands-vanish-without-pooling", {"fc_only": trial(NONE)}, HOLDS, ""),
    ("bands-vanish-without-pooling", {"fc_only": trial(LOW)}, FAILS, "It does not vanish, though"),
    ("bands-vanish-without-pooling", {"fc_only": trial(0.1)}, UNDECIDED, ""),
    ("head-reads-vertical-position", {"fc_only": trial(head=head(UP))}, HOLDS, "the head does. The weights"),
    ("head-reads-vertical-position", {"fc_only": trial(head=head(NONE))}, FAILS, "rows explain 40.0\u00a0% of that"),
    ("head-reads-vertical-position", {"fc_only": trial(head=head(0.3))}, UNDECIDED, "columns 10.0\u00a0%"),
    ("x-pooling-moves-bands", {"x_pool": trial(LOW, difference=FEWER, lost=True)}, HOLDS, "surprise, repeated"),
    ("x-pooling-moves-bands", {"x_pool": trial(UP, difference=MORE)}, "stronger", "One possible account, not tested"),
    (
        "x-pooling-moves-bands",
        {"x_pool": trial(LOW, difference=FEWER, lost=True, before_lost=True)},
        "weaker",
        "has less of them than in the baseline",
    ),
    ("x-pooling-moves-bands", {"x_pool": trial(difference=SAME)}, FAILS, "is repeated here"),
    ("x-pooling-moves-bands", {"x_pool": trial(0.1, difference=-0.2)}, UNDECIDED, "One training cannot tell"),
    (
        "pooling-along-both-axes",
        {"xy_pool": trial(WEAK, difference=SAME)},
        "described",
        "of `5a` 0.300 (0.200 to 0.400)",
    ),
    ("bands-persist", {"a": KEPT}, HOLDS, "Of 1, 1 keep its last layer's $H$ within what seeds explain"),
    ("bands-persist", {"a": KEPT, "b": WEAKER, "c": ONE_SEED}, "weaker", "Of 2, 1 keep its last layer's"),
    ("bands-persist", {"a": KEPT, "d": LOST}, FAILS, "1 loses more than half (group heads). For the latter"),
    ("bands-persist", {"b": WEAKER, "d": LOST}, "mixed", "1 has less of it (attention); 1 loses more than half"),
    ("bands-persist", {"c": ONE_SEED}, UNDECIDED, "with one training of each"),
    (
        "common-architectures",
        network("VGG19", DOWN, SAME),
        "described",
        "**VGG19**: baseline 0.400 (0.300 to 0.500) in",
    ),
    ("common-architectures", {"vgg19_baseline": trial(LOW)}, "described", "in `5a`.\n"),
    ("architectures-turn", network("VGG19", DOWN, SAME), HOLDS, "clear of zero, in VGG19."),
    ("architectures-turn", network("VGG19", DOWN, SAME) | network("ResNet50", UP, SAME), "some", "zero, in VGG19."),
    ("architectures-turn", network("VGG19", UP, SAME), FAILS, "In none of them"),
    ("architectures-turn", network("VGG19", -0.4, 0.1, last=0.4), UNDECIDED, "With one training of each"),
    ("architectures-need-pooling", network("VGG19", DOWN, FEWER), HOLDS, "what seeds explain, in VGG19."),
    (
        "architectures-need-pooling",
        network("VGG19", DOWN, SAME) | network("ResNet50", DOWN, FEWER) | network("InceptionV1", DOWN, FEWER),
        "some",
        "in InceptionV1 and ResNet50.",
    ),
    ("architectures-need-pooling", network("VGG19", DOWN, SAME), FAILS, "in any of them"),
    ("architectures-need-pooling", network("VGG19", -0.4, 0.1, last=0.4), UNDECIDED, ""),
    ("full-rotation-removes-bands", {"sway_180": trial(NONE)}, HOLDS, "0.010 (−0.100 to 0.100): neither can be told"),
    ("full-rotation-removes-bands", {"sway_180": trial(LOW)}, "positive", "small, but still positive"),
    ("full-rotation-removes-bands", {"sway_180": trial(DOWN)}, "reversed", "on the other side of zero"),
    ("full-rotation-removes-bands", {"sway_180": trial(NONE, LOW)}, UNDECIDED, "(0.050 to 0.150)."),
    ("rotation-by-45-degrees", {"sway_180": trial(), "sway_45": trial(WEAK)}, "described", "At ±45° it is 0.300"),
    ("rotation-is-harder", {"sway_180": trial(accuracy=estimate(0.4))}, HOLDS, "from 60.0\u00a0% to 40.0\u00a0%"),
    ("rotation-is-harder", {"sway_180": trial(accuracy=estimate(0.7))}, FAILS, "70.0\u00a0%, no lower"),
    ("bands-need-the-axis-alone", {"vertical_flip": trial(WEAK, lost=False)}, HOLDS, "The bands remain"),
    ("bands-need-the-axis-alone", {"vertical_flip": trial(LOW, lost=True)}, FAILS, "goes with the direction"),
    ("bands-need-the-axis-alone", {"vertical_flip": trial(NONE)}, UNDECIDED, "in `5a`."),
    ("textures-give-no-bands", {"textures": trial(NONE)}, HOLDS, ": no bands. It gets 60.0\u00a0%"),
    ("textures-give-no-bands", {"textures": trial(NONE, LOW)}, FAILS, "(0.050 to 0.150). It gets"),
    ("textures-give-no-bands", {"textures": trial(0.1)}, UNDECIDED, "$H$ is 0.100 and 0.100. It gets"),
    ("deeper-layer-follows", {"baseline": trial(half=(0.5, 0.2))}, HOLDS, "follows the one it reads from"),
    (
        "deeper-layer-follows",
        {"baseline": trial(half=(0.2, 0.5)), "rotated": trial(half=(0.3, 0.4))},
        FAILS,
        "after 0.500 epochs, that of `5b` after 0.200; with rotated pictures it takes 0.400 and 0.300.",
    ),
    ("last-map-size", {"map_4": trial(LOW), "map_16": trial(DOWN)}, "described", "0.500) at 8, and −0.400"),
    ("kernel-size", {"kernel_3": trial(LOW), "kernel_7": trial(DOWN)}, "described", "with 7×7 −0.400 (−0.500"),
    ("nothing-contradicts-the-article", {}, HOLDS, "Nothing that was tested contradicts the article."),
    (
        "nothing-contradicts-the-article",
        {"fc_only": trial(0.3), "x_pool": trial(0.3)},
        HOLDS,
        "Nothing that was tested",
    ),
    ("nothing-contradicts-the-article", {"fc_only": trial(LOW)}, FAILS, "Here 0.100 (0.050 to 0.150) is left"),
    ("nothing-contradicts-the-article", {"x_pool": trial(UP, lost=False)}, FAILS, "Here it did not: H is 0.400"),
    (
        "nothing-contradicts-the-article",
        {"baseline": trial(LOW, UP)},
        FAILS,
        "Here they are clearest in the one before",
    ),
    ("nothing-contradicts-the-article", {"a": KEPT, "d": LOST}, FAILS, "Banding survived “group heads” in the article"),
    (
        "nothing-contradicts-the-article",
        network("VGG19", DOWN, FEWER),
        FAILS,
        "VGG19 kept its bands without the pooling",
    ),
    ("nothing-contradicts-the-article", network("ResNet50", DOWN, SAME), FAILS, "ResNet50 lost its bands with the"),
    ("nothing-contradicts-the-article", network("ResNet50", DOWN, FEWER), HOLDS, ""),
]
"""Claim, experiments beside a banded baseline, verdict, words that the article must have then."""

MODULES = (
    architectures, axis_pooling, baseline, directions, persistence, pooling, reproduction, rotation, sizes, time_course,
)  # fmt: skip
CLAIMS = [claim for module in MODULES for claim in module.CLAIMS]


@pytest.fixture
def lab(made_site: Callable[..., Site]) -> Callable[..., Site]:
    """A site with these experiments of the laboratory, and a banded baseline where they have none."""

    def make(experiments: dict[str, Experiment]) -> Site:
        return made_site(suites={"banding": {"experiments": result({"baseline": trial(order=0), **experiments})}})

    return make


@pytest.mark.parametrize(("name", "experiments", "verdict", "words"), CASES)
def test_a_claim_comes_out_as_the_runs_say(
    lab: Callable[..., Site], name: str, experiments: dict[str, Experiment], verdict: str, words: str
) -> None:
    site = lab(experiments)
    decided = registry.named("claims", name, "claim").decide(site)
    assert not isinstance(decided, Gap)
    assert decided[0] == verdict
    text = Writing(site, "articles/a").claim(name)
    assert words in text if words else not text or verdict == HOLDS
    assert "None" not in text.replace("None of this", "")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_outcome_is_tested(claim: Claim) -> None:
    assert {verdict for name, _, verdict, _ in CASES if name == claim.name} == set(claim.wording) - {NOTHING}


@pytest.mark.parametrize("claim", [c for c in CLAIMS if NOTHING in c.wording], ids=lambda claim: claim.name)
def test_what_was_not_run_is_not_written_about(lab: Callable[..., Site], claim: Claim) -> None:
    assert claim.decide(lab({})) == (NOTHING, None)
    assert Writing(lab({}), "articles/a").claim(claim.name) == ""


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_without_runs_or_a_baseline_there_is_a_gap(made_site: Callable[..., Site], claim: Claim) -> None:
    gap = claim.decide(made_site())
    assert isinstance(gap, Gap) and "wbsite train banding" in gap.reason
    alone = made_site(suites={"banding": {"experiments": result({"rotated": trial(DOWN)})}})
    assert claim.decide(alone) == Gap("no run of the baseline is there", failed=False)


def test_rotation_by_less_is_told_only_beside_rotation_by_any_angle(lab: Callable[..., Site]) -> None:
    site = lab({"sway_45": trial(WEAK)})
    assert Writing(site, "articles/a").claim("rotation-by-45-degrees") == ""


def test_all_contradictions_are_one_list(lab: Callable[..., Site]) -> None:
    """An empty line between two of them would set them apart from each other on the page."""
    site = lab({"fc_only": trial(LOW), "x_pool": trial(lost=False), "d": LOST, **network("VGG19", DOWN, FEWER)})
    text = Writing(site, "articles/a").claim("nothing-contradicts-the-article")
    items, _, rest = text.partition("\n\n")
    assert [line[:2] for line in items.splitlines()] == ["- "] * 4
    assert rest.startswith("None of this refutes")


def test_rounding_is_told_where_pictures_were_computed(made_site: Callable[..., Site]) -> None:
    rounding = Quantisation(
        levels=15, layers=2, largest_difference=0.0384, mean_difference=0.01, ratio=0.948, largest_layer="a"
    )
    tables = {name: LabPictures.frame(name, []) for name in ("units", "runs", "summary")}
    pictures = LabPictures(components=3, article_threshold=0.55, quantisation=rounding, pictures={}, **tables)
    text = Writing(made_site(suites={"banding": {"lab_pictures": pictures}}), "articles/a").claim("rounding-of-kernels")
    assert text.startswith(" (15; $|H|$ of the rounded kernels is 0.948 of that of the full ones on average")
    assert Writing(made_site(), "articles/a").claim("rounding-of-kernels") == ""
