#!/usr/bin/env bash
# torch 2.15.0 with onnxscript 0.7.2: torch.onnx.export folds batch norm into a convolution's kernel and keeps the name.
#
# Seen: "conv.weight" of the file holds the trained kernel times γ / √(σ² + ε), under the trained kernel's name; whoever
# reads weights by name gets others than state_dict() has, without a word. `training=TrainingMode.PRESERVE` and
# `do_constant_folding=False`, which keep batch norm in the older exporter, change nothing; `optimize=False` keeps it.
# The older exporter (dynamo=False) folds as well, but gives the new kernel a new name. The only trace is the rule's
# name in the node's metadata, "pkg.onnxscript.rewriter.rule_name".
#
# wbsite reads that trace and says that H of such a layer is not that of the trained kernels
# (wbsite/models/formats/onnx/_folding.py). Fails if the exporter keeps batch norm, or renames what it changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv
"$folder/venv/bin/uv" pip install -q -p "$folder/venv" \
    torch==2.15.0 onnxscript==0.7.2 onnx==1.23.2 onnx-ir==1.1.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.onnx import TrainingMode

assert torch.__version__.partition("+")[0] == "2.15.0", torch.__version__
torch.manual_seed(0)
net = nn.Sequential()
net.add_module("conv", nn.Conv2d(3, 4, 3, bias=False))
net.add_module("norm", nn.BatchNorm2d(4))
net.norm.weight.data.uniform_(0.5, 2)
net.norm.running_var.uniform_(0.5, 2)
net.eval()
trained = net.conv.weight.detach().numpy()
factor = (net.norm.weight / (net.norm.running_var + net.norm.eps).sqrt()).detach().numpy()


def exported(**options):
    """The file's kernels by name, and its convolution."""
    torch.onnx.export(net, (torch.rand(1, 3, 8, 8),), "net.onnx", verbose=False, **options)
    model = onnx.load("net.onnx")
    kernels = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return kernels, next(node for node in model.graph.node if node.op_type == "Conv")


folding = {"training": TrainingMode.PRESERVE, "do_constant_folding": False}
for options in ({}, folding):
    kernels, conv = exported(**options)
    stored = kernels["conv.weight"]
    assert conv.input[1] == "conv.weight"
    assert not np.allclose(stored, trained, atol=1e-3), "it holds the trained kernel"
    assert np.allclose(stored, trained * factor[:, None, None, None], atol=1e-6)
    rules = [entry.value for entry in conv.metadata_props if entry.key == "pkg.onnxscript.rewriter.rule_name"]
    assert "FuseBatchNormIntoConv" in rules[0], rules
    print(f"options {sorted(options)}: conv.weight is the trained kernel times {(stored / trained)[:, 0, 0, 0].round(3)}")
kernels, _ = exported(optimize=False)
assert np.array_equal(kernels["conv.weight"], trained)
kernels, conv = exported(dynamo=False)
assert "conv.weight" not in kernels
print(f"optimize=False: conv.weight is the trained kernel; dynamo=False: it is gone, {conv.input[1]} in its place")
PY
