"""Beside a unit's picture stand the patches of photographs that excite it: the right part of the right photograph."""

from __future__ import annotations

import functools
import http.server
import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wbsite.core.errors import WbsiteError
from wbsite.core.store import Store
from wbsite.render.check.check import check_site
from wbsite.render.figure import Drawing, Scene
from wbsite.render.network._patches import patches_of
from wbsite.render.network.dataset_examples import draw
from wbsite.results.network.dataset_examples import DatasetExamples
from wbsite.results.site import Gap, Model, Site

NARROW = """
from torch import nn

class Narrow(nn.Sequential):
    input_shape = (3, 24, 40)

def narrow():
    net = Narrow(
        nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 6, 7, stride=2, padding=3), nn.Flatten(),
        nn.Linear(6 * 12 * 20, 3),
    )
    nn.init.constant_(net[0].bias[2:3].detach(), -50.0)
    nn.init.zeros_(net[0].weight[3:4].detach())
    return net
"""
SILENT, CONSTANT = 2, 3


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory, process: Callable[..., Any]) -> Path:
    """A folder with the store and the site of the network, without what its patches do not need."""
    from wbsite.run.plan import plan
    from wbsite.run.subjects.model import ModelSubject
    from wbsite.run.worker import run_task

    folder = tmp_path_factory.mktemp("narrow")
    (folder / "narrow_network.py").write_text(NARROW)
    store = Store(folder / "build" / "store")
    store.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        wanted = ["architecture", "connections", "dataset_examples", "filters", "nmf"]
        planned = plan(ModelSubject("narrow_network:narrow"), "quick", only=wanted)
        results: dict[str, dict[str, Any]] = {}
        for task in planned.tasks:
            outcome = run_task(task, store.url, "cpu")
            assert not outcome.failed, outcome.failed
            results.setdefault(task.analysis, {})[task.layer] = {"key": task.key}
    for (analysis, layer), reason in planned.skipped.items():
        results.setdefault(analysis, {})[layer] = {"skipped": reason}
    about = {"id": planned.subject.id, "token": planned.subject.token, "profile": "quick", "digest": planned.digest}
    store.put_record(planned.subject.record, {**about, **planned.facts, "results": results})
    store.put_record("last", {"models": [planned.subject.id], "suites": [], "articles": []})
    ran = process(folder, "render", "--strict")
    assert ran.status == 0, ran.err
    return folder


@pytest.fixture(scope="module")
def page(computed: Path) -> Path:
    """Folder of the first layer's page."""
    return computed / "site" / "models" / "narrow_network-narrow" / "0"


def model(computed: Path) -> Model:
    return Site(Store(computed / "build" / "store"), None).models[0]


def result(computed: Path) -> DatasetExamples:
    found = model(computed).result(DatasetExamples)
    assert found is not None
    return found


def test_every_photograph_lies_once_beside_the_networks_page_and_the_site_is_sound(computed: Path, page: Path) -> None:
    found = result(computed)
    files = {path.name: path.read_bytes() for path in page.parent.glob("photograph-*.webp")}
    assert files == {f"photograph-{number}.webp": found.photograph(number) for number in found.shown}
    assert check_site(computed / "site") == []


def test_the_panel_has_every_units_patches_and_the_table_all_of_the_layer(computed: Path, page: Path) -> None:
    rows = result(computed).rows
    own = rows[rows["layer"] == "0"].drop(columns="layer").reset_index(drop=True)
    written = pd.read_csv(io.BytesIO((page / "dataset-examples.csv").read_bytes()))
    pd.testing.assert_frame_equal(written, own, rtol=1e-3)
    units = json.loads((page / "panels-0.json").read_text())["units"]
    for channel, unit in enumerate(units):
        part = own[own["unit"] == channel]
        fields = list(
            zip(*(part[name] for name in ("photograph", "name", "top", "left", "height", "width")), strict=True)
        )
        assert [tuple(packed[1:7]) for packed in unit["patches"]] == fields
    assert len(units[CONSTANT]["patches"]) == 0


def test_the_middle_of_a_patch_is_that_of_what_the_unit_sees(computed: Path) -> None:
    patches = patches_of(model(computed))
    assert patches is not None
    rows = result(computed).rows
    for row, patch in zip(
        rows[(rows["layer"] == "0") & (rows["unit"] == 0)].itertuples(), patches.units["0"][0], strict=True
    ):
        assert (patch.y, patch.x) == (row.row + 0.5, row.column + 0.5), "stride 1, padded to the same size"


def test_the_caption_says_that_crops_of_two_photographs_are_few(computed: Path, page: Path) -> None:
    text = (page / "index.html").read_text()
    assert "64 crops of the two photographs" in text
    assert "too few to say what a unit is for" in text
    assert "5×5 pixels, as far as it lies in the photograph of 24×40" in text
    assert "1 unit of 8 fires on none of them" in text


# In the browser


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A test's output is for what went wrong."""


@pytest.fixture(scope="module")
def served(computed: Path) -> Iterator[str]:
    """Address of the network's pages."""
    handler = functools.partial(Quiet, directory=str(computed / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/models/narrow_network-narrow/"
        server.shutdown()
        thread.join()


@pytest.fixture
def opened(browser: Any, served: str) -> Iterator[Callable[..., Any]]:
    """Opens a unit's panel: opened("0", 3, width=390). Complaints of the page fail the test."""
    contexts, complaints = [], []

    def open_panel(layer: str, unit: int, width: int = 1280) -> Any:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}))
        view = contexts[-1].new_page()
        view.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        view.on("pageerror", lambda error: complaints.append(str(error)))
        view.goto(f"{served}{layer}/#unit-{unit}")
        view.wait_for_selector(f'.wb-unitpanel[data-shown="{unit}"]')
        return view

    yield open_panel
    for context in contexts:
        context.close()
    assert complaints == []


BOXES = """
[...document.querySelectorAll('.wb-patch')].map(one => {
  const rectangle = ({ x, y, width, height }) => [x, y, width, height];
  const part = name => rectangle(one.querySelector(name).getBoundingClientRect());
  return [part('.wb-patch-window'), part('img'), part('i')];
})
"""


@pytest.mark.parametrize("layer", ["0", "2"])
def test_the_window_shows_the_patch_and_the_whole_photograph_marks_it(
    opened: Callable[..., Any], computed: Path, layer: str
) -> None:
    rows = result(computed).rows
    expected = rows[(rows["layer"] == layer) & (rows["unit"] == 1)]
    view = opened(layer, 1)
    assert view.locator(".wb-patch").count() == len(expected) == 9
    for row, (window, image, _) in zip(expected.itertuples(), view.evaluate(BOXES), strict=True):
        scale = window[2] / row.width
        assert window[3] / row.height == pytest.approx(scale, rel=0.03)
        assert image == pytest.approx(
            [window[0] - row.left * scale, window[1] - row.top * scale, 40 * scale, 24 * scale], abs=1.5
        )
    view.wait_for_function(
        "() => [...document.querySelectorAll('.wb-patch img')].slice(0, 3).every(one => one.naturalWidth === 40)"
    )
    view.get_by_role("button", name="whole photographs").click()
    assert view.locator(".wb-patches button").get_attribute("aria-pressed") == "true"
    for row, (window, image, mark) in zip(expected.itertuples(), view.evaluate(BOXES), strict=True):
        assert image == pytest.approx(window, abs=1.5)
        scale = window[2] / 40
        assert mark == pytest.approx(
            [window[0] + row.left * scale, window[1] + row.top * scale, row.width * scale, row.height * scale], abs=1.5
        )
    view.get_by_role("button", name="next").click()
    view.wait_for_selector('.wb-unitpanel[data-shown="2"]')
    assert view.locator(".wb-patches button").get_attribute("aria-pressed") == "true", "the reader's choice stays"


def test_a_reader_is_told_of_each_patch_and_of_units_that_nothing_excites(
    opened: Callable[..., Any], computed: Path
) -> None:
    rows = result(computed).rows
    first = rows[(rows["layer"] == "0") & (rows["unit"] == 0)].iloc[0]
    view = opened("0", 0)
    text = view.locator(".wb-patch img").first.get_attribute("alt")
    assert text.startswith(f"Part of photograph {first.photograph} ({first['name']}): activation ")
    assert "Strongest first, nine of 64" in view.locator(".wb-patches").inner_text()
    view.evaluate(f"location.hash = '#unit-{SILENT}'")
    view.wait_for_selector(f'.wb-unitpanel[data-shown="{SILENT}"]')
    assert "None of the 64 photographs makes it fire" in view.locator(".wb-patches").inner_text()
    assert view.locator(".wb-patch-silent").count() == 9
    view.evaluate(f"location.hash = '#unit-{CONSTANT}'")
    view.wait_for_selector(f'.wb-unitpanel[data-shown="{CONSTANT}"]')
    assert "responds to all photographs equally" in view.locator(".wb-patches").inner_text()
    assert not view.locator(".wb-patches button").is_visible()


@pytest.mark.parametrize(("width", "columns"), [(390, 3), (1440, 9)])
def test_patches_fit_their_screen(opened: Callable[..., Any], width: int, columns: int) -> None:
    view = opened("0", 5, width)
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    lefts = "[...document.querySelectorAll('.wb-patch')].map(one => Math.round(one.getBoundingClientRect().left))"
    assert len(set(view.evaluate(lefts))) == columns


# In articles


def scene(computed: Path, layer: str = "0", **options: Any) -> Scene:
    site = Site(Store(computed / "build" / "store"), None)
    return Scene(site, site.models[0], site.models[0].layer(layer), up="../../", options=options)


def test_one_units_photographs_stand_in_an_article_without_a_script(computed: Path) -> None:
    drawing = draw(scene(computed, unit=1))
    assert isinstance(drawing, Drawing)
    assert drawing.body.count('src="../../models/narrow_network-narrow/photograph-') == len(drawing.data) == 9
    assert "too few" in drawing.method
    assert "9 patches of photographs" in drawing.alt


def test_an_article_is_told_of_a_unit_that_is_not_there_or_has_no_patches(computed: Path) -> None:
    with pytest.raises(WbsiteError, match="has no unit 8"):
        draw(scene(computed, unit=8))
    constant = draw(scene(computed, unit=CONSTANT))
    assert isinstance(constant, Gap) and "equally" in constant.reason
    linear = draw(scene(computed, "4"))
    assert isinstance(linear, Gap) and "convolutions" in linear.reason
    without = model(computed)
    without = type(without)(
        without._store, {**without.record, "results": {**without.record["results"], "dataset_examples": {}}}
    )
    assert isinstance(draw(replace(scene(computed), model=without)), Gap)
