"""What an ONNX file says of its picture is taken: where its channels are, which sizes are fixed, what was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.core.model_input import ModelInput, parse
from wbsite.models import load
from wbsite.models.contents import lines

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402

from .graphs import KERNELS, file_of, node  # noqa: E402

KERNEL = {"a.weight": KERNELS, "half": np.float32(0.5), "pads": np.int64([0, 1, 0, 0, 0, 0, 0, 0])}
FIRST = node("Transpose", "x", output="t", perm=[0, 3, 1, 2])
CHANNELS_LAST: dict[str, list[Any]] = {
    "tf2onnx": [FIRST, node("Conv", "t", "a.weight")],
    "cast": [node("Cast", "x", output="c", to=TensorProto.FLOAT), node("Mul", "c", "half", output="h"),
             node("Transpose", "h", output="t", perm=[0, 3, 1, 2]), node("Conv", "t", "a.weight")],
    "two readers": [FIRST, node("Conv", "t", "a.weight", output="a"),
                    node("ReduceMean", "x", output="m", axes=[3], keepdims=0),
                    node("Unsqueeze", "m", "one", output="u"), node("Slice", "u", "starts", "ends", "axes", output="s"),
                    node("Add", "a", "s")],
}  # fmt: skip


def with_more(path: Path, metadata: dict[str, str] | None = None, **inputs: Sequence[Any]) -> Path:
    """A file with further inputs, and what an exporter wrote beside the graph."""
    made = onnx.load(path)
    for name, sizes in inputs.items():
        made.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes))
    helper.set_model_props(made, metadata or {})
    path.write_bytes(made.SerializeToString())
    return path


@pytest.mark.parametrize("kind", CHANNELS_LAST)
@pytest.mark.parametrize("said", [None, ModelInput(input=(3, 8, 10))], ids=["declared", "given"])
def test_a_picture_with_its_channels_last_is_given_channels_first(
    tmp_path: Path, kind: str, said: ModelInput | None
) -> None:
    more = {"one": [1], "starts": [0, 0], "ends": [6, 8], "axes": [2, 3]}
    arrays = KERNEL | {name: np.int64(value) for name, value in more.items()}
    loaded = load(str(file_of(tmp_path / "net.onnx", CHANNELS_LAST[kind], arrays, (1, 8, 10, 3))), said=said)
    assert loaded.spec.input_shape == (3, 8, 10)
    assert "takes the channels of its picture last (8×10×3)" in loaded.spec.note
    x = torch.randn(2, 3, 8, 10)
    expected = F.conv2d(x * 0.5 if kind == "cast" else x, torch.from_numpy(KERNELS))
    if kind == "two readers":
        expected = expected + x.mean(1)[:, None, :6, :8]
    torch.testing.assert_close(loaded.module(x), expected)


@pytest.mark.parametrize(
    ("sizes", "said", "shape"),
    [
        (("n", 8, 10), None, (1, 8, 10)),
        (("n", 8, 10), (1, 8, 10), (1, 8, 10)),
        (("n", 8, "w"), (1, 8, 10), (1, 8, 10)),
        (("n", 80), (1, 80, 1), (1, 80, 1)),
        (("n", 80), (1, 1, 80), (1, 1, 80)),
    ],
)
def test_a_graph_of_spectrograms_or_signals_is_given_no_axis_of_channels(
    tmp_path: Path, sizes: Sequence[Any], said: tuple[int, int, int] | None, shape: tuple[int, int, int]
) -> None:
    """As in DNSMOS, whose networks take (batch, times, bands) or samples."""
    nodes = [node("Reshape", "x", "picture", output="u"), node("Conv", "u", "a.weight")]
    arrays = {"a.weight": KERNELS[:, :1], "picture": np.int64([-1, 1, 8, 10])}
    path = file_of(tmp_path / "net.onnx", nodes, arrays, sizes)
    loaded = load(str(path), said=said and ModelInput(input=said))
    assert loaded.spec.input_shape == shape
    x = torch.randn(2, *shape)
    expected = F.conv2d(x.reshape(-1, 1, 8, 10), torch.from_numpy(KERNELS[:, :1]))
    torch.testing.assert_close(loaded.module(x), expected)


@pytest.mark.parametrize(
    ("sizes", "last"),
    [
        ((1, 8, 10, 3), True),
        ((1, 0, 0, 3), True),
        ((1, 8, 10, 1), True),
        ((1, 3, 8, 10), False),
        ((1, 1, 8, 10), False),
    ],
)
def test_sizes_tell_where_operators_do_not(tmp_path: Path, sizes: Sequence[int], last: bool) -> None:
    from wbsite.models.file_networks.onnx.network import OnnxNetwork

    nodes = [node("ReduceMean", "x", output="mean"), node("Conv", "mean", "a.weight")]
    net = OnnxNetwork(file_of(tmp_path / "net.onnx", nodes, KERNEL, sizes))
    assert ("last" in net.reading, "cannot be told" in net.reading) == (last, False)


@pytest.mark.parametrize("sizes", [(1, 8, 10, 4), (1, 3, 10, 3), (1, 0, 0, 0)])
def test_where_nothing_tells_it_is_said_what_was_assumed(tmp_path: Path, sizes: Sequence[int]) -> None:
    from wbsite.models.file_networks.onnx.network import OnnxNetwork

    nodes = [node("ReduceMean", "x", output="mean"), node("Conv", "mean", "a.weight")]
    net = OnnxNetwork(file_of(tmp_path / "net.onnx", nodes, KERNEL, sizes))
    assert "cannot be told; first is assumed" in net.reading


def test_a_convolution_tells_that_channels_come_first(tmp_path: Path) -> None:
    """Whatever the sizes look like."""
    kernels = {"a.weight": np.ones((2, 8, 1, 1), np.float32)}
    loaded = load(str(file_of(tmp_path / "net.onnx", [node("Conv", "x", "a.weight")], kernels, (1, 8, 8, 3))))
    assert loaded.spec.input_shape == (8, 8, 3)
    assert "last" not in loaded.spec.note


@pytest.mark.parametrize(
    ("sizes", "shape", "declared"),
    [
        (("n", 3, 48, "w"), (3, 48, 128), "a height of 48"),
        (("n", 3, "h", 20), (3, 128, 20), "a width of 20"),
        (("n", "h", 48, 3), (3, 128, 48), "a width of 48"),
    ],
)
def test_sizes_that_are_declared_are_not_guessed(
    tmp_path: Path, sizes: Sequence[Any], shape: tuple[int, ...], declared: str
) -> None:
    nodes = CHANNELS_LAST["tf2onnx"] if sizes[-1] == 3 else [node("Conv", "x", "a.weight")]
    loaded = load(str(file_of(tmp_path / "net.onnx", nodes, KERNEL, sizes)))
    assert loaded.spec.input_shape == shape
    assert f"guessed: its file declares {declared}, and it takes any other side" in loaded.spec.note


def test_a_declared_number_of_channels_is_taken_where_sides_are_free(tmp_path: Path) -> None:
    """Of a network that reads five bands."""
    kernels = {"a.weight": np.ones((2, 5, 3, 3), np.float32)}
    path = file_of(tmp_path / "net.onnx", [node("Conv", "x", "a.weight")], kernels, ("n", 5, "h", "w"))
    assert load(str(path)).spec.input_shape[0] == 5


@pytest.mark.parametrize("sizes", [("n", 3, "h", "w"), (1, 3, 40, 72)])
def test_what_ultralytics_wrote_beside_the_graph(tmp_path: Path, sizes: Sequence[Any]) -> None:
    path = file_of(tmp_path / "net.onnx", [node("Conv", "x", "a.weight")], KERNEL, sizes)
    loaded = load(str(with_more(path, {"author": "Ultralytics", "imgsz": "[40, 72]"})))
    preprocess = loaded.spec.preprocess
    assert loaded.spec.input_shape == (3, 40, 72)
    assert (preprocess.mean, preprocess.std, preprocess.scale) == ((0.0,) * 3, (1.0,) * 3, 1.0)
    assert "from the metadata that Ultralytics wrote" in loaded.spec.note
    assert not loaded.spec.assumed


@pytest.mark.parametrize("imgsz", ["[40", "forty", "{}", "[0, 3]"])
def test_damaged_metadata_say_nothing_of_the_size(tmp_path: Path, imgsz: str) -> None:
    path = file_of(tmp_path / "net.onnx", [node("Conv", "x", "a.weight")], KERNEL, ("n", 3, "h", "w"))
    loaded = load(str(with_more(path, {"author": "Ultralytics", "imgsz": imgsz})))
    assert "guessed" in loaded.spec.note


CONV = node("Conv", "x", "a.weight", output="a")
WEIGHTS_ALONE: dict[str, tuple[list[Any], Sequence[Any], str]] = {
    "an operator": ([CONV, node("NonZero", "a", output="b"), node("Bernoulli", "b")], (1, 3, 8, 8),
                    r"operators that are not interpreted: .*NonZero \(1 times\)"),
    "its use": ([CONV, node("Resize", "a", "", "scales", mode="cubic", antialias=1)], (1, 3, 8, 8),
                "Resize .* is not interpreted with filters against aliasing"),
    "wrong sizes": ([CONV, node("Reshape", "a", "axes")], (1, 3, 8, 8), "fails on values of shapes"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WEIGHTS_ALONE)
def test_a_graph_that_cannot_be_run_is_shown_as_weights_alone(tmp_path: Path, kind: str) -> None:
    nodes, sizes, reason = WEIGHTS_ALONE[kind]
    arrays = KERNEL | {"axes": np.int64([1]), "scales": np.float32([1, 1, 2, 2])}
    path = file_of(tmp_path / "net.onnx", nodes, arrays, sizes)
    loaded = load(str(path))
    (name, kernels), *_ = loaded.module.named_parameters()
    assert torch.equal(kernels, torch.from_numpy(KERNELS)), name
    assert "It is not run as a network" in loaded.spec.note
    assert re.search(reason, loaded.spec.note), loaded.spec.note
    assert loaded.provenance["reading"] == loaded.spec.note
    assert not re.search(r"\n|\.\.( |$)", loaded.spec.note)


def test_an_input_that_the_user_gives_and_that_fails_is_an_error(tmp_path: Path) -> None:
    path = file_of(tmp_path / "net.onnx", [node("Conv", "x", "a.weight")], KERNEL)
    with pytest.raises(WbsiteError, match="fails on an input of shape"):
        load(str(path), said=ModelInput(input=(4, 8, 8)))


def test_a_file_without_kernels_is_still_refused(tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="holds no layer with weights"):
        load(str(file_of(tmp_path / "net.onnx", [node("NonZero", "x")], {})))


ARGUMENTS: dict[str, tuple[list[Any], list[int]]] = {
    "style": ([6], [6]),
    "sigma": (["n"], []),
    "noise/x:0": ([1, 6, 1, 1], [6, 1, 1]),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_further_inputs_are_given_as_arguments(tmp_path: Path, name: str) -> None:
    """With an axis of pictures in the graph or without."""
    sizes, shape = ARGUMENTS[name]
    axes = {"style": [1, 2], "sigma": [1, 2, 3], "noise/x:0": []}[name]
    nodes = [
        node("Conv", "x", "a.weight", output="a"),
        node("Unsqueeze", name, "axes", output="u") if axes else node("Identity", name, output="u"),
        node("Add", "a", "u", output="b"),
        node("Add", "b", "one"),
    ]
    arrays = KERNEL | {"axes": np.int64(axes), "one": np.float32(1)}
    path = with_more(file_of(tmp_path / "net.onnx", nodes, arrays), **{name: sizes})
    unsaid = load(str(path))
    assert f"takes x, {name}" in unsaid.spec.note
    assert "arguments = {" in unsaid.spec.note
    loaded = load(str(path), said=parse("net", {"arguments": {name: shape}}))
    assert "It is not run as a network" not in loaded.spec.note
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(loaded.module(x), F.conv2d(x, torch.from_numpy(KERNELS)) + 1)


def test_what_a_file_holds_that_is_not_read_is_listed(tmp_path: Path) -> None:
    deform = node("DeformConv", "x", "b.weight", "offset", output="d")
    arrays = KERNEL | {"b.weight": KERNELS, "offset": np.zeros((1, 18, 6, 6), np.float32)}
    path = file_of(tmp_path / "net.onnx", [deform, CONV], arrays)
    listed = list(lines(path))
    assert "a.weight" in " ".join(listed)
    assert listed[-1] == "  d is left out: weights of the operator DeformConv, which are not read"
