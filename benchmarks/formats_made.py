"""Files of simplified_32 in every format, and its kernels by the format's own library; for `formats.py`.

A function here writes one into a folder and gives the file, and a function that reads its kernels in torch's axes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tests.models.formats.writers import caffemodel, matconvnet, tensorflowjs, tflite
from tests.models.real import references
from wbsite.models import load

Array = NDArray[Any]
Kernels = Iterable[Array]
Made = tuple[Path, Callable[[], Kernels]]


def state() -> dict[str, torch.Tensor]:
    """Weights of simplified_32."""
    return {name: value.detach().clone() for name, value in load("simplified_32").module.state_dict().items()}


def arrays() -> dict[str, Array]:
    """The same as arrays."""
    return {name: value.numpy() for name, value in state().items()}


def layers() -> Iterator[tuple[str, Array, Array]]:
    """(name, weight, bias) of its layers; those before a batch norm have a bias of zeros."""
    values = arrays()
    for name in values:
        layer, _, part = name.rpartition(".")
        if part == "weight" and values[name].ndim > 1:
            yield layer, values[name], values.get(f"{layer}.bias", np.zeros(len(values[name]), np.float32))


def channels_last(weight: Array) -> Array:
    """(O, I, kh, kw) → (kh, kw, I, O), (O, I) → (I, O)."""
    return np.ascontiguousarray(np.moveaxis(weight, (1, 0), (-2, -1)))


def channels_first(kernel: Array) -> Array:
    """The other way."""
    return np.moveaxis(kernel, (-1, -2), (0, 1))


def several(values: Iterable[Array]) -> list[Array]:
    return [value for value in values if value.ndim > 1]


def caffe(folder: Path) -> Made:
    path, message = folder / "net.caffemodel", caffemodel.net_parameter()
    net = message(name="net")
    for name, weight, bias in layers():
        layer = net.layer.add(name=name, type="Convolution" if weight.ndim == 4 else "InnerProduct")
        for array in (weight, bias):
            blob = layer.blobs.add()
            blob.data.extend(array.ravel().tolist())
            blob.shape.dim.extend(array.shape)
    path.write_bytes(net.SerializeToString())

    def reference() -> Kernels:
        for layer in message.FromString(path.read_bytes()).layer:
            yield np.float32(layer.blobs[0].data).reshape(list(layer.blobs[0].shape.dim))

    return path, reference


def npz(folder: Path) -> Made:
    path = folder / "net.npz"
    np.savez(path, **arrays())
    return path, lambda: several(np.load(path).values())


def checkpoint(name: str, content: Callable[[], Any], zipped: bool = True) -> Any:
    """A case's `make` for what torch saves."""

    def make(folder: Path) -> Made:
        path = folder / name
        torch.save(content(), path, _use_new_zipfile_serialization=zipped)

        def reference() -> Kernels:
            saved = torch.load(path, weights_only=True)
            return several(value.numpy() for value in saved.get("state_dict", saved).values())

        return path, reference

    return make


def safetensors(folder: Path) -> Made:
    from safetensors.numpy import load_file
    from safetensors.torch import save_file

    path = folder / "net.safetensors"
    save_file(state(), path)
    return path, lambda: several(load_file(path).values())


def sharded(folder: Path) -> Made:
    from safetensors.numpy import load_file
    from safetensors.torch import save_file

    path, names = folder / "net.safetensors.index.json", list(state())
    places = {name: f"net-{i % 2}.safetensors" for i, name in enumerate(names)}
    for file in set(places.values()):
        save_file({name: value for name, value in state().items() if places[name] == file}, folder / file)
    path.write_text(json.dumps({"weight_map": places}))

    def reference() -> Kernels:
        for file in sorted(set(places.values())):
            yield from several(load_file(folder / file).values())

    return path, reference


def exported(folder: Path) -> Made:
    path, module = folder / "net.pt2", load("simplified_32").module.eval()
    torch.export.save(torch.export.export(module, (torch.zeros(1, 3, 32, 32),)), path)
    return path, lambda: several(value.detach().numpy() for value in torch.export.load(path).state_dict.values())


def torchscript(folder: Path) -> Made:
    path, module = folder / "net.pt", load("simplified_32").module.eval()
    torch.jit.save(torch.jit.trace(module, torch.zeros(1, 3, 32, 32)), path)
    return path, lambda: several(value.detach().numpy() for value in torch.jit.load(path).state_dict().values())


def flax_msgpack(folder: Path) -> Made:
    import flax.serialization as serialization

    path = folder / "net.msgpack"
    tree = {name: {"kernel": channels_last(weight), "bias": bias} for name, weight, bias in layers()}
    path.write_bytes(serialization.to_bytes({"params": tree}))

    def reference() -> Kernels:
        for layer in serialization.msgpack_restore(path.read_bytes())["params"].values():
            yield channels_first(layer["kernel"])

    return path, reference


def matconvnet_file(folder: Path) -> Made:
    import scipy.io

    path = folder / "net.mat"
    entries = [
        {
            "type": "conv",
            "name": f"l{name}",
            "weights": matconvnet.cell(np.moveaxis(weight, (1, 0), (-2, -1)), bias[None]),
        }
        for name, weight, bias in layers()
        if weight.ndim == 4
    ]
    scipy.io.savemat(path, {"layers": matconvnet.cell(*entries)}, do_compression=True)

    def reference() -> Kernels:
        for layer in scipy.io.loadmat(path)["layers"][0]:
            yield channels_first(layer["weights"][0, 0][0, 0])

    return path, reference


def darknet(folder: Path) -> Made:
    path, sections, pieces = folder / "net.weights", ["[net]\nwidth=32\nheight=32\nchannels=3\n"], []
    for _, weight, bias in layers():
        if weight.ndim == 4:
            sections.append(f"[convolutional]\nfilters={len(bias)}\nsize={weight.shape[2]}\nstride=1\npad=1\n")
            pieces += [bias, weight]
    path.with_suffix(".cfg").write_text("\n".join(sections))
    path.write_bytes(np.int32([0, 2, 5, 0, 0]).tobytes() + b"".join(piece.tobytes() for piece in pieces))

    def reference() -> Kernels:
        flat, place = np.fromfile(path, np.float32, offset=20), 0
        for piece in pieces:
            yield from several([flat[place : place + piece.size].reshape(piece.shape)])
            place += piece.size

    return path, reference


def keras_file(kind: str) -> Any:
    """A case's `make` for what Keras writes; of a whole network, Keras gives it back, of weights, h5py the arrays."""

    def make(folder: Path) -> Made:
        os.environ["KERAS_BACKEND"] = "torch"
        import h5py
        import keras

        network = keras.Sequential([keras.Input((32, 32, 3))])
        for name, weight, bias in layers():
            if weight.ndim == 4:
                network.add(keras.layers.Conv2D(len(bias), weight.shape[2], padding="same", name=name))
            else:
                network.add(keras.layers.GlobalAveragePooling2D())
                network.add(keras.layers.Dense(len(bias), name=name))
        for name, weight, bias in layers():
            network.get_layer(name).set_weights([channels_last(weight), bias])
        path = folder / f"net.{kind}"
        if kind != "weights.h5":
            network.save(str(path))
            return path, lambda: map(channels_first, several(keras.saving.load_model(str(path)).get_weights()))
        network.save_weights(str(path))

        def reference() -> Kernels:
            with h5py.File(path) as file:
                for group in file["layers"].values():
                    if "vars/0" in group:
                        yield channels_first(group["vars/0"][()])

        return path, reference

    return make


def tensorflowjs_model(levels: int) -> Any:
    """A case's `make` for a layers model of TensorFlow.js, in numbers of so many levels, or in float32 for 0."""

    def make(folder: Path) -> Made:
        weights, coding = {}, {}
        for name, weight, bias in layers():
            weights |= {f"{name}/kernel": channels_last(weight), f"{name}/bias": bias}
        for name, array in weights.items() if levels else ():
            low, scale = float(array.min()), float(array.max() - array.min()) / (levels - 1)
            weights[name] = np.round((array - low) / scale).astype(np.uint8 if levels == 256 else np.uint16)
            coding[name] = {"min": low, "scale": scale}
        topology = tensorflowjs.layers(*((name, "Conv2D" if w.ndim == 4 else "Dense") for name, w, _ in layers()))
        path = tensorflowjs.model(folder, weights, topology, coding)
        return path, lambda: references.of_tensorflowjs(path)

    return make


def tflite_int8(folder: Path) -> Made:
    """Its convolutions, one after another, with a scale for each unit."""
    tensors, operators = [tflite.tensor("input", shape=(1, 32, 32, 3))], []
    for name, weight, _ in layers():
        if weight.ndim == 4:
            scale = np.abs(weight).max((1, 2, 3)) / 127
            kernel = np.round(weight / scale[:, None, None, None]).astype(np.int8).transpose(0, 2, 3, 1)
            tensors.append(tflite.tensor(f"{name}/Conv2D", np.ascontiguousarray(kernel), Scale=scale,
                                         Zero=[0] * len(scale)))  # fmt: skip
            tensors.append(tflite.tensor(f"{name}/out"))
            operators.append(
                (tflite.CONV, [operators[-1][2][0] if operators else 0, len(tensors) - 2], [len(tensors) - 1])
            )
    path = tflite.lite(folder / "net.tflite", tensors, operators)
    return path, lambda: kept_constants(path)


def kept_constants(path: Path) -> Iterator[Array]:
    """Kernels of eight bits by the interpreter, which has its constants before anything is run."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    for tensor in interpreter.get_tensor_details():
        scales = tensor["quantization_parameters"]["scales"].astype(np.float64)
        if len(scales):
            kernels = interpreter.get_tensor(tensor["index"]) * scales.reshape(-1, 1, 1, 1)
            yield kernels.astype(np.float32).transpose(0, 3, 1, 2)
