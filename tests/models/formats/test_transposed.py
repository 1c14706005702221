"""A transposed convolution's kernel is laid and turned as torch's, whatever the axes that it has in a file.

What each framework computes is written out in loops, by its definition and in its own axes, and compared with what
`torch.conv_transpose2d` computes with the kernel that was read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import torch
from numpy.typing import NDArray

from wbsite.models.formats import read

from .writers import caffemodel, darknet, flax_msgpack, matconvnet, onnx, tensorflowjs, tflite

Array = NDArray[Any]
INPUTS, OUTPUTS, HEIGHT, WIDTH, STRIDE = 4, 5, 3, 2, 2
SIZES = {"i": INPUTS, "o": OUTPUTS, "h": HEIGHT, "w": WIDTH}
PIXELS = np.random.default_rng(1).normal(size=(INPUTS, 4, 3)).astype(np.float32)


def scattered(kernel: Array) -> Array:
    """Every input adds its kernel (I, O, kh, kw), times itself, to the outputs around its place."""
    _, outputs, height, width = kernel.shape
    result = np.zeros((outputs, STRIDE * 3 + height, STRIDE * 2 + width))
    for y, x, dy, dx in np.ndindex(4, 3, height, width):
        result[:, STRIDE * y + dy, STRIDE * x + dx] += PIXELS[:, y, x] @ kernel[:, :, dy, dx]
    return result


def slid(kernel: Array) -> Array:
    """The kernel (I, O, kh, kw) slides over the inputs, spread out with zeros between and around them."""
    spread = np.zeros((INPUTS, STRIDE * 3 + 2 * HEIGHT - 1, STRIDE * 2 + 2 * WIDTH - 1))
    spread[:, HEIGHT - 1 : HEIGHT + STRIDE * 3 : STRIDE, WIDTH - 1 : WIDTH + STRIDE * 2 : STRIDE] = PIXELS
    result = np.zeros((OUTPUTS, STRIDE * 3 + HEIGHT, STRIDE * 2 + WIDTH))
    for y, x in np.ndindex(*result.shape[1:]):
        result[:, y, x] = np.einsum("ihw,iohw->o", spread[:, y : y + HEIGHT, x : x + WIDTH], kernel)
    return result


def write_caffemodel(path: Path, kernel: Array) -> Path:
    net = caffemodel.net_parameter()(name="net")
    blob = net.layer.add(name="up", type="Deconvolution").blobs.add()
    blob.data.extend(kernel.ravel().tolist())
    blob.shape.dim.extend(kernel.shape)
    path.write_bytes(net.SerializeToString())
    return path


def write_darknet(path: Path, kernel: Array) -> Path:
    writer = darknet.Writer()
    writer.array("up.bias", OUTPUTS)
    writer.pieces.append(kernel.ravel())
    layer = f"[deconvolutional]\nfilters={OUTPUTS}\nsize={HEIGHT}\nstride={STRIDE}\n"
    return writer.save(path, f"[net]\nwidth=3\nheight=4\nchannels={INPUTS}\n{layer}")


def write_flax(path: Path, kernel: Array, name: str = "ConvTranspose_0") -> Path:
    bias = np.zeros(OUTPUTS, np.float32)
    path.write_bytes(flax_msgpack.packed({"params": {name: {"bias": bias, "kernel": kernel}}}))
    return path


def write_keras(path: Path, kernel: Array) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/conv2d_transpose/vars")
        group.attrs["name"] = "up"
        group["0"] = kernel
    return path


def write_matconvnet(path: Path, kernel: Array) -> Path:
    layer = {"type": "convt", "name": "up", "weights": matconvnet.cell(kernel)}
    scipy.io.savemat(path, {"layers": matconvnet.cell(layer)})
    return path


def write_npz(path: Path, kernel: Array) -> Path:
    with path.open("wb") as file:
        np.savez(file, **{"up/kernel": kernel})
    return path


def write_onnx(path: Path, kernel: Array) -> Path:
    node = onnx.node("ConvTranspose", "x", "up.weight", strides=[STRIDE, STRIDE])
    path.write_bytes(onnx.model([node], [onnx.tensor(kernel, "up.weight")]).SerializeToString())
    return path


def write_tensorflowjs(path: Path, kernel: Array, kind: str = "layers") -> Path:
    nodes = [tensorflowjs.node("up", "Conv2DBackpropInput", "size", "up/kernel", "input")]
    topology = {"layers": tensorflowjs.layers(("up", "Conv2DTranspose")), "graph": {"node": nodes}, "manifest": None}
    return tensorflowjs.model(path.parent, {"up/kernel": kernel}, topology[kind])


def write_tflite(path: Path, kernel: Array) -> Path:
    tensors = [tflite.tensor("size", np.int32([1, 9, 6, OUTPUTS])), tflite.tensor("up/conv2d_transpose", kernel)]
    return tflite.lite(path, [*tensors, *map(tflite.tensor, "xy")], [(tflite.TRANSPOSED, [0, 1, 2], [3])])


Write = Callable[[Path, Array], Path]
WAYS: dict[str, tuple[str, Write, Callable[[Array], Array]]] = {
    "caffemodel": ("iohw", write_caffemodel, scattered),
    "flax": ("hwio", write_flax, slid),
    "flax transpose_kernel": ("hwoi", write_flax, scattered),
    "keras": ("hwoi", write_keras, scattered),
    "matconvnet": ("hwoi", write_matconvnet, scattered),
    "npz": ("hwoi", write_npz, scattered),
    "onnx": ("iohw", write_onnx, scattered),
    "tensorflowjs layers": ("hwoi", write_tensorflowjs, scattered),
    "tensorflowjs graph": ("hwoi", lambda path, kernel: write_tensorflowjs(path, kernel, "graph"), scattered),
    "tensorflowjs manifest": ("hwoi", lambda path, kernel: write_tensorflowjs(path, kernel, "manifest"), scattered),
    "tflite": ("ohwi", write_tflite, scattered),
}
"""Format → the order of axes in its files, and what its framework does with the kernel."""
UNTOLD = ("npz", "tensorflowjs manifest")
"""Those that hold names and numbers alone."""


def transposed(weight: torch.Tensor) -> Array:
    return torch.nn.functional.conv_transpose2d(torch.from_numpy(PIXELS)[None], weight, stride=STRIDE)[0].numpy()


@pytest.mark.parametrize("way", WAYS)
def test_torch_computes_with_it_what_the_framework_does(tmp_path: Path, way: str) -> None:
    layout, write, compute = WAYS[way]
    shape = [SIZES[axis] for axis in layout]
    kernel = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    (weight,) = (value for value in read(write(tmp_path / "net.file", kernel)).state.values() if value.ndim == 4)
    assert weight.is_contiguous()
    np.testing.assert_allclose(transposed(weight), compute(np.einsum(f"{layout}->iohw", kernel)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_the_file_tells_that_it_is_one(tmp_path: Path, way: str) -> None:
    layout, write, _ = WAYS[way]
    contents = read(write(tmp_path / "net.file", np.ones([SIZES[axis] for axis in layout], np.float32)))
    (kernel,) = (name for name, value in contents.state.items() if value.ndim == 4)
    told = contents.convolutions.get(kernel)
    assert told is None if way in UNTOLD else told is not None and told.transposed


def test_darknet_s_are_square(tmp_path: Path) -> None:
    """Its kernels have one size for rows and columns."""
    kernel = np.random.default_rng(0).normal(size=(INPUTS, OUTPUTS, HEIGHT, HEIGHT)).astype(np.float32)
    contents = read(write_darknet(tmp_path / "net.weights", kernel))
    assert contents.convolutions["deconvolutional_0.weight"].transposed
    np.testing.assert_allclose(
        transposed(contents.state["deconvolutional_0.weight"]), scattered(kernel), rtol=1e-4, atol=1e-5
    )


def test_flax_s_under_a_name_of_their_own_are_taken_for_ordinary_ones(tmp_path: Path) -> None:
    """Nothing in the file tells; the reader's documentation says so."""
    kernel = np.random.default_rng(0).normal(size=(HEIGHT, WIDTH, INPUTS, OUTPUTS)).astype(np.float32)
    contents = read(write_flax(tmp_path / "net.msgpack", kernel, "up"))
    assert not contents.convolutions
    np.testing.assert_array_equal(contents.state["up.weight"].numpy(), kernel.transpose(3, 2, 0, 1))
