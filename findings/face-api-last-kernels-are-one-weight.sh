#!/usr/bin/env bash
# @vladmandic/face-api 1.7.15 (npm): the network that tells faces apart, `face_recognition_model` (dlib's, quantised).
#
# Seen: its last convolution is stored as 256 × 256 kernels of 3×3, and eight of the nine weights of every kernel are
# exactly zero; the layer before it has none that are. That is what training leaves where a map has a single position: the
# eight others meet the padding alone. Eight ninths of the layer's numbers are stored, fetched by browsers and multiplied
# for nothing, and any measure of how kernels vary over space is undefined. wbsite says of such units that they are of a single tap, and
# gives the layer no banding index.
#
# Fails if a weight beside the middle comes to differ from zero, or if the layer before has only the middle as well.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q numpy==2.2.6
npm pack --silent --ignore-scripts @vladmandic/face-api@1.7.15 >/dev/null
tar xzf vladmandic-face-api-*.tgz
venv/bin/python - <<'PY'
import json
import math
import pathlib

import numpy as np

(manifest,) = pathlib.Path("package").rglob("face_recognition_model-weights_manifest.json")
TYPES = {"float32": "<f4", "uint8": "u1"}
kernels = {}
for group in json.loads(manifest.read_text()):
    data, at = b"".join((manifest.parent / name).read_bytes() for name in group["paths"]), 0
    for weight in group["weights"]:
        how = weight.get("quantization", {})
        stored = np.dtype(TYPES[how.get("dtype", weight["dtype"])])
        values = np.frombuffer(data, stored, math.prod(weight["shape"]), at)
        at += values.nbytes
        if len(weight["shape"]) == 4:
            kernels[weight["name"]] = values.reshape(weight["shape"]) * how.get("scale", 1.0) + how.get("min", 0.0)
last = kernels["conv256_down_out/conv2/conv/filters"]
before = kernels["conv256_down_out/conv1/conv/filters"]
largest = np.abs(last).max((2, 3))
assert last.shape == (3, 3, 256, 256), last.shape
assert largest[1, 1] > 0.01 and np.count_nonzero(largest) == 1, largest
assert np.abs(before).max((2, 3)).min() > 0.01
print(f"last layer {last.shape}: largest weight at each position")
print(np.array2string(largest, precision=4))
PY
