"""Pictures are made, and responses measured, on a GPU as on the CPU; one that exists in name only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from wbsite.featurevis import Picture, Settings, Target, parallel, photograph_responses, variants, visualize
from wbsite.featurevis.gradient_ascent import gradient_ascent
from wbsite.featurevis.image_model import ImageModel, image_model
from wbsite.featurevis.presentation import present
from wbsite.featurevis.probes import probes
from wbsite.models.base import LoadedModel
from wbsite.models.untrained import untrained

from ..devices.pretended_gpu import pretended_gpu
from .test_execution import Forward, Net, centred, own_statistics, rescaled, without_gradients

TARGETS = [
    Target("deep", 1),
    Target("left", 2, position="centre"),
    Target("first", 3, sign=-1),
    Target("deep", direction=(1.0, -0.5) + (0.0,) * 8, side="input"),
    *variants(Target("deep", 4), 2),
]


def drawn(model: LoadedModel, targets: list[Target], settings: Settings, device: str) -> dict[Target, torch.Tensor]:
    return {picture.target: picture.image for picture in visualize(model, targets, settings, device)}


@pytest.mark.parametrize(
    "settings",
    [
        Settings(size=24, steps=4, precision="float32"),
        Settings(size=24, steps=4, precision="float32", parameterisation="pixels", batch=2),
        Settings(size=16, steps=4, precision="float32", parameterisation="maco", presented=24, pad=0.1),
        Settings(size=24, steps=4),
    ],
    ids=lambda settings: f"{settings.parameterisation}-{settings.precision}",
)
def test_a_picture_is_the_same_on_another_device(small: LoadedModel, settings: Settings) -> None:
    targets = TARGETS[:3] if settings.size == 16 else TARGETS
    here = drawn(small, targets, settings, "cpu")
    with pretended_gpu() as refused:
        there = drawn(small, targets, settings, "cuda")
    assert not refused
    assert there.keys() == here.keys()
    if settings.precision == "float32":
        for target, image in here.items():
            torch.testing.assert_close(there[target], image, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("forward", "way"),
    [(own_statistics, "batches"), (centred, "alone"), (rescaled, "live"), (without_gradients, "anew")],
)
def test_it_is_in_whatever_way_the_network_is_run(
    loaded: Callable[..., LoadedModel], forward: Forward, way: str
) -> None:
    torch.manual_seed(2)
    model, targets = loaded(Net(forward)), [Target("b", 1), Target("b", 2)]
    settings, shown = Settings(size=24, steps=3, precision="float32"), (probes(3, 24, 24) - 0.45) / 0.25
    here = drawn(model, targets, settings, "cpu"), photograph_responses(model, targets, shown, torch.device("cpu"))
    with pretended_gpu() as refused:
        gpu = torch.device("cuda")
        assert image_model(model, targets, settings, gpu).way == way
        there = drawn(model, targets, settings, "cuda"), photograph_responses(model, targets, shown.to(gpu), gpu)
        there[1].numpy()
    assert not refused
    for target, image in here[0].items():
        torch.testing.assert_close(there[0][target], image, atol=1e-3, rtol=0)
    torch.testing.assert_close(there[1], here[1])


def test_what_does_not_fit_into_its_memory_is_halved(small: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def scarce(model: ImageModel, targets: Sequence[Target], *rest: Any) -> list[Picture]:
        sizes.append(len(targets))
        if len(targets) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return gradient_ascent(model, targets, *rest)

    monkeypatch.setattr(parallel, "gradient_ascent", scarce)
    settings, targets = Settings(size=24, steps=2, precision="float32"), [Target("first", c) for c in range(4)]
    with pretended_gpu() as refused:
        assert drawn(small, targets, settings, "cuda").keys() == set(targets)
    assert not refused
    assert sizes == [4, 2, 2]


def test_an_untrained_copy_is_the_same_untrained_one_there(small: LoadedModel) -> None:
    """And not the trained network, which is what can be copied to a device."""

    def responses(device: torch.device, model: LoadedModel) -> torch.Tensor:
        return present(model, ["deep"], device)[2]["deep"]

    cpu = torch.device("cpu")
    trained, here = responses(cpu, small), responses(cpu, untrained(small, 1, cpu))
    with pretended_gpu() as refused:
        gpu = torch.device("cuda")
        there = responses(gpu, untrained(small, 1, gpu))
        with pytest.raises(ValueError, match="another than the network's"):
            responses(gpu, untrained(small, 1))
    assert not refused
    torch.testing.assert_close(there, here)
    assert not torch.allclose(there, trained)
