"""Writes Keras's files with h5py, laid out as Keras 2 and 3 do."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

RANDOM = np.random.default_rng(0)


Arrays = dict[str, Any]


def numbers(*shape: int) -> Any:
    return RANDOM.normal(size=shape).astype(np.float32)


def norm(channels: int) -> Arrays:
    return {name: numbers(channels) for name in ("gamma", "beta", "moving_mean", "moving_variance")}


NETWORK: list[tuple[str, str, Arrays]] = [
    ("stem", "Conv2D", {"kernel": numbers(3, 2, 4, 8), "bias": numbers(8)}),
    ("stem_bn", "BatchNormalization", norm(8)),
    ("dw", "DepthwiseConv2D", {"kernel": numbers(3, 2, 8, 2)}),
    ("sep", "SeparableConv2D", {
        "depthwise_kernel": numbers(3, 2, 16, 2), "pointwise_kernel": numbers(1, 1, 32, 6), "bias": numbers(6),
    }),
    ("up", "Conv2DTranspose", {"kernel": numbers(2, 3, 5, 6), "bias": numbers(5)}),
    ("grouped", "Conv2D", {"kernel": numbers(3, 2, 1, 10)}),
    ("act", "Activation", {}),
    ("inner", "Sequential", {}),
    ("along", "Conv1D", {"kernel": numbers(3, 4, 5), "bias": numbers(5)}),
    ("head", "Dense", {"kernel": numbers(7, 3), "bias": numbers(3)}),
]  # fmt: skip


INNER: list[tuple[str, str, Arrays]] = [
    ("inner_conv", "Conv2D", {"kernel": numbers(1, 1, 10, 7), "bias": numbers(7)}),
    ("inner_bn", "BatchNormalization", {key: value for key, value in norm(7).items() if key != "gamma"}),
]


GROUPS = {
    "stem": "conv2d", "grouped": "conv2d_1", "stem_bn": "batch_normalization", "dw": "depthwise_conv2d",
    "sep": "separable_conv2d", "up": "conv2d_transpose", "act": "activation", "inner": "sequential",
    "along": "conv1d", "head": "dense", "inner_conv": "conv2d", "inner_bn": "batch_normalization",
}  # fmt: skip


def by_hand() -> dict[str, Any]:
    """What NETWORK is in torch's axes, element by element."""
    state: dict[str, Any] = {}
    parts = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    flat = [entry for entry in NETWORK if entry[0] != "inner"]
    inner = [(f"inner/{name}", kind, arrays) for name, kind, arrays in INNER]
    for name, kind, arrays in flat[:7] + inner + flat[7:]:
        for part, array in arrays.items():
            if part == "depthwise_kernel" or kind == "DepthwiseConv2D":
                kh, kw, channels, multiplier = array.shape
                turned = np.zeros((channels * multiplier, 1, kh, kw), np.float32)
                for c in range(channels):
                    for m in range(multiplier):
                        turned[c * multiplier + m, 0] = array[:, :, c, m]
                state[f"{name}/depthwise.weight" if kind == "SeparableConv2D" else f"{name}.weight"] = turned
            elif kind == "SeparableConv2D":
                turned = np.einsum("hwio->oihw", array) if part == "pointwise_kernel" else array
                state[f"{name}/pointwise.{'bias' if part == 'bias' else 'weight'}"] = turned
            elif part == "kernel":
                axes = {4: "hwab->bahw", 3: "wab->baw", 2: "ab->ba"}[array.ndim]
                state[f"{name}.weight"] = np.einsum(axes, array)
            else:
                state[f"{name}.{parts.get(part, part)}"] = array
    return state


def configuration(network: list[tuple[str, str, Arrays]] = NETWORK) -> dict[str, Any]:
    def entry(name: str, kind: str, arrays: Arrays) -> dict[str, Any]:
        if kind == "Sequential":
            return {"class_name": kind, "config": {"name": name, "layers": [entry(*inner) for inner in INNER]}}
        config = {"name": name, "use_bias": "bias" in arrays, "scale": "gamma" in arrays, "center": "beta" in arrays}
        config |= {"groups": 5} if name == "grouped" else {}
        return {"class_name": kind, "config": config, "name": name}

    first = {"class_name": "InputLayer", "config": {"name": "image"}, "name": "image"}
    return {"class_name": "Functional", "config": {"name": "net", "layers": [first, *(entry(*e) for e in network)]}}


def write_h5(path: Path, whole: bool, version: int = 3, backend: str = "tensorflow", fixed: bool = True) -> Path:
    """A file of Keras 2 or 3: the latter names a depthwise kernel kernel, and has no output numbers.

    Args:
        whole: with the configuration, the weights in a group of their own, and an optimizer.
        fixed: names are text of fixed length, as Keras 2 writes, not of variable length.
    """
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights") if whole else file
        if whole:
            file.attrs["model_config"] = json.dumps(configuration())
            file.create_group("optimizer_weights").attrs["weight_names"] = [b"adam/iteration"]
        text = (lambda name: name.encode()) if fixed else str
        group.attrs["layer_names"] = [text(name) for name, _, _ in NETWORK]
        group.attrs["backend"], group.attrs["keras_version"] = backend, f"{version}.0.5"
        for name, kind, arrays in sorted(NETWORK, key=lambda layer: layer[0]):
            layer_group = group.create_group(name)
            weights: list[tuple[str, Any]] = []
            for inner, inner_kind, inner_arrays in INNER if kind == "Sequential" else [(name, kind, arrays)]:
                for part, array in inner_arrays.items():
                    if version == 2 and inner_kind == "DepthwiseConv2D":
                        part = "depthwise_kernel"
                    prefix = f"{name}/" if version == 3 and kind == "Sequential" else ""
                    weights.append((f"{prefix}{inner}/{part}{':0' if version == 2 else ''}", array))
            layer_group.attrs["weight_names"] = [text(weight) for weight, _ in weights]
            for weight, array in weights:
                layer_group.create_dataset(weight, data=array)
    return path


def write_weights(target: Any, named: bool = True, container: str = "layers") -> None:
    """A .weights.h5 file, as Keras 3 writes it; versions before 3.9 do not note names."""
    with h5py.File(target, "w") as file:

        def write(place: str, name: str, arrays: Arrays) -> None:
            group = file.create_group(f"{place}/vars" if place else "vars")
            if named:
                group.attrs["name"] = name
            for i, array in enumerate(arrays.values()):
                group[str(i)] = array

        write("", "net", {})
        for name, kind, arrays in NETWORK:
            place = f"{container}/{GROUPS[name]}"
            write(place, name, arrays)
            for inner, _, inner_arrays in INNER if kind == "Sequential" else []:
                write(f"{place}/{container}/{GROUPS[inner]}", inner, inner_arrays)
        write("optimizer", "adam", {"iteration": np.int64(3), "momentum": numbers(3, 2, 4, 8)})


def write_archive(path: Path, config: Any = None, compressed: bool = False, **options: Any) -> Path:
    image = io.BytesIO()
    write_weights(image, **options)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.0.5"}')
        archive.writestr("config.json", json.dumps(configuration()) if config is None else config)
        archive.writestr("model.weights.h5", image.getvalue())
    return path
