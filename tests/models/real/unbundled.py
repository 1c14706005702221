"""Takes TensorFlow.js models out of the scripts in which nsfwjs packs them; nothing of these is run.

Each script hands out one value: a model's JSON as an object of JavaScript, or a shard's bytes as text in base 64.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|![01]|[A-Za-z_$][\w$]*(?=:)|-?\.\d[\w+-]*|[\d.][\w.+-]*|.', re.DOTALL)
"""Texts, booleans, keys, numbers that begin with a point, other numbers, and whatever else."""


def unbundled(folder: Path, target: Path) -> Path:
    """Writes `model.json` and its shards; returns the former.

    Args:
        folder: with `model.min.js` and the shards `*.min.js`.
        target: a folder that is there.
    """
    for script in folder.glob("*.min.js"):
        text = script.read_text(encoding="utf-8")
        value = text[text.index(".exports=", text.index("({1:[")) + len(".exports=") : text.rindex("},{}]},{},[1])")]
        if script.name == "model.min.js":
            (target / "model.json").write_text(json.dumps(json.loads(TOKEN.sub(_as_json, value))))
        else:
            (target / script.name.removesuffix(".min.js")).write_bytes(base64.b64decode(json.loads(value)))
    return target / "model.json"


def _as_json(match: re.Match[str]) -> str:
    token = match[0]
    if token in ("!0", "!1"):
        return "true" if token == "!0" else "false"
    if re.match(r"-?\.\d", token):
        return token.replace(".", "0.", 1)
    return f'"{token}"' if re.match(r"[A-Za-z_$]", token) and match.string[match.end()] == ":" else token
