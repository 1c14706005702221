#!/usr/bin/env bash
# torch 2.15.0: torch.load of a path that ends in .safetensors reads it as safetensors, whatever the file holds.
#
# Seen: a state dict that torch.save wrote under such a name is saved without a word and then cannot be loaded by that
# name (SafetensorError, "header too large"); the same file, opened first and handed over as a file object, is read.
# Checkpoints are renamed so by people who upload them, and by tools that rewrite suffixes.
#
# wbsite opens the file itself and tells formats apart by content (wbsite/models/formats).
# Fails if the file can be loaded by its name.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv
"$folder/venv/bin/uv" pip install -q -p "$folder/venv" torch==2.15.0 numpy==2.4.6 safetensors==0.8.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import torch
from safetensors import SafetensorError

assert torch.__version__.partition("+")[0] == "2.15.0", torch.__version__
torch.save({"weight": torch.ones(2)}, "net.safetensors")
try:
    torch.load("net.safetensors")
except SafetensorError as error:
    seen = str(error)
else:
    raise AssertionError("it was loaded")
with open("net.safetensors", "rb") as file:
    assert torch.equal(torch.load(file)["weight"], torch.ones(2))
print(f"by its name: {seen}; as a file: read")
PY
