"""Whole files of formats that are not read are called what they are, not damaged, with what to do about them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read
from wbsite.models.formats._foreign import TABLE
from wbsite.models.formats.base import DAMAGED

from .writers import tensorflowjs


def json_of(document: object) -> Callable[[Path], object]:
    return lambda path: path.write_text(json.dumps(document))


def ncnn(path: Path) -> None:
    path.write_bytes(b"\x47\x6b\x30\x01" + bytes(range(256)))
    path.with_suffix(".param").write_text("7767517\n59 71\nInput input 0 1 data\n")


def checkpoint(path: Path) -> None:
    """TensorFlow's, of the name that a file has before its ending."""
    for name in (path.name.partition(".")[0] + end for end in (".index", ".meta", ".data-00000-of-00001")):
        path.with_name(name).write_bytes(bytes(100) + (TABLE if name.endswith("index") else bytes(8)))


def shard(path: Path) -> None:
    tensorflowjs.model(path.parent, {"conv/kernel": np.uint8(np.ones((2, 2, 1, 2)))}, None, {})


FOREIGN: dict[str, tuple[str, Callable[[Path], object], str, str]] = {
    "anime4k": ("net.json", json_of({"name": "x", "layers": {"a": {"weights": [0.5] * 4}}}),
                "is JSON, but none of TensorFlow.js: .* its keys are name, layers", "model.json"),
    "list of numbers": ("net.json", json_of([0.5, 1.5]), "is JSON, but none of TensorFlow.js", "ONNX"),
    "ncnn's weights": ("net.bin", ncnn, r"weights of ncnn \(net\.param beside it\)", "converted from"),
    "ncnn's description": ("net.param", ncnn, "describes an ncnn network", "converted from"),
    "dlib": ("net.dat", lambda path: path.write_bytes(b"\x01\x01\x01\x0dloss_metric_2" + bytes(64)),
             "is a network of dlib", "ONNX"),
    "checkpoint": ("model.data-00000-of-00001", checkpoint, "part of a TensorFlow checkpoint", "tf2onnx"),
    "checkpoint's index": ("model.index", checkpoint, "part of a TensorFlow checkpoint", "tf2onnx"),
    "checkpoint without a name": (".meta", checkpoint, "part of a TensorFlow checkpoint", "tf2onnx"),
    "pickle": ("net.npy", lambda path: np.save(path, np.array({"a": np.ones(3)}), allow_pickle=True),
               "with a pickle in it", "numpy.savez"),
    "array": ("net.npy", lambda path: np.save(path, np.ones((3, 3))), "of a single array", "numpy.savez"),
    "lz4": ("net.lz4", lambda path: path.write_bytes(b"\x04\x22\x4d\x18" + bytes(64)), r"archive \(LZ4\)", "Unpack"),
    "shard": ("group1-shard2of3.bin", shard, r"model\.json beside it", r"model.json"),
}  # fmt: skip
"""Name, what writes it and what belongs beside it, and words of the message and of the hint."""


@pytest.mark.parametrize("kind", FOREIGN)
def test_whole_files_of_other_formats_are_not_called_damaged(tmp_path: Path, kind: str) -> None:
    name, write, message, hint = FOREIGN[kind]
    write(tmp_path / name)
    with pytest.raises(WbsiteError, match=message) as caught:
        read(tmp_path / name)
    assert hint in caught.value.hint
    assert DAMAGED not in caught.value.hint
    assert not {"damaged", "truncated"} & set(caught.value.message.split())


@pytest.mark.parametrize("name", ["net.bin", "net.meta", "net.index", "net.dat"])
def test_what_lies_beside_decides(tmp_path: Path, name: str) -> None:
    """Bytes of nothing known are not called another format's for their ending alone."""
    (tmp_path / name).write_bytes(bytes(range(200)))
    with pytest.raises(WbsiteError) as caught:
        read(tmp_path / name)
    assert not any(word in caught.value.message for word in ("ncnn", "TensorFlow checkpoint", "dlib"))
