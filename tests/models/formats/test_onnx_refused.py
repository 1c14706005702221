"""ONNX files whose numbers lie elsewhere, or that claim what they do not hold, are read safely or refused in words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read

from .writers.onnx import CONV, beside, convolutions, loaded, model, node


def test_external_data_is_read_from_beside_the_model(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(beside(tmp_path / "net.onnx")).state["c.weight"].numpy(), CONV)


def test_a_hubs_cache_of_links_is_followed(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    beside(blobs / "net.onnx")
    for file in blobs.iterdir():
        (snapshot / file.name).symlink_to(file)
    np.testing.assert_array_equal(read(snapshot / "net.onnx").state["c.weight"].numpy(), CONV)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"location": "../secret"}, "outside the model's folder"),
        ({"location": "/etc/hostname"}, "outside the model's folder"),
        ({"location": "link"}, "outside the model's folder"),
        ({"location": ""}, "outside the model's folder"),
        ({"location": "other.data"}, "not beside the model"),
        ({"location": "n\0ul"}, "cannot be read"),
        ({"location": "x" * 5000}, "cannot be read"),
        ({"offset": "17"}, "which has"),
        ({"offset": "-1"}, "which has"),
        ({"offset": "99999999999999999999"}, "which has"),
        ({"length": "4"}, "its shape needs"),
        ({"length": "many"}, "cannot be read"),
    ],
)
def test_external_data_that_is_not_there_is_refused(tmp_path: Path, entries: dict[str, str], reason: str) -> None:
    (tmp_path / "secret").write_bytes(bytes(10_000))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "link").symlink_to(tmp_path / "secret")
    path = beside(tmp_path / "models" / "net.onnx", **entries)
    with pytest.raises(WbsiteError) as caught:
        read(path)
    assert str(path) in caught.value.message
    assert reason in caught.value.message


def claimed(name: str, *dims: int, kind: int = 1, data: bytes = b"") -> Any:
    return TensorProto(name=name, dims=dims, data_type=kind, raw_data=data)


@pytest.mark.parametrize(
    ("nodes", "tensors"),
    [
        ([node("Conv", "x", "w")], [claimed("w", 1 << 20, 1 << 20, 3, 3)]),
        ([node("Conv", "x", "w")], [claimed("w", 1 << 62, 1 << 62, 3, 3)]),
        ([node("Conv", "x", "w")], [claimed("w", -1, 1, 1, 1, data=bytes(4))]),
        ([node("Conv", "x", "w")], [claimed("w", 1, 1, 1, 1, kind=8)]),
        ([node("Conv", "x", "w")], [claimed("w", 1, 1, 1, 1, kind=99, data=bytes(4))]),
        ([node("Conv", "x", "w")], [claimed("w", 4, data=bytes(16))]),
        ([node("Conv", "x", "w", "b")], [claimed("w", 1, 1, 1, 1, data=bytes(4)), claimed("b", 2, data=bytes(8))]),
        ([node("BatchNormalization", "x", *"wwwb")], [claimed("w", 2, data=bytes(8)), claimed("b", 1, data=bytes(4))]),
        ([node("Transpose", "w", output="v", perm=[0, 0]), node("MatMul", "x", "v")],
         [claimed("w", 1, 1, data=bytes(4))]),
        ([node("DequantizeLinear", "w", "s", output="v", axis=1, block_size=1 << 60), node("MatMul", "x", "v")],
         [claimed("w", 4, 4, kind=3, data=bytes(16)), claimed("s", 4, 2, data=bytes(32))]),
        ([node("Identity", "v", output="u"), node("Identity", "u", output="v"), node("MatMul", "x", "v")], []),
        ([node("Conv", "x", "nowhere")], []),
        ([node("Relu", "x")], []),
    ],
)  # fmt: skip
def test_claims_that_the_bytes_do_not_bear_out_are_refused(tmp_path: Path, nodes: Any, tensors: Any) -> None:
    with pytest.raises(WbsiteError) as caught:
        loaded(tmp_path, model(nodes, tensors))
    assert str(tmp_path / "net.onnx") in caught.value.message
    assert caught.value.hint


def test_many_names_for_one_file_do_not_fill_the_memory(tmp_path: Path) -> None:
    (tmp_path / "net.data").write_bytes(bytes(4 << 20))
    tensors = []
    for i in range(64):
        weight = TensorProto(name=f"{i}.weight", dims=(1 << 10, 1 << 10), data_type=TensorProto.FLOAT)
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="net.data")
        tensors.append(weight)
    nodes = [node("MatMul", "x", f"{i}.weight", output=f"y{i}") for i in range(64)]
    with pytest.raises(WbsiteError, match="more numbers than it holds"):
        loaded(tmp_path, model(nodes, tensors))


def test_empty_pieces_do_not_fill_the_memory(tmp_path: Path) -> None:
    """Each takes two bytes in the file, and a hundred in memory: in the graph, in a node, in a shape."""
    pieces = b"\x0a\x00" * 1_100_000
    size = bytes(
        (len(pieces) & 127 | 128, len(pieces) >> 7 & 127 | 128, len(pieces) >> 14 & 127 | 128, len(pieces) >> 21)
    )
    path = tmp_path / "net.onnx"
    for field in (b"\x3a", b"\xa2\x01"):  # the graph, and training, which is not looked into
        path.write_bytes(b"\x08\x08" + field + size + pieces)
        with pytest.raises(WbsiteError, match="more than 1,000,000 pieces"):
            read(path)


def test_without_onnx_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(convolutions(False)[0].SerializeToString())
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(WbsiteError, match="onnx is not installed") as caught:
        read(path)
    assert "wbsite[formats]" in caught.value.hint
