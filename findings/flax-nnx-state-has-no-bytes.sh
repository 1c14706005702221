#!/usr/bin/env bash
# flax 0.12.8: flax.serialization.to_bytes refuses the state of an nnx module, though it takes Linen's variables.
#
# Seen: TypeError "can not serialize 'State' object" from msgpack, without a word of what to do. The same state as plain
# dictionaries (nnx.to_pure_dict) is written, and comes back.
#
# wbsite reads what is written so (wbsite/models/formats/flax_msgpack.py); of an nnx module, save to_bytes of
# nnx.to_pure_dict(nnx.state(model)).
# Fails if to_bytes takes the state, or refuses the dictionaries.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv
"$folder/venv/bin/uv" pip install -q -p "$folder/venv" flax==0.12.8 jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import flax
import numpy as np
from flax import nnx, serialization

assert flax.__version__ == "0.12.8", flax.__version__
state = nnx.state(nnx.Conv(3, 4, (3, 3), rngs=nnx.Rngs(0)))
try:
    serialization.to_bytes(state)
except TypeError as error:
    reason = str(error)
else:
    raise AssertionError("to_bytes took the state")
assert "State" in reason, reason
plain = nnx.to_pure_dict(state)
restored = serialization.msgpack_restore(serialization.to_bytes(plain))
assert np.array_equal(restored["kernel"], plain["kernel"])
print(f"State: TypeError, {reason}; as plain dictionaries it is written and comes back")
PY
