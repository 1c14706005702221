"""TensorFlow Lite's tables, written by flatbuffers itself, are read as the layers compute with them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tflite as schema
import torch

from wbsite.core.errors import WbsiteError
from wbsite.models import load
from wbsite.models.formats import read

from .writers.tflite import (
    CONV,
    DENSE,
    DENSIFY,
    DEPTHWISE,
    DEQUANTIZE,
    TRANSPOSED,
    Table,
    compressed,
    dense_level,
    lite,
    numbers,
    one_layer,
    tensor,
    whole_file,
)


def test_convolutions_compute_what_the_file_says(tmp_path: Path) -> None:
    """Each kind of layer in the few loops of its definition, channels last, and as torch computes with what is read."""
    conv, depthwise, transposed = numbers(5, 3, 2, 4), numbers(1, 3, 2, 8), numbers(5, 3, 2, 4)
    dense, bias = numbers(5, 4), numbers(5)
    tensors = [
        tensor("input"), tensor("conv/Conv2D", conv), tensor("conv/BiasAdd", bias), tensor("dw/depthwise", depthwise),
        tensor("up/conv2d_transpose", transposed), tensor("fc/MatMul", dense), tensor("size", np.int32([1, 9, 9, 5])),
        tensor("a"), tensor("b"), tensor("c"), tensor("d"),
    ]  # fmt: skip
    operators = [
        (CONV, [0, 1, 2], [7]), (DEPTHWISE, [7, 3, -1], [8]), (TRANSPOSED, [6, 4, 8, 2], [9]), (DENSE, [9, 5], [10]),
    ]  # fmt: skip
    contents = read(lite(tmp_path / "net.tflite", tensors, operators))
    state = contents.state
    assert list(state) == ["conv.weight", "conv.bias", "dw.weight", "up.weight", "up.bias", "fc.weight"]
    assert contents.format == "TensorFlow Lite" and contents.types == "float32" and not contents.bgr
    assert all(value.is_contiguous() and value.dtype == torch.float32 for value in state.values())
    np.testing.assert_array_equal(state["fc.weight"].numpy(), dense)
    np.testing.assert_array_equal(state["up.bias"].numpy(), bias)

    pixels = numbers(4, 4, 4, seed=1)  # rows, columns, channels
    image = torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy())
    forward, each = np.zeros((2, 3, 5)), np.zeros((2, 3, 8))
    scattered = np.zeros((9, 8, 5))
    for y, x, c in np.ndindex(2, 3, 4):
        for dy, dx in np.ndindex(3, 2):
            forward[y, x] += pixels[y + dy, x + dx, c] * conv[:, dy, dx, c]
            each[y, x, 2 * c : 2 * c + 2] += pixels[y + dy, x + dx, c] * depthwise[0, dy, dx, 2 * c : 2 * c + 2]
    for y, x, dy, dx in np.ndindex(4, 4, 3, 2):
        scattered[2 * y + dy, 2 * x + dx] += transposed[:, dy, dx] @ pixels[y, x]
    functional = torch.nn.functional
    for expected, result in (
        (forward, functional.conv2d(image, state["conv.weight"])),
        (each, functional.conv2d(image, state["dw.weight"], groups=4)),
        (scattered, functional.conv_transpose2d(image, state["up.weight"], stride=2)),
    ):
        np.testing.assert_allclose(result[0].permute(1, 2, 0).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_half_precision_behind_a_dequantize_operator(tmp_path: Path) -> None:
    half, bias = numbers(2, 3, 3, 2).astype(np.float16), numbers(2).astype(np.float16)
    tensors = [
        tensor("input"), tensor("conv/Kernel", half), tensor("conv/Bias", bias), tensor("conv/Kernel_dequantize"),
        tensor("conv/Bias_dequantize"), tensor("out"),
    ]  # fmt: skip
    operators = [(DEQUANTIZE, [1], [3]), (DEQUANTIZE, [2], [4]), (CONV, [0, 3, 4], [5])]
    contents = read(lite(tmp_path / "net.tflite", tensors, operators))
    assert contents.types == "float16"
    np.testing.assert_array_equal(
        contents.state["conv.weight"].numpy(), np.moveaxis(half, 3, 1).astype(np.float32), strict=True
    )
    np.testing.assert_array_equal(contents.state["conv.bias"].numpy(), bias.astype(np.float32))


def test_integers_are_the_numbers_they_stand_for(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(-128, 128, (1, 3, 3, 4)).astype(np.int8)
    scales, zeros = np.float32([0.1, 0.02, 3, 0.7]), [0, 1, -2, 5]
    unsigned = np.random.default_rng(1).integers(0, 256, (3, 4)).astype(np.uint8)
    bias = np.int32([5, -(10**6), 2**31 - 1, 0])
    tensors = [
        tensor("input"), tensor("dw", levels, Scale=scales, Zero=zeros, Axis=3),
        tensor("bias", bias, Scale=scales / 128, Zero=[0] * 4), tensor("fc", unsigned, Scale=[0.25], Zero=[120]),
        tensor("a"), tensor("b"),
    ]  # fmt: skip
    contents = read(lite(tmp_path / "net.tflite", tensors, [(DEPTHWISE, [0, 1, 2], [4]), (DENSE, [4, 3], [5])]))
    assert contents.types == "int8, uint8"
    for channel in range(4):
        expected = [[(int(levels[0, y, x, channel]) - zeros[channel]) * float(scales[channel]) for x in range(3)]
                    for y in range(3)]  # fmt: skip
        np.testing.assert_array_equal(contents.state["dw.weight"][channel, 0].numpy(), np.float32(expected))
        level = int(bias[channel]) * float(np.float32(scales[channel] / 128))
        assert contents.state["dw.bias"][channel].item() == np.float32(level)
    assert contents.state["fc.weight"][2, 3].item() == (int(unsigned[2, 3]) - 120) * 0.25


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("block", [1, 4])
def test_sparse_weights_behind_densify(tmp_path: Path, width: int, block: int) -> None:
    """Rows of compressed columns, in blocks of `block` rows × 1 column where it is more than one."""
    dense = numbers(8, 6).astype(np.float16)
    dense[np.repeat(np.random.default_rng(2).random((8 // block, 6)) < 0.6, block, axis=0)] = 0
    values, segments, indices = [], [0], []
    for row in range(0, 8, block):
        for column in range(6):
            piece = dense[row : row + block, column]
            if piece.any():
                indices.append(column)
                values += list(piece)
        segments.append(len(indices))
    levels = [dense_level(8 // block), compressed(segments, indices, width)]
    sparsity = Table("SparsityParameters", TraversalOrder=np.int32([0, 1]), DimMetadata=levels)
    if block > 1:
        levels.append(dense_level(block))
        sparsity = Table(
            "SparsityParameters", TraversalOrder=np.int32([0, 1, 2]), BlockMap=np.int32([0]), DimMetadata=levels
        )
    tensors = [
        tensor("input"), tensor("fc", dense, stored=np.float16(values), Sparsity=sparsity), tensor("densified"),
        tensor("single"), tensor("out"),
    ]  # fmt: skip
    operators = [(DENSIFY, [1], [2]), (DEQUANTIZE, [2], [3]), (DENSE, [0, 3], [4])]
    path = lite(tmp_path / "net.tflite", tensors, operators)
    np.testing.assert_array_equal(read(path).state["fc.weight"].numpy(), dense.astype(np.float32))

    levels[1] = compressed(segments, [column + 6 for column in indices], width)
    with pytest.raises(WbsiteError, match="lists of indices do not fit its shape"):
        read(lite(path, tensors, operators))


def test_layers_have_names_of_their_own(tmp_path: Path) -> None:
    weights = [numbers(1, 1, 1, 1, seed=seed) for seed in range(4)]
    names = ["model/bn/FusedBatchNormV3;model/conv/Conv2D", "arith.constant7", "", "model/conv/Conv2D_1"]
    outputs = ["x", "model/conv/BiasAdd", "", "y"]
    tensors = [tensor("input"), *map(tensor, names, weights), *map(tensor, outputs)]
    operators = [(CONV, [0, 1 + i], [5 + i]) for i in range(4)] + [(CONV, [0, 1], [8])]
    state = read(lite(tmp_path / "net.tflite", tensors, operators)).state
    assert list(state) == ["model/conv.weight", "model/conv_2.weight", "layer.weight", "model/conv_3.weight"]
    assert [value.item() for value in state.values()] == [array.item() for array in weights]


def test_a_computed_kernel_is_no_layer(tmp_path: Path) -> None:
    path = one_layer(tmp_path / "net.tflite", tensor("computed", shape=(2, 3, 3, 2)))
    with pytest.raises(WbsiteError, match="holds no weights"):
        read(path)


def test_weights_after_the_tables(tmp_path: Path) -> None:
    """Where files of more than 2 GB keep them."""
    array = numbers(2, 3)
    size = one_layer(tmp_path / "net.tflite", tensor("fc", array), DENSE).stat().st_size
    start = size + 1024
    buffer = Table("Buffer", Offset=start, Size=24)
    length = one_layer(tmp_path / "net.tflite", tensor("fc", array, buffer=buffer), DENSE).stat().st_size
    appended = bytes(start - length) + array.tobytes()
    path = one_layer(tmp_path / "net.tflite", tensor("fc", array, buffer=buffer), DENSE, appended=appended)
    np.testing.assert_array_equal(read(path).state["fc.weight"].numpy(), array)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WbsiteError, match=r"truncated or damaged: a buffer of 24 bytes at \d+ is cut off"):
        read(path)


def test_what_is_not_read_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    kernel = np.zeros((2, 2), np.int8)
    for weights, words in (
        (tensor("fc", kernel), "'fc' holds integers without a scale"),
        (tensor("fc", kernel, Type=17), "'fc' holds numbers of type INT4"),
    ):
        with pytest.raises(WbsiteError, match=words) as caught:
            read(one_layer(path, weights, DENSE))
        assert str(path) in caught.value.message and caught.value.hint
    with pytest.raises(WbsiteError, match="shuffled"):
        read(
            one_layer(path, tensor("fc", numbers(2, 2)), DENSE, options=Table("FullyConnectedOptions", WeightsFormat=1))
        )


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (tensor("conv", numbers(4, 4)), r"shape \(4, 4\) are used by CONV_2D"),
        (tensor("conv", numbers(8), Type=1) | {"shape": (2, 2, 2, 2), "Type": 0}, "has 32 bytes"),
        (tensor("conv", numbers(1)) | {"shape": (2**30, 2**30, 2**30, 2**30)}, "more than the file can hold"),
        (tensor("conv", np.ones((2, 1, 1, 1), np.int8), Scale=[1, 2, 3], Zero=[0]), "3 scales along axis 0"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(tmp_path: Path, weights: dict[str, Any], words: str) -> None:
    with pytest.raises(WbsiteError, match=words):
        read(one_layer(tmp_path / "net.tflite", weights))


def test_one_buffer_under_many_names_is_not_multiplied(tmp_path: Path) -> None:
    """A small file could otherwise ask for any amount of memory."""
    array = numbers(100, 1000)
    tensors = [tensor("fc", array)] + [tensor("fc", array, buffer=Table("Buffer")) for _ in range(200)]
    whole = lite(tmp_path / "net.tflite", tensors, [(DENSE, [0, i], [0]) for i in range(201)]).read_bytes()
    model = schema.Model.GetRootAs(whole, 0)
    shared = bytearray(whole)
    for i in range(1, 201):
        table = model.Subgraphs(0).Tensors(i)._tab
        place = table.Pos + table.Offset(8)
        shared[place : place + 4] = (1).to_bytes(4, "little")
    (tmp_path / "net.tflite").write_bytes(shared)
    with pytest.raises(WbsiteError, match="more than the file can hold"):
        read(tmp_path / "net.tflite")


def test_without_the_schema_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = whole_file(tmp_path / "net.tflite")
    monkeypatch.setitem(sys.modules, "tflite", None)
    with pytest.raises(WbsiteError, match="tflite is not installed") as caught:
        read(path)
    assert "wbsite[formats]" in caught.value.hint


def test_kernels_of_a_custom_operator_are_listed(tmp_path: Path) -> None:
    """As MediaPipe's Convolution2DTransposeBias; a constant of one axis is no kernel."""
    constants = [tensor("conv/kernel", numbers(2, 3, 3, 3)), tensor("up/kernel", numbers(1, 2, 2, 2)),
                 tensor("up/bias", numbers(1))]  # fmt: skip
    operators = [(CONV, [0, 1], [4]), (32, [4, 2, 3], [5])]
    path = tmp_path / "net.tflite"
    lite(path, [tensor("input", shape=(1, 8, 8, 3)), *constants, tensor("a"), tensor("out")], operators, custom="Up")
    contents = read(path)
    assert contents.left_out == {"up": "weights of the operator Up, which is not TensorFlow Lite's own"}
    (skipped,) = load(str(path)).module.skipped
    assert (skipped.name, skipped.reason) == ("up", contents.left_out["up"])
