"""Writes MatConvNet's networks with scipy, and elements of MATLAB's files one by one."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

GENERATOR = np.random.default_rng(0)


CONV = GENERATOR.normal(size=(3, 2, 4, 5)).astype(np.float32)


FULL = GENERATOR.normal(size=(6, 6, 5, 7)).astype(np.float32)


UP = GENERATOR.normal(size=(4, 4, 2, 5)).astype(np.float32)


VECTOR = GENERATOR.normal(size=(5, 1)).astype(np.float32)


SIGMA = np.sqrt(VECTOR**2 + np.float32(1e-3))


MOMENTS = np.concatenate([VECTOR, SIGMA], axis=1)


IMAGE = np.zeros((8, 9, 3), np.float32)


CONV_EXPECTED = CONV.transpose(3, 2, 0, 1)


VARIANCE = np.maximum(SIGMA[:, 0].astype(np.float64) ** 2 - 1e-3, 0).astype(np.float32)


def cell(*items: Any) -> NDArray[Any]:
    array = np.empty((1, len(items)), dtype=object)
    array[0] = [*items, None][:-1]
    return array


def structures(*entries: dict[str, Any]) -> NDArray[Any]:
    array = np.empty((1, len(entries)), dtype=[(name, object) for name in entries[0]])
    for i, entry in enumerate(entries):
        for name, value in entry.items():
            array[0, i][name] = value
    return array


def simple() -> dict[str, Any]:
    nothing = np.zeros((0, 0))
    layers = cell(
        {"type": "conv", "name": "conv1", "weights": cell(CONV, VECTOR.T), "stride": np.array([[2.0, 2.0]])},
        {"type": "bnorm", "name": "bn1", "weights": cell(VECTOR, VECTOR + 1, MOMENTS), "epsilon": 1e-3},
        {"type": "relu", "name": "relu1"},
        {"type": "conv", "name": "fc", "filters": FULL, "biases": nothing},
        {"type": "convt", "name": "up", "weights": cell(UP, nothing)},
        {"type": "conv", "name": "conv1", "weights": cell(CONV[:, :, :, 0], np.float32(2))},
        {"type": "conv", "name": "one", "weights": cell(CONV[:, :, 0, 0].astype(np.float64), np.float32(2))},
    )
    return {"layers": layers, "meta": {"normalization": {"averageImage": IMAGE}}}


SIMPLE_EXPECTED = {
    "conv1.weight": CONV_EXPECTED,
    "conv1.bias": VECTOR[:, 0],
    "bn1.weight": VECTOR[:, 0],
    "bn1.bias": VECTOR[:, 0] + 1,
    "bn1.running_mean": VECTOR[:, 0],
    "bn1.running_var": VARIANCE,
    "fc.weight": FULL.transpose(3, 2, 0, 1),
    "up.weight": UP.transpose(3, 2, 0, 1),
    "layer6.weight": CONV_EXPECTED[:1],
    "layer6.bias": [2],
    "one.weight": CONV_EXPECTED[:1, :1],
    "one.bias": [2],
}


def element(kind: int, data: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8 if kind != 15 else 0)


def matrix(kind: int, dims: tuple[int, ...], name: str, *parts: bytes, order: str = "<") -> bytes:
    head = element(6, struct.pack(f"{order}II", kind, 0), order) + element(
        5, struct.pack(f"{order}{len(dims)}i", *dims), order
    )
    return element(14, head + element(1, name.encode(), order) + b"".join(parts), order)


def header(order: str = "<") -> bytes:
    return (
        b"MATLAB 5.0 MAT-file, by a test".ljust(124) + struct.pack(f"{order}H", 0x100) + {"<": b"IM", ">": b"MI"}[order]
    )
