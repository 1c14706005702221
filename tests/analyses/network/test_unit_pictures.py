"""A unit without its picture is a number; one drawn again after every interruption never gets done."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from wbsite.analyses.base import Context, Parts, Photographs
from wbsite.analyses.network import unit_pictures
from wbsite.core.progress import Progress
from wbsite.core.store import Contents, Store
from wbsite.graph.layers import discover
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.results.photographs import PhotographSet

ANALYSIS = unit_pictures.ANALYSES[0]


@pytest.fixture
def context(tmp_path: Path) -> Callable[..., Context]:
    """context(wanted, …parameters): of the second layer of a network with 3 + 5 units, of which unit 4 is dead."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = (
            nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 5, 3)).eval().requires_grad_(False)
        )
        shown = torch.randn(6, 3, 20, 20)
    module.eval().requires_grad_(False)
    module[2].weight[4] = 0
    module[2].bias[:] = -0.1
    spec = ModelSpec("made", "here", "Made", lambda: module, Preprocess(crop=20))
    layers = discover(module, (3, 20, 20))
    store = Store(tmp_path / "store")

    def make(wanted: list[int], **params: Any) -> Context:
        examples = store.put("examples", Contents({"pictures": {"2": wanted}}), {})
        device = torch.device("cpu")
        photographs = Photographs(shown, "noise", 6, "6 pictures of noise", "0" * 64)
        given = {**ANALYSIS.parameters("quick"), "steps": 8, **params}
        model, layer = LoadedModel(module, spec, "0" * 64), layers.named("2")
        parts = Parts(store, "parts", {}, Progress())
        return Context(
            model, layers, layer, device, given, {"examples": examples}, parts=parts,
            inputs={"photographs": lambda: photographs},
        )  # fmt: skip

    return make


def test_what_the_examples_want_is_pictured_and_compared_with_photographs(context: Callable[..., Context]) -> None:
    result = unit_pictures.run(context([3, 0, 4]))
    assert set(result.files) == {"unit-3.webp", "unit-0.webp", "unit-4.webp"}
    image = Image.open(io.BytesIO(result.files["unit-3.webp"]))
    assert (image.format, image.size) == ("WEBP", (20, 20))
    rows = result.rows.set_index("unit")
    assert list(rows.index) == [3, 0, 4]
    ratio = rows["activation"] / rows["photo_max"]
    torch.testing.assert_close(torch.tensor(rows["ratio"][:2].array), torch.tensor(ratio[:2].array))
    assert rows["dead"].tolist() == [False, False, True]
    assert rows.loc[4, "reseeded"] == 2
    assert rows["ratio"].isna().tolist() == [False, False, True], "no photograph excites a unit that only has a bias"
    assert result.dead == (4,)
    assert result.photographs == PhotographSet(name="noise", count=6, what="6 pictures of noise")
    assert (result.units, result.shown, result.presented) == (5, 3, (20, 20))


def test_pictures_are_checked_against_the_network_and_marked_where_it_disagrees(
    context: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    visualize, said = unit_pictures.visualize, []

    def wrong(*given: Any) -> Any:
        """A search that measures twice what the network has, at one unit."""
        for picture in visualize(*given):
            one = picture.target.channel == 2
            yield replace(picture, activation=2 * picture.activation, agrees=False) if one else picture

    class Told(Progress):
        def line(self, text: str) -> None:
            said.append(text)

    monkeypatch.setattr(unit_pictures, "visualize", wrong)
    result = unit_pictures.run(replace(context([0, 2, 3]), progress=Told()))
    rows = result.rows.set_index("unit")
    assert rows["agrees"].tolist() == [True, False, True]
    assert rows["ratio"].isna().tolist() == [False, True, False], "a wrong response is compared with nothing"
    assert rows.loc[0, "own"] == pytest.approx(rows.loc[0, "activation"], rel=1e-3)
    assert result.differing == (2,)
    assert (result.way, result.remark) == ("batches", "")
    assert said == [
        "2: the network itself does not respond as was measured to the pictures of 1 of 3 units, which are marked: 2."
    ]


def test_all_units_are_pictured_when_asked_for(context: Callable[..., Context]) -> None:
    result = unit_pictures.run(context([], every=True))
    assert set(result.files) == {f"unit-{channel}.webp" for channel in range(5)}


def test_a_layer_of_which_nothing_is_wanted_has_an_empty_table(context: Callable[..., Context]) -> None:
    result = unit_pictures.run(context([]))
    assert (result.shown, len(result.rows), result.files) == (0, 0, None)


def test_a_killed_run_goes_on_behind_the_last_finished_unit(
    context: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    visualize = unit_pictures.visualize

    def killed_after_two(model: Any, targets: Any, settings: Any, *rest: Any) -> Any:
        asked.append([target.channel for target in targets])
        for done, picture in enumerate(visualize(model, targets, replace(settings, batch=1), *rest)):
            if len(asked) == 1 and done == 2:
                raise KeyboardInterrupt
            yield picture

    monkeypatch.setattr(unit_pictures, "visualize", killed_after_two)
    with pytest.raises(KeyboardInterrupt):
        unit_pictures.run(context([0, 1, 2, 3]))
    resumed = unit_pictures.run(context([0, 1, 2, 3]))
    assert asked == [[0, 1, 2, 3], [2, 3]]
    again = unit_pictures.run(context([0, 1, 2, 3]))
    assert asked[2] == []
    assert again.files == resumed.files
    assert again.rows.equals(resumed.rows)


def test_quick_pictures_are_small_files(context: Callable[..., Context]) -> None:
    """A page of 512 units loads in one go."""
    noise = torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(0))
    image = nn.functional.interpolate(noise[None], (96, 96), mode="bicubic")[0]
    assert len(unit_pictures.webp(image)) < 6000
    assert Image.open(io.BytesIO(unit_pictures.webp(image[:1]))).size == (96, 96)
