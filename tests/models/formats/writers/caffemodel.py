"""Writes caffemodels with the protobuf library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

CONV = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2) / 7


BIAS = np.array([0.5, -1.25], dtype=np.float32)


DENSE = np.arange(8, dtype=np.float32).reshape(2, 4) - 3


def net_parameter(packed: bool = True) -> Any:
    """Caffe's NetParameter as far as weights go, declared to the real protobuf library."""
    file = descriptor_pb2.FileDescriptorProto(name=f"caffe_{packed}.proto", package=f"caffe_{packed}", syntax="proto2")
    kinds = {name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}") for name in
             ("string", "int32", "int64", "float", "double", "bytes", "message")}  # fmt: skip

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
            ("double_data", 8, "double", True), ("raw_data_type", 10, "int32", False),
            ("raw_data", 12, "bytes", False))  # fmt: skip
    message("Convolution", ("num_output", 1, "int32", False), ("group", 5, "int32", False))
    message("V1", ("name", 4, "string", False), ("type", 5, "int32", False), ("blobs", 6, "Blob", True),
            ("convolution_param", 10, "Convolution", False))  # fmt: skip
    message("Layer", ("name", 1, "string", False), ("type", 2, "string", False), ("blobs", 7, "Blob", True),
            ("convolution_param", 106, "Convolution", False))  # fmt: skip
    message("Net", ("name", 1, "string", False), ("layers", 2, "V1", True), ("layer", 100, "Layer", True))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe_{packed}.Net"))


def caffe_file(path: Path, generation: str, packed: bool = True, double: bool = False, raw: str = "") -> Path:
    """A network with a data layer, a convolution with bias in two groups and an inner product.

    Args:
        raw: type of the numbers, where they are written as bytes.
    """
    net = net_parameter(packed)(name="net")
    layers = net.layers if generation == "v1" else net.layer
    layers.add(name="data")
    for name, kind, arrays in (
        ("conv1/7x7_s2", (4, "Convolution"), (CONV, BIAS)),
        ("loss3/classifier", (14, "InnerProduct"), (DENSE, BIAS)),
    ):
        layer = layers.add(name=name, type=kind[generation != "v1"])
        if "Convolution" in kind:
            layer.convolution_param.num_output, layer.convolution_param.group = len(arrays[0]), 2
        for array in arrays:
            blob = layer.blobs.add()
            if raw:
                blob.raw_data_type = {"float64": 0, "float32": 1, "float16": 2, "int8": 3}[raw]
                blob.raw_data = array.astype(raw).tobytes()
            else:
                (blob.double_data if double else blob.data).extend(array.ravel().tolist())
            blob.diff.extend([9.0] * 3)
            if generation == "v1":
                blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - array.ndim) + array.shape
            else:
                blob.shape.dim.extend(array.shape)
    path.write_bytes(net.SerializeToString())
    return path
