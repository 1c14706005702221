"""Reads TensorFlow.js models: `model.json` with its shards beside it, and weights manifests without a model.

The JSON file lists the weights in the order in which they lie in its shards, one after another without gaps; the shards
of a group are one piece of bytes cut anywhere. Their paths are relative to the JSON file and may not leave its folder.

| in the file | here |
|---|---|
| convolution (kh, kw, I, O) | (O, I, kh, kw) |
| depthwise (kh, kw, C, M) | (C·M, 1, kh, kw), the M kernels of one input channel in succession |
| transposed convolution (kh, kw, O, I) | (I, O, kh, kw), not flipped |
| dense (I, O) | (O, I) |
| gamma, beta, moving_mean, moving_variance | weight, bias, running_mean, running_var |

After a flattened map, I of a dense layer counts rows, columns, channels, where torch counts channels first.

Which kernels are depthwise is told by the operators that use them in a graph model, by the layers'
classes in a layers model, else by the weights' names. A separable convolution is two layers, LAYER/depthwise and
LAYER/pointwise. Layers are in the order of the graph's nodes, of the model's layers, or of the list of weights.

Numbers are float32, or quantised to uint8 or uint16, v·scale + min, or to float16; batch norm's statistics may be
quantised like the rest. TensorFlow.js's converter folds the batch norm of graph models into weights and biases. Other
weights than those in the table are left out: PReLU's slopes, recurrent and embedding layers, constants of a graph.
Channels are in the order of the network's input, usually red, green, blue; the file does not say.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, NamedTuple

from wbsite.core.errors import WbsiteError
from wbsite.models import memory
from wbsite.models.formats.base import DAMAGED, Contents, Convolution, Format, is_there, number_types, shown

from ._tensorflow import Names, layer_name

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[np.float32]]

SIZES = {"float32": 4, "int32": 4, "bool": 1, "complex64": 8}
QUANTISED_SIZES = {"uint8": 1, "uint16": 2, "float16": 2}
NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
CLASSES = ("Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D")
"""Keras's classes of convolutions."""
KERNEL = re.compile(r"(depthwise_|pointwise_)?(kernel|weights?|filters?)")
BIAS = re.compile(r"bias(es)?|\w*_bn_offset")

CONVOLUTIONS = ("Conv2D", "_FusedConv2D")
DEPTHWISE = ("DepthwiseConv2dNative", "FusedDepthwiseConv2dNative")
PRODUCTS = ("MatMul", "_FusedMatMul")
TRANSPOSED = ("Conv2DBackpropInput",)
NORMS = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
ADDITIONS = ("BiasAdd", "Add", "AddV2")

MANIFEST = re.compile(rb'\[\s*\{\s*"(weights"\s*:\s*\[\s*\{\s*"|paths"\s*:\s*\[\s*")')
MODEL = re.compile(rb'"(modelTopology|weightsManifest)"\s*:|"format"\s*:\s*"(layers|graph)-model"')


class Malformed(Exception):
    """The file is not what TensorFlow.js writes; the text says what is wrong."""


@dataclass(frozen=True)
class Entry:
    """One weight in a manifest.

    Attributes:
        stored: type of its numbers in the shards.
        scale, low: a number v of an integer type stands for v·scale + low; None where the numbers are not quantised.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    stored: str
    scale: float | None = None
    low: float = 0.0

    @property
    def size(self) -> int:
        """Bytes in the shards."""
        return math.prod(self.shape) * (SIZES | QUANTISED_SIZES)[self.stored]


def claims(path: Path, head: bytes) -> bool:
    """By the keys with which such a JSON file begins."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return bool(MANIFEST.match(text) or (text.startswith(b"{") and MODEL.search(text)))


def read(path: Path) -> Contents:
    """`LAYER.weight`, `LAYER.bias` and batch norm's statistics.

    Args:
        path: the JSON file; its shards lie in its folder.

    Raises:
        WbsiteError: the file or a shard is cut short, damaged, missing or elsewhere than beside the file.
    """
    import torch

    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError, OSError) as error:
        raise WbsiteError(f"{path} is truncated or is not JSON: {error}.", DAMAGED) from error
    try:
        topology = document.get("modelTopology") if isinstance(document, dict) else None
        groups = document.get("weightsManifest") if isinstance(document, dict) else document
        if not _listed(groups):
            raise WbsiteError(
                f"{path} is JSON, but none of TensorFlow.js: no weightsManifest lists weights{_keys(document)}.",
                "Name TensorFlow.js's model.json, or export the network to a format that wbsite reads, such as ONNX.",
            )
        arrays, types = _weights(path, groups)
        if isinstance(topology, dict) and isinstance(topology.get("node"), list):
            kind, state = "graph model", _of_graph(topology["node"], arrays)
        else:
            kind = "weights manifest" if topology is None else "layers model"
            state = _by_names(arrays, _classes(topology), bare=topology is None)
        # A name may hold halves of characters that cannot be written again.
        tensors: dict[str, torch.Tensor] = {}
        kernel_types = []
        convolutions: dict[str, Convolution] = {}
        for key, weight in state.items():
            if weight.array.ndim > 1:
                kernel_types.append(types[weight.source])
            name = key.encode("utf-8", "replace").decode()
            tensors[name] = torch.from_numpy(_contiguous(weight.array))
            convolutions.pop(name, None)  # where two names become one
            if weight.convolution is not None:
                convolutions[name] = weight.convolution
    except Malformed as error:
        raise WbsiteError(f"{path} is damaged: {error}.", DAMAGED) from error
    return Contents(tensors, f"TensorFlow.js {kind}", types=number_types(kernel_types), convolutions=convolutions)


def _listed(groups: Any) -> bool:
    """Whether this may be groups of weights."""
    return isinstance(groups, list) and all(isinstance(group, dict) and "weights" in group for group in groups[:1])


def _keys(document: Any) -> str:
    """The first keys of a JSON object, in words."""
    names = (
        ", ".join(key[:30] for key in islice(document, 4) if key.isprintable()) if isinstance(document, dict) else ""
    )
    return f"; its keys are {names}" if names else ""


def _weights(path: Path, groups: Any) -> tuple[Arrays, dict[str, str]]:
    """The floating-point weights by name, in the file's axes, and the type of number that each is stored as."""
    arrays: Arrays = {}
    types: dict[str, str] = {}
    shards: set[PurePosixPath] = set()
    for group in groups:
        if not isinstance(group, dict) or not isinstance(group.get("weights"), list):
            raise Malformed("a group of weights lists none")
        entries = [_entry(record) for record in group["weights"]]
        data = _shards(path, group.get("paths"), sum(entry.size for entry in entries), shards)
        start = 0
        for entry in entries:
            if entry.name in types:
                raise Malformed(f"the weight {entry.name!r} is listed twice")
            types[entry.name] = entry.stored
            if entry.dtype == "float32" and 0 not in entry.shape:
                arrays[entry.name] = _values(entry, data[start : start + entry.size])
            start += entry.size
    return arrays, types


def _entry(record: Any) -> Entry:
    if not isinstance(record, dict) or not isinstance(record.get("name"), str):
        raise Malformed("a weight has no name")
    name, shape, dtype = record["name"], record.get("shape"), record.get("dtype")
    if not isinstance(shape, list) or len(shape) > 8 or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
        raise Malformed(f"the weight {name!r} has no shape")
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise Malformed(f"the weight {name!r} is of type {dtype!r}; expected {', '.join(SIZES)}")
    quantisation = record.get("quantization")
    if quantisation is None:
        return Entry(name, tuple(shape), dtype, dtype)
    stored = quantisation.get("dtype") if isinstance(quantisation, dict) else None
    if not isinstance(stored, str) or stored not in QUANTISED_SIZES:
        raise Malformed(f"the weight {name!r} is quantised to {stored!r}; expected {', '.join(QUANTISED_SIZES)}")
    if stored == "float16":
        return Entry(name, tuple(shape), dtype, stored)
    scale, low = _finite(name, quantisation.get("scale")), _finite(name, quantisation.get("min"))
    return Entry(name, tuple(shape), dtype, stored, scale, low)


def _finite(name: str, value: Any) -> float:
    if type(value) not in (int, float) or not -1e300 < value < 1e300:
        raise Malformed(f"the weight {name!r} is quantised without a scale and a minimum")
    return float(value)


def _shards(path: Path, names: Any, size: int, taken: set[PurePosixPath]) -> memoryview:
    """The bytes of a group's shards, one after another.

    Args:
        path: the JSON file.
        names: the shards' paths relative to it.
        size: bytes that the group's weights take.
        taken: shards of other groups; those of this one are added.
    """
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Malformed("a group of weights has no list of shards")
    files = []
    for name in names:
        if PurePosixPath(name) in taken:
            raise Malformed(f"the shard {name!r} is listed twice")
        taken.add(PurePosixPath(name))
        files.append(_beside(path, name))
        memory.include(files[-1])
    hint = f"Put every file that {path.name} lists into its folder, as they were exported together."
    try:
        sizes = [file.stat().st_size for file in files]
        if sum(sizes) != size:
            raise WbsiteError(
                f"the shards of {path}, {', '.join(repr(name) for name in names[:3])}{', …' if len(names) > 3 else ''},"
                f" hold {sum(sizes)} bytes; expected {size} for the weights that it lists.",
                hint,
            )
        data = b"".join(file.read_bytes() for file in files)
    except OSError as error:
        raise WbsiteError(f"a shard of {path} cannot be read ({error.strerror}).", hint) from error
    if len(data) != size:
        raise WbsiteError(f"the shards of {path} changed while they were read.", hint)
    return memoryview(data)


def _beside(path: Path, name: str) -> Path:
    """The shard of a name; links in the folder are followed, as stores of downloads keep files behind them."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    if posix.is_absolute() or windows.anchor or ".." in (*posix.parts, *windows.parts):
        raise WbsiteError(
            f"{path} names the shard {shown(name)!r}, which is outside its folder.",
            "Give shards by paths below the folder.",
        )
    shard = path.parent / name
    if not is_there(shard):
        raise WbsiteError(
            f"{path} needs the shard {shown(name)!r}, which is not beside it.",
            f"Put every file that {path.name} lists into its folder.",
        )
    return shard


def _values(entry: Entry, data: memoryview) -> NDArray[np.float32]:
    import numpy as np

    memory.take(math.prod(entry.shape) * (4 if entry.scale is None else 12), entry.name)
    flat = np.frombuffer(data, np.dtype(entry.stored).newbyteorder("<"))
    with np.errstate(over="ignore", invalid="ignore"):  # a damaged number may be any
        if entry.scale is not None:
            flat = flat * entry.scale + entry.low
        return flat.astype(np.float32).reshape(entry.shape)


class Weight(NamedTuple):
    """A weight: its name in the file, its array in torch's axes, and what is known of the convolution it is of."""

    source: str
    array: NDArray[np.float32]
    convolution: Convolution | None = None


State = dict[str, Weight]
"""By names here."""


def _by_names(arrays: Arrays, classes: Mapping[str, str], bare: bool) -> State:
    """State from the names of the weights and the layers' classes.

    Args:
        classes: name of a layer → its Keras class; layers are in this order, those without a class last.
        bare: whether there is no model, only a list of weights, which may be called anything.
    """
    state: State = {}
    names = Names()
    order = {name: place for place, name in enumerate(classes)}
    separable = {name.rpartition("/")[0] for name in arrays if "/pointwise_" in name}
    for name in sorted(arrays, key=lambda name: order.get(_owner(name), len(order))):
        array, convolution = arrays[name], None
        layer, _, part = name.rpartition("/")
        kind = classes.get(_owner(name), "")
        if part in NORM:
            part = NORM[part]
        elif BIAS.fullmatch(part):
            layer, part = f"{layer}/pointwise" if layer in separable else layer, "bias"
        elif KERNEL.fullmatch(part):
            depthwise = part.startswith("depthwise_") or kind == "DepthwiseConv2D"
            if layer in separable:
                layer = f"{layer}/{'depthwise' if depthwise else 'pointwise'}"
            if array.ndim > 2 and (depthwise or part.startswith("pointwise_") or kind in CLASSES):
                convolution = _convolution(array, depthwise, kind == "Conv2DTranspose")
            array = _kernel(name, array, depthwise)
            part = "weight"
        elif bare and array.ndim in (2, 4):
            array, layer, part = _kernel(name, array), name, "weight"
        else:
            continue
        layer = layer or "layer"
        if layer not in names or f"{layer}.{part}" in state:
            layer = names.unique(layer)
        state[f"{layer}.{part}"] = Weight(name, array, convolution)
    return state


def _owner(name: str) -> str:
    """Name of the Keras layer that a weight is of: "net/conv1/kernel" → "conv1"."""
    return name.rpartition("/")[0].rpartition("/")[2]


def _classes(topology: Any) -> dict[str, str]:
    """Name of each layer → its Keras class, in the model's order, nested models' layers included."""
    classes: dict[str, str] = {}
    pending = [topology]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += reversed(value)
        elif isinstance(value, dict):
            pending += reversed(value.values())
            config = value.get("config")
            name = config.get("name") if isinstance(config, dict) else None
            if isinstance(name, str) and isinstance(value.get("class_name"), str):
                classes[name] = value["class_name"]
    return classes


def _convolution(array: NDArray[np.float32], depthwise: bool, transposed: bool = False) -> Convolution:
    """Of a kernel in the file's axes. TensorFlow.js takes channels in groups in depthwise convolutions alone."""
    return Convolution(transposed, array.shape[-2] if depthwise else 1)


def _kernel(name: str, array: NDArray[np.float32], depthwise: bool = False) -> NDArray[np.float32]:
    """A kernel in torch's axes; a vector as it is. In a transposed convolution's, too, the last two axes come first."""
    if depthwise and array.ndim != 4:
        raise Malformed(f"the kernel {name!r} has the shape {array.shape}; expected four axes")
    if depthwise:
        height, width, channels, multiplier = array.shape
        return array.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
    if array.ndim < 2:
        return array
    return array.transpose(array.ndim - 1, array.ndim - 2, *range(array.ndim - 2))


class _Graph:
    """Nodes of a graph by name."""

    def __init__(self, nodes: list[Any], arrays: Arrays) -> None:
        self.arrays = arrays
        self.inputs: dict[str, list[str]] = {}
        self.operators: dict[str, str] = {}
        self.attributes: dict[str, dict[str, Any]] = {}
        for node in nodes:
            if not isinstance(node, dict) or not isinstance(node.get("name"), str):
                raise Malformed("a node of its graph has no name")
            inputs = node.get("input") or []
            if not isinstance(inputs, list) or not all(isinstance(source, str) for source in inputs):
                raise Malformed(f"the node {node['name']!r} has inputs without names")
            name = node["name"]
            self.inputs[name] = [source.partition(":")[0] for source in inputs if not source.startswith("^")]
            self.operators[name] = str(node.get("op"))
            attributes = node.get("attr")
            self.attributes[name] = attributes if isinstance(attributes, dict) else {}
        self.added: dict[str, str] = {}
        """Node → the constant that a node behind it adds to it."""
        for name, operator in self.operators.items():
            for place in (0, 1) if operator in ADDITIONS else ():
                constant = self.constant(name, place)
                if constant is not None:
                    self.added[self.behind(name, 1 - place)] = constant

    def behind(self, name: str, place: int) -> str:
        """Name of the node at an input of another, behind nodes that only hand it on; "" where there is no such."""
        inputs = self.inputs[name]
        if place >= len(inputs):
            return ""
        source = inputs[place]
        for _ in range(8):
            if self.operators.get(source) != "Identity" or not self.inputs[source]:
                break
            source = self.inputs[source][0]
        return source

    def constant(self, name: str, place: int) -> str | None:
        """Name of the weight at an input of a node; None where there is none."""
        source = self.behind(name, place)
        return source if source in self.arrays else None

    def flag(self, name: str, attribute: str) -> bool:
        value = self.attributes[name].get(attribute)
        return isinstance(value, dict) and value.get("b") is True


def _of_graph(nodes: list[Any], arrays: Arrays) -> State:
    """State from the operators that use the weights."""
    state: State = {}
    names = Names()
    read: set[str] = set()
    for node, parts in _uses(_Graph(nodes, arrays)):
        first = next(iter(parts.values())).source
        if first in read:  # a layer that the graph uses again
            continue
        read.add(first)
        layer = names.unique(layer_name(first, node))
        state |= {f"{layer}.{part}": value for part, value in parts.items()}
    return state


def _uses(graph: _Graph) -> Iterator[tuple[str, State]]:
    """(node, its weights by part) of every node that uses some."""
    for node, operator in graph.operators.items():
        if operator in NORMS:
            names = [graph.constant(node, place) for place in (1, 2, 3, 4)]
            parts = {
                part: Weight(name, graph.arrays[name])
                for part, name in zip(NORM.values(), names, strict=True)
                if name is not None and graph.arrays[name].ndim == 1
            }
            if parts:
                yield node, parts
            continue
        if operator not in CONVOLUTIONS + DEPTHWISE + TRANSPOSED + PRODUCTS:
            continue
        name = graph.constant(node, 1)
        if name is None:
            continue
        array = graph.arrays[name]
        if array.ndim != (2 if operator in PRODUCTS else 4):
            raise Malformed(f"the node {node!r} uses weights of shape {array.shape}")
        convolution = None
        if operator not in PRODUCTS:
            convolution = _convolution(array, operator in DEPTHWISE, operator in TRANSPOSED)
        if not graph.flag(node, "transpose_b"):
            array = _kernel(name, array, operator in DEPTHWISE)
        parts = {"weight": Weight(name, array, convolution)}
        bias = graph.constant(node, 2) if "Fused" in operator else graph.added.get(node)
        units = array.shape[1 if operator in TRANSPOSED else 0]
        if bias is not None and graph.arrays[bias].shape == (units,):
            parts["bias"] = Weight(bias, graph.arrays[bias])
        yield node, parts


def _contiguous(array: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    return np.ascontiguousarray(array, np.float32)


FORMATS = (Format("tensorflowjs", "TensorFlow.js", (".json",), claims, read),)
