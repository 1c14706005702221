"""Reading weights files: a wrong reader would publish pictures of weights no network has."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from safetensors.torch import save_file

from wbsite.core.errors import WbsiteError
from wbsite.models.formats.read import read

CONV = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2) / 7
BIAS = np.array([0.5, -1.25], dtype=np.float32)
DENSE = np.arange(8, dtype=np.float32).reshape(2, 4) - 3


def net_parameter(packed: bool = True) -> Any:
    """Caffe's NetParameter as far as weights go, declared to the real protobuf library."""
    file = descriptor_pb2.FileDescriptorProto(name=f"caffe_{packed}.proto", package=f"caffe_{packed}", syntax="proto2")
    kinds = {name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}") for name in
             ("string", "int32", "int64", "float", "double", "message")}  # fmt: skip

    def message(name: str, *fields: tuple[str, int, str, bool]) -> None:
        declared = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            entry = declared.field.add(name=field, number=number, label=3 if repeated else 1)
            entry.type = kinds.get(kind, kinds["message"])
            if kind not in kinds:
                entry.type_name = f".caffe_{packed}.{kind}"
            elif repeated and packed:
                entry.options.packed = True

    message("Shape", ("dim", 1, "int64", True))
    message("Blob", *((name, i + 1, "int32", False) for i, name in enumerate(("num", "channels", "height", "width"))),
            ("data", 5, "float", True), ("diff", 6, "float", True), ("shape", 7, "Shape", False),
            ("double_data", 8, "double", True))  # fmt: skip
    message("V1", ("name", 4, "string", False), ("type", 5, "int32", False), ("blobs", 6, "Blob", True))
    message("Layer", ("name", 1, "string", False), ("type", 2, "string", False), ("blobs", 7, "Blob", True))
    message("Net", ("name", 1, "string", False), ("layers", 2, "V1", True), ("layer", 100, "Layer", True))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe_{packed}.Net"))


def caffe_file(path: Path, generation: str, packed: bool = True, double: bool = False) -> Path:
    """A network with a data layer, a convolution with bias and an inner product."""
    net = net_parameter(packed)(name="net")
    layers = net.layers if generation == "v1" else net.layer
    layers.add(name="data")
    for name, kind, arrays in (
        ("conv1/7x7_s2", (4, "Convolution"), (CONV, BIAS)),
        ("loss3/classifier", (14, "InnerProduct"), (DENSE, BIAS)),
    ):
        layer = layers.add(name=name, type=kind[generation != "v1"])
        for array in arrays:
            blob = layer.blobs.add()
            (blob.double_data if double else blob.data).extend(array.ravel().tolist())
            blob.diff.extend([9.0] * 3)
            if generation == "v1":
                blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - array.ndim) + array.shape
            else:
                blob.shape.dim.extend(array.shape)
    path.write_bytes(net.SerializeToString())
    return path


@pytest.mark.parametrize("generation", ["v1", "new"])
@pytest.mark.parametrize(("packed", "double"), [(True, False), (False, False), (True, True), (False, True)])
def test_caffemodels_of_both_generations(tmp_path: Path, generation: str, packed: bool, double: bool) -> None:
    found = read(caffe_file(tmp_path / "net.caffemodel", generation, packed, double))
    assert found.bgr
    assert found.format == "caffemodel"
    expected = {
        "conv1/7x7_s2.weight": CONV,
        "conv1/7x7_s2.bias": BIAS,
        "loss3/classifier.weight": DENSE,
        "loss3/classifier.bias": BIAS,
    }
    assert list(found.state) == list(expected)
    for key, array in expected.items():
        assert found.state[key].dtype == torch.float32
        np.testing.assert_array_equal(found.state[key].numpy(), array)


def read_or_error(path: Path) -> dict[str, torch.Tensor] | WbsiteError:
    """What the file holds, or why it is refused; any other exception is a failure."""
    try:
        return read(path).state
    except WbsiteError as error:
        return error


def test_a_caffemodel_cut_anywhere_is_refused_or_lacks_whole_layers(tmp_path: Path) -> None:
    whole = caffe_file(tmp_path / "net.caffemodel", "new").read_bytes()
    path = tmp_path / "cut.caffemodel"
    refused = 0
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        found = read_or_error(path)
        if isinstance(found, WbsiteError):
            refused += 1
            assert "truncated" in found.message or "no layer with weights" in found.message
            assert found.hint
        else:
            assert set(found) == {"conv1/7x7_s2.weight", "conv1/7x7_s2.bias"}
    assert refused == len(whole) - 1


def test_bytes_that_are_no_caffemodel_give_no_traceback(tmp_path: Path) -> None:
    generator = random.Random(0)
    whole = caffe_file(tmp_path / "net.caffemodel", "v1").read_bytes()
    path = tmp_path / "other.caffemodel"
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(4):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        path.write_bytes(damaged)
        found = read_or_error(path)
        assert not isinstance(found, WbsiteError) or str(path) in found.message


def test_npz_with_caffe_names(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    fixed = np.array([[-128, 64, 5, 0]], dtype=np.int16)
    np.savez(path, **{"conv1.weight": CONV.astype(np.float16), "fc.weight": fixed})
    found = read(path)
    assert found.bgr
    np.testing.assert_array_equal(found.state["conv1.weight"].numpy(), CONV.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(found.state["fc.weight"].numpy(), np.float32([[-1, 0.5, 5 / 128, 0]]))


def test_npz_with_quantised_keras_kernels(tmp_path: Path) -> None:
    path = tmp_path / "net.npz"
    levels = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    names = {
        "block1_conv1/kernel": levels,
        "block1_conv1/kernel|q": np.array([0.25, -3.0]),
        "block1_conv1/bias": np.array([0, 2, 4, 6, 8], dtype=np.uint8),
        "block1_conv1/bias|q": np.array([0.5, 1.0]),
        "fc1/kernel": np.ones((7, 5), dtype=np.float32),
    }
    np.savez(path, **names)
    state = read(path).state
    assert set(state) == {"block1_conv1.weight", "block1_conv1.bias", "fc1.weight"}
    assert state["block1_conv1.weight"].shape == (5, 4, 2, 3)
    assert state["block1_conv1.weight"][4, 3, 1, 2] == 119 * 0.25 - 3
    assert state["block1_conv1.weight"][1, 0, 0, 2] == levels[0, 2, 0, 1] * 0.25 - 3
    assert state["block1_conv1.bias"].tolist() == [1, 2, 3, 4, 5]
    assert state["fc1.weight"].shape == (5, 7)


def test_npz_with_objects_is_refused_without_running_them(tmp_path: Path) -> None:
    path, created = tmp_path / "net.npz", tmp_path / "created"
    np.savez(path, **{"conv1.weight": np.array([Malicious(created)], dtype=object)})
    with pytest.raises(WbsiteError) as caught:
        read(path)
    assert "is truncated or is not an .npz file of plain arrays" in caught.value.message
    assert caught.value.hint
    assert not created.exists()


class Malicious:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path, zipped: bool) -> None:
    path, created = tmp_path / "net.pth", tmp_path / "created"
    state = {"conv1.weight": torch.ones(1), "more": Malicious(created)}
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WbsiteError) as caught:
        read(path)
    assert "net.pth is refused: besides tensors it calls for" in caught.value.message
    assert "mkdir" in caught.value.message
    assert "loading that would run code" in caught.value.message
    assert "torch.save(model.state_dict(), …)" in caught.value.hint
    assert not created.exists()


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_torch_files_with_and_without_wrapping(tmp_path: Path, wrapper: str | None, prefix: str) -> None:
    path = tmp_path / "net.pth"
    state = {f"{prefix}conv.weight": torch.ones(2, 3).half(), f"{prefix}norm.num_batches_tracked": torch.tensor(3)}
    torch.save({wrapper: state, "epoch": 4} if wrapper else state, path)
    found = read(path)
    assert not found.bgr
    assert list(found.state) == ["conv.weight"]
    assert found.state["conv.weight"].dtype == torch.float32


def test_safetensors_with_bfloat16(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file({"conv.weight": torch.tensor([1.5, -2.0], dtype=torch.bfloat16)}, path)
    assert read(path).state["conv.weight"].tolist() == [1.5, -2.0]
    assert read(path).state["conv.weight"].dtype == torch.float32


@pytest.mark.parametrize("suffix", [".pth", ".npz", ".safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_truncated_files_are_called_truncated(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"net{suffix}"
    state = {"conv.weight": torch.randn(8, 4, 5, 5), "conv.bias": torch.randn(8)}
    if suffix == ".pth":
        torch.save(state, path)
    elif suffix == ".npz":
        np.savez_compressed(path, **{key: value.numpy() for key, value in state.items()})
    else:
        save_file(state, path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(WbsiteError) as caught:
        read(path)
    assert "truncated" in caught.value.message or "damaged" in caught.value.message
    assert "again" in caught.value.hint


def test_other_files_are_refused_with_the_kinds_expected(tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(b"\x89HDF")
    with pytest.raises(WbsiteError, match=r"expected one of \.caffemodel, \.npz, \.pth, \.pt, \.safetensors"):
        read(path)
    with pytest.raises(WbsiteError, match="there is no weights file"):
        read(tmp_path / "absent.pth")
    torch.save([torch.ones(1)], tmp_path / "list.pth")
    with pytest.raises(WbsiteError, match="holds a list; expected a dictionary of tensors"):
        read(tmp_path / "list.pth")
