"""The plan: every task after those it needs, a key for all that decides a result, and a reason for what is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wbsite.analyses.base import Analysis
from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.store import Contents, canonical
from wbsite.models.base import Source
from wbsite.run import plan as planning
from wbsite.run.subjects import ModelRequest


@pytest.fixture
def request_of_speck(work: Path, speck_weights: Path) -> ModelRequest:
    return ModelRequest("speck", str(speck_weights))


def nothing(context: Any) -> Contents:
    return Contents()


def test_tasks_follow_those_they_need(request_of_speck: ModelRequest) -> None:
    plan = planning.plan(request_of_speck, "quick")
    done: set[str] = set()
    for task in plan.tasks:
        assert set(task.needs.values()) <= done, task.label
        done.add(task.key)
    assert len(done) == len(plan.tasks)


def test_every_analysis_has_for_every_layer_a_task_or_a_reason(request_of_speck: ModelRequest) -> None:
    """Or a page would have a silent gap."""
    plan = planning.plan(request_of_speck, "quick")
    planned = {(task.analysis, task.layer) for task in plan.tasks}
    for analysis in registry.entries("analyses"):
        if analysis.scope in ("suite", "study"):
            assert analysis.name not in {name for name, _ in planned}
            continue
        for layer in ("conv1", "conv2", "conv3", "point", "fc") if analysis.scope == "layer" else ("",):
            assert ((analysis.name, layer) in planned) != bool(plan.skipped.get((analysis.name, layer)))


def test_keys_stay_the_same_until_something_that_decides_changes(request_of_speck: ModelRequest) -> None:
    """Keys that wander compute everything again; keys that stay show results of another profile."""
    quick = {(task.analysis, task.layer): task.key for task in planning.plan(request_of_speck, "quick").tasks}
    assert {(t.analysis, t.layer): t.key for t in planning.plan(request_of_speck, "quick").tasks} == quick
    full = {(task.analysis, task.layer): task.key for task in planning.plan(request_of_speck, "full").tasks}
    assert full["nmf", "conv2"] != quick["nmf", "conv2"]
    assert full["banding", "conv2"] != quick["banding", "conv2"]
    assert full["architecture", ""] == quick["architecture", ""]


def test_weights_from_another_address_give_another_architecture_page(request_of_speck: ModelRequest) -> None:
    """The page names the address: a corrected one must show."""
    model, _ = planning.loaded(request_of_speck)
    sources = [Source("https://example.org/a.pth", "sha256:aa"), Source("https://example.org/b.pth", "sha256:aa"), None]
    facts = [planning.spec_facts(replace(model, spec=replace(model.spec, source=source))) for source in sources]
    assert len({canonical(found) for found in facts}) == 3


def test_a_new_version_of_an_analysis_is_computed_again_and_what_needs_it_too(
    request_of_speck: ModelRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {(task.analysis, task.layer): task.key for task in planning.plan(request_of_speck, "quick").tasks}
    newer = tuple(replace(a, version=a.version + (a.name == "nmf")) for a in registry.entries("analyses"))
    every = registry.entries
    with monkeypatch.context() as patch:
        patch.setattr(registry, "entries", lambda kind: newer if kind == "analyses" else every(kind))
        after = {(task.analysis, task.layer): task.key for task in planning.plan(request_of_speck, "quick").tasks}
    changed = {place for place in before if before[place] != after[place]}
    assert {analysis for analysis, _ in changed} == {"nmf", "banding"}
    assert ("banding", "conv1") not in changed  # the first layer has no NMF pictures


def test_only_what_is_asked_for_and_what_it_needs_is_planned(request_of_speck: ModelRequest) -> None:
    assert {task.analysis for task in planning.plan(request_of_speck, "quick", only=["banding"]).tasks} == {
        "banding",
        "nmf",
    }


@pytest.mark.parametrize(
    ("needs", "fault"), [({"a": ("b",)}, "does not exist"), ({"a": ("b",), "b": ("a",)}, "needs it in turn")]
)
def test_analyses_that_need_what_cannot_be_had_are_named(
    monkeypatch: pytest.MonkeyPatch, needs: dict[str, tuple[str, ...]], fault: str
) -> None:
    found = tuple(Analysis(name, 1, "layer", "", nothing, needs=others) for name, others in needs.items())
    with monkeypatch.context() as patch:
        patch.setattr(registry, "entries", lambda kind: found)
        with pytest.raises(WbsiteError, match=fault):
            planning.analyses()


def test_layers_without_weights_are_left_out_with_that_reason() -> None:
    from types import SimpleNamespace

    model = SimpleNamespace(missing=("fc.weight", "fc.bias"))
    layer = SimpleNamespace(name="fc")
    analysis = Analysis("a", 1, "layer", "", nothing)
    assert "does not hold this layer" in planning.inapplicable(analysis, layer, model)  # type: ignore[arg-type]


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
    assert ModelRequest(token).id == name
