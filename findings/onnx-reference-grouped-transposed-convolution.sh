#!/usr/bin/env bash
# onnx 1.23.2: ReferenceEvaluator computes ConvTranspose with group > 1 wrongly, or not at all.
#
# Seen: with one channel read and one made a group (depthwise) it adds the first bias to every channel, without an error;
# with more channels a group it raises ValueError ("cannot reshape array …"). Depthwise without a bias is right.
# onnxruntime 1.32.0 and torch 2.15.0 agree with each other on all of them.
#
# wbsite runs ONNX's graphs on torch's functions (wbsite/models/file_networks/onnx); its tests hold grouped transposed
# convolutions against onnxruntime and the results that onnx keeps for its cases, not against the reference.
# Fails if any of the three changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv
"$folder/venv/bin/uv" pip install -q -p "$folder/venv" onnx==1.23.2 onnxruntime==1.32.0 torch==2.15.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

assert onnx.__version__ == "1.23.2", onnx.__version__


def results(channels, units, group, bias):
    """The same 2×2 kernels on a 3×3 map by the reference (or its error), and by onnxruntime, which torch confirms."""
    rng = np.random.default_rng(0)
    shapes = {"x": (1, channels, 3, 3), "w": (channels, units // group, 2, 2), **({"b": (units,)} if bias else {})}
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, units, 4, 4))
    node = helper.make_node("ConvTranspose", list(shapes), ["y"], group=group)
    graph = helper.make_graph([node], "g", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, arrays)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    again = torch.nn.functional.conv_transpose2d(tensors["x"], tensors["w"], tensors.get("b"), groups=group)
    assert np.allclose(expected, again.numpy(), atol=1e-5)
    try:
        return ReferenceEvaluator(model).run(None, arrays)[0], expected, arrays.get("b")
    except ValueError as error:
        return error, expected, None


found, expected, _ = results(2, 2, 1, bias=True)
assert np.allclose(found, expected, atol=1e-5), "one group"
found, expected, _ = results(2, 2, 2, bias=False)
assert np.allclose(found, expected, atol=1e-5), "a channel a group"
found, expected, bias = results(2, 2, 2, bias=True)
assert not np.allclose(found, expected, atol=1e-3), "the reference adds the bias rightly now"
assert np.allclose(found, expected + (bias[0] - bias)[:, None, None], atol=1e-5)
print(f"a channel a group, biases {bias.round(2)}: the second is taken for {(found - expected + bias[:, None, None])[0, 1, 0, 0]:.2f}")
for channels, units in ((2, 4), (4, 2), (4, 4), (4, 6)):
    found, expected, _ = results(channels, units, 2, bias=False)
    assert isinstance(found, ValueError), f"{channels} → {units} channels in 2 groups is computed now"
    print(f"{channels} → {units} channels in 2 groups: ValueError, {found}")
PY
