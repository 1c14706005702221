#!/usr/bin/env bash
# safetensors 0.8.0: safetensors.numpy.save_file writes a transposed array's memory as it lies, under its new shape.
#
# Seen: numbers come back in another order, with the right shape and no error; 0.7.0 wrote them in order. Kernels that
# are brought from one framework's axes to another's by transpose() are just such arrays.
#
# wbsite writes with safetensors.torch, which refuses tensors that are not contiguous, after calling contiguous()
# (wbsite/models/weights.py). Whoever writes files for it with NumPy: np.ascontiguousarray first.
# Fails if 0.8.0 writes the array in order, or 0.7.0 does not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 0.7.0 0.8.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install -q "safetensors==$version" numpy==2.4.6
    (cd "$folder" && "$folder/$version/bin/python" - <<'PY'
import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file

kernels = np.arange(6, dtype=np.float32).reshape(2, 3).T
save_file({"kernels": kernels}, "net.safetensors")
found = load_file("net.safetensors")["kernels"]
assert found.shape == kernels.shape
assert np.array_equal(found, kernels) == (safetensors.__version__ == "0.7.0"), (safetensors.__version__, found)
print(f"{safetensors.__version__}: {kernels.ravel().tolist()} comes back as {found.ravel().tolist()}")
PY
    )
done
