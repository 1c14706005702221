"""Claims about the laboratory: for every outcome of made-up runs, the verdict and the words of the article."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from wbsite.claims.banding import (
    architectures,
    axis_pooling,
    baseline,
    conclusion,
    directions,
    persistence,
    pooling,
    reproduction,
    rotation,
    scale,
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

RECIPE = dict.fromkeys(("decay", "rate", "epochs", "batch", "smoothing", "shift"), 1)

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
        dataset="cifar10", dataset_digest="00", training_pictures=50, test_pictures=10, preset="small", recipe=RECIPE,
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
    ("simplified-network-is-banded", {}, HOLDS, "beyond what seeds explain, 0.40 in the last."),
    ("simplified-network-is-banded", {"baseline": trial(UP, NONE)}, FAILS, "is not clearly banded"),
    ("simplified-network-is-banded", {"baseline": trial(0.4)}, UNDECIDED, "is not clearly banded"),
    ("last-layer-is-most-banded", {"baseline": trial(UP, LOW)}, HOLDS, ""),
    ("last-layer-is-most-banded", {"baseline": trial(LOW, UP)}, FAILS, "here the one before it is."),
    ("last-layer-is-most-banded", {}, UNDECIDED, ""),
    ("other-seeds-agree", {"baseline_2": trial(difference=SAME)}, HOLDS, "differ by no more than seeds explain."),
    ("other-seeds-agree", {"baseline_2": trial(difference=FEWER)}, FAILS, "differ by more than seeds explain."),
    ("other-seeds-agree", {"baseline_2": trial(0.3, difference=0.1)}, UNDECIDED, "one training cannot tell"),
    ("rotation-turns-bands", {"rotated": trial(DOWN)}, HOLDS, "They turn: $H$ of the last layer is now −0.40"),
    (
        "rotation-turns-bands",
        {"rotated": trial(NONE)},
        FAILS,
        "They do not clearly turn: $H$ of the last layer is now 0.01",
    ),
    ("rotation-turns-bands", {"rotated": trial(-0.3)}, UNDECIDED, "One training cannot tell whether they turn"),
    (
        "pooling-causes-bands",
        {"fc_only": trial(LOW, difference=FEWER, lost=True, before_lost=True)},
        HOLDS,
        "both of the last two layers lose",
    ),
    ("pooling-causes-bands", {"fc_only": trial(LOW, difference=FEWER, lost=True)}, "last", "the last layer loses"),
    (
        "pooling-causes-bands",
        {"fc_only": trial(LOW, difference=SAME, before_lost=True)},
        "before",
        "the last layer but one",
    ),
    (
        "pooling-causes-bands",
        {"fc_only": trial(WEAK, difference=FEWER)},
        "weaker",
        "more than half of its banding is left",
    ),
    ("pooling-causes-bands", {"fc_only": trial(UP, difference=MORE)}, "stronger", "the last layer is more banded"),
    ("pooling-causes-bands", {"fc_only": trial(UP, difference=SAME)}, FAILS, "by no more than seeds explain"),
    ("pooling-causes-bands", {"fc_only": trial(0.1, difference=-0.3)}, UNDECIDED, "One training cannot tell whether"),
    ("bands-vanish-without-pooling", {"fc_only": trial(NONE)}, HOLDS, "cannot be told from zero"),
    ("bands-vanish-without-pooling", {"fc_only": trial(LOW)}, FAILS, "They do not vanish, though"),
    ("bands-vanish-without-pooling", {"fc_only": trial(0.1)}, UNDECIDED, ""),
    ("head-reads-vertical-position", {"fc_only": trial(head=head(UP))}, HOLDS, "the head does: the weights"),
    (
        "head-reads-vertical-position",
        {"fc_only": trial(head=head(NONE))},
        FAILS,
        "do not clearly vary more with height",
    ),
    ("head-reads-vertical-position", {"fc_only": trial(head=head(0.3))}, UNDECIDED, "one training does not tell"),
    ("x-pooling-moves-bands", {"x_pool": trial(LOW, difference=FEWER, lost=True)}, HOLDS, "surprise, repeated"),
    ("x-pooling-moves-bands", {"x_pool": trial(UP, difference=MORE)}, "stronger", "One possible account, not tested"),
    (
        "x-pooling-moves-bands",
        {"x_pool": trial(LOW, difference=FEWER, lost=True, before_lost=True)},
        "weaker",
        "has weaker bands than in the baseline",
    ),
    ("x-pooling-moves-bands", {"x_pool": trial(difference=SAME)}, FAILS, "is repeated here"),
    ("x-pooling-moves-bands", {"x_pool": trial(0.1, difference=-0.2)}, UNDECIDED, "One training cannot tell"),
    (
        "pooling-along-both-axes",
        {"xy_pool": trial(WEAK, difference=SAME)},
        "described",
        "of the last layer is 0.30, where the baseline has 0.40",
    ),
    (
        "bands-persist",
        {"a": KEPT},
        HOLDS,
        "Of 1 such changes, 1 keeps the last layer's bands as far as seeds can tell.",
    ),
    ("bands-persist", {"a": KEPT, "b": WEAKER, "c": ONE_SEED}, "weaker", "; 1 weakens them (“attention”)."),
    ("bands-persist", {"a": KEPT, "d": LOST}, FAILS, "1 takes more than half of them away (“group heads”). There we"),
    ("bands-persist", {"b": WEAKER, "d": LOST}, "mixed", "1 weakens them (“attention”); 1 takes more than half"),
    ("bands-persist", {"c": ONE_SEED}, UNDECIDED, "with one training of each"),
    ("architectures-turn", network("VGG19", DOWN, SAME), HOLDS, "In VGG19, the last layer's bands turn"),
    ("architectures-turn", network("VGG19", DOWN, SAME) | network("ResNet50", UP, SAME), "some", "In VGG19, the last"),
    ("architectures-turn", network("VGG19", UP, SAME), FAILS, "In none of them"),
    ("architectures-turn", network("VGG19", -0.4, 0.1, last=0.4), UNDECIDED, "With one training of each"),
    ("architectures-need-pooling", network("VGG19", DOWN, FEWER), HOLDS, "they are weaker in VGG19."),
    (
        "architectures-need-pooling",
        network("VGG19", DOWN, SAME) | network("ResNet50", DOWN, FEWER) | network("InceptionV1", DOWN, FEWER),
        "some",
        "in InceptionV1 and ResNet50.",
    ),
    ("architectures-need-pooling", network("VGG19", DOWN, SAME), FAILS, "in any of them"),
    ("architectures-need-pooling", network("VGG19", -0.4, 0.1, last=0.4), UNDECIDED, ""),
    ("full-rotation-removes-bands", {"sway_180": trial(NONE)}, HOLDS, "neither layer has banding beyond what seeds"),
    ("full-rotation-removes-bands", {"sway_180": trial(LOW)}, "positive", "some horizontal banding is left"),
    ("full-rotation-removes-bands", {"sway_180": trial(DOWN)}, "reversed", "has the other sign"),
    ("full-rotation-removes-bands", {"sway_180": trial(NONE, LOW)}, UNDECIDED, "it cannot be said whether"),
    (
        "rotation-by-45-degrees",
        {"sway_180": trial(), "sway_45": trial(WEAK)},
        "described",
        "of the last layer is 0.30.",
    ),
    ("rotation-is-harder", {"sway_180": trial(accuracy=estimate(0.4))}, HOLDS, "the accuracy falls"),
    ("rotation-is-harder", {"sway_180": trial(accuracy=estimate(0.7))}, FAILS, "The accuracy does not fall"),
    ("bands-need-the-axis-alone", {"vertical_flip": trial(WEAK, lost=False)}, HOLDS, "The bands remain"),
    ("bands-need-the-axis-alone", {"vertical_flip": trial(LOW, lost=True)}, FAILS, "Most of the banding goes"),
    ("bands-need-the-axis-alone", {"vertical_flip": trial(NONE)}, UNDECIDED, "these seeds do not tell"),
    ("textures-give-no-bands", {"textures": trial(NONE)}, HOLDS, "no bands. It gives none."),
    ("textures-give-no-bands", {"textures": trial(NONE, LOW)}, FAILS, "$H$ of the last layer is 0.010. However"),
    ("textures-give-no-bands", {"textures": trial(0.1)}, UNDECIDED, "One training cannot tell"),
    ("deeper-layer-follows", {"baseline": trial(half=(0.5, 0.2))}, HOLDS, "of its final $H$ later"),
    ("deeper-layer-follows", {"baseline": trial(half=(0.2, 0.5))}, FAILS, "of its final $H$ no later"),
    ("nothing-contradicts-the-article", {}, HOLDS, "Nothing that was tested contradicts the original."),
    (
        "nothing-contradicts-the-article",
        {"fc_only": trial(0.3), "x_pool": trial(0.3)},
        HOLDS,
        "Nothing that was tested",
    ),
    ("nothing-contradicts-the-article", {"fc_only": trial(LOW)}, FAILS, "shows no bands, and here some are left."),
    ("nothing-contradicts-the-article", {"x_pool": trial(UP, lost=False)}, FAILS, "and here does not."),
    ("nothing-contradicts-the-article", {"baseline": trial(LOW, UP)}, FAILS, "here they are in the one before."),
    ("nothing-contradicts-the-article", {"a": KEPT, "d": LOST}, FAILS, "Bands survived “group heads” in the original"),
    ("nothing-contradicts-the-article", network("VGG19", DOWN, FEWER), FAILS, "VGG19 kept its bands without"),
    ("nothing-contradicts-the-article", network("ResNet50", DOWN, SAME), FAILS, "in the original's ResNet50, and here"),
    ("nothing-contradicts-the-article", network("ResNet50", DOWN, FEWER), HOLDS, ""),
    (
        "what-bands-depend-on",
        {"rotated": trial(DOWN), "fc_only": trial(LOW, difference=FEWER, lost=True, before_lost=True)},
        "both",
        "a trace of two things outside the kernel: the direction that photographs have, and what",
    ),
    (
        "what-bands-depend-on",
        {"rotated": trial(DOWN), "fc_only": trial(UP, difference=SAME)},
        "pictures",
        "a trace of the direction that photographs have; that it",
    ),
    (
        "what-bands-depend-on",
        {"rotated": trial(UP), "fc_only": trial(LOW, difference=FEWER, lost=True, before_lost=True)},
        "pooling",
        "a trace of what the network does with position at its end; that it",
    ),
    (
        "what-bands-depend-on",
        {"rotated": trial(UP), "fc_only": trial(UP, difference=SAME)},
        "neither",
        "these runs do not show.",
    ),
    (
        "size-of-the-laboratory",
        {},
        "described",
        "since 3 trainings had to fit on ordinary processors: its pictures come from",
    ),
    ("intervals-by-chance", {"fc_only": trial(difference=FEWER)}, "described", "about 0 or 1 of the 2 intervals"),
    ("training-of-the-laboratory", {}, "described", "50 pictures to train on, 10 to test on; 3 seeds"),
]
"""Claim, experiments beside a banded baseline, verdict, words that the article must have then."""

MODULES = (
    architectures, axis_pooling, baseline, conclusion, directions, persistence, pooling, reproduction, rotation, scale,
    time_course,
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
    text = unescape(Writing(site, "articles/a").claim(name))
    assert words in text if words else not text or verdict == HOLDS
    assert "None" not in text.replace("None of this", "")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_outcome_is_tested(claim: Claim) -> None:
    assert {verdict for name, _, verdict, _ in CASES if name == claim.name} == set(claim.wording) - {NOTHING}


ALWAYS = ("size-of-the-laboratory", "training-of-the-laboratory")
"""Descriptions of whatever runs there are."""


@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if NOTHING in c.wording and c.name not in ALWAYS], ids=lambda claim: claim.name
)
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


def test_all_contradictions_are_told_those_of_one_kind_together(lab: Callable[..., Site]) -> None:
    lost = {"d": LOST, "e": persisted("max pooling", difference=FEWER, lost=True)}
    site = lab({"fc_only": trial(LOW), "x_pool": trial(lost=False), **lost, **network("VGG19", DOWN, FEWER)})
    text = Writing(site, "articles/a").claim("nothing-contradicts-the-article")
    assert "Bands survived “group heads” and “max pooling” in the original, and here most of them go." in text
    assert "5 results differ, in 4 ways." in text, "as many ways as are named, and as many results as the card counts"
    sentences = text.partition("<")[0].split(". ")
    assert len(sentences) == 1 + 4 + 1, text
    text = Writing(lab({"fc_only": trial(LOW)}), "articles/a").claim("nothing-contradicts-the-article")
    assert "in the original: 1 result differs. Without" in text


def test_an_architecture_that_is_drawn_is_spoken_of(lab: Callable[..., Site]) -> None:
    """VGG19 stood in the figure, and the text named the two others."""
    bare = network("VGG19", NONE, SAME, last=NONE)
    site = lab({**network("ResNet50", DOWN, FEWER), **network("InceptionV1", UP, SAME), **bare})
    text = Writing(site, "articles/a").claim("architectures-turn")
    assert text.startswith(
        "In ResNet50, the last layer's bands turn with the pictures. In InceptionV1 they do not. VGG19 has no banding"
    )
    text = Writing(site, "articles/a").claim("architectures-need-pooling")
    assert text.startswith(
        "Without the pooling they are weaker in ResNet50. In InceptionV1 they are not. In VGG19 there is nothing to"
    )


def test_as_many_intervals_mislead_by_chance_as_their_number_says(lab: Callable[..., Site]) -> None:
    """Five in a hundred; with seventy differences, three or four."""
    many = {f"x{i}": trial(difference=SAME) for i in range(35)}
    text = Writing(lab(many), "articles/a").claim("intervals-by-chance")
    assert "about 3 or 4 of the 70 intervals" in text


def test_an_evidence_mark_stays_in_its_sentence_s_paragraph(lab: Callable[..., Site]) -> None:
    """After a note, which ends with a tag, it would get a paragraph of its own."""
    for verdict, experiments in (("stronger", {"x_pool": trial(UP, difference=MORE)}),):
        site = lab(experiments)
        claim = registry.named("claims", "x-pooling-moves-bands", "claim")
        assert claim.decide(site)[0] == verdict
        assert "\n\n" not in Writing(site, "articles/a").claim(claim.name)


def test_the_group_that_the_article_names_is_a_heading_of_the_figure() -> None:
    from wbsite.render.banding._laboratory import HEADINGS

    assert HEADINGS["persisted"] == persistence.HEADING
    kept = registry.named("claims", "bands-persist", "claim").wording[HOLDS]
    assert f"“{HEADINGS['persisted']}”" in kept


def test_rounding_is_told_where_pictures_were_computed(made_site: Callable[..., Site]) -> None:
    rounding = Quantisation(
        levels=15, layers=2, largest_difference=0.0384, mean_difference=0.01, ratio=0.948, largest_layer="a"
    )
    tables = {name: LabPictures.frame(name, []) for name in ("units", "runs", "summary")}
    pictures = LabPictures(components=3, article_threshold=0.55, quantisation=rounding, pictures={}, **tables)
    text = Writing(made_site(suites={"banding": {"lab_pictures": pictures}}), "articles/a").claim("rounding-of-kernels")
    assert text.startswith(" (15; $|H|$ of the rounded kernels is 0.948 of that of the full ones on average")
    assert Writing(made_site(), "articles/a").claim("rounding-of-kernels") == ""
