"""Real networks end to end: converted, loaded, and able to recognise photographs."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from wbsite.core.errors import WbsiteError
from wbsite.models import LoadedModel, load
from wbsite.models.convert import convert
from wbsite.models.networks.inception_layouts import FIVE_H
from wbsite.models.networks.inceptionv1 import InceptionV1
from wbsite.models.verify import verify_file
from wbsite.models.weights import read_provenance

Find = Callable[[str], Path]

FILES = {
    "inceptionv1": ("googlenet_bvlc_fp16.npz", "bvlc", 0),
    "alexnet": ("alexnet_groups2_int8.npz", "bvlc", 6),
    "squeezenet1_1": ("squeezenet11_caffe_fp16.npz", "caffe", 0),
    "vgg19": ("vgg19_keras_convs_uint8.npz", "keras", 6),
    "resnet50": ("resnet50_keras_partial_fp16.npz", "keras", 20),
}


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory, shared_data: Find) -> Callable[[str], LoadedModel]:
    """Loads a model from its reference file, converted once; without saying which label it is."""
    out = tmp_path_factory.mktemp("weights")

    def get(name: str) -> LoadedModel:
        file, label, _ = FILES[name]
        if not (out / f"{name}-{label}.safetensors").exists():
            convert(shared_data(f"weights/{file}"), name, None, out)
        return load(name, label, out)

    return get


@pytest.mark.parametrize("name", FILES)
def test_reference_file_converts_and_loads(name: str, converted: Callable[[str], LoadedModel]) -> None:
    file, label, missing = FILES[name]
    model = converted(name)
    assert (model.spec.name, model.spec.weights) == (name, label)
    assert len(model.missing) == missing
    assert model.provenance["source_file"] == file
    assert model.provenance["channel_order"] == "BGR"
    assert model.provenance["flipped"] == next(
        f"{path}.weight" for path, layer in model.module.named_modules() if isinstance(layer, torch.nn.Conv2d)
    )
    unknown = {key for key, value in model.module.state_dict().items() if torch.isnan(value.float()).any()}
    assert unknown == set(model.missing)


def test_values_are_exactly_those_of_the_source(converted: Callable[[str], LoadedModel], shared_data: Find) -> None:
    source = np.load(shared_data("weights/googlenet_bvlc_fp16.npz"), allow_pickle=False)
    state = converted("inceptionv1").module.state_dict()
    for ours, theirs in (("mixed4c_3x3", "inception_4c/3x3"), ("mixed5b_pool_reduce", "inception_5b/pool_proj")):
        np.testing.assert_array_equal(state[f"{ours}.weight"].numpy(), source[f"{theirs}.weight"].astype(np.float32))
    np.testing.assert_array_equal(state["conv2d0.weight"].numpy(), source["conv1/7x7_s2.weight"][:, ::-1])
    source = np.load(shared_data("weights/alexnet_groups2_int8.npz"), allow_pickle=False)
    state = converted("alexnet").module.state_dict()
    np.testing.assert_array_equal(state["conv2.weight"].numpy(), source["conv2.weight"] / np.float32(128))


@pytest.fixture(scope="module")
def photographs(shared_data: Find) -> tuple[list[Image.Image], torch.Tensor]:
    packed = np.load(shared_data("images/imagenet_sample200_jpeg.npz"), allow_pickle=False)
    data, offsets = packed["data"], packed["offsets"]
    images = [Image.open(io.BytesIO(data[a:b].tobytes())) for a, b in itertools.pairwise(offsets)]
    return images, torch.from_numpy(packed["labels"].astype(np.int64))


@pytest.mark.parametrize(("name", "at_least"), [("inceptionv1", 0.68), ("squeezenet1_1", 0.55)])
def test_photographs_are_recognised(
    name: str,
    at_least: float,
    converted: Callable[[str], LoadedModel],
    photographs: tuple[list[Image.Image], torch.Tensor],
) -> None:
    images, labels = photographs
    model = converted(name)
    module = model.module.to(memory_format=torch.channels_last)  # a third faster on CPU
    right = 0
    with torch.inference_mode():
        for start in range(0, len(images), 20):
            batch = torch.stack([model.spec.preprocess(image) for image in images[start : start + 20]])
            right += int((module(batch).argmax(1) == labels[start : start + 20]).sum())
    print(f"{name}: top-1 {right / len(images):.3f}")
    assert right / len(images) >= at_least


def test_inception5h_converts_under_the_articles_names(tmp_path: Path) -> None:
    """No such file may be had here; this one has the published names and shapes, and an auxiliary head."""
    state = {}
    for name, value in InceptionV1(FIVE_H).state_dict().items():
        layer, _, part = name.rpartition(".")
        state[name if layer.startswith("softmax2") else f"{layer}_pre_relu_conv.{part}"] = value
    auxiliary = {"softmax1_pre_activation_matmul.weight": torch.zeros(1008, 1024)}
    torch.save(state | auxiliary, tmp_path / "inception5h.pth")
    path = convert(tmp_path / "inception5h.pth", "inceptionv1", None, tmp_path)
    assert path.name == "inceptionv1-5h.safetensors"
    assert read_provenance(path)["flipped"] is None
    module = load("inceptionv1", weights_dir=tmp_path).module
    assert torch.equal(module.get_parameter("mixed4a_3x3.weight"), state["mixed4a_3x3_pre_relu_conv.weight"])
    assert module(torch.zeros(1, 3, 224, 224)).shape == (1, 1008)
    assert verify_file(path).startswith("inceptionv1@5h, 116 tensors, sha256 ")


def test_a_factory_of_the_users_own_loads_by_the_same_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "users_own_net.py").write_text(
        "from torch import nn\n"
        "def build():\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    torch.save({"0.weight": torch.ones(4, 3, 3, 3), "0.bias": torch.zeros(4)}, tmp_path / "part.pth")
    assert load("users_own_net:build").module.get_submodule("0").out_channels == 4
    for call in (
        (f"users_own_net:build@{tmp_path / 'part.pth'}",),
        ("users_own_net:build", str(tmp_path / "part.pth")),
    ):
        with pytest.raises(WbsiteError, match="of its 4 parameters 2 are there"):
            load(*call)
