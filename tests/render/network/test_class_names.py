"""Units of a classifier are called by their classes where the weights file says which they are."""

from __future__ import annotations

from typing import Any

import pytest

from wbsite.core.store import Store
from wbsite.render.figure import Drawing, Scene
from wbsite.render.network._class_names import class_names
from wbsite.render.network._connection_data import UnitConnections
from wbsite.render.network.unit_grid import draw as draw_grid
from wbsite.render.network.unit_inputs import draw as draw_inputs
from wbsite.render.network.unit_panel import chunk
from wbsite.results.network.connections import Connections
from wbsite.results.site import Model, Site

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A bundled network with the connections of its last convolution."""
    from wbsite.run.plan import plan
    from wbsite.run.subjects.model import ModelSubject
    from wbsite.run.worker import run_task

    store = Store(tmp_path_factory.mktemp("store"))
    store.prepare()
    planned = plan(ModelSubject("simplified_32"), "quick", only=["architecture", "connections"])
    results: dict[str, dict[str, Any]] = {}
    for task in planned.tasks:
        if task.layer in ("", "5b"):
            outcome = run_task(task, store.url, "cpu")
            assert not outcome.failed, outcome.failed
            results.setdefault(task.analysis, {})[task.layer] = {"key": task.key}
    about = {"id": planned.subject.id, "token": planned.subject.token, "profile": "quick", "digest": planned.digest}
    store.put_record(planned.subject.record, {**about, **planned.facts, "results": results})
    return Site(store, [planned.subject.id]).models[0]


def scene(model: Model, layer: str, **options: Any) -> Scene:
    return Scene(Site(model._store, [model.id]), model, model.layer(layer), up="../../", options=options)


def test_only_the_networks_outputs_are_classes(model: Model) -> None:
    assert class_names(model, "fc") == CIFAR10
    assert class_names(model, "5b") == class_names(model, "input") == ()


def test_a_panel_names_the_classes_that_read_its_unit(model: Model) -> None:
    result = model.result(Connections, "5b")
    assert result is not None
    found = chunk(UnitConnections(model, model.layer("5b"), result), range(2))
    place = [name for name, *_ in found["layers"]].index("fc")
    assert found["classes"] == {place: dict(enumerate(CIFAR10))}
    assert all(one[0] == place for one in found["units"][0]["output"]["connections"])


def test_the_classifiers_page_lists_its_classes_by_the_address_of_their_units(model: Model) -> None:
    drawing = draw_grid(scene(model, "fc"))
    assert isinstance(drawing, Drawing)
    assert '<li id="unit-3"><small>3</small> cat</li>' in drawing.body
    assert drawing.data["class"].tolist() == list(CIFAR10)


def test_an_article_that_shows_a_units_outputs_names_them(model: Model) -> None:
    drawing = draw_inputs(scene(model, "5b", unit=4, kind="output", count=3))
    assert isinstance(drawing, Drawing)
    first = int(drawing.data["channel"][0])
    assert f"{first} {CIFAR10[first]}</span>" in drawing.body
    assert drawing.alt.endswith(f"the strongest is unit {first} of fc, {CIFAR10[first]}.")


def test_a_record_of_other_classes_names_nothing(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    class_names.cache_clear()
    monkeypatch.setitem(model.architecture.provenance["training"], "classes", "cat, dog")
    assert class_names(model, "fc") == ()
    class_names.cache_clear()
