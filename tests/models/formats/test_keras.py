"""Keras's files of all kinds give the kernels that the network has, with torch's axes, and do no harm.

Files are written with h5py, laid out as Keras 2 and 3 do; where Keras is installed, it writes and computes itself.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read

from .checks import assert_state
from .writers.keras import GROUPS, by_hand, norm, numbers, write_archive, write_h5, write_weights


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("fixed", [True, False])
def test_whole_networks_in_h5(tmp_path: Path, version: int, fixed: bool) -> None:
    contents = read(write_h5(tmp_path / "net.h5", whole=True, version=version, fixed=fixed))
    assert contents.format == "Keras HDF5 (whole network)"
    assert contents.types == "float32"
    assert not contents.bgr
    assert_state(contents.state, by_hand())


def test_weights_alone_of_keras_2_tell_depthwise_kernels_by_their_name(tmp_path: Path) -> None:
    contents = read(write_h5(tmp_path / "net.h5", whole=False, version=2))
    assert contents.format == "Keras HDF5 (weights alone)"
    assert_state(contents.state, by_hand())


@pytest.mark.parametrize("container", ["layers", "_layer_checkpoint_dependencies"])
@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_archives_have_the_names_of_the_configuration(
    tmp_path: Path, container: str, compressed: bool, named: bool
) -> None:
    path = write_archive(tmp_path / "net.keras", compressed=compressed, named=named, container=container)
    contents = read(path)
    assert contents.format == "Keras 3 archive"
    assert_state(contents.state, by_hand())


def test_weights_of_keras_3_have_the_names_noted_in_them(tmp_path: Path) -> None:
    write_weights(tmp_path / "net.weights.h5")
    contents = read(tmp_path / "net.weights.h5")
    assert contents.format == "Keras 3 weights"
    assert_state(contents.state, by_hand())


def test_weights_of_keras_3_without_noted_names_have_their_groups_names(tmp_path: Path) -> None:
    write_weights(tmp_path / "net.weights.h5", named=False)

    def group_name(key: str) -> str:
        layer, _, part = key.rpartition(".")
        sub = f"/{layer.partition('/')[2]}" if layer.startswith("sep/") else ""
        places = layer.removesuffix(sub).split("/")
        return "/".join(GROUPS[place] for place in places) + f"{sub}.{part}"

    expected = {group_name(key): value for key, value in by_hand().items()}
    assert_state(read(tmp_path / "net.weights.h5").state, expected)


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
