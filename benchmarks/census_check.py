"""H of the census by another road: kernels read with each format's own library, H in a few lines of NumPy.

    python benchmarks/census_check.py RECORDS        RECORDS: the folder that `wbsite census --out` wrote

Of twelve networks in six formats, every layer whose kernels have rows and columns: prints layers, and the largest
difference from the census's H over layers of the same shape, sorted. Files come from the census's cache. Needs
wbsite[formats].
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from wbsite.census import manifest, packages
from wbsite.census.record import Measured

NETWORKS = (
    "open-nsfw-onnx-keras",
    "ppocr-v4-rec",
    "nudenet-320n",
    "basic-pitch-onnx",
    "selfie-segmentation",
    "blazeface-back",
    "human-movenet-lightning",
    "esrgan-slim-x4",
    "fer-emotion-keras",
    "board-to-fen-piece",
    "efficientnet-lite0",
    "mtcnn-onet",
)
TYPES = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1", "uint16": "<u2"}


def index(kernels: np.ndarray) -> float:
    """H of (units, channels, rows, columns)."""
    x = kernels.astype(np.float64)
    x = x - x.mean((2, 3), keepdims=True)
    rows, columns = x.shape[3] * (x.mean(3) ** 2).sum(), x.shape[2] * (x.mean(2) ** 2).sum()
    total = (x**2).sum()
    return float((rows - columns) / total) if total > 0 else float("nan")


def from_onnx(path: Path) -> Iterator[np.ndarray]:
    import onnx

    graph = onnx.load(path).graph
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            values[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
    used = dict.fromkeys(node.input[1] for node in graph.node if node.op_type in ("Conv", "ConvTranspose"))
    yield from (values[name] for name in used if name in values)


def from_tflite(path: Path) -> Iterator[np.ndarray]:
    import tflite

    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    kinds = {tflite.BuiltinOperator.CONV_2D: 1, tflite.BuiltinOperator.DEPTHWISE_CONV_2D: 1}
    made = {}
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        kind = model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()
        if kind == tflite.BuiltinOperator.DEQUANTIZE:
            made[operator.Outputs(0)] = operator.Inputs(0)
        if kind in kinds or kind == tflite.BuiltinOperator.TRANSPOSE_CONV:
            tensor = graph.Tensors(made.get(operator.Inputs(1), operator.Inputs(1)))
            stored = model.Buffers(tensor.Buffer()).DataAsNumpy()
            half = tensor.Type() == tflite.TensorType.FLOAT16
            kernel = stored.view("<f2" if half else "<f4").reshape(tensor.ShapeAsNumpy())
            depthwise = kind == tflite.BuiltinOperator.DEPTHWISE_CONV_2D
            yield kernel.transpose(3, 0, 1, 2) if depthwise else kernel.transpose(0, 3, 1, 2)


def from_tfjs(path: Path) -> Iterator[np.ndarray]:
    for group in json.loads(path.read_text())["weightsManifest"]:
        data, at = b"".join((path.parent / name).read_bytes() for name in group["paths"]), 0
        for weight in group["weights"]:
            how = weight.get("quantization", {})
            stored = np.dtype(TYPES[how.get("dtype", weight["dtype"])])
            count = int(np.prod(weight["shape"]))
            values = np.frombuffer(data, stored, count, at).reshape(weight["shape"])
            at += count * stored.itemsize
            if "scale" in how:
                values = values * np.float32(how["scale"]) + np.float32(how["min"])
            if values.ndim == 4:
                yield values.transpose(3, 2, 0, 1)


def from_hdf5(path: Path) -> Iterator[np.ndarray]:
    import h5py

    found: list[np.ndarray] = []
    with h5py.File(path) as file:
        weights = file.get("model_weights", file)
        weights.visititems(
            lambda _, item: found.append(item[()]) if isinstance(item, h5py.Dataset) and item.ndim == 4 else None
        )
    yield from (kernel.transpose(3, 2, 0, 1) for kernel in found)


def from_torch(path: Path) -> Iterator[np.ndarray]:
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    yield from (value.numpy() for value in state.values() if value.ndim == 4)


READERS: dict[str, Callable[[Path], Iterator[np.ndarray]]] = {
    ".onnx": from_onnx,
    ".tflite": from_tflite,
    ".json": from_tfjs,
    ".h5": from_hdf5,
    ".hdf5": from_hdf5,
    ".pth": from_torch,
    ".pt": from_torch,
}


def main(records: Path) -> int:
    """Prints a line a network; 1 if one differs."""
    differing = 0
    for network in manifest.chosen(NETWORKS):
        path = packages.fetched(network)[0] if packages.cached(network) is None else packages.cached(network)[0]
        other = defaultdict(list)
        for kernels in READERS[path.suffix](path):
            if min(kernels.shape[2:]) > 1:
                other[kernels.shape[2:]].append(index(kernels))
        ours = defaultdict(list)
        for row in Measured.read(records / network.task / f"{network.name}.npz").layers:
            ours[row["kernel_height"], row["kernel_width"]].append(np.nan if row["index"] is None else row["index"])
        counts = [{shape: len(values) for shape, values in table.items()} for table in (ours, other)]
        if counts[0] != counts[1]:
            print(f"{network.name:28} {path.suffix:8} other layers: {counts[0]} and {counts[1]}")
            differing += 1
            continue
        largest = max(np.nanmax(np.abs(np.subtract(sorted(ours[s]), sorted(other[s])))) for s in ours)
        print(f"{network.name:28} {path.suffix:8} {sum(counts[0].values()):3} layers, largest difference {largest:.1e}")
        differing += largest > 1e-6
    return int(differing > 0)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
