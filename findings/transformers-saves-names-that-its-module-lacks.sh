#!/usr/bin/env bash
# transformers 5.24.0: save_pretrained writes a Segformer under other names than its module's parameters have.
#
# Seen: names in model.safetensors begin with segformer.encoder., those of the module's state dict with
# segformer.stages.; load_state_dict of the file that the module itself saved lacks all of the encoder.
# from_pretrained renames them again, so it shows only to who reads the file by the module's names.
#
# wbsite looks for what fits names and shapes, and asks from_pretrained where nothing does (wbsite/models/hubs).
# Fails if the names in the file are those of the module.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv
"$folder/venv/bin/uv" pip install -q -p "$folder/venv" transformers==5.24.0 torch==2.15.0 numpy==2.4.6 safetensors==0.8.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import transformers
from safetensors.torch import load_file
from transformers import SegformerConfig, SegformerForSemanticSegmentation

assert transformers.__version__ == "5.24.0", transformers.__version__
small = SegformerConfig(hidden_sizes=[8, 8, 8, 8], decoder_hidden_size=8, num_attention_heads=[1, 1, 1, 1], depths=[1] * 4)
net = SegformerForSemanticSegmentation(small).eval()
net.save_pretrained("saved")
saved, own = set(load_file("saved/model.safetensors")), set(net.state_dict())
result = net.load_state_dict(load_file("saved/model.safetensors"), strict=False)
missing, unexpected = sorted(result.missing_keys), sorted(result.unexpected_keys)
print(f"{len(saved)} names in the file, {len(own)} in the module, {len(saved & own)} in both")
print(f"missing, for one: {missing[0]}; unexpected, for one: {unexpected[0]}")
assert any(name.startswith("segformer.encoder.") for name in unexpected), unexpected
assert any(name.startswith("segformer.stages.") for name in missing), missing
again = SegformerForSemanticSegmentation.from_pretrained("saved")
assert all((a == b).all() for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True))
PY
