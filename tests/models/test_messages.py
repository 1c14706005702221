"""What a user is told of a file that gives no network: what was given, what was expected, what to do.

Messages of checkpoints that can be read are in `test_checkpoints.py`, those of factories in `test_user.py`, those of
one format in its own test.
"""

from __future__ import annotations

import gzip
import pickle
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.models import load

NET = """
from torch import nn

def make():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3))
    net.input_shape = (3, 16, 16)
    return net
"""

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working folder, with a network's file and folders that hold nothing and a checkpoint."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net_of_messages.py").write_text(NET)
    (tmp_path / "nothing").mkdir()
    (tmp_path / "run").mkdir()
    torch.save(state(), tmp_path / "run" / "last.ckpt")
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("net_of_messages")]:
        del sys.modules[name]


def state() -> dict[str, torch.Tensor]:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3)).state_dict()


def renamed(name: str) -> str:
    number, _, rest = name.partition(".")
    return f"{ {'0': 'conv1', '1': 'bn1', '3': 'conv2'}[number] }.{rest}"


def data(value: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(value)


def tar(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        archive.add("run/last.ckpt")


def onnx_file(path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="wbsite[formats] is not installed")
    make, number = onnx.helper, onnx.TensorProto.FLOAT
    ends = [make.make_tensor_value_info(name, number, (1, 3, 8, 8)) for name in ("x", "y")]
    kernel = make.make_tensor("w", number, (3, 3, 1, 1), [1.0] * 9)
    graph = make.make_graph([make.make_node("Conv", ["x", "w"], ["y"])], "net", ends[:1], ends[1:], [kernel])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())


FACTORY = "net_of_messages.py:make"

FILES: dict[str, tuple[str, Callable[[Path], object] | None, str, str]] = {
    "Python code": (
        "code.py", data(b"x = 1"), "code.py is Python code; expected a file of weights.",
        "Name the function in it that makes the network, as in code.py:make, and its weights after an @.",
    ),
    "a text": ("README.md", data(b"# A network"), "README.md is of no kind that wbsite reads: ", "./mynet.py:make"),
    "an empty file": ("net.pth", data(b""), "net.pth is empty, perhaps truncated: it has 0 bytes.", "again"),
    "an empty file of a format without names": ("net.weights", data(b""), "net.weights is empty", "again"),
    "a pointer": ("net.pth", data(LFS), "net.pth is a pointer of Git LFS, in place of the file.", "`git lfs pull`"),
    "a pointer for ONNX": ("net.onnx", data(LFS), "net.onnx is a pointer of Git LFS", "`git lfs pull`"),
    "a web page": ("net.bin", data(PAGE), "net.bin is a web page, in place of the file.", "browser"),
    "gzip": ("net.pth.gz", data(gzip.compress(b"net")), "net.pth.gz is an archive (gzip).", "Unpack it"),
    "tar": ("net.tar", tar, "net.tar is an archive (tar).", "Unpack it"),
    "a folder": ("nothing", None, "nothing is a folder; expected a file.", "Name a file with weights."),
    "a folder of weights": ("run", None, "run is a folder; expected a file.", "a file in it, as in run/last.ckpt."),
    "no file": ("run/lsat.ckpt", None, "there is no weights file 'lsat.ckpt' in ", "Did you mean 'last.ckpt'?"),
    "no file like it": ("run/weights.pth", None, "there is no weights file 'weights.pth' in ", "commas separate names"),
    "no folder": ("runs/last.ckpt", None, "there is no folder ", "Check the path."),
}  # fmt: skip
"""What is given → the name of the file, what writes it, the message, part of the hint."""


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "after a factory"])
@pytest.mark.parametrize("case", FILES)
def test_what_is_no_weights_file(case: str, alone: bool, folder: Path) -> None:
    name, write, message, hint = FILES[case]
    if write is not None:
        write(folder / name)
    with pytest.raises(WbsiteError) as caught:
        load(name if alone else f"{FACTORY}@{name}")
    assert message in caught.value.message
    assert hint in caught.value.hint


CHECKPOINTS: dict[str, tuple[Any, str, str, str]] = {
    "no tensors": (
        {"epoch": 3, "args": {"lr": 0.1}}, "",
        "holds no floating-point tensors by name; it holds dict, int under epoch, args.",
        "torch.save(model.state_dict(), …)",
    ),
    "nothing": ({}, "", "net.pth holds an empty dictionary; expected tensors by name.", "has parameters"),
    "a tensor": (torch.ones(3), "", "net.pth holds a Tensor; expected a dictionary of tensors by name.", "torch.save("),
    "no such place": (
        {"model": state(), "model_ema": state()}, "#best", "net.pth holds no weights under 'best'.",
        "It holds weights under model, model_ema: write net.pth#model, for one.",
    ),
    "no places": (
        state(), "#best", "net.pth holds no weights under 'best'.",
        "Its weights lie in no place of their own: leave #best out.",
    ),
    "no values": (
        {name: value.to("meta") for name, value in state().items()}, "",
        "0.weight in net.pth has no values (meta tensors).",
        "Load the network's weights before saving it.",
    ),
    "not finite": (
        {**state(), "0.weight": torch.full((4, 3, 3, 3), torch.inf)}, "",
        "0.weight of net_of_messages.py:make has 108 of 108 values that are NaN or infinite.", "an earlier checkpoint",
    ),
    "another shape": (
        {**state(), "0.weight": torch.ones(4, 3, 5, 5)}, "",
        "net.pth does not hold the weights of net_of_messages.py:make: of its 8 parameters 7 are there. What differs:\n"
        "  0.weight: (4, 3, 3, 3) in the network, (4, 3, 5, 5) in the file",
        "`wbsite weights show net.pth`",
    ),
    "a part of it": (
        {f"features.{name}": value for name, value in state().items() if name[0] != "3"}, "",
        "of its 8 parameters 6 are there (under features). What differs:\n"
        "  3.weight: (5, 4, 3, 3) in the network, not in the file\n  3.bias: (5,) in the network, not in the file",
        "Name the file of this network",
    ),
    "more than it": (
        {"net": {**state(), "4.weight": torch.ones(2, 2)}}, "",
        "holds the weights of a larger network than net_of_messages.py:make: all of its parameters are there under net,"
        " and others of the same parts. What differs:\n  4.weight: not in the network, (2, 2) in the file",
        "let the function make the one that was saved",
    ),
    "other names": (
        {renamed(name): value for name, value in state().items()}, "",
        "net.pth has the shapes of net_of_messages.py:make, one after the other, but all names differ. What differs:\n"
        "  0.weight: (4, 3, 3, 3) in the network, not in the file\n"
        "  conv1.weight: not in the network, (4, 3, 3, 3) in the file\n",
        "Rename the network's parts",
    ),
    "another network": (
        {"stem.weight": torch.ones(2, 2), "head.weight": torch.ones(3, 2)}, "",
        "holds weights of another network than net_of_messages.py:make: no parameter in it belongs there. What"
        " differs:\n  0.weight: (4, 3, 3, 3) in the network, not in the file\n"
        "  stem.weight: not in the network, (2, 2) in the file",
        "Name the file of this network",
    ),
    "a scale of another size": (
        {"0.weight": torch.zeros(4, 27, dtype=torch.int8), "0.weight_scale": torch.ones(3)}, "",
        "the scale 0.weight_scale of 0.weight in net.pth has the shape (3,), for weights of (4, 27).",
        "Save the weights after dequantising them.",
    ),
}  # fmt: skip
"""What a checkpoint holds, what follows its name, the message, part of the hint."""


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_checkpoints_that_do_not_fit(case: str, folder: Path) -> None:
    content, place, message, hint = CHECKPOINTS[case]
    torch.save(content, folder / "net.pth")
    with pytest.raises(WbsiteError) as caught:
        load(f"{FACTORY}@net.pth{place}")
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_pickle_of_something_else_is_not_called_damaged(folder: Path) -> None:
    (folder / "net.pkl").write_bytes(pickle.dumps({"w": np.ones(3)}))
    with pytest.raises(WbsiteError, match=r"is a pickle, but torch\.save did not write it") as caught:
        load(f"{FACTORY}@net.pkl")
    assert "torch.save(model.state_dict(), …)" in caught.value.hint


def test_two_places_that_fit_equally_are_named_on_the_page(folder: Path) -> None:
    torch.save({"first": state(), "second": state()}, folder / "net.pth")
    assert load(f"{FACTORY}@net.pth").spec.note.startswith(
        "Weights of net.pth under first. It holds others that fit, under second."
    )


def test_a_file_that_is_a_network_takes_no_factory_and_no_place(folder: Path) -> None:
    onnx_file(folder / "net.onnx")
    for token, message, hint in (
        (f"{FACTORY}@net.onnx", "net.onnx is a network by itself (ONNX)", "Name it alone, as in --models net.onnx"),
        ("net.onnx#ema", "net.onnx holds one network; there is no place 'ema' to choose in it", "Leave #ema out."),
    ):
        with pytest.raises(WbsiteError) as caught:
            load(token)
        assert message in caught.value.message
        assert hint in caught.value.hint


def test_files_without_a_modules_names_are_none_for_a_factory(folder: Path) -> None:
    np.savez("net.npz", **{"conv.weight": np.ones((4, 3, 3, 3), np.float32)})
    with pytest.raises(WbsiteError, match="npz files do not hold the names of its parameters") as caught:
        load(f"{FACTORY}@net.npz")
    assert "pytorch, safetensors" in caught.value.hint


def test_truncated_files_are_to_be_copied_again(folder: Path) -> None:
    from safetensors.torch import save_file

    save_file(state(), folder / "net.safetensors")
    for name, message in {
        "net.safetensors": "net.safetensors is truncated or damaged: it has ",
        "run/last.ckpt": "run/last.ckpt is truncated or is not a file that torch.save wrote (",
    }.items():
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2] if name.endswith("ckpt") else whole[:-10])
        with pytest.raises(WbsiteError) as caught:
            load(f"{FACTORY}@{name}")
        assert caught.value.message.startswith(message)
        assert len(caught.value.message) < 200, "not a paragraph of torch's"
        assert "again" in caught.value.hint


def test_a_file_whose_name_could_be_a_models(folder: Path) -> None:
    torch.save(state(), folder / "checkpoint")
    with pytest.raises(WbsiteError, match="unknown model 'checkpoint'") as caught:
        load("checkpoint")
    assert caught.value.hint == "If the file of that name is meant, write ./checkpoint."
    for name in ("run/november", "run/november.pickle", "run/november.v2"):  # content decides
        shutil.copy("checkpoint", name)
        assert load(name).digest == load("./checkpoint").digest
    with pytest.raises(WbsiteError, match=r"there is no weights file 'lost\.ckpt'"):
        load("lost.ckpt#model")
