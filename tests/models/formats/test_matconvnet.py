"""MatConvNet's networks as scipy writes MATLAB files; what no such file should ask for is refused in words."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch
from numpy.typing import NDArray

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import _matlab, read
from wbsite.models.formats.matconvnet import claims

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


def assert_equal(state: dict[str, torch.Tensor], expected: dict[str, Any]) -> None:
    assert list(state) == list(expected)
    for name, array in expected.items():
        assert state[name].dtype == torch.float32
        assert state[name].is_contiguous()
        np.testing.assert_array_equal(state[name].numpy(), array, err_msg=name)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_simplenn_network(tmp_path: Path, compressed: bool, wrapped: bool) -> None:
    path = tmp_path / "net.mat"
    scipy.io.savemat(path, {"net": simple()} if wrapped else simple(), do_compression=compressed)
    contents = read(path)
    assert_equal(contents.state, SIMPLE_EXPECTED)
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
    assert_equal(contents.state, expected)
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
    assert_equal(read(path).state, {"layer1.weight": filters.transpose(3, 2, 0, 1).astype(np.float32)})
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


def refusal(path: Path) -> str:
    """Why a file is refused; empty where it is read. Any other exception is a failure."""
    try:
        read(path)
    except WbsiteError as error:
        return error.message
    return ""


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_files_give_no_traceback(tmp_path: Path, compressed: bool) -> None:
    generator = random.Random(0)
    path = tmp_path / "net.mat"
    scipy.io.savemat(path, simple(), do_compression=False)
    whole = path.read_bytes()
    refused = 0
    for i in range(200):
        damaged = bytearray(whole[: generator.randrange(len(whole))] if i % 3 == 0 else whole)
        for _ in range(2 * (i % 3)):
            damaged[generator.randrange(min(len(damaged), 2000) if i % 2 else len(damaged))] = generator.randrange(256)
        body = bytes(damaged[128:])
        path.write_bytes(damaged[:128] + (element(15, zlib.compress(body)) if compressed else body))
        message = refusal(path)
        refused += bool(message)
        assert not message or str(path) in message
    assert refused > 60


def test_only_matlab_s_files_are_claimed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    torch.save({"a": torch.ones(2)}, path)
    others = [path.read_bytes(), b"", bytes(200), b"MATLAB", b"\x89HDF\r\n\x1a\n" + bytes(600)]
    np.savez(tmp_path / "file.npz", a=VECTOR)
    others.append((tmp_path / "file.npz").read_bytes())
    assert not any(claims(path, data[:4096]) for data in others)
    scipy.io.savemat(path, simple(), appendmat=False)
    assert read(path).format.startswith("MatConvNet")
