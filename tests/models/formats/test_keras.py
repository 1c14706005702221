"""Keras's files of all kinds give the kernels that the network has, with torch's axes, and do no harm.

Files are written with h5py, laid out as Keras 2 and 3 do; where Keras is installed, it writes and computes itself.
"""

from __future__ import annotations

import io
import json
import os
import random
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read

h5py = pytest.importorskip("h5py")

RANDOM = np.random.default_rng(0)
Arrays = dict[str, Any]


def numbers(*shape: int) -> Any:
    return RANDOM.normal(size=shape).astype(np.float32)


def norm(channels: int) -> Arrays:
    return {name: numbers(channels) for name in ("gamma", "beta", "moving_mean", "moving_variance")}


NETWORK: list[tuple[str, str, Arrays]] = [
    ("stem", "Conv2D", {"kernel": numbers(3, 2, 4, 8), "bias": numbers(8)}),
    ("stem_bn", "BatchNormalization", norm(8)),
    ("dw", "DepthwiseConv2D", {"kernel": numbers(3, 2, 8, 2)}),
    ("sep", "SeparableConv2D", {
        "depthwise_kernel": numbers(3, 2, 16, 2), "pointwise_kernel": numbers(1, 1, 32, 6), "bias": numbers(6),
    }),
    ("up", "Conv2DTranspose", {"kernel": numbers(2, 3, 5, 6), "bias": numbers(5)}),
    ("grouped", "Conv2D", {"kernel": numbers(3, 2, 1, 10)}),
    ("act", "Activation", {}),
    ("inner", "Sequential", {}),
    ("along", "Conv1D", {"kernel": numbers(3, 4, 5), "bias": numbers(5)}),
    ("head", "Dense", {"kernel": numbers(7, 3), "bias": numbers(3)}),
]  # fmt: skip
INNER: list[tuple[str, str, Arrays]] = [
    ("inner_conv", "Conv2D", {"kernel": numbers(1, 1, 10, 7), "bias": numbers(7)}),
    ("inner_bn", "BatchNormalization", {key: value for key, value in norm(7).items() if key != "gamma"}),
]
GROUPS = {
    "stem": "conv2d", "grouped": "conv2d_1", "stem_bn": "batch_normalization", "dw": "depthwise_conv2d",
    "sep": "separable_conv2d", "up": "conv2d_transpose", "act": "activation", "inner": "sequential",
    "along": "conv1d", "head": "dense", "inner_conv": "conv2d", "inner_bn": "batch_normalization",
}  # fmt: skip


def by_hand() -> dict[str, Any]:
    """What NETWORK is in torch's axes, element by element."""
    state: dict[str, Any] = {}
    parts = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    flat = [entry for entry in NETWORK if entry[0] != "inner"]
    inner = [(f"inner/{name}", kind, arrays) for name, kind, arrays in INNER]
    for name, kind, arrays in flat[:7] + inner + flat[7:]:
        for part, array in arrays.items():
            if part == "depthwise_kernel" or kind == "DepthwiseConv2D":
                kh, kw, channels, multiplier = array.shape
                turned = np.zeros((channels * multiplier, 1, kh, kw), np.float32)
                for c in range(channels):
                    for m in range(multiplier):
                        turned[c * multiplier + m, 0] = array[:, :, c, m]
                state[f"{name}/depthwise.weight" if kind == "SeparableConv2D" else f"{name}.weight"] = turned
            elif kind == "SeparableConv2D":
                turned = np.einsum("hwio->oihw", array) if part == "pointwise_kernel" else array
                state[f"{name}/pointwise.{'bias' if part == 'bias' else 'weight'}"] = turned
            elif part == "kernel":
                axes = {4: "hwab->bahw", 3: "wab->baw", 2: "ab->ba"}[array.ndim]
                state[f"{name}.weight"] = np.einsum(axes, array)
            else:
                state[f"{name}.{parts.get(part, part)}"] = array
    return state


def configuration(network: list[tuple[str, str, Arrays]] = NETWORK) -> dict[str, Any]:
    def entry(name: str, kind: str, arrays: Arrays) -> dict[str, Any]:
        if kind == "Sequential":
            return {"class_name": kind, "config": {"name": name, "layers": [entry(*inner) for inner in INNER]}}
        config = {"name": name, "use_bias": "bias" in arrays, "scale": "gamma" in arrays, "center": "beta" in arrays}
        return {"class_name": kind, "config": config, "name": name}

    first = {"class_name": "InputLayer", "config": {"name": "image"}, "name": "image"}
    return {"class_name": "Functional", "config": {"name": "net", "layers": [first, *(entry(*e) for e in network)]}}


def write_h5(path: Path, whole: bool, version: int = 3, backend: str = "tensorflow", fixed: bool = True) -> Path:
    """A file of Keras 2 or 3: the latter names a depthwise kernel kernel, and has no output numbers.

    Args:
        whole: with the configuration, the weights in a group of their own, and an optimizer.
        fixed: names are text of fixed length, as Keras 2 writes, not of variable length.
    """
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights") if whole else file
        if whole:
            file.attrs["model_config"] = json.dumps(configuration())
            file.create_group("optimizer_weights").attrs["weight_names"] = [b"adam/iteration"]
        text = (lambda name: name.encode()) if fixed else str
        group.attrs["layer_names"] = [text(name) for name, _, _ in NETWORK]
        group.attrs["backend"], group.attrs["keras_version"] = backend, f"{version}.0.5"
        for name, kind, arrays in sorted(NETWORK, key=lambda layer: layer[0]):
            layer_group = group.create_group(name)
            weights: list[tuple[str, Any]] = []
            for inner, inner_kind, inner_arrays in INNER if kind == "Sequential" else [(name, kind, arrays)]:
                for part, array in inner_arrays.items():
                    if version == 2 and inner_kind == "DepthwiseConv2D":
                        part = "depthwise_kernel"
                    prefix = f"{name}/" if version == 3 and kind == "Sequential" else ""
                    weights.append((f"{prefix}{inner}/{part}{':0' if version == 2 else ''}", array))
            layer_group.attrs["weight_names"] = [text(weight) for weight, _ in weights]
            for weight, array in weights:
                layer_group.create_dataset(weight, data=array)
    return path


def write_weights(target: Any, named: bool = True, container: str = "layers") -> None:
    """A .weights.h5 file, as Keras 3 writes it; versions before 3.9 do not note names."""
    with h5py.File(target, "w") as file:

        def write(place: str, name: str, arrays: Arrays) -> None:
            group = file.create_group(f"{place}/vars" if place else "vars")
            if named:
                group.attrs["name"] = name
            for i, array in enumerate(arrays.values()):
                group[str(i)] = array

        write("", "net", {})
        for name, kind, arrays in NETWORK:
            place = f"{container}/{GROUPS[name]}"
            write(place, name, arrays)
            for inner, _, inner_arrays in INNER if kind == "Sequential" else []:
                write(f"{place}/{container}/{GROUPS[inner]}", inner, inner_arrays)
        write("optimizer", "adam", {"iteration": np.int64(3), "momentum": numbers(3, 2, 4, 8)})


def write_archive(path: Path, config: Any = None, compressed: bool = False, **options: Any) -> Path:
    image = io.BytesIO()
    write_weights(image, **options)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.0.5"}')
        archive.writestr("config.json", json.dumps(configuration()) if config is None else config)
        archive.writestr("model.weights.h5", image.getvalue())
    return path


def assert_network(state: dict[str, torch.Tensor], names: Callable[[str], str] = str) -> None:
    """The same tensors in the same order to the last bit."""
    expected = {names(key): value for key, value in by_hand().items()}
    assert list(state) == list(expected)
    for key, value in expected.items():
        assert state[key].dtype == torch.float32
        assert state[key].is_contiguous()
        np.testing.assert_array_equal(state[key].numpy(), value, err_msg=key)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("fixed", [True, False])
def test_whole_networks_in_h5(tmp_path: Path, version: int, fixed: bool) -> None:
    contents = read(write_h5(tmp_path / "net.h5", whole=True, version=version, fixed=fixed))
    assert contents.format == "Keras HDF5 (whole network)"
    assert contents.types == "float32"
    assert not contents.bgr
    assert_network(contents.state)


def test_weights_alone_of_keras_2_tell_depthwise_kernels_by_their_name(tmp_path: Path) -> None:
    contents = read(write_h5(tmp_path / "net.h5", whole=False, version=2))
    assert contents.format == "Keras HDF5 (weights alone)"
    assert_network(contents.state)


@pytest.mark.parametrize("container", ["layers", "_layer_checkpoint_dependencies"])
@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_archives_have_the_names_of_the_configuration(
    tmp_path: Path, container: str, compressed: bool, named: bool
) -> None:
    path = write_archive(tmp_path / "net.keras", compressed=compressed, named=named, container=container)
    contents = read(path)
    assert contents.format == "Keras 3 archive"
    assert_network(contents.state)


def test_weights_of_keras_3_have_the_names_noted_in_them(tmp_path: Path) -> None:
    write_weights(tmp_path / "net.weights.h5")
    contents = read(tmp_path / "net.weights.h5")
    assert contents.format == "Keras 3 weights"
    assert_network(contents.state)


def test_weights_of_keras_3_without_noted_names_have_their_groups_names(tmp_path: Path) -> None:
    write_weights(tmp_path / "net.weights.h5", named=False)

    def group_name(key: str) -> str:
        layer, _, part = key.rpartition(".")
        sub = f"/{layer.partition('/')[2]}" if layer.startswith("sep/") else ""
        places = layer.removesuffix(sub).split("/")
        return "/".join(GROUPS[place] for place in places) + f"{sub}.{part}"

    assert_network(read(tmp_path / "net.weights.h5").state, group_name)


def test_layers_of_a_users_own_class_are_told_by_attribute_name_and_shapes(tmp_path: Path) -> None:
    depthwise, custom, norms = numbers(3, 2, 4, 2), numbers(3, 2, 4, 2), norm(5)
    layers: dict[str, tuple[str, list[Any]]] = {
        "a_named": ("depthwise_conv2d_7", [depthwise]),
        "b_by_bias": ("mine", [custom, numbers(8)]),
        "c_ordinary": ("mine_1", [custom, numbers(2)]),
        "d_norm": ("mine_2", [*norms.values()]),
        "e_table": ("mine_3", [numbers(9, 4)]),
        "f_counter": ("seed_generator", [np.zeros(2, np.uint32)]),
        "g_list/conv2d": ("conv2d_3", [numbers(1, 1, 2, 3)]),
        "g_list/conv2d_1": ("conv2d_3", [numbers(1, 1, 3, 4)]),
        "h_half/sub": ("batch_normalization_4", [*norms.values()][1:]),
    }
    path = tmp_path / "net.weights.h5"
    with h5py.File(path, "w") as file:
        for place, (name, arrays) in layers.items():
            group = file.create_group(f"{place}/vars")
            group.attrs["name"] = name
            for i, array in enumerate(arrays):
                group[str(i)] = array
    state = read(path).state
    assert [*state] == [
        "a_named.weight", "b_by_bias.weight", "b_by_bias.bias", "c_ordinary.weight", "c_ordinary.bias",
        "d_norm.weight", "d_norm.bias", "d_norm.running_mean", "d_norm.running_var", "e_table.0",
        "g_list/conv2d.weight", "g_list/conv2d_1.weight",
        "h_half/sub.bias", "h_half/sub.running_mean", "h_half/sub.running_var",
    ]  # fmt: skip
    np.testing.assert_array_equal(state["a_named.weight"][5, 0], depthwise[:, :, 2, 1])
    np.testing.assert_array_equal(state["b_by_bias.weight"][5, 0], custom[:, :, 2, 1])
    np.testing.assert_array_equal(state["c_ordinary.weight"][1, 2], custom[:, :, 2, 1])
    np.testing.assert_array_equal(state["d_norm.running_var"], norms["moving_variance"])


def test_kernels_of_theano_are_turned_and_the_rest_is_not(tmp_path: Path) -> None:
    plain = read(write_h5(tmp_path / "plain.h5", whole=True, version=2)).state
    turned = read(write_h5(tmp_path / "theano.h5", whole=True, version=2, backend="theano")).state
    for key, value in plain.items():
        convolved = key in ("stem.weight", "up.weight", "grouped.weight", "inner/inner_conv.weight")
        expected = value.flip(2, 3) if convolved else value.flip(2) if key == "along.weight" else value
        assert torch.equal(turned[key], expected), key


@pytest.mark.parametrize("kind", ["h5", "weights.h5"])
def test_halves_are_read_to_the_last_bit(tmp_path: Path, kind: str) -> None:
    kernel = torch.from_numpy(numbers(3, 3, 4, 8))
    half, brain = kernel.half(), kernel.bfloat16()
    path = tmp_path / f"net.{kind}"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"a", b"b"]
        for name, array in (("a", half.numpy()), ("b", brain.view(torch.uint16).numpy().view("V2"))):
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel".encode()]
            group.create_dataset(f"{name}/kernel", data=array, chunks=True, compression="gzip", shuffle=name == "a")
    contents = read(path)
    assert contents.types == "bfloat16, float16"
    assert torch.equal(contents.state["a.weight"], half.float().permute(3, 2, 0, 1))
    assert torch.equal(contents.state["b.weight"], brain.float().permute(3, 2, 0, 1))


def quantised(path: Path, mode: str, kind: str = "Dense", dtype: str = "int8") -> Path:
    config: Any = {"name": "fc", "dtype": {"class_name": "QuantizedDTypePolicy", "config": {"mode": mode}}}
    network = {
        "class_name": "Sequential",
        "config": {"name": "net", "layers": [{"class_name": kind, "config": config}]},
    }
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        group = file.create_group(f"layers/{'dense' if kind == 'Dense' else 'einsum_dense'}/vars")
        kernel = np.arange(-10, 11, dtype=np.int64).reshape(7, 3).astype(dtype)
        for i, array in enumerate((kernel, np.float32([1, 2, 3]), np.float32([8, 4, 10]))):
            group[str(i)] = array
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(network))
        archive.writestr("model.weights.h5", image.getvalue())
    path.with_suffix(".weights.h5").write_bytes(image.getvalue())
    return path


def test_int8_kernels_are_divided_by_their_scales(tmp_path: Path) -> None:
    contents = read(quantised(tmp_path / "net.keras", "int8"))
    assert contents.types == "int8"
    assert [*contents.state] == ["fc.weight", "fc.bias"]
    kernel = np.arange(-10, 11, dtype=np.float32).reshape(7, 3) / np.float32([8, 4, 10])
    np.testing.assert_array_equal(contents.state["fc.weight"].numpy(), kernel.T)
    assert contents.state["fc.bias"].tolist() == [1, 2, 3]


def test_integers_of_unknown_meaning_are_refused(tmp_path: Path) -> None:
    quantised(tmp_path / "alone.keras", "int8")
    cases = {
        quantised(tmp_path / "a.keras", "int4"): "quantised as int4",
        quantised(tmp_path / "b.keras", "int8", kind="EinsumDense"): "read of Dense layers only",
        quantised(tmp_path / "c.keras", "float8", dtype="uint8"): "nothing in the file tells",
        tmp_path / "alone.weights.h5": "nothing in the file tells",
    }
    for path, reason in cases.items():
        with pytest.raises(WbsiteError, match=reason) as caught:
            read(path)
        assert str(path) in caught.value.message


def test_lists_of_names_too_long_for_one_attribute(tmp_path: Path) -> None:
    """Keras splits them; a network of a thousand layers has such."""
    with h5py.File(tmp_path / "net.h5", "w") as file:
        names = [f"conv_{i}" for i in range(7)]
        for i, part in enumerate((names[:3], names[3:6], names[6:])):
            file.attrs[f"layer_names{i}"] = [name.encode() for name in part]
        for i, name in enumerate(names):
            group = file.create_group(name)
            group.attrs["weight_names0"] = [f"{name}/kernel:0".encode()]
            group.attrs["weight_names1"] = [f"{name}/bias:0".encode()]
            group[f"{name}/kernel:0"], group[f"{name}/bias:0"] = np.full((1, 1, 2, 2), i, np.float32), np.zeros(2)
    state = read(tmp_path / "net.h5").state
    assert [*state] == [f"{name}.{part}" for name in names for part in ("weight", "bias")]
    assert [float(state[f"{name}.weight"][0, 0]) for name in names] == list(range(7))


def test_lone_weights_keep_the_order_of_writing(tmp_path: Path) -> None:
    """HDF5 lists conv2d, conv2d_1, conv2d_10, …, dense, and Keras numbers each class for itself."""
    path = tmp_path / "net.weights.h5"
    expected = []
    with h5py.File(path, "w") as file:
        for i in range(60):
            for kind, shape in (
                ("separable_conv2d", None),
                ("conv2d", (3, 3, 4, i + 4)),
                ("batch_normalization", None),
            ):
                group = file.create_group(f"layers/{kind}_{i}/vars" if i else f"layers/{kind}/vars")
                group.attrs["name"] = f"{kind[0]}{i}"
                arrays = [numbers(*shape), numbers(shape[-1])] if shape else [numbers(i + 4)] * 4
                if kind[0] == "s":
                    arrays = [numbers(3, 3, 4, 1), numbers(1, 1, 4, 4)]
                for j, array in enumerate(arrays):
                    group[str(j)] = array
                expected.append(f"{kind[0]}{i}")
    layers = [key.rpartition(".")[0].partition("/")[0] for key in read(path).state]
    assert list(dict.fromkeys(layers)) == expected


# What is refused.


def test_files_of_keras_1_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.attrs["layer_names"] = [b"convolution2d_1"]
        group = file.create_group("convolution2d_1")
        group.attrs["weight_names"] = [b"convolution2d_1_W", b"convolution2d_1_b"]
        group["convolution2d_1_W"], group["convolution2d_1_b"] = numbers(8, 3, 3, 3), numbers(8)
    with pytest.raises(WbsiteError, match="Keras 1 wrote it"):
        read(tmp_path / "net.h5")


def test_hdf5_of_another_program_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["data/conv1/0"] = numbers(8, 3, 3, 3)
    with pytest.raises(WbsiteError, match="of another program than Keras"):
        read(tmp_path / "data.h5")


def test_without_h5py_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write_h5(tmp_path / "net.h5", whole=True), write_archive(tmp_path / "net.keras")]
    monkeypatch.setitem(sys.modules, "h5py", None)
    for path in paths:
        with pytest.raises(WbsiteError, match="h5py is not installed") as caught:
            read(path)
        assert caught.value.hint == "Run pip install 'wbsite[formats]'."


def one_layer(path: Path, write: Callable[[Any, str], None]) -> Path:
    """A file whose only kernel is put there by write(group, name)."""
    with h5py.File(path, "w") as file:
        write(file.create_group("layers/conv2d/vars"), "0")
    return path


def external_storage(group: Any, name: str) -> None:
    group.create_dataset(name, (3, 3, 4, 8), "f4", external=[("/etc/passwd", 0, 1152)])


def virtual(group: Any, name: str) -> None:
    layout = h5py.VirtualLayout((3, 3, 4, 8), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "data", (3, 3, 4, 8))
    group.create_virtual_dataset(name, layout)


def huge_compressed(group: Any, name: str) -> None:
    group.create_dataset(name, (3, 3, 1 << 20, 1 << 10), "f4", chunks=(3, 3, 1024, 16), compression="gzip")
    group[name][:, :, :1024, :16] = numbers(3, 3, 1024, 16)


def plug_in_filter(group: Any, name: str) -> None:
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_chunk((3, 3, 4, 8))
    layout.set_filter(32000 + 15, h5py.h5z.FLAG_OPTIONAL)
    space = h5py.h5s.create_simple((3, 3, 4, 8))
    h5py.h5d.create(group.id, name.encode(), h5py.h5t.IEEE_F32LE, space, layout)


def bytes_as_name(group: Any, name: str) -> None:
    group[name] = numbers(3, 3, 4, 8)
    group.parent.create_group(b"\xff\xfe")


def cycle(group: Any, name: str) -> None:
    group[name] = numbers(3, 3, 4, 8)
    group.parent["again"] = group.parent


HARMFUL: dict[str, tuple[Callable[[Any, str], None], str]] = {
    "external link": (lambda group, name: group.__setitem__(name, h5py.ExternalLink("o.h5", "/a")), "another place"),
    "soft link": (lambda group, name: group.__setitem__(name, h5py.SoftLink("/layers")), "another place"),
    "external storage": (external_storage, "in another file"),
    "virtual": (virtual, "in another file"),
    "unwritten": (lambda group, name: group.create_dataset(name, (1 << 20, 1 << 20), "f8"), "has 0 bytes of"),
    "huge": (huge_compressed, r"bytes of /layers/conv2d/vars/0, whose shape .* needs 38654705664"),
    "plug-in": (plug_in_filter, "filter that is not part of HDF5"),
    "text": (lambda group, name: group.__setitem__(name, np.array([b"abc", b"de"])), "expected numbers"),
    "group": (lambda group, name: group.create_group(name), "a group where an array"),
    "bytes": (bytes_as_name, "names that are no text"),
    "cycle": (cycle, "in each other without end"),
}


@pytest.mark.parametrize("harm", HARMFUL)
def test_harmful_files_are_refused(tmp_path: Path, harm: str) -> None:
    write, reason = HARMFUL[harm]
    with pytest.raises(WbsiteError, match=reason) as caught:
        read(one_layer(tmp_path / "net.weights.h5", write))
    assert "net.weights.h5" in caught.value.message


def test_one_array_under_many_names_does_not_fill_the_memory(tmp_path: Path) -> None:
    def write(group: Any, name: str) -> None:
        group[name] = numbers(3, 3, 64, 64)
        for i in range(1, 2000):
            group[str(i)] = group[name]

    with pytest.raises(WbsiteError, match="bytes of"):
        read(one_layer(tmp_path / "net.weights.h5", write))


@pytest.mark.parametrize("config", ["", "[]", "{", "[" * 100000, '{"class_name": 3}', b"\xff\xfe"])
def test_archives_with_a_damaged_configuration_are_refused(tmp_path: Path, config: Any) -> None:
    with pytest.raises(WbsiteError, match="its configuration"):
        read(write_archive(tmp_path / "net.keras", config=config))


@pytest.mark.parametrize(
    "config",
    [{"class_name": "Dense"}, {"class_name": "Model", "config": {"layers": [3, {"class_name": "x", "config": 4}]}},
     {"class_name": "Model", "config": {"layers": [{"class_name": "Other", "config": {"name": [], "dtype": {}}}]}}],
)  # fmt: skip
def test_a_configuration_that_says_nothing_of_the_layers_leaves_what_the_weights_tell(
    tmp_path: Path, config: Any
) -> None:
    assert_network(read(write_archive(tmp_path / "net.keras", config=json.dumps(config))).state)


def test_an_archive_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(configuration()))
        archive.writestr("model.weights.h5", bytes(1 << 24))
    with pytest.raises(WbsiteError, match=r"model\.weights\.h5 claims 16777216 bytes"):
        read(path)


def refusal(path: Path) -> WbsiteError | None:
    """Why a file is refused; None for one that is read. Any other exception is a failure."""
    try:
        read(path)
    except WbsiteError as error:
        return error
    return None


@pytest.mark.parametrize("name", ["net.h5", "net.weights.h5", "net.keras", "deflated.keras"])
def test_damaged_files_are_read_or_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "net.h5":
        write_h5(path, whole=True)
    elif name == "net.weights.h5":
        write_weights(path)
    else:
        write_archive(path, compressed=name == "deflated.keras")
    whole, generator = path.read_bytes(), random.Random(0)
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        way = generator.randrange(3)
        if way == 0:
            del damaged[generator.randrange(len(damaged)) :]
        for _ in range(generator.choice((1, 8, 60)) if way else 0):
            here, there = generator.randrange(len(damaged)), generator.randrange(len(damaged))
            damaged[here], damaged[there] = (
                damaged[there],
                damaged[here] ^ (1 << generator.randrange(8) if way == 1 else 0),
            )
        path.write_bytes(damaged)
        error = refusal(path)
        if error is not None:
            refused += 1
            assert str(path) in error.message
            assert error.hint
    assert refused > 60


def test_files_of_other_formats_are_not_claimed(tmp_path: Path) -> None:
    state = {"conv.weight": torch.randn(8, 4, 5, 5)}
    save_file(state, tmp_path / "net.safetensors")
    torch.save(state, tmp_path / "net.pth")
    np.savez(tmp_path / "net.npz", **{"conv.weight": state["conv.weight"].numpy()})
    with zipfile.ZipFile(tmp_path / "net.zip", "w") as archive:
        archive.writestr("config.json", "{}")
    write_h5(tmp_path / "net.h5", whole=True)
    write_archive(tmp_path / "net.keras")
    entries = {entry.name: entry for entry in registry.entries("formats")}
    for path in sorted(tmp_path.iterdir()):
        head = path.read_bytes()[:4096]
        claims = {name for name in ("keras", "keras-h5") if entries[name].claims(path, head)}
        assert claims == {"net.h5": {"keras-h5"}, "net.keras": {"keras"}}.get(path.name, set()), path.name


# Against Keras itself.


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
