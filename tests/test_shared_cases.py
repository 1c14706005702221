"""Networks written the way people write them, from the shared cases; what must come out stands above each there."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.featurevis import Settings, Target, visualize
from wbsite.featurevis.image_model import agreement, image_model
from wbsite.graph.layers import Layers, discover
from wbsite.graph.recording import Recorded
from wbsite.models import LoadedModel
from wbsite.models.base import ModelSpec, Preprocess
from wbsite.models.untrained import untrained
from wbsite.ops.expanded import expanded_weights

FILE = Path(__file__).parents[2] / "shared/cases/networks.py"
SETTINGS = Settings(size=32, steps=12, reseeds=0)
CPU = torch.device("cpu")

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="there are no shared cases beside the project")


@pytest.fixture(scope="module")
def cases() -> ModuleType:
    spec = importlib.util.spec_from_file_location("shared_case_networks", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loaded(make: Callable[[], nn.Module]) -> LoadedModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = make().eval().requires_grad_(False)
    spec = ModelSpec("case", "own", "a case", make, Preprocess(crop=32, resize=32, mean=(0.5,) * 3, std=(0.25,) * 3))
    return LoadedModel(net, spec, "")


@torch.no_grad()
def own_output(module: nn.Module, layer: str, x: torch.Tensor) -> torch.Tensor:
    """What a layer's module returns in the network's own forward pass."""
    held: list[torch.Tensor] = []
    handle = module.get_submodule(layer).register_forward_hook(lambda _m, _i, output: held.append(output))
    module(x)
    handle.remove()
    return held[0]


def layers_of(model: LoadedModel) -> Layers:
    return discover(model.module, model.spec.input_shape)


def test_1_standardised(cases: ModuleType) -> None:
    model = loaded(cases.standardised)
    weight = model.module.b.weight  # type: ignore[union-attr]
    mean, var = weight.mean((1, 2, 3), keepdim=True), weight.var((1, 2, 3), keepdim=True, unbiased=False)
    expected = (weight - mean) / (var + 1e-8).sqrt()
    kernel = Recorded.of(model).tape.kernels["b"]
    assert torch.allclose(kernel.weight, expected)
    assert layers_of(model).named("b").scale != 1


def test_2_bare_parameters(cases: ModuleType) -> None:
    model = loaded(cases.Equalised)
    layers = layers_of(model)
    assert [(layer.name, layer.inputs) for layer in layers.layers] == [
        ("c0", ("input",)),
        ("c1", ("c0",)),
        ("out", ("c1",)),
    ]
    kernel = Recorded.of(model).tape.kernels["c1"].weight
    assert torch.equal(kernel, model.module.c1 / 72**0.5)  # type: ignore[operator]


@pytest.mark.parametrize("name", ["weight_normed", "pruned"])
def test_3_and_4_untrained_copies(cases: ModuleType, name: str) -> None:
    model = loaded(getattr(cases, name))
    x = torch.randn(32, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    responses = []
    for each in (model, untrained(model, 0), untrained(model, 1)):
        tape = Recorded.of(each).tape
        value = tape.value("b")
        with torch.no_grad():
            responses.append(tape.program([value])(x)[value].mean((2, 3)).T)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        rows = [responses[i] - responses[i].mean(1, keepdim=True) for i in (one, other)]
        assert F.cosine_similarity(rows[0].flatten(), rows[1].flatten(), dim=0).abs() < 0.5


@pytest.mark.parametrize("name", ["Rescaling", "Branching", "OwnStatistics", "PaddedShortcut"])
def test_5_to_8_pictures_agree_with_the_network(cases: ModuleType, name: str) -> None:
    model = loaded(getattr(cases, name))
    module = model.module
    for layer in ("a", "b", "c"):
        for picture in visualize(model, [Target(layer, 0), Target(layer, 1)], SETTINGS):
            value = own_output(module, layer, (picture.image[None] - 0.5) / 0.25)
            if name == "OwnStatistics" and layer == "a":
                value = module.norm(value)  # type: ignore[operator]
            strongest = value[0, picture.target.channel].max()
            assert picture.activation == pytest.approx(float(strongest), rel=2e-3, abs=1e-4)
            assert picture.agrees


def test_5_and_6_say_what_they_depend_on(cases: ModuleType) -> None:
    (sentence, *_) = agreement(loaded(cases.Rescaling), CPU).sentences
    assert "takes numbers out of the picture" in sentence
    (sentence, *_) = agreement(loaded(cases.Branching), CPU).sentences
    assert "takes another way for other pictures" in sentence
    assert not agreement(loaded(cases.Plain), CPU).sentences


def test_7_own_statistics(cases: ModuleType) -> None:
    model = loaded(cases.OwnStatistics)
    (sentence,) = agreement(model, CPU).sentences
    assert "statistics from the batch" in sentence
    with pytest.raises(WbsiteError, match="batch"):
        expanded_weights(model, "input", "b")
    (alone,) = visualize(model, [Target("c", 3)], SETTINGS)
    together = {p.target: p for p in visualize(model, [Target("c", i) for i in range(6)], SETTINGS)}
    assert together[alone.target].activation == pytest.approx(alone.activation, rel=1e-2)


def test_8_padded_shortcut_runs_on_batches(cases: ModuleType) -> None:
    model = loaded(cases.PaddedShortcut)
    assert image_model(model, [Target("c", 0), Target("c", 1)], SETTINGS, CPU).way == "batches"


def test_9_checkpointed(cases: ModuleType) -> None:
    layers = layers_of(loaded(cases.Checkpointed))
    assert [(layer.name, layer.inputs) for layer in layers.layers] == [
        ("a", ("input",)),
        ("b", ("a",)),
        ("c", ("b",)),
        ("fc", ("c",)),
    ]


def test_10_rude(cases: ModuleType, cli: Callable[..., Any], work: Path) -> None:
    (work / "rude_nets.py").write_text(FILE.read_text())
    before = torch.is_grad_enabled(), torch.get_default_dtype()
    try:
        ran = cli("export", "anatomy", "--model", "rude_nets:rude", "--format", "json")
        assert ran.status == 0, ran.err
        assert {row["layer"] for row in json.loads(ran.out)} == {"a", "b", "c", "fc"}
        pictures = cli("doctor", "rude_nets:rude")
        assert pictures.status == 0
    finally:
        sys.modules.pop("rude_nets", None)
    assert (torch.is_grad_enabled(), torch.get_default_dtype()) == before
    with torch.enable_grad():
        model = loaded(cases.Plain)
    assert not any(picture.dead for picture in visualize(model, [Target("c", i) for i in range(4)], SETTINGS))
