"""A unit without its picture is a number; one drawn again after every interruption never gets done."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from wbsite.analyses.base import Context, Parts, Photographs
from wbsite.analyses.network import _quick_pictures, photograph_responses, unit_pictures
from wbsite.core.progress import Progress
from wbsite.core.store import Contents, Store
from wbsite.featurevis import Settings, Target
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

    def make(wanted: list[int], overflowing: int | None = None, **params: Any) -> Context:
        if overflowing is not None:
            module[2].weight[overflowing] = 3e38
        examples = store.put("examples", Contents({"pictures": {"2": wanted}}), {})
        device = torch.device("cpu")
        photographs = Photographs(shown, "noise", 6, "6 pictures of noise", "0" * 64)
        given = {**ANALYSIS.parameters("quick"), "steps": 8, **params}
        model, layer = LoadedModel(module, spec, "0" * 64), layers.named("2")
        parts = Parts(store, "parts", {}, Progress())
        inputs = {"photographs": lambda: photographs}
        whole = Context(model, layers, None, device, {}, {}, inputs=inputs)
        responses = store.put("responses", photograph_responses.run(whole).contents(), {})
        needs = {"examples": examples, "photograph_responses": responses}
        return Context(model, layers, layer, device, given, needs, parts=parts)

    return make


def test_every_unit_is_pictured_and_compared_with_photographs_those_of_the_articles_longer(
    context: Callable[..., Context],
) -> None:
    result = unit_pictures.run(context([3, 0, 4]))
    assert set(result.files) == {"unit-3.webp", "unit-0.webp", "unit-4.webp", "sheet-0.webp"}
    image = Image.open(io.BytesIO(result.files["unit-3.webp"]))
    assert (image.format, image.size) == ("WEBP", (20, 20))
    rows = result.rows
    assert rows["unit"].tolist() == [0, 1, 2, 3, 4]
    assert rows["quick"].tolist() == [False, True, True, False, False]
    ratio = rows["activation"] / rows["photo_max"]
    torch.testing.assert_close(torch.tensor(rows["ratio"][:4].array), torch.tensor(ratio[:4].array))
    assert rows["dead"].tolist() == [False, False, False, False, True]
    assert rows.loc[4, "reseeded"] == 2
    assert rows["ratio"].isna().tolist() == [False] * 4 + [True], "no photograph excites a unit that only has a bias"
    assert result.dead == (4,)
    assert result.photographs == PhotographSet(name="noise", count=6, what="6 pictures of noise")
    assert (result.units, result.shown, result.presented) == (5, 5, (20, 20))


def test_small_pictures_lie_on_sheets_at_half_the_size_of_the_input(context: Callable[..., Context]) -> None:
    result = unit_pictures.run(context([]))
    assert set(result.files) == {"sheet-0.webp"}
    quick = result.quick
    assert quick is not None and quick.sheets == ["sheet-0.webp"]
    assert (quick.settings.height, quick.settings.width, quick.settings.steps, quick.count) == (10, 10, 8, 5)
    assert quick.checked == 2, "the network itself is asked of two of them"
    image = Image.open(io.BytesIO(result.files["sheet-0.webp"]))
    assert image.size == (10 * quick.columns, 10)
    pixels = torch.tensor(np.array(image.convert("RGB"))).reshape(10, quick.columns, 10, 3).permute(1, 3, 0, 2)
    shown = unit_pictures.image_model(context([]).model, [Target("2", 0)], Settings(size=10), torch.device("cpu"))
    values = shown.run({shown.tape.pre_activation("2"): lambda tape: tape.pre_activation("2")})(
        shown.network_input(pixels[:4] / 255 - 0.5)
    )
    strongest = next(iter(values.values())).amax((2, 3)).diagonal().float()
    torch.testing.assert_close(strongest, torch.tensor(result.rows["activation"][:4].array).float(), atol=0, rtol=0.3)


def test_of_a_large_network_the_first_units_of_each_layer_are_pictured(
    context: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = context([4])
    monkeypatch.setattr(_quick_pictures, "MOST", 0.5 * _quick_pictures._multiplications(given, 10))
    result = unit_pictures.run(given)
    assert result.rows["unit"].tolist() == [0, 1, 2, 4]
    assert result.quick is not None and result.quick.count == 3


def test_pictures_of_a_cheap_network_are_larger(
    context: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = context([], quick_sizes=(8, 4))
    assert _quick_pictures.quick_side(given) == 8
    monkeypatch.setattr(_quick_pictures, "ROOMY", _quick_pictures._multiplications(given, 5))
    assert _quick_pictures.quick_side(given) == 4


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
    rows = result.rows
    assert rows["agrees"].tolist() == [True, True, False, True, True]
    assert rows["ratio"].isna().tolist() == [False, False, True, False, True], (
        "a wrong response is compared with nothing"
    )
    assert rows.loc[0, "own"] == pytest.approx(rows.loc[0, "activation"], rel=1e-3)
    assert result.differing == (2,)
    assert (result.way, result.remark) == ("batches", "")
    assert said == [
        "2: the network itself does not respond as was measured to the pictures of 1 of 5 units, which are marked: 2."
    ]


def test_all_units_are_pictured_when_asked_for(context: Callable[..., Context]) -> None:
    result = unit_pictures.run(context([], every=True))
    assert set(result.files) == {f"unit-{channel}.webp" for channel in range(5)}


def test_a_network_that_is_shown_one_picture_at_a_time_gets_no_small_ones(
    context: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would take many times as long."""
    network = unit_pictures.image_model
    monkeypatch.setattr(unit_pictures, "image_model", lambda *given: replace(network(*given), way="alone"))
    result = unit_pictures.run(context([]))
    assert (result.shown, len(result.rows), result.files, result.quick) == (0, 0, None, None)
    assert unit_pictures.run(context([1])).rows["unit"].tolist() == [1]


def test_a_killed_run_goes_on_behind_the_last_finished_units(
    context: Callable[..., Context], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And comes to the same as one that was not."""
    asked: list[list[int]] = []
    visualize, quick = unit_pictures.visualize, _quick_pictures.quick_pictures

    def killed_at_the_second(model: Any, targets: Any, *rest: Any) -> Any:
        asked.append([target.channel for target in targets])
        if len(asked) == 2:
            raise KeyboardInterrupt
        return visualize(model, targets, *rest)

    def killed_once(model: Any, targets: Any, *rest: Any) -> Any:
        asked.append([target.channel for target in targets])
        for done, pictures in enumerate(quick(model, targets, *rest)):
            if len(asked) == 4 and done == 1:
                raise KeyboardInterrupt
            yield pictures

    monkeypatch.setattr(unit_pictures, "AT_ONCE", {"cpu": 2})
    monkeypatch.setattr(unit_pictures, "PER_SHEET", 2)
    monkeypatch.setattr(_quick_pictures, "PER_SHEET", 2)
    elsewhere = Parts(Store(tmp_path / "undisturbed"), "parts", {}, Progress())
    undisturbed = unit_pictures.run(replace(context([0, 1, 2, 3]), parts=elsewhere))
    monkeypatch.setattr(unit_pictures, "visualize", killed_at_the_second)
    monkeypatch.setattr(_quick_pictures, "quick_pictures", killed_once)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            unit_pictures.run(context([0, 1, 2, 3]))
    resumed = unit_pictures.run(context([0, 1, 2, 3]))
    assert asked == [[0, 1], [2, 3], [2, 3], [0, 1, 2, 3, 4], [2, 3, 4]]
    again = unit_pictures.run(context([0, 1, 2, 3]))
    assert len(asked) == 5
    assert again.files == resumed.files
    assert set(again.files) == {*(f"unit-{i}.webp" for i in range(4)), *(f"sheet-{i}.webp" for i in range(3))}
    assert again.rows.equals(resumed.rows)
    assert again.files == undisturbed.files
    assert again.rows.equals(undisturbed.rows)
    assert again.quick == undisturbed.quick


def test_quick_pictures_are_small_files(context: Callable[..., Context]) -> None:
    """A page of 512 units loads in one go."""
    noise = torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(0))
    image = nn.functional.interpolate(noise[None], (96, 96), mode="bicubic")[0]
    assert len(unit_pictures.webp(image)) < 6000
    assert Image.open(io.BytesIO(unit_pictures.webp(image[:1]))).size == (96, 96)


def test_units_whose_responses_overflow_have_no_ratio(context: Callable[..., Context]) -> None:
    rows = unit_pictures.run(context([0, 1], overflowing=1)).rows.set_index("unit")
    assert rows["photo_max"].isna().to_list() == [False, True, False, False, False]
    assert np.isfinite(rows.loc[0, "ratio"])
    assert np.isnan(rows.loc[1, "ratio"])
    assert rows.loc[1, "dead"], "no start excites it to a finite number"
