#!/usr/bin/env bash
# torch 2.15.0: the module of an exported program raises when it is put into evaluation mode.
#
# Seen: a network in evaluation mode, exported with torch.export.export, gives back an nn.Module by ExportedProgram.module()
# that computes the same, and whose eval() and train() raise NotImplementedError, although it is an instance of nn.Module
# and in neither mode. Whatever takes "a module" and calls eval() first, as any tool that reads networks does, fails on
# it. wbsite takes both methods off such modules (wbsite/models/user_network.py).
#
# Fails if eval() no longer raises, or the module no longer computes what the network does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv
"$folder/venv/bin/uv" pip install -q -p "$folder/venv" torch==2.15.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import torch
from torch import nn

assert torch.__version__.split("+")[0] == "2.15.0", torch.__version__
net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()
x = torch.randn(1, 3, 8, 8)
module = torch.export.export(net, (x,)).module()
assert isinstance(module, nn.Module)
assert torch.allclose(module(x), net(x), atol=1e-6)
for name in ("eval", "train"):
    try:
        getattr(module, name)()
    except NotImplementedError as error:
        print(f"{name}() raises: {error}")
    else:
        raise SystemExit(f"{name}() is accepted now")
PY
