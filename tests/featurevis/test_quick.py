"""Small pictures of all units: each excites its own unit, is the same every time, and is held against the network."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from wbsite import models
from wbsite.core.progress import Progress
from wbsite.featurevis import Target, photograph_responses, quick, quick_pictures, quick_settings, sheet
from wbsite.models.base import LoadedModel
from wbsite.run.inputs import photographs

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return models.load("simplified_32")


def targets(count: int) -> list[Target]:
    return [Target("3a", channel) for channel in range(count)]


def test_most_pictures_excite_their_unit_more_than_photographs_do(model: LoadedModel) -> None:
    wanted = targets(64)
    shown = photographs("sample_photographs", model.spec, Progress()).inputs
    strongest = photograph_responses(model, wanted, shown, CPU).amax(1)
    (batch,) = quick_pictures(model, wanted, quick_settings(16, 8), CPU)
    assert [picture.target for picture in batch] == wanted
    assert all(picture.image.shape == (3, 16, 16) for picture in batch)
    activations = torch.tensor([picture.activation for picture in batch])
    assert (activations > strongest).float().mean() > 0.9
    assert not any(picture.dead for picture in batch)


def test_more_steps_and_larger_pictures_excite_more(model: LoadedModel) -> None:
    def median(size: int, steps: int) -> float:
        (batch,) = quick_pictures(model, targets(32), quick_settings(size, steps), CPU)
        return float(np.median([picture.activation for picture in batch]))

    assert median(16, 2) < median(16, 8) < median(32, 8)


def test_a_picture_does_not_depend_on_what_else_is_in_its_batch(model: LoadedModel) -> None:
    whole = [
        picture
        for batch in quick_pictures(model, targets(9), replace(quick_settings(16, 3), precision="float32"), CPU)
        for picture in batch
    ]
    settings = replace(quick_settings(16, 3, batch=4), precision="float32")
    sizes = []
    for batch in quick_pictures(model, targets(9), settings, CPU):
        for picture in batch:
            torch.testing.assert_close(picture.image, whole[picture.target.channel or 0].image, atol=2e-3, rtol=0)
        sizes.append(len(batch))
    assert sizes == [4, 4, 1]


def test_the_network_is_asked_of_some_pictures_and_of_all_where_it_disagrees(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = list(quick_pictures(model, targets(6), quick_settings(16, 2, batch=3), CPU))
    asked = [np.isfinite(picture.own) for batch in batches for picture in batch]
    assert asked == [True, True, False] * 2, "two of each batch, whichever batches were there before"
    assert all(picture.agrees for batch in batches for picture in batch)
    own = quick.own_responses

    def doubled(*given: Any) -> tuple[torch.Tensor, torch.Tensor]:
        responses, agrees = own(*given)
        return 2 * responses, agrees & (responses < -1e9)

    monkeypatch.setattr(quick, "own_responses", doubled)
    batches = list(quick_pictures(model, targets(6), quick_settings(16, 2, batch=3), CPU))
    assert not any(picture.agrees for batch in batches for picture in batch)
    assert all(np.isfinite(picture.own) for batch in batches for picture in batch)


def test_a_unit_without_weights_is_dead_and_leaves_the_others_alone(model: LoadedModel) -> None:
    changed = models.load("simplified_32")
    with torch.no_grad():
        changed.module.get_submodule("3a").weight[1] = 0
    (batch,) = quick_pictures(changed, targets(3), quick_settings(16, 3), CPU)
    assert [picture.dead for picture in batch] == [False, True, False]


def test_a_sheet_holds_pictures_row_by_row_and_nothing_in_place_of_none() -> None:
    grey = [torch.full((1, 4, 6), level) for level in (0.0, 0.5, 1.0)]
    image = Image.open(io.BytesIO(sheet([grey[0], grey[1], None, grey[2]], 2))).convert("RGBA")
    assert image.size == (12, 8)
    levels = np.asarray(image)[2::4, 3::6]
    np.testing.assert_allclose(levels[[0, 0, 1], [0, 1, 1], 0], [0, 128, 255], atol=6)
    assert levels[..., 3].tolist() == [[255, 255], [0, 255]]
