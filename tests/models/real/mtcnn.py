"""mtcnn's networks as files of Keras.

The package keeps what Keras's `get_weights` gives: arrays without names, pickled by joblib and compressed by LZ4.
"""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import joblib
import pyarrow
import torch
from numpy.typing import NDArray

KINDS = {4: "conv2d", 2: "dense"}
HEADS = {
    "pnet": {"conv4-1": "conv4_2", "conv4-2": "conv4_1"},
    "rnet": {"fc4": "dense4", "fc5-1": "dense5_2", "fc5-2": "dense5_1"},
    "onet": {"fc5": "dense5", "fc6-1": "dense6_2", "fc6-2": "dense6_3", "fc6-3": "dense6_1"},
}
"""Network → the layers whose names differ: mtcnn's → facenet-pytorch's. mtcnn has boxes first, the other faces."""


def layers(network: str) -> list[str]:
    """mtcnn's names of the layers with weights, in order."""
    plain = {"pnet": 3, "rnet": 3, "onet": 4}[network]
    names = [name for i in range(1, plain + 1) for name in (f"conv{i}", f"prelu{i}")]
    for name in HEADS[network]:
        names += [name, f"prelu{name[-1]}"] if name in ("fc4", "fc5") else [name]
    return names


def as_keras(weights: Path, network: str, path: Path, other: Path) -> Path:
    """mtcnn's arrays, which have no names, in a `.weights.h5` file laid out as Keras 3 does.

    Args:
        other: facenet-pytorch's file of the same network, whose names the layers get, in its order.
    """
    order = list(dict.fromkeys(key.rpartition(".")[0] for key in torch.load(other, weights_only=True)))
    arrays = iter(unpacked(weights))
    held = {
        HEADS[network].get(name, name): [next(arrays) for _ in range(1 if name.startswith("prelu") else 2)]
        for name in layers(network)
    }
    assert next(arrays, None) is None and set(held) == set(order)
    counts: Counter[str] = Counter()
    with h5py.File(path, "w") as file:
        for name in order:
            kind = "p_re_lu" if name.startswith("prelu") else KINDS[held[name][0].ndim]
            group = file.create_group(f"layers/{kind}_{counts[kind]}/vars" if counts[kind] else f"layers/{kind}/vars")
            counts[kind] += 1
            group.attrs["name"] = name
            for i, array in enumerate(held[name]):
                group[str(i)] = array
    return path


def unpacked(path: Path) -> list[NDArray[Any]]:
    """The arrays of one of its files. Unpickling them may run code: only for a file whose digest is known."""
    with pyarrow.OSFile(str(path)) as file, pyarrow.CompressedInputStream(file, "lz4") as stream:
        arrays: list[NDArray[Any]] = joblib.load(io.BytesIO(stream.read()))
    return arrays
