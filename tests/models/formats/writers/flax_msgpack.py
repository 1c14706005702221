"""Writes msgpack files as Flax does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgpack
import numpy as np
from numpy.typing import NDArray

GENERATOR = np.random.default_rng(0)


CONV = GENERATOR.normal(size=(3, 2, 4, 5)).astype(np.float32)


DENSE = GENERATOR.normal(size=(7, 5)).astype(np.float32)


VECTOR = GENERATOR.normal(size=5).astype(np.float32)


def extension(array: NDArray[Any], kind: str = "") -> Any:
    return msgpack.ExtType(1, msgpack.packb((array.shape, kind or array.dtype.name, array.tobytes())))


def packed(tree: dict[str, Any]) -> bytes:
    """As flax.serialization packs a tree of dictionaries and arrays."""

    def default(value: Any) -> Any:
        if isinstance(value, np.generic):
            return msgpack.ExtType(3, extension(np.asarray(value)).data)
        return extension(value)

    data: bytes = msgpack.packb(tree, default=default, strict_types=True)
    return data


def network() -> dict[str, Any]:
    norm = {"scale": VECTOR, "bias": VECTOR + 1}
    return {
        "params": {"stem": {"conv": {"kernel": CONV, "bias": VECTOR}}, "norm": norm, "head": {"kernel": DENSE}},
        "batch_stats": {"norm": {"mean": VECTOR + 2, "var": VECTOR**2}},
    }


EXPECTED = {
    "stem.conv.weight": CONV.transpose(3, 2, 0, 1),
    "stem.conv.bias": VECTOR,
    "norm.weight": VECTOR,
    "norm.bias": VECTOR + 1,
    "head.weight": DENSE.T,
    "norm.running_mean": VECTOR + 2,
    "norm.running_var": VECTOR**2,
}


def write(tmp_path: Path, tree: dict[str, Any]) -> Path:
    path = tmp_path / "net.msgpack"
    path.write_bytes(packed(tree))
    return path
