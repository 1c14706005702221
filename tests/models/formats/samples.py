"""A small file of every format in each of the ways in which its writers lay it out."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io

from .writers import caffemodel, darknet, flax_msgpack, keras, matconvnet, onnx, tensorflowjs, tflite, torch


@dataclass(frozen=True)
class Sample:
    """A file that a test may spoil.

    Attributes:
        format: the registered name of what reads it.
        file: what it is called.
        write: path → writes it, and what belongs beside it into the same folder.
        packed: bytes → the file as its reader gets it, where it is compressed as a whole: damage is done before.
    """

    format: str
    file: str
    write: Callable[[Path], object]
    packed: Callable[[bytes], bytes] = bytes


def _tensorflowjs(kind: str) -> Callable[[Path], object]:
    arrays: tensorflowjs.Arrays = {
        "conv/kernel": np.uint8(np.ones((2, 2, 1, 2))),
        "conv/bias": tensorflowjs.numbers(2),
        "fc/kernel": tensorflowjs.numbers(2, 2),
    }
    nodes = [
        tensorflowjs.node("a", "Conv2D", "input", "conv/kernel"),
        tensorflowjs.node("b", "BiasAdd", "a", "conv/bias"),
        tensorflowjs.node("c", "MatMul", "b", "fc/kernel"),
    ]
    layers = tensorflowjs.layers(("conv", "Conv2D"), ("fc", "Dense"))
    topology = {"graph": {"node": nodes}, "layers": layers, "manifest": None}[kind]
    quantised = {"conv/kernel": {"scale": 0.5, "min": -1}}
    return lambda path: tensorflowjs.model(path.parent, arrays, topology, quantised)


def _deflated(data: bytes) -> bytes:
    """A file of MATLAB's with everything after its header as one compressed element."""
    return data[:128] + matconvnet.element(15, zlib.compress(data[128:]))


def _matlab(path: Path) -> None:
    scipy.io.savemat(path, matconvnet.simple())


SAMPLES = {
    "caffemodel": Sample("caffemodel", "net.caffemodel", lambda path: caffemodel.caffe_file(path, "new")),
    "caffemodel-v1": Sample("caffemodel", "net.caffemodel", lambda path: caffemodel.caffe_file(path, "v1")),
    "caffemodel-bytes": Sample(
        "caffemodel", "net.caffemodel", lambda path: caffemodel.caffe_file(path, "new", raw="float16")
    ),
    "darknet": Sample("darknet", "net.weights", darknet.detector),
    "flax": Sample("flax", "net.msgpack", lambda path: flax_msgpack.write(path.parent, flax_msgpack.network())),
    "keras-h5": Sample("keras-h5", "net.h5", lambda path: keras.write_h5(path, whole=True)),
    "keras-weights": Sample("keras-h5", "net.weights.h5", keras.write_weights),
    "keras": Sample("keras", "net.keras", keras.write_archive),
    "keras-deflated": Sample("keras", "net.keras", lambda path: keras.write_archive(path, compressed=True)),
    "matconvnet": Sample("matconvnet", "net.mat", _matlab),
    "matconvnet-deflated": Sample("matconvnet", "net.mat", _matlab, _deflated),
    "npz": Sample("npz", "net.npz", torch.arrays),
    "npz-deflated": Sample("npz", "net.npz", lambda path: torch.arrays(path, compressed=True)),
    "onnx": Sample("onnx", "net.onnx", lambda path: onnx.write(path, inline=False)),
    "onnx-constants": Sample("onnx", "net.onnx", lambda path: onnx.write(path, inline=True)),
    "onnx-external": Sample("onnx", "net.onnx", onnx.beside),
    "pytorch": Sample("pytorch", "net.pth", torch.checkpoint),
    "pytorch-unzipped": Sample("pytorch", "net.pth", lambda path: torch.checkpoint(path, zipped=False)),
    "pytorch-module": Sample("pytorch", "net.pth", torch.whole_module),
    "pt2": Sample("pt2", "net.pt2", torch.program),
    "sharded": Sample("sharded", "net.safetensors.index.json", torch.shards),
    "safetensors": Sample("safetensors", "net.safetensors", torch.tensors),
    "tensorflowjs-graph": Sample("tensorflowjs", "model.json", _tensorflowjs("graph")),
    "tensorflowjs-layers": Sample("tensorflowjs", "model.json", _tensorflowjs("layers")),
    "tensorflowjs-manifest": Sample("tensorflowjs", "model.json", _tensorflowjs("manifest")),
    "tflite": Sample("tflite", "net.tflite", tflite.whole_file),
    "torchscript": Sample("torchscript", "net.ts", torch.script),
}
"""Name → file."""
