#!/usr/bin/env bash
# rapidocr-onnxruntime 1.2.3 (PyPI): the recogniser of text in `ch_PP-OCRv3_rec_infer.onnx`, exported from PaddleOCR.
#
# Seen: two of its 3×3 convolutions run on maps of a single row. In both, the upper and the lower row of every kernel hold
# numbers of about 1e-40, below the smallest normal float32, where the middle row has weights of up to about 1: those rows
# only ever met the padding, had no gradient, and weight decay took them down. They are 1×3 kernels that say they are 3×3.
# Whoever measures stripes in kernels finds some there that no picture has put in; and arithmetic on such numbers can be
# slow where the processor handles subnormal ones in software. wbsite counts rows and columns that hold next to nothing
# (`wbsite export census`, blank_rows), and says of a layer whose kernels have no shape that they have none.
#
# Fails if other kernels than these two come to have such rows, or if their middle row has become as small.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q uv
venv/bin/uv pip install -q -p venv onnx==1.19.1 numpy
venv/bin/pip download -q --no-deps --only-binary :all: rapidocr-onnxruntime==1.2.3
venv/bin/python - <<'PY'
import pathlib
import zipfile

import numpy as np
import onnx
from onnx import numpy_helper

(path,) = pathlib.Path().glob("*.whl")
with zipfile.ZipFile(path) as wheel:
    (inside,) = [name for name in wheel.namelist() if name.endswith("ch_PP-OCRv3_rec_infer.onnx")]
    graph = onnx.load_from_string(wheel.read(inside)).graph
values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
for node in graph.node:
    if node.op_type == "Constant":
        values |= {node.output[0]: numpy_helper.to_array(a.t) for a in node.attribute if a.name == "value"}
smallest = np.finfo(np.float32).tiny
found = {}
for node in graph.node:
    kernels = values.get(node.input[1]) if node.op_type == "Conv" else None
    if kernels is not None and kernels.shape[2:] == (3, 3):
        rows = np.abs(kernels).max((0, 1, 3))
        if rows.min() < smallest:
            found[node.input[1]] = (kernels.shape, rows)
assert len(found) == 2, found
for name, (shape, rows) in found.items():
    assert rows[0] < smallest and rows[2] < smallest and rows[1] > 0.1, (name, rows)
    print(f"{name} {shape}: largest weight by row {rows[0]:.1e}, {rows[1]:.2f}, {rows[2]:.1e}")
PY
