"""A network in an ONNX file as a module of torch: its graph is interpreted, operator by operator, on torch's functions.

A recorded forward pass then reads it as it reads any network. Layers have the names, and their parameters the axes,
that `formats.onnx` gives them; other floating-point constants of the graph are parameters under their own names.
Activations that exporters write out (x · sigmoid(x), the hard swish) are called by their name again, as else nothing
could be expanded through them.

Interpreted are the few dozen operators of the files beside this one, which vision networks consist of. Others
are refused by name: loops and branches, sorting and the suppression of boxes, operators that compute with integers.
Everything runs in float32. It costs what the network costs, and some microseconds an operator.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError
from wbsite.models.file_networks.parts import declare, last, register
from wbsite.models.formats.base import DAMAGED, NoForwardPass
from wbsite.models.formats.onnx._external import Allowance, External
from wbsite.models.formats.onnx._folding import Folding
from wbsite.models.formats.onnx._layers import DOMAINS, KERNELS, LayerReader
from wbsite.models.formats.onnx._messages import Malformed, attributes
from wbsite.models.formats.onnx._values import Values
from wbsite.models.formats.onnx.onnx import channel_order, model_in

from .activations import fused
from .layout import layout
from .node import Node, Operator, Step, Unsupported
from .operators import OPERATORS

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto


class OnnxNetwork(nn.Module):
    """(B, C, H, W) → the graph's output, or a tuple of several.

    Args:
        path: of the file.

    Attributes:
        input_shape: (C, H, W) that the file names, where it fixes all three; else `input_sizes`, with None for
            what is free.
        graph_inputs: of what its forward pass takes, the picture first.
        metadata: what the exporter wrote beside the graph, as texts by name.
        input_space: order of the colours it reads, "RGB" or "BGR"; None where the file does not say.
        reading: what became of the trained weights on exporting, and where the picture has its channels, where that is
            not the usual; in a sentence or two, "" for nothing.

    Raises:
        WbsiteError: onnx is not installed, or the file is damaged, or takes or gives nothing.
        NoForwardPass: it has other operators.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        model = model_in(path)
        self.input_space = channel_order(model)
        self.metadata = {str(entry.key): str(entry.value) for entry in model.metadata_props}
        folding = Folding(str(model.producer_name))
        try:
            self._build(path, model.graph, _opset(model), folding)
        except Malformed as error:
            raise WbsiteError(f"{path} is truncated or damaged: {error}.", DAMAGED) from error
        self.reading = " ".join(filter(None, (folding.in_words(), self._layout)))

    def _build(self, path: Path, graph: GraphProto, opset: int, folding: Folding) -> None:
        external = External(path)
        values = Values(graph, external, Allowance(path.stat().st_size, external))
        inputs = [value for value in graph.input if value.name not in values.tensors]
        if not inputs or not graph.output:
            raise WbsiteError(
                f"{path} takes {len(inputs)} inputs and gives {len(graph.output)} results.",
                "Export a network that takes a batch of pictures.",
            )
        given = {str(value.name): [size.dim_value for size in value.type.tensor_type.shape.dim] for value in inputs}
        self._input = next((name for name, sizes in given.items() if len(sizes) == 4), str(inputs[0].name))
        self.graph_inputs = (self._input, *(name for name in given if name != self._input))
        self._axes = {name: len(sizes) for name, sizes in given.items()}
        self._single = given[self._input][:1] == [1]
        self._last, self._layout = layout(given[self._input], values, self._input)
        if len(given[self._input]) == 4:
            declare(self, given[self._input][1:], self._last)
        elif len(given[self._input]) == 3 and given[self._input][0] in (0, 1):
            declare(self, [1, *given[self._input][1:]], False)
        self._outputs = tuple(str(value.name) for value in graph.output)
        self._places: dict[str, tuple[nn.Module, str]] = {}  # value → where its parameter is registered
        self._numbers: dict[str, torch.Tensor] = {}  # whole numbers, most of them sizes, stay on the CPU
        steps = _needed(self._steps(graph, values, opset, folding), self._outputs)
        unsupported = Counter(step.node.kind for step in steps if step.function is _refused)
        if unsupported:
            kinds = ", ".join(f"{kind} ({times} times)" for kind, times in unsupported.most_common())
            raise NoForwardPass(f"it has operators that are not interpreted: {kinds}")
        made = {*self.graph_inputs, *(name for step in steps for name in step.results)}
        for name in dict.fromkeys(name for step in steps for name in (*step.operands, *self._outputs)):
            if name and name not in made and name not in self._places:
                self._add_constant(name, values)
        self._program = tuple(fused(steps, self._outputs, self._constant))
        last = {name: i for i, step in enumerate(self._program) for name in step.operands}
        kept = {*self._outputs, *self._places, *self._numbers}
        self._drops = [
            tuple({name for name in step.operands if last[name] == i} - kept) for i, step in enumerate(self._program)
        ]

    def _steps(self, graph: GraphProto, values: Values, opset: int, folding: Folding) -> Iterator[Step]:
        """All nodes but constants, those of layers with their parameters registered."""
        reader = LayerReader()
        folded: set[str] = set()
        for proto in graph.node:
            results = tuple(proto.output)
            if proto.op_type == "Constant" or folded.intersection(results):
                continue
            given = {name: _attribute(value) for name, value in attributes(proto).items()}
            node = Node(proto.op_type, given, opset, sum(map(bool, results)))
            function = OPERATORS.get(proto.op_type, _refused) if proto.domain in DOMAINS else _refused
            operands = tuple(proto.input)
            if not operands or not results:
                raise Malformed(f"the node {proto.name or proto.op_type} has no operands or no results")
            layer = reader.read(proto, values, repeats=True) if proto.op_type in KERNELS else None
            if layer is not None and function is not _refused:
                folding.note(proto, layer)
                names = {part: self._add_part(layer.name, part, array) for part, array in layer.parts.items()}
                if layer.added:
                    folded.add(layer.added)
                    results = (layer.added,)
                function, operands = _layer_call(proto, values, function, names)
            yield Step(node, function, operands, results, str(proto.name or ", ".join(results)))

    def _add_part(self, layer: str, part: str, array: Any) -> str:
        """Registers a parameter of a layer, once; its name among the values."""
        tensor = torch.from_numpy(array)
        key = f"\0{layer}.{part}"  # no name in a file is confused with it
        for name in [key, *(f"{key}_{i}" for i in range(2, 1000))]:
            if name not in self._places:
                path = f"{layer}.{name.rpartition('.')[2]}"
                self._places[name] = register(self, path, tensor, trained="running" not in part)
                return name
            owner, attribute = self._places[name]
            held = getattr(owner, attribute)
            if held.shape == tensor.shape and torch.equal(held, tensor):
                return name
        raise Malformed(f"{layer} has too many different parameters")

    def _add_constant(self, name: str, values: Values) -> None:
        array = values.array(name)
        if array is None:
            raise Malformed(f"nothing makes {name}")
        tensor = _tensor(array)
        if tensor.is_floating_point():
            self._places[name] = register(self, name, tensor, trained=tensor.numel() > 1)
        else:
            self._numbers[name] = tensor

    def _constant(self, name: str) -> torch.Tensor | None:
        """A value that does not depend on the input; None for any other."""
        if name in self._places:
            owner, attribute = self._places[name]
            tensor: torch.Tensor = getattr(owner, attribute)
            return tensor
        return self._numbers.get(name)

    def forward(self, x: torch.Tensor | None = None, /, **given: Any) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Runs the graph on a picture, (B, C, H, W) however the file has it, or on all that it takes by name.

        A graph with fewer axes, as for a spectrogram (B, H, W) or a signal (B, L), is given the picture without its
        axes of one channel, row or column.

        Raises:
            WbsiteError: an operator fails on values of these sizes, or is used in a way that is not computed.
        """
        x = given.pop(self._input) if x is None else x
        picture = last(x) if self._last else _without_single_axes(x, self._axes[self._input])
        values: dict[str, torch.Tensor] = {self._input: picture}
        for name, value in given.items():  # one for all pictures, where the graph has no axis of them
            tensor = torch.as_tensor(value)
            values[name] = tensor[0] if tensor.ndim > self._axes[name] else tensor
        for step, drops in zip(self._program, self._drops, strict=True):
            operands = [
                None if not name else values[name] if name in values else self._constant(name) for name in step.operands
            ]
            if self._single and len(x) > 1 and step.node.kind == "Reshape":
                operands = _for_each(operands, len(x))
            results = _run(step, operands)
            values.update(zip(step.results, results, strict=False))
            for name in drops:
                values.pop(name, None)
        outputs = tuple(values[name] if name in values else self._constant(name) for name in self._outputs)
        return outputs if len(outputs) > 1 else outputs[0]  # type: ignore[return-value]


def _run(step: Step, operands: list[torch.Tensor | None]) -> tuple[torch.Tensor, ...]:
    try:
        made = step.function(step.node, *operands)
    except torch.OutOfMemoryError:
        raise
    except Unsupported as error:
        raise WbsiteError(
            f"the operator {step.node.kind} ({step.name}) is not interpreted {error}.",
            "Export the network in another way, or give its weights alone.",
        ) from error
    except (RuntimeError, ValueError, IndexError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        shapes = [None if x is None else tuple(x.shape) for x in operands]
        raise WbsiteError(
            f"the operator {step.node.kind} ({step.name}) fails on values of shapes {shapes}: {error}",
            "Give the input the size that the network was exported for.",
        ) from error
    return made if isinstance(made, tuple) else (made,)


def _without_single_axes(x: torch.Tensor, axes: int) -> torch.Tensor:
    """A picture with as few axes as a graph takes, where enough of them are of one number, the first going first."""
    for _ in range(x.ndim - axes if axes > 1 else 0):
        single = [axis for axis in range(1, x.ndim) if x.shape[axis] == 1]
        x = x.squeeze(single[0]) if single else x
    return x


def _for_each(operands: list[torch.Tensor | None], batch: int) -> list[torch.Tensor | None]:
    """Operands of Reshape in a graph that was exported for one picture: 1 is its way to say each picture, where a
    batch does not fit into the sizes otherwise."""
    x, sizes, *_ = [*operands, None, None]
    if x is None or sizes is None or not x.ndim or len(x) != batch or sizes.ndim != 1 or sizes[:1].tolist() != [1]:
        return operands
    if -1 not in sizes.tolist() and 0 not in sizes.tolist() and int(sizes.prod()) == x.numel():
        return operands
    return [x, torch.cat([sizes.new_tensor([batch]), sizes[1:]]), *operands[2:]]


def _refused(node: Node, *operands: torch.Tensor | None) -> torch.Tensor:
    raise Unsupported("at all")


def _layer_call(
    proto: NodeProto, values: Values, function: Operator, names: Mapping[str, str]
) -> tuple[Operator, tuple[str, ...]]:
    """What computes a layer, and its operands: the value it reads, then its parameters."""
    if proto.op_type == "BatchNormalization":
        return function, (proto.input[0], *names.values())
    own = proto.input[2] if proto.op_type != "MatMul" and len(proto.input) > 2 else ""
    # A bias that is no constant, or another one for every sample, is no parameter: it is added as it comes.
    parameters = (names["weight"], names.get("bias", own))
    if proto.op_type in ("Gemm", "MatMul"):
        left = bool(values.origin(proto.input[0])) and proto.op_type == "MatMul"
        if left:
            return (lambda node, y, weight, bias: torch.matmul(weight, y)), (proto.input[1], *parameters)
        linear = _linear if "bias" in names or not own else _linear_and_term
        return linear, (proto.input[0], *parameters)
    return function, (proto.input[0], *parameters)


def _linear(node: Node, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return F.linear(x.t() if node.get("transA", 0) else x, weight, bias)


def _linear_and_term(node: Node, x: torch.Tensor, weight: torch.Tensor, term: torch.Tensor) -> torch.Tensor:
    return _linear(node, x, weight, None) + node.get("beta", 1.0) * term


def _needed(steps: Iterator[Step], outputs: tuple[str, ...]) -> list[Step]:
    """Steps that the outputs depend on, in order."""
    needed, kept = set(outputs), []
    for step in reversed(list(steps)):
        if needed.intersection(step.results):
            needed.update(step.operands)
            kept.append(step)
    return kept[::-1]


def _opset(model: Any) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in DOMAINS[:2]), default=1)


def _attribute(value: Any) -> Any:
    """Tensors as torch's; the rest as it is."""
    from onnx import TensorProto, numpy_helper

    if not isinstance(value, TensorProto):
        return value
    if math.prod(value.dims) != 1 or any(size < 0 for size in value.dims):
        raise Malformed(f"an attribute is a tensor of shape {tuple(value.dims)}")
    try:
        return _tensor(numpy_helper.to_array(value))
    except (ValueError, TypeError, KeyError) as error:
        raise Malformed(f"an attribute cannot be read: {error}") from error


def _tensor(array: Any) -> torch.Tensor:
    """Floating-point numbers as float32, whole ones as int64 (those of eight bits as they are), truth values."""
    import numpy as np

    name = array.dtype.name
    kind = {"bool": np.bool_, "int8": np.int8, "uint8": np.uint8}.get(name, np.int64)
    made = torch.from_numpy(np.asarray(array).astype(np.float32 if "float" in name else kind))
    return made if made.numel() else made.new_empty(made.shape)  # from_numpy gives an empty one strides of 0
