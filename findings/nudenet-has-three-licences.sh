#!/usr/bin/env bash
# nudenet 3.4.2 (PyPI): the package, its licence file and the network in it name two licences.
#
# Seen: METADATA declares MIT, in the field and in the classifier. The licence file in the wheel is the AGPL-3.0, and the
# metadata of the ONNX file, which Ultralytics' exporter writes into every network of its YOLO, say AGPL-3.0 as well.
# Tools that read METADATA alone call the network MIT. Whoever publishes what is derived from a network has to look into
# the file: `onnx.load(file).metadata_props`. wbsite's manifests have `licence_of_weights` beside `licence` for it.
#
# Fails if the three come to agree.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q uv
venv/bin/uv pip install -q -p venv onnx==1.19.1
venv/bin/pip download -q --no-deps --only-binary :all: nudenet==3.4.2
venv/bin/python - <<'PY'
import email
import pathlib
import zipfile

import onnx

(path,) = pathlib.Path().glob("*.whl")
with zipfile.ZipFile(path) as wheel:
    names = wheel.namelist()
    (about,) = [name for name in names if name.endswith("/METADATA")]
    metadata = email.message_from_bytes(wheel.read(about))
    licences = [wheel.read(name).decode() for name in names if pathlib.PurePath(name).name.startswith("LICENSE")]
    (network,) = [name for name in names if name.endswith(".onnx")]
    said = {entry.key: entry.value for entry in onnx.load_from_string(wheel.read(network)).metadata_props}
declared = metadata.get("License") or metadata.get("License-Expression")
assert declared == "MIT", declared
assert any("MIT" in value for value in metadata.get_all("Classifier", [])), metadata.get_all("Classifier")
assert licences and all("AFFERO GENERAL PUBLIC LICENSE" in text for text in licences), [text[:60] for text in licences]
assert "AGPL-3.0" in said["license"], said
print(f"nudenet 3.4.2: METADATA says {declared}, its licence file is the AGPL, {network} says {said['license']!r}.")
PY
