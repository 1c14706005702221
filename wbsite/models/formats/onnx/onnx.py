"""Reads the weights of `.onnx` files, with the `onnx` package.

Layers are the nodes Conv, ConvTranspose, Gemm, MatMul and BatchNormalization (QLinearConv, QLinearMatMul and QGemm of
quantised networks too), in the order of the graph, those of inner graphs included. Their weights are initializers,
outputs of Constant nodes (PaddlePaddle's files have nothing else), tensors in files beside the model, or any of these
after DequantizeLinear, Cast, Transpose, Reshape or Identity.

- Axes: a convolution's weight is (O, I / groups, kh, kw), depthwise ones with I / groups = 1, as in torch; a transposed
  convolution's is (I, O / groups, kh, kw) as in torch, and is not flipped. MatMul's (I, O) is transposed, Gemm's where
  `transB` is 0; Gemm's factors `alpha` and `beta` are multiplied in. Weights of MatMul with more axes are no layers.
- Biases: the node's own; else what an Add adds to each unit, if nothing else reads the sum's other term.
- Batch norm: LAYER.weight, LAYER.bias, LAYER.running_mean, LAYER.running_var. Its epsilon is lost. Exporters fold it
  into the convolution before it (`_folding`): such a weight may have the name of the trained one and other numbers.
- Names: that of the weight without ".weight" (torch), ".w_0" or "_weights" (PaddlePaddle); else that of the node,
  without its operator, and the module's path "layer1.0.conv1" for torch's "/layer1/layer1.0/conv1/Conv" and where its
  newer exporter tells it. A weight read by several nodes is one layer, with the bias of the first.
- Numbers: half, bfloat16, double, 8-bit floats become float32; integers (x − zero point) · scale.
- Channel order: RGB unless the metadata "Image.BitmapPixelFormat" say otherwise. PaddlePaddle's text networks read
  BGR, which their files do not say.

Not read, but listed: weights of recurrent layers, of operators that compute with integers and keep their scale apart
(ConvInteger, MatMulInteger), and of operators that are not ONNX's own. Not read: sparse initializers; weights that the
graph computes by other operators; functions of the model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wbsite.core.errors import WbsiteError, optional
from wbsite.models.formats.base import DAMAGED, Contents, Convolution, Format, number_types
from wbsite.models.formats.caffemodel import Malformed as NoMessage
from wbsite.models.formats.caffemodel import fields

if TYPE_CHECKING:
    import torch
    from onnx import GraphProto, ModelProto, NodeProto

    from ._values import Values

_MODEL = {1: int, 2: memoryview, 3: memoryview, 4: memoryview, 5: int, 6: memoryview, 7: memoryview, 8: memoryview,
          14: memoryview, 20: memoryview, 25: memoryview, 26: memoryview}  # fmt: skip
"""Field of ModelProto → what it holds."""
_GRAPH = {1, 2, 5, 10, 11, 12, 13, 14, 15, 16}
"""Fields of GraphProto, all of them messages or text."""


def claims(path: Path, head: bytes) -> bool:
    """A message with nothing but fields of ModelProto, its version among them, up to a graph with fields of its own."""
    version = False
    try:
        for number, value in fields(memoryview(head), beginning=True):
            if not isinstance(value, _MODEL.get(number, type(None))):
                return False
            version = version or number == 1
            if number == 7 and not isinstance(value, int):
                first, content = next(fields(value, beginning=True), (0, 0))
                return version and first in _GRAPH and not isinstance(content, int)
    except NoMessage:
        pass
    return False


def model_in(path: Path) -> ModelProto:
    """The message in a file, without the external data.

    Raises:
        WbsiteError: onnx is not installed, or the file is truncated or damaged.
    """
    with optional(f"reading {path}", "formats"):
        import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    from ._outline import MOST, pieces

    try:
        data = path.read_bytes()
        if pieces(memoryview(data)) > MOST:
            raise WbsiteError(f"{path} is damaged: it consists of more than {MOST:,} pieces.", DAMAGED)
        model = onnx.ModelProto.FromString(data)
    except (DecodeError, NoMessage, RecursionError, OSError) as error:
        raise WbsiteError(f"{path} is truncated or is not an ONNX file: {error}.", DAMAGED) from error
    if not model.HasField("graph"):
        raise WbsiteError(f"{path} is truncated or is not an ONNX file: it has no graph.", DAMAGED)
    return model


def read(path: Path) -> Contents:
    """`LAYER.weight`, `LAYER.bias` of every layer, with `LAYER.running_mean` and `LAYER.running_var` of batch norm.

    Raises:
        WbsiteError: onnx is not installed, or the file is damaged, lacks its external data, or has no such layers.
    """
    import numpy as np
    import torch

    model = model_in(path)
    from ._external import Allowance, External
    from ._layers import LayerReader, unread
    from ._messages import Malformed
    from ._values import Values

    external = External(path)
    reader = LayerReader()
    state: dict[str, torch.Tensor] = {}
    convolutions: dict[str, Convolution] = {}
    left_out: dict[str, str] = {}
    try:
        values = Values(model.graph, external, Allowance(path.stat().st_size, external))
        with np.errstate(all="ignore"):
            for node, scope in _nodes(model.graph, values):
                if (layer := reader.read(node, scope)) is not None:
                    parts = layer.parts.items()
                    state |= {f"{layer.name}.{part}": torch.from_numpy(array) for part, array in parts}
                    if layer.convolution is not None:
                        convolutions[f"{layer.name}.weight"] = layer.convolution
                elif unread(node) and any(map(scope.origin, node.input)):
                    name = str(node.name or next(iter(node.output), "") or node.op_type)
                    left_out[name] = f"weights of the operator {node.op_type}, which are not read"
        producer = " ".join(f"{model.producer_name} {model.producer_version}".split())[:60]
        bgr = channel_order(model) == "BGR"
    except Malformed as error:
        raise WbsiteError(f"{path} is truncated or damaged: {error}.", DAMAGED) from error
    if not state:
        kinds = ", ".join(kind for kind, _ in Counter(node.op_type for node in model.graph.node).most_common(5))
        raise WbsiteError(
            f"{path} holds no layer with weights that can be read; its graph has {kinds or 'no nodes'}.",
            "Export a trained network with its weights, before it is quantised or compiled.",
        )
    return Contents(
        state,
        "ONNX" + (f" (from {producer})" if producer and producer.isprintable() else ""),
        bgr=bgr,
        types=number_types(reader.types),
        convolutions=convolutions,
        left_out=left_out,
    )


def channel_order(model: ModelProto) -> Literal["RGB", "BGR"] | None:
    """Order of the colours that a network reads, by the metadata of Windows' machine learning; None where it has none.

    PaddlePaddle's networks read blue, green, red, and do not say so.
    """
    formats = [str(entry.value) for entry in model.metadata_props if entry.key == "Image.BitmapPixelFormat"]
    known: dict[str, Literal["RGB", "BGR"]] = {"Bgr": "BGR", "Rgb": "RGB"}
    return next((known[text[:3]] for text in formats if text[:3] in known), None)


def _nodes(graph: GraphProto, values: Values) -> Iterator[tuple[NodeProto, Values]]:
    """Nodes in order, each with the constants that it sees; those of branches and loops after the node they are in."""
    from ._values import Values

    for node in graph.node:
        yield node, values
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                yield from _nodes(inner, Values(inner, values.external, values.allowance, values))


def network(path: Path) -> torch.nn.Module:
    """The network that the graph is, on torch's functions."""
    from wbsite.models.file_networks.onnx.network import OnnxNetwork

    return OnnxNetwork(path)


FORMATS = (Format("onnx", "ONNX", (".onnx",), claims, read, network=network),)
