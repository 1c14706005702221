"""A caffemodel is read as the protobuf library writes it, and a damaged one never runs into a traceback."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read

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
    contents = read(caffe_file(tmp_path / "net.caffemodel", generation, packed, double))
    assert contents.bgr
    assert contents.format == "caffemodel"
    expected = {
        "conv1/7x7_s2.weight": CONV,
        "conv1/7x7_s2.bias": BIAS,
        "loss3/classifier.weight": DENSE,
        "loss3/classifier.bias": BIAS,
    }
    assert list(contents.state) == list(expected)
    for key, array in expected.items():
        assert contents.state[key].dtype == torch.float32
        np.testing.assert_array_equal(contents.state[key].numpy(), array)


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
        outcome = read_or_error(path)
        if isinstance(outcome, WbsiteError):
            refused += 1
            assert "truncated" in outcome.message or "no layer with weights" in outcome.message
            assert outcome.hint
        else:
            assert set(outcome) == {"conv1/7x7_s2.weight", "conv1/7x7_s2.bias"}
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
        outcome = read_or_error(path)
        assert not isinstance(outcome, WbsiteError) or str(path) in outcome.message
