"""A network in a `.pt2` file as a module of torch: its graph is interpreted, call by call, on torch's functions.

Parameters and buffers have the names of the module that was exported, so layers have them too. Modules in between are
there as owners of parameters, and are not called. Computed are the operators of `aten_run`, and arithmetic on
sizes; others are refused by name when the file is opened. Inner graphs are followed where they are the body of
`no_grad` or of autocast, of which nothing remains, as everything runs in float32; branches and loops that look at
numbers are refused.

A file fixes the number of pictures in a batch unless it was exported with another. Reshapes then take any batch (see
`aten_run.Run`); what else the file computed of that number stays as it was.
"""

from __future__ import annotations

import math
import operator as python
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.models.formats.base import DAMAGED, NoForwardPass
from wbsite.models.formats.pt2 import TYPES, Malformed, Program, program_in

from .aten_run import REFUSED_HINT, Run, operator
from .exported_fusion import fused
from .parts import register, single

_NUMBERS: dict[str, Callable[..., Any]] = {
    **{f"_operator.{name}": getattr(python, name) for name in (
        "add", "sub", "mul", "truediv", "floordiv", "mod", "neg", "pos", "eq", "ne", "lt", "le", "gt", "ge", "and_",
        "or_", "not_", "getitem",
    )},
    **{f"math.{name}": getattr(math, name) for name in ("ceil", "floor", "trunc", "sqrt")},
    "torch.sym_int": int, "torch.sym_float": float, "torch.sym_max": max, "torch.sym_min": min,
    "torch.sym_not": python.not_,
    "torch.ops.aten.sym_size.int": lambda x, axis: x.shape[axis],
    "torch.ops.aten.sym_numel.default": lambda x: x.numel(),
    "torch.ops.aten.item.default": lambda x: x.item(),
    "torch.ops.aten._local_scalar_dense.default": lambda x: x.item(),
}  # fmt: skip
"""Calls on sizes, and those that make numbers of tensors."""

_BODIES = ("torch.ops.higher_order.wrap_with_set_grad_enabled", "torch.ops.higher_order.wrap_with_autocast")
"""Calls that run an inner graph in another mode."""

_CHECKS = ("torch.ops.aten._assert", "torch.ops.aten.sym_constrain_range", "torch.ops.aten._functional_assert")
"""Beginnings of calls that compute nothing."""


@dataclass(frozen=True)
class Value:
    """Stands for a value among arguments."""

    name: str


@dataclass(frozen=True)
class Step:
    """One call.

    Attributes:
        target: what is called, as the file has it.
        args, kwargs: with a Value in place of every tensor and size that is computed.
        results: name of each result, in a list where the call returns a list; None for one that nobody reads.
        last: values that no later step reads.
    """

    target: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    results: tuple[Any, ...]
    last: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """Calls between inputs and outputs.

    Attributes:
        inputs: names of values, "" for one that is not read.
        steps: in order.
        outputs: names, or constants.
    """

    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Any, ...]

    def run(self, values: dict[str, Any], run: Run) -> tuple[Any, ...]:
        """Its outputs, of values by name, which it changes."""
        for step in self.steps:
            args = _filled(step.args, values)
            kwargs = _filled(step.kwargs, values)
            result = _call(step.target, args, kwargs, run)
            several = len(step.results) > 1 or (step.target in _BODIES and isinstance(result, tuple))
            for name, value in zip(step.results, result if several else (result,), strict=False):
                names, made = (name, value) if isinstance(name, list) else ([name], [value])
                values.update({n: v for n, v in zip(names, made, strict=True) if n is not None})
            for name in step.last:
                values.pop(name, None)
        return tuple(_filled(self.outputs, values))


class ExportedNetwork(nn.Module):
    """(B, C, H, W) → the program's output, or a tuple of several.

    Args:
        path: of the file.

    Attributes:
        input_shape: (C, H, W) of the picture that it was exported with.

    Raises:
        WbsiteError: the file is damaged or takes several inputs.
        NoForwardPass: it has other operators.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        program = program_in(path)
        try:
            self._build(path, program)
        except (Malformed, KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
            raise WbsiteError(f"{path} is truncated or damaged ({type(error).__name__}: {error}).", DAMAGED) from error

    def _build(self, path: Path, program: Program) -> None:
        module = program.graph["graph_module"]
        graph, signature = module["graph"], module["signature"]
        self._constants: dict[str, Any] = {}
        self._places: dict[str, tuple[nn.Module, str]] = {}  # value → where its tensor is registered
        inputs = list(self._inputs(path, signature["input_specs"], {**program.constants, **program.weights}))
        if len(inputs) != 1:
            raise WbsiteError(
                f"{path} takes {len(inputs)} inputs ({', '.join(inputs)}).",
                "Export a network that takes one batch of pictures.",
            )
        (self._input,) = inputs
        sizes = [_size(size) for size in graph["tensor_values"][self._input]["sizes"]]
        if len(sizes) == 4 and all(size is not None and size > 0 for size in sizes[1:]):
            self.input_shape = tuple(sizes[1:])
        first = graph["tensor_values"][self._input]["sizes"][:1]
        self._exported = first[0].get("as_int") if first else None
        results = signature["output_specs"]
        outputs = [argument for argument, spec in zip(graph["outputs"], results, strict=True) if "user_output" in spec]
        targets = Counter[str]()
        self._graph = _graph(graph, outputs, targets)
        if targets:
            kinds = ", ".join(f"{name} ({count} times)" for name, count in targets.most_common())
            raise NoForwardPass(f"it has operators that are not interpreted: {kinds}")

    def _inputs(
        self, path: Path, specs: Sequence[Mapping[str, Any]], tensors: Mapping[str, torch.Tensor]
    ) -> Iterator[str]:
        """Registers parameters and constants; names of what the network is called with."""
        for spec in specs:
            ((kind, entry),) = ((kind, entry) for kind, entry in spec.items() if entry is not None)
            if kind == "user_input":
                value = _argument(entry["arg"])
                if not isinstance(value, Value) or "as_tensor" not in entry["arg"]:
                    continue  # left at what it was exported with
                yield value.name
            elif kind == "constant_input":
                self._constants[str(entry["name"])] = _argument(entry["value"])
            elif kind in ("parameter", "buffer", "tensor_constant"):
                name = str(entry[f"{kind}_name"])
                if name not in tensors:
                    raise Malformed(f"{name} is not in the file")
                tensor = tensors[name]
                trained = kind == "parameter" and tensor.is_floating_point()
                value_name = str(entry["arg"]["name"])
                self._places[value_name] = register(self, name, single(tensor), trained)
            elif kind != "token":
                raise WbsiteError(f"{path} has an object among its weights ({kind}).", REFUSED_HINT)

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Runs the graph.

        Raises:
            WbsiteError: an operator fails on values of these sizes, or is used in a way that is not computed.
        """
        values = {name: getattr(owner, attribute) for name, (owner, attribute) in self._places.items()}
        values |= self._constants
        values[self._input] = x
        run = Run(x.device, len(x), self._exported)
        outputs = self._graph.run(values, run)
        return outputs if len(outputs) != 1 else outputs[0]


def _size(size: Mapping[str, Any]) -> int | None:
    """A length, of one that is left open what it was in the example; None where that is not told."""
    value = size.get("as_int")
    if value is None and isinstance(size.get("as_expr"), Mapping):
        value = (size["as_expr"].get("hint") or {}).get("as_int")
    return value if isinstance(value, int) else None


def _graph(graph: Mapping[str, Any], outputs: Sequence[Any], targets: Counter[str]) -> Graph:
    """A graph of the file; counts in `targets` what cannot be called."""
    nodes = [node for node in graph["nodes"] if not str(node["target"]).startswith(_CHECKS)]
    made = tuple(_argument(argument) for argument in outputs)
    steps = [_step(node, targets) for node in nodes]
    counts = Counter(name for step in steps for name in {*_names((step.args, step.kwargs))})
    counts.update(_names(made))
    steps = fused(steps, counts)
    read = {name: i for i, step in enumerate(steps) for name in _names((step.args, step.kwargs))}
    kept = {*_names(made)}
    last: dict[int, list[str]] = {}
    for name, i in read.items():
        if name not in kept:
            last.setdefault(i, []).append(name)
    placed = [
        Step(step.target, step.args, step.kwargs, step.results, tuple(last.get(i, ()))) for i, step in enumerate(steps)
    ]
    inputs = tuple(name for argument in graph["inputs"] for name in [*_names(_argument(argument)), ""][:1])
    return Graph(inputs, tuple(placed), made)


def _step(node: Mapping[str, Any], targets: Counter[str]) -> Step:
    target = str(node["target"])
    results = tuple(_result(output) for output in node["outputs"])
    named = [(str(entry["name"]), entry["arg"], entry.get("kind")) for entry in node["inputs"]]
    if target in _BODIES:
        args = tuple(
            _graph(inner["graph"], inner["graph"]["outputs"], targets)
            if (inner := argument.get("as_graph")) is not None
            else _argument(argument)
            for _, argument, _ in named
        )
        return Step(target, args, {}, results, ())
    name = _name(target)
    if target not in _NUMBERS and (name is None or operator(name) is None):
        targets[target.removeprefix("torch.ops.").removeprefix("aten.")] += 1
        return Step(target, (), {}, results, ())
    args, kwargs = _bound(target, [(key, _argument(argument), kind) for key, argument, kind in named])
    return Step(target, args, kwargs, results, ())


def _name(target: str) -> str | None:
    """An operator's name without its overload; None where it is not one of ATen's."""
    parts = target.split(".")
    return parts[3] if parts[:3] == ["torch", "ops", "aten"] and len(parts) in (4, 5) else None


def _bound(target: str, named: Sequence[tuple[str, Any, int | None]]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments in ATen's order, defaults in between filled in, and those that have to be named."""
    packet = getattr(torch.ops.aten, _name(target) or "", None)
    overload = getattr(packet, target.rpartition(".")[2], None)
    schema = getattr(overload, "_schema", None)
    if schema is None:
        args = tuple(value for _, value, kind in named if kind != 2)
        return args, {name: value for name, value, kind in named if kind == 2}
    given = {name: value for name, value, _ in named}
    known = {argument.name: argument.kwarg_only for argument in schema.arguments}
    if unknown := given.keys() - known.keys():
        raise Malformed(f"{target} has no argument {sorted(unknown)[0]}")
    before = [argument for argument in schema.arguments if not argument.kwarg_only]
    count = max((i + 1 for i, argument in enumerate(before) if argument.name in given), default=0)
    positional = tuple(given.get(argument.name, argument.default_value) for argument in before[:count])
    return positional, {name: value for name, value in given.items() if known[name]}


def _argument(argument: Mapping[str, Any]) -> Any:
    """An argument with Values in place of tensors and sizes that are computed.

    Raises:
        Malformed: it is of no kind that operators here take.
    """
    ((kind, entry),) = ((kind, entry) for kind, entry in argument.items() if entry is not None)
    if kind in ("as_none", "as_memory_format", "as_layout", "as_device"):
        return None
    if kind in ("as_tensor", "as_custom_obj", "as_token"):
        return Value(str(entry["name"]))
    if kind == "as_name":
        return Value(str(entry))
    if kind == "as_scalar_type":
        if entry not in TYPES:
            raise Malformed(f"a tensor of type {entry} is asked for")
        return getattr(torch, TYPES[entry])
    plain: dict[str, Callable[[Any], Any]] = {"as_int": int, "as_float": float, "as_bool": bool, "as_string": str}
    if kind in plain:
        return plain[kind](entry)
    if kind.endswith("s") and (single := plain.get(kind[:-1])) is not None:
        return [single(item) for item in entry]
    if kind == "as_tensors":
        return [Value(str(item["name"])) for item in entry]
    if kind in ("as_sym_int", "as_sym_bool", "as_sym_float", "as_optional_tensor"):
        return _argument(entry)
    if kind in ("as_sym_ints", "as_sym_bools", "as_sym_floats", "as_optional_tensors"):
        return [_argument(item) for item in entry]
    if kind in ("as_int_lists", "as_float_lists"):
        return [[item + 0 for item in items] for items in entry]
    raise Malformed(f"an argument is of the kind {kind}")


def _result(output: Mapping[str, Any]) -> Any:
    """A result's name, a list of them, or None."""
    value = _argument(output)
    if isinstance(value, list):
        return [item.name if isinstance(item, Value) else None for item in value]
    return value.name if isinstance(value, Value) else None


def _names(tree: Any) -> Iterator[str]:
    """Names of the values among arguments."""
    if isinstance(tree, Value):
        yield tree.name
    elif isinstance(tree, (list, tuple)):
        for item in tree:
            yield from _names(item)
    elif isinstance(tree, dict):
        yield from _names(list(tree.values()))


def _filled(tree: Any, values: Mapping[str, Any]) -> Any:
    """Arguments with the values themselves."""
    if isinstance(tree, Value):
        if tree.name not in values:
            raise WbsiteError(f"nothing in the file makes {tree.name}.", DAMAGED)
        return values[tree.name]
    if isinstance(tree, (list, tuple)):
        return [_filled(item, values) for item in tree]
    if isinstance(tree, dict):
        return {name: _filled(item, values) for name, item in tree.items()}
    return tree


def _call(target: str, args: Sequence[Any], kwargs: Mapping[str, Any], run: Run) -> Any:
    if target in _BODIES:
        place, body = next((i, argument) for i, argument in enumerate(args) if isinstance(argument, Graph))
        return body.run(dict(zip(body.inputs, args[place + 1 :], strict=True)), run)
    if target in _NUMBERS:
        try:
            return _NUMBERS[target](*args, **kwargs)
        except (TypeError, ValueError, ArithmeticError, IndexError) as error:
            raise WbsiteError(f"{target} fails on {args}: {error}", DAMAGED) from error
    name = _name(target)
    assert name is not None, "others are refused when the file is opened"
    return run.call(name, args, kwargs)
