"""Writes TensorFlow.js models with their shards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]


def numbers(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def listed(arrays: Arrays, quantised: dict[str, dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """The manifest's list; quantised ones are given as their levels."""
    records = []
    for name, array in arrays.items():
        record: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}
        if quantised and name in quantised:
            record |= {"dtype": "float32", "quantization": quantised[name] | {"dtype": str(array.dtype)}}
        records.append(record)
    return records


def model(
    folder: Path,
    arrays: Arrays,
    topology: Any = None,
    quantised: dict[str, dict[str, Any]] | None = None,
    shards: int = 3,
) -> Path:
    """model.json and its shards, cut into equal pieces wherever that falls."""
    folder.mkdir(exist_ok=True)
    data = b"".join(array.astype(array.dtype.newbyteorder("<")).tobytes() for array in arrays.values())
    paths = [f"group1-shard{i + 1}of{shards}.bin" for i in range(shards)]
    for i, name in enumerate(paths):
        (folder / name).write_bytes(data[len(data) * i // shards : len(data) * (i + 1) // shards])
    manifest = [{"paths": paths, "weights": listed(arrays, quantised)}]
    kind = "graph-model" if topology and "node" in topology else "layers-model"
    document = {"format": kind, "modelTopology": topology, "weightsManifest": manifest}
    (folder / "model.json").write_text(json.dumps(manifest if topology is None else document))
    return folder / "model.json"


def layers(*named: tuple[str, str]) -> dict[str, Any]:
    """The topology of a layers model from pairs (layer, class)."""
    configured = [{"class_name": kind, "config": {"name": name}} for name, kind in named]
    config = {"name": "net", "layers": configured}
    return {"keras_version": "2.15.0", "model_config": {"class_name": "Functional", "config": config}}


def node(name: str, operator: str, *inputs: str, **flags: bool) -> dict[str, Any]:
    return {"name": name, "op": operator, "input": list(inputs), "attr": {key: {"b": on} for key, on in flags.items()}}
