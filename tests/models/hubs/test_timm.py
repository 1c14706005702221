"""Networks of timm by its names: its weights, its input, and a plain word where it, or a network, is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.core.model_input import parse
from wbsite.core.naming import is_user, library_of, model_id
from wbsite.models import load
from wbsite.run.subjects.model import ModelSubject


@pytest.fixture(scope="module")
def timm() -> Any:
    return pytest.importorskip("timm", reason="wbsite[timm] is not installed")


def test_a_name_of_a_library_is_no_factory_of_the_users() -> None:
    assert library_of("timm:resnet50.a1_in1k@random") == "timm"
    assert library_of("mynet:build") is None
    assert library_of("resnet50") is None
    assert not is_user("timm:resnet50.a1_in1k")
    assert is_user("timm.models.resnet:resnet50"), "a module of that package is as good as any"
    assert model_id("timm:resnet50.a1_in1k") == "timm-resnet50-a1_in1k"


def test_random_weights_are_called_random_and_are_the_same_every_time(timm: Any) -> None:
    torch.manual_seed(1)
    one = load("timm:resnet18@random")
    torch.manual_seed(2)
    other = load("timm:resnet18@random")
    assert one.digest == other.digest
    assert one.spec.weights == "random"
    assert one.spec.note.startswith("Its weights are random. ")
    assert one.provenance["library"] == f"timm {timm.__version__}"
    assert not one.module.training


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0", "inception_v3", "regnety_002", "tf_efficientnet_b1"])
def test_pictures_are_prepared_as_timm_does_it(timm: Any, name: str) -> None:
    import numpy as np
    from PIL import Image

    model = load(f"timm:{name}@random")
    config = timm.data.resolve_model_data_config(model.module)
    assert model.spec.input_shape == config["input_size"]
    assert not model.spec.assumed
    assert "pretrained_cfg" in model.provenance["input"]
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (375, 500, 3), np.uint8))
    expected = timm.data.create_transform(**config, is_training=False)(picture)
    torch.testing.assert_close(model.spec.preprocess(picture), expected)


def test_weights_of_a_file(timm: Any, tmp_path: Path) -> None:
    state = timm.create_model("resnet18").state_dict()
    torch.save(state, tmp_path / "own.pth")
    model = load(f"timm:resnet18@{tmp_path / 'own.pth'}")
    assert torch.equal(model.module.get_parameter("conv1.weight"), state["conv1.weight"])
    assert model.spec.weights == "own"
    assert model.provenance["source_file"] == "own.pth"
    with pytest.raises(WbsiteError, match="no weights file"):
        load("timm:resnet18@nowhere.bin")


def test_what_the_user_says_of_the_input_counts(timm: Any) -> None:
    said = parse("timm:resnet18@random", {"input": [3, 64, 96], "mean": [0.5] * 3})
    assert load("timm:resnet18@random", said=said).spec.input_shape == (3, 64, 96)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("timm:resnt18", "unknown network of timm 'resnt18'", "'resnet18'"),
        ("timm:resnet18.a1_in1", "unknown weights of timm's resnet18 'a1_in1'", "'a1_in1k'"),
        ("timm:", "unknown network of timm ''", "Known"),
    ],
)
def test_an_unknown_network_or_tag_is_refused_with_the_nearest(timm: Any, name: str, message: str, hint: str) -> None:
    with pytest.raises(WbsiteError, match=message) as raised:
        load(name)
    assert hint in raised.value.hint


def test_weights_that_cannot_be_downloaded(timm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WbsiteError, match="neither in timm's cache nor can they be downloaded") as raised:
        load("timm:resnet18.a1_in1k")
    assert "timm:resnet18.a1_in1k@random" in raised.value.hint


def test_published_weights_come_out_of_its_cache(timm: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What timm downloads with is its own affair; here it finds a file where its configuration says."""
    state = timm.create_model("resnet18").state_dict()
    torch.save(state, tmp_path / "published.pth")
    create = timm.create_model
    monkeypatch.setattr(
        timm, "create_model",
        lambda name, pretrained: create(
            name, pretrained=pretrained, pretrained_cfg_overlay={"file": str(tmp_path / "published.pth")}
        ),
    )  # fmt: skip
    model = load("timm:resnet18.a1_in1k")
    assert torch.equal(model.module.get_parameter("conv1.weight"), state["conv1.weight"])
    assert model.spec.weights == "a1_in1k"
    assert model.provenance["license"] == "apache-2.0"


def test_without_timm_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(WbsiteError, match="timm is not installed") as raised:
        load("timm:resnet50.a1_in1k")
    assert "pip install 'wbsite[timm]'" in raised.value.hint


def test_its_layers_are_listed(timm: Any, cli: Callable[..., Any]) -> None:
    assert ModelSubject("timm:resnet18@random").sources() is None
    ran = cli("list", "layers", "timm:resnet18@random", "--input", "3,64,96")
    assert ran.status == 0, ran.err
    assert ran.out.splitlines()[0].startswith("input\tRGB\t3×64×96\t")
    assert "conv1\tconv\t64×3×7×7\tfrom input" in ran.out
