"""MatConvNet's networks as scipy writes MATLAB files; what no such file should ask for is refused in words."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import _matlab, read
from wbsite.models.formats.matconvnet import claims

from .checks import assert_state
from .writers.matconvnet import (
    CONV,
    CONV_EXPECTED,
    FULL,
    GENERATOR,
    MOMENTS,
    SIMPLE_EXPECTED,
    UP,
    VARIANCE,
    VECTOR,
    cell,
    element,
    header,
    matrix,
    simple,
    structures,
)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_simplenn_network(tmp_path: Path, compressed: bool, wrapped: bool) -> None:
    path = tmp_path / "net.mat"
    scipy.io.savemat(path, {"net": simple()} if wrapped else simple(), do_compression=compressed)
    contents = read(path)
    assert_state(contents.state, SIMPLE_EXPECTED)
    assert contents.format == "MatConvNet (SimpleNN, with an average image of 8 × 9 × 3)"
    assert contents.types == "float32, float64"
    assert not contents.bgr


def test_a_dagnn_network(tmp_path: Path) -> None:
    path = tmp_path / "net.mat"
    values = {"c1f": CONV, "c1b": VECTOR, "bn_m": VECTOR, "bn_b": VECTOR + 1, "bn_x": MOMENTS, "upf": UP, "free": FULL}
    params = structures(*({"name": name, "value": value, "learningRate": 1.0} for name, value in values.items()))
    layers = structures(
        {"name": "c1", "type": "dagnn.Conv", "params": cell("c1f", "c1b"), "block": {"hasBias": True}},
        {"name": "relu", "type": "dagnn.ReLU", "params": np.zeros((0, 0)), "block": {"leak": 0.0}},
        {"name": "bn", "type": "dagnn.BatchNorm", "params": cell("bn_m", "bn_b", "bn_x"), "block": {"epsilon": 1e-3}},
        {"name": "up", "type": "dagnn.ConvTranspose", "params": cell("upf"), "block": {"hasBias": False}},
    )
    network = {"params": params, "vars": structures({"name": "x"}), "layers": layers}
    scipy.io.savemat(path, network)
    contents = read(path)
    expected = {
        "c1.weight": CONV_EXPECTED,
        "c1.bias": VECTOR[:, 0],
        "bn.weight": VECTOR[:, 0],
        "bn.bias": VECTOR[:, 0] + 1,
        "bn.running_mean": VECTOR[:, 0],
        "bn.running_var": VARIANCE,
        "up.weight": UP.transpose(3, 2, 0, 1),
        "free.weight": FULL.transpose(3, 2, 0, 1),
    }
    assert_state(contents.state, expected)
    assert contents.format == "MatConvNet (DagNN)"
    scipy.io.savemat(path, {**network, "params": params[:, 1:]})
    with pytest.raises(WbsiteError, match="the layer c1 names parameters that are not there: c1f"):
        read(path)


def test_transposed_filters_are_those_of_the_convolution_that_they_transpose(tmp_path: Path) -> None:
    """MatConvNet's own definition: <convt(x, F), v> = <x, conv(v, F)> for every x and v."""
    path = tmp_path / "net.mat"
    scipy.io.savemat(
        path, {"layers": cell(*({"type": kind, "name": kind, "weights": cell(UP)} for kind in ("conv", "convt")))}
    )
    state = read(path).state
    v, x = torch.randn(1, 2, 8, 8, dtype=torch.float64), torch.randn(1, 5, 3, 3, dtype=torch.float64)
    forward = torch.nn.functional.conv2d(v, state["conv.weight"].double(), stride=2)
    backward = torch.nn.functional.conv_transpose2d(x, state["convt.weight"].double(), stride=2)
    torch.testing.assert_close((forward * x).sum(), (backward * v).sum())


@pytest.mark.parametrize("compressed", [False, True])
def test_variables_are_those_that_scipy_reads(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "file.mat"
    numbers = [
        GENERATOR.integers(0, 100, (2, 3, 4)).astype(kind)
        for kind in ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
    ]
    nested = structures({"a": cell("text é", np.float32(1.5)), "b": 3.0}, {"a": np.zeros((0, 2)), "b": numbers[0]})
    scipy.io.savemat(path, {"x": cell(*numbers), "y": nested, "z": np.array([[1j]])}, do_compression=compressed)
    values = _matlab.variables(memoryview(path.read_bytes()), ("x", "y", "z"))
    reference = scipy.io.loadmat(path)
    for array, expected in zip(values["x"], reference["x"][0], strict=True):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)
    first, second = values["y"]
    assert first["a"][0] == reference["y"][0, 0]["a"][0, 0][0] == "text é"
    assert first["a"][1] == 1.5
    assert first["b"] == 3
    assert second["a"] is None
    np.testing.assert_array_equal(second["b"], numbers[0])
    assert values["z"] is None


def test_files_of_big_endian_machines_and_numbers_in_a_smaller_type(tmp_path: Path) -> None:
    path = tmp_path / "net.mat"
    filters = np.arange(24, dtype=">i2").reshape(2, 3, 2, 2, order="F")
    weights = matrix(7, filters.shape, "", element(3, filters.tobytes("F"), ">"), order=">")
    fields = struct.pack(">HHi", 4, 5, 8)  # a small element: its size and type share four bytes
    kind = matrix(4, (1, 4), "", element(4, "conv".encode("utf-16-be"), ">"), order=">")
    names = element(1, b"type\0\0\0\0filters\0", ">")
    layer = matrix(2, (1, 1), "", fields, names, kind, weights, order=">")
    path.write_bytes(header(">") + matrix(1, (1, 1), "layers", layer, order=">"))
    assert claims(path, path.read_bytes())
    assert_state(read(path).state, {"layer1.weight": filters.transpose(3, 2, 0, 1).astype(np.float32)})
    reference = scipy.io.loadmat(path)["layers"][0, 0]["filters"][0, 0]
    np.testing.assert_array_equal(reference, filters)


def nested(depth: int) -> bytes:
    inside = b""
    for _ in range(depth):
        inside = matrix(1, (1, 1), "layers", inside)
    return inside


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (nested(200), "nested more than 40 deep"),
        (matrix(1, (1 << 30, 1 << 30), "layers"), "do not fit into its"),
        (matrix(2, (1 << 30, 4), "layers", element(5, b"\1\0\0\0"), element(1, b"abc")), "do not fit into its"),
        (matrix(7, (1 << 30, 1 << 30), "layers", element(7, bytes(8))), "has 2 values"),
        (matrix(7, (-1, 2), "layers", element(7, bytes(8))), "has the shape"),
        (element(15, zlib.compress(bytes(1 << 24))), "more than 100 times as large"),
        (element(15, zlib.compress(matrix(7, (1, 1), "layers"))[:-9]), "is cut off"),
        (element(15, b"no deflated data"), "cannot be decompressed"),
        (b"\x0e\0\0\0\xff\xff\xff\xff", "is cut off after 0"),
        (b"", "holds no network of MatConvNet"),
        (matrix(7, (1, 1), "layers", element(7, bytes(4))), "holds no network of MatConvNet"),
    ],
)
def test_what_is_hostile_or_no_network_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "net.mat"
    path.write_bytes(header() + data)
    with pytest.raises(WbsiteError, match=message) as caught:
        read(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_format_7_3_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "net.mat"
    path.write_bytes(
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM").ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n" + bytes(99)
    )
    with pytest.raises(WbsiteError, match=r"is of MATLAB's format 7\.3") as caught:
        read(path)
    assert "-v7" in caught.value.hint


def test_moments_of_another_shape_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.mat"
    layer = {"type": "bnorm", "name": "bn", "weights": cell(VECTOR, VECTOR, np.ones((2, 5), np.float32))}
    scipy.io.savemat(path, {"layers": cell(layer)})
    with pytest.raises(WbsiteError, match=r"the moments of bn have the shape \(2, 5\); expected \(C, 2\)"):
        read(path)
