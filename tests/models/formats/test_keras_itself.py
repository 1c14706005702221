"""What Keras itself writes is read as Keras computes with it; its networks run on torch."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from wbsite.models.formats import read

from .writers.keras import RANDOM


@pytest.fixture(scope="module")
def keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


def keras_network(keras: Any) -> Any:
    """A network of every kind of layer with kernels; weights from a fixed seed."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 4), name="image")
    x = layers.Conv2D(8, (3, 2), name="stem")(image)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = layers.DepthwiseConv2D((3, 2), depth_multiplier=2, name="dw")(x)
    x = layers.SeparableConv2D(6, (3, 2), depth_multiplier=2, name="sep")(x)
    x = layers.Conv2DTranspose(5, (2, 3), strides=2, name="up")(x)
    x = layers.Conv2D(10, (3, 2), groups=5, use_bias=False, name="grouped")(x)
    inner = [keras.Input((None, None, 10)), layers.Conv2D(6, 1, name="inner_conv"),
             layers.BatchNormalization(scale=False, name="inner_bn")]  # fmt: skip
    x = keras.Sequential(inner, name="inner")(x)
    x = layers.Reshape((-1, 6), name="tokens")(x)
    x = layers.LayerNormalization(name="ln")(x)
    x = layers.MultiHeadAttention(2, 5, name="attention")(x, x)
    x = layers.EinsumDense("abc,cd->abd", output_shape=(None, 7), bias_axes="d", name="mix")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    network = keras.Model(image, layers.Dense(3, name="head")(x), name="net")
    for variable in network.weights:
        if not variable.path.endswith("seed_generator_state"):
            variable.assign(np.abs(RANDOM.normal(size=variable.shape)) / 2 + 0.1)
    return network


def save(network: Any, path: Path) -> Path:
    (network.save_weights if path.name.endswith(".weights.h5") else network.save)(str(path))
    return path


def values(variable: Any) -> Any:
    return torch.as_tensor(variable.value).detach().cpu().numpy()


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", ["h5", "weights.h5", "keras"])
def test_files_that_keras_writes(tmp_path: Path, keras: Any, kind: str) -> None:
    network = keras_network(keras)
    state = read(save(network, tmp_path / f"net.{kind}")).state
    places = {"kernel": "weight", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
              "moving_variance": "running_var"}  # fmt: skip
    attention = {"query": "query_dense", "key": "key_dense", "value": "value_dense", "attention_output": "output_dense"}
    checked = set()
    for variable in network.weights:
        *place, part = variable.path.split("/")
        array = values(variable)
        if part == "seed_generator_state":
            continue
        if kind != "h5" and place[0] == "attention":
            place[1] = attention[place[1]]
        if place[0] == "sep":
            place.append("depthwise" if part == "depthwise_kernel" else "pointwise")
            part = part.removeprefix("depthwise_").removeprefix("pointwise_")
        if place in (["dw"], ["sep", "depthwise"]) and part == "kernel":
            array = np.einsum("hwcm->cmhw", array).reshape(-1, 1, *array.shape[:2])
        elif place[0] == "attention":
            outputs = 6 if place[1] in ("attention_output", "output_dense") else 10
            array = (array.reshape(-1, outputs) if part == "kernel" else array.reshape(outputs)).T
        elif part == "kernel":
            array = np.einsum("hwab->bahw" if array.ndim == 4 else "ab->ba", array)
        key = f"{'/'.join(place)}.{places.get(part, part)}"
        np.testing.assert_array_equal(state[key].numpy(), array, err_msg=key)
        checked.add(key)
    assert checked == {*state}
    layers = [key.partition(".")[0].partition("/")[0] for key in state]
    assert list(dict.fromkeys(layers)) == [layer.name for layer in network.layers if layer.weights]


@pytest.mark.filterwarnings("default")
def test_torch_computes_with_the_kernels_what_keras_does(tmp_path: Path, keras: Any) -> None:
    """Neither flips nor the order of groups show in shapes."""
    network = keras_network(keras)
    state = read(save(network, tmp_path / "net.keras")).state
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 4, 16, 16)).astype(np.float32))
    steps: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "stem": lambda x: functional.conv2d(x, state["stem.weight"], state["stem.bias"]),
        "stem_bn": lambda x: functional.batch_norm(
            x, state["stem_bn.running_mean"], state["stem_bn.running_var"], state["stem_bn.weight"],
            state["stem_bn.bias"], eps=1e-3,
        ),
        "dw": lambda x: functional.conv2d(x, state["dw.weight"], state["dw.bias"], groups=8),
        "sep": lambda x: functional.conv2d(
            functional.conv2d(x, state["sep/depthwise.weight"], groups=16),
            state["sep/pointwise.weight"], state["sep/pointwise.bias"],
        ),
        "up": lambda x: functional.conv_transpose2d(x, state["up.weight"], state["up.bias"], stride=2),
        "grouped": lambda x: functional.conv2d(x, state["grouped.weight"], groups=5),
    }  # fmt: skip
    for name, step in steps.items():
        layer = network.get_layer(name)
        expected = torch.as_tensor(layer(x.permute(0, 2, 3, 1).numpy(), training=False)).detach().cpu()
        x = step(x)
        assert (x.permute(0, 2, 3, 1) - expected).abs().max() <= 1e-5 * expected.abs().max(), name


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", ["h5", "keras"])
def test_int8_and_bfloat16_networks_that_keras_writes(tmp_path: Path, keras: Any, kind: str) -> None:
    layers = keras.layers
    network = keras.Sequential([keras.Input((5, 5, 3)), layers.Conv2D(4, 3, dtype="bfloat16", name="conv"),
                                layers.Flatten(), layers.Dense(6, name="fc")])  # fmt: skip
    conv, dense = (values(network.get_layer(name).kernel) if name == "fc" else
                   torch.as_tensor(network.get_layer(name).kernel.value).detach().float().cpu().numpy()
                   for name in ("conv", "fc"))  # fmt: skip
    network.get_layer("fc").quantize("int8")
    contents = read(save(network, tmp_path / f"net.{kind}"))
    assert contents.types == "bfloat16, int8"
    np.testing.assert_array_equal(contents.state["conv.weight"].numpy(), np.einsum("hwio->oihw", conv))
    steps = np.abs(dense).max(axis=0) / 127
    assert (np.abs(contents.state["fc.weight"].numpy().T - dense) <= 0.51 * steps).all()
