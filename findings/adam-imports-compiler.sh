#!/usr/bin/env bash
# torch 2.15.0: making the first torch.optim.Adam of a process imports torch's compiler front end.
#
# Seen: `import torch` leaves torch._dynamo unloaded. Constructing an optimiser over one number, without any step and
# with nothing compiled, loads it and some 900 further modules, which takes seconds of processor time where no bytecode
# is cached. A short process that only wants Adam's update pays as much for it as for importing torch. wbsite's feature
# visualization therefore has the update in twenty lines of its own (wbsite/featurevis/adam.py).
#
# Fails if constructing an optimiser no longer loads torch._dynamo, or `import torch` already does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv
"$folder/venv/bin/uv" pip install -q -p "$folder/venv" torch==2.15.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import sys
import time

import torch

assert torch.__version__.split("+")[0] == "2.15.0", torch.__version__
before = set(sys.modules)
assert "torch._dynamo" not in before
start = time.process_time()
torch.optim.Adam([torch.zeros(1)])
loaded = set(sys.modules) - before
assert "torch._dynamo" in loaded
assert len(loaded) > 300, len(loaded)
print(f"torch {torch.__version__}: the first Adam loaded {len(loaded)} modules, torch._dynamo among them,")
print(f"in {time.process_time() - start:.1f} s of processor time.")
PY
