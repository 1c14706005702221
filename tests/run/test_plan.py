"""The plan: every task after those it needs, a key for all that decides a result, and a reason for what is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wbsite.analyses.base import Analysis
from wbsite.core import registry, source
from wbsite.core.errors import WbsiteError
from wbsite.core.filing.documents import canonical
from wbsite.core.source import behind
from wbsite.models.base import Source
from wbsite.results.base import Result
from wbsite.run import plan as planning
from wbsite.run.subjects.model import ModelSubject, Network, spec_facts


@pytest.fixture
def speck_model(work: Path, speck_weights: Path) -> ModelSubject:
    return ModelSubject("speck", str(speck_weights))


class Nothing(Result, analysis="nothing", summary=""):
    """A result without fields."""


def schema(name: str) -> type[Result]:
    """The schema of an analysis of this name."""
    return type(name, (Result,), {}, analysis=name, summary="")


def nothing(context: Any) -> Nothing:
    return Nothing()


def test_tasks_follow_those_they_need(speck_model: ModelSubject) -> None:
    plan = planning.plan(speck_model, "quick")
    done: set[str] = set()
    for task in plan.tasks:
        assert set(task.needs.values()) <= done, task.label
        done.add(task.key)
    assert len(done) == len(plan.tasks)


def test_every_analysis_has_for_every_layer_a_task_or_a_reason(speck_model: ModelSubject) -> None:
    """Or a page would have a silent gap."""
    plan = planning.plan(speck_model, "quick")
    planned = {(task.analysis, task.layer) for task in plan.tasks}
    for analysis in registry.entries("analyses"):
        if analysis.scope in ("suite", "study", "census"):
            assert analysis.name not in {name for name, _ in planned}
            continue
        for layer in ("conv1", "conv2", "conv3", "point", "fc") if analysis.scope == "layer" else ("",):
            assert ((analysis.name, layer) in planned) != bool(plan.skipped.get((analysis.name, layer)))


def test_keys_stay_the_same_until_something_that_decides_changes(speck_model: ModelSubject) -> None:
    """Keys that wander compute everything again; keys that stay show results of another profile."""
    quick = {(task.analysis, task.layer): task.key for task in planning.plan(speck_model, "quick").tasks}
    assert {(t.analysis, t.layer): t.key for t in planning.plan(speck_model, "quick").tasks} == quick
    full = {(task.analysis, task.layer): task.key for task in planning.plan(speck_model, "full").tasks}
    assert full["nmf", "conv2"] != quick["nmf", "conv2"]
    assert full["banding", "conv2"] != quick["banding", "conv2"]
    assert full["architecture", ""] == quick["architecture", ""]


def test_weights_from_another_address_give_another_architecture_page(speck_model: ModelSubject) -> None:
    """The page names the address: a corrected one must show."""
    model = speck_model.load("quick").model
    sources = [Source("https://example.org/a.pth", "sha256:aa"), Source("https://example.org/b.pth", "sha256:aa"), None]
    facts = [spec_facts(replace(model, spec=replace(model.spec, source=source))) for source in sources]
    assert len({canonical(found) for found in facts}) == 3


def test_an_edited_analysis_is_computed_again_and_what_needs_it_too(
    speck_model: ModelSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {(task.analysis, task.layer): task.key for task in planning.plan(speck_model, "quick").tasks}
    nmf = registry.named("analyses", "nmf", "analysis")
    with monkeypatch.context() as patch:
        patch.setattr(source, "behind", lambda run: "edited" if run is nmf.run else behind(run))
        after = {(task.analysis, task.layer): task.key for task in planning.plan(speck_model, "quick").tasks}
    changed = {place for place in before if before[place] != after[place]}
    assert {analysis for analysis, _ in changed} == {"nmf", "banding"}
    assert ("banding", "conv1") not in changed  # the first layer has no NMF pictures


def test_only_what_is_asked_for_and_what_it_needs_is_planned(speck_model: ModelSubject) -> None:
    assert {task.analysis for task in planning.plan(speck_model, "quick", only=["banding"]).tasks} == {
        "banding",
        "nmf",
    }


@pytest.mark.parametrize(
    ("needs", "fault"), [({"a": ("b",)}, "does not exist"), ({"a": ("b",), "b": ("a",)}, "needs it in turn")]
)
def test_analyses_that_need_what_cannot_be_had_are_named(
    monkeypatch: pytest.MonkeyPatch, needs: dict[str, tuple[str, ...]], fault: str
) -> None:
    found = tuple(Analysis(schema(name), "layer", nothing, needs=others) for name, others in needs.items())
    every = registry.entries
    with monkeypatch.context() as patch:
        patch.setattr(registry, "entries", lambda kind: found if kind == "analyses" else every(kind))
        with pytest.raises(WbsiteError, match=fault):
            planning.analyses()


def test_layers_without_weights_are_left_out_with_that_reason(speck_model: ModelSubject) -> None:
    whole = speck_model.load("quick")
    network = Network(speck_model, replace(whole.model, missing=("fc.weight", "fc.bias")), whole.layers)
    reasons = dict(network.layers_for(Analysis(schema("a"), "layer", nothing)))
    assert reasons.pop("fc") == "the weights file does not hold this layer"
    assert set(reasons.values()) == {""}


@pytest.mark.parametrize(
    ("token", "name"),
    [
        ("vgg19", "vgg19"),
        ("inceptionv1@5h", "inceptionv1-5h"),
        ("my.package:net", "my-package-net"),
        ("my.package:net@/some where/w-1.pth", "my-package-net-w-1-pth"),
    ],
)
def test_a_models_pages_have_a_name_that_is_safe_in_an_address(token: str, name: str) -> None:
    assert ModelSubject(token).id == name
