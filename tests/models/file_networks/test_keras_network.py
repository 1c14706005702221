"""Keras's networks on its torch backend: they compute what Keras computes, under the names of the files' reader."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

keras = pytest.importorskip("keras", reason="keras is not installed")
pytest.importorskip("h5py", reason="h5py is not installed")
if keras.backend.backend() != "torch":
    pytest.skip(f"keras runs on {keras.backend.backend()}", allow_module_level=True)

from wbsite.core.errors import WbsiteError  # noqa: E402
from wbsite.graph.layers import discover  # noqa: E402
from wbsite.graph.recording import Recorded  # noqa: E402
from wbsite.models import formats, load  # noqa: E402
from wbsite.models.file_networks.keras_network import KerasNetwork  # noqa: E402

layers: Any = keras.layers

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def functional() -> Any:
    """A network with a network in it, groups, a separable convolution and a sum."""
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="norm")], name="block")
    picture = layers.Input((24, 20, 3))
    x = inner(picture)
    x = layers.Add(name="sum")([x, layers.Conv2D(4, 3, padding="same", groups=2, name="grouped")(x)])
    x = layers.SeparableConv2D(6, 3, name="separable")(layers.ReLU()(x))
    x = layers.PReLU(name="prelu")(layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x))
    return keras.Model(picture, layers.Dense(5, name="head")(layers.GlobalAveragePooling2D()(x)))


def sequential() -> Any:
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            layers.Input((16, 16, 1)),
            layers.Conv2D(4, 5, strides=2, padding="same", activation="relu", name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(3, activation="softmax", name="head"),
        ]
    )


@pytest.fixture(params=[functional, sequential])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Path]:
    """A model, and the archive that it was saved in."""
    model = request.param()
    model.save(tmp_path / "net.keras")
    return model, tmp_path / "net.keras"


def test_a_file_computes_what_keras_computes(saved: tuple[Any, Path]) -> None:
    model, path = saved
    loaded = load(str(path))
    assert not loaded.alone
    channels, height, width = loaded.spec.input_shape
    assert (height, width, channels) == model.inputs[0].shape[1:]
    x = torch.rand(3, channels, height, width)
    expected = torch.as_tensor(model(x.permute(0, 2, 3, 1), training=False)).detach()
    torch.testing.assert_close(loaded.module(x), expected, rtol=1e-5, atol=1e-6)


def test_layers_have_the_names_and_the_kernels_that_the_reader_finds(saved: tuple[Any, Path]) -> None:
    path = saved[1]
    loaded, state = load(str(path)), formats.read(path).state
    found = discover(loaded.module, loaded.spec.input_shape)
    kernels = Recorded.of(loaded).tape.kernels
    assert not found.skipped and not found.notes
    assert {layer.name for layer in found.layers} == {
        name.removesuffix(".weight") for name, value in state.items() if value.ndim > 1 and name.endswith(".weight")
    }
    for layer in found.layers:
        assert torch.equal(kernels[layer.name].weight, state[f"{layer.name}.weight"]), layer.name


def test_a_copy_has_weights_of_its_own(saved: tuple[Any, Path]) -> None:
    net = load(str(saved[1])).module
    other = copy.deepcopy(net)
    x = torch.rand(1, *net.input_shape)
    before = net(x)
    torch.testing.assert_close(other(x), before)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert torch.equal(net(x), before)
    assert not torch.equal(other(x), before)


def test_a_factory_may_return_a_model_and_take_its_weights_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kerasnets.py").write_text(
        "import keras\nfrom keras import layers\n\n"
        "def make():\n"
        "    return keras.Sequential([layers.Input((16, 16, 3)), layers.Conv2D(4, 3), layers.Dense(2)])\n\n"
        "def other():\n"
        "    return keras.Sequential([layers.Input((16, 16, 3)), layers.Conv2D(5, 3), layers.Dense(2)])\n"
    )
    monkeypatch.chdir(tmp_path)
    model = keras.Sequential([layers.Input((16, 16, 3)), layers.Conv2D(4, 3), layers.Dense(2)])
    model.save_weights("net.weights.h5")
    loaded = load("./kerasnets.py:make@net.weights.h5")
    assert isinstance(loaded.module, KerasNetwork)
    x = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(loaded.module(x), torch.as_tensor(model(x.permute(0, 2, 3, 1))).detach())
    with pytest.raises(WbsiteError, match=r"net\.weights\.h5 does not hold the weights of this Keras model"):
        load("./kerasnets.py:other@net.weights.h5")


def lambda_layer() -> Any:
    return layers.Lambda(lambda x: x)


def own_class() -> Any:
    @keras.saving.register_keras_serializable("ours")
    class Ours(layers.Layer):
        def call(self, x: Any) -> Any:
            return x

    return Ours()


@pytest.mark.parametrize(("make", "named"), [(lambda_layer, "Lambda"), (own_class, "Ours")])
def test_what_could_run_code_is_not_run_and_its_weights_are_shown(
    make: Callable[[], Any], named: str, tmp_path: Path
) -> None:
    model = keras.Sequential([layers.Input((16, 16, 3)), layers.Conv2D(4, 3, name="conv"), make()])
    model.save(tmp_path / "net.keras")
    loaded = load(str(tmp_path / "net.keras"))
    assert loaded.alone
    assert "is not run as a network: its configuration names what is not run from a file" in loaded.spec.note
    assert named in loaded.spec.note


def test_several_inputs_are_refused(tmp_path: Path) -> None:
    inputs = [layers.Input((8, 8, 3)), layers.Input((8, 8, 3))]
    keras.Model(inputs, layers.Conv2D(2, 3)(layers.Add()(inputs))).save(tmp_path / "net.keras")
    with pytest.raises(WbsiteError, match="has 2 inputs; expected one picture"):
        load(str(tmp_path / "net.keras"))
