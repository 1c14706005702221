"""ONNX's operators as calls of torch's functions, written so that a recorded pass reads them as it does a network's
own: `relu`, `max_pool2d`, `cat`, not what they could be put together from.

Each operator is a function of a `Node` (its attributes, the graph's opset) and its operands, with None for one that is
left out, and returns a tensor or a tuple of them. Sizes and axes among the operands are small tensors of integers on
the CPU. All floating-point types are float32: a cast between two of them does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

Tensor = torch.Tensor


class Unsupported(Exception):
    """An operator is used in a way that is not computed here; the text says which."""


@dataclass(frozen=True)
class Node:
    """How an operator is used.

    Attributes:
        kind: its name.
        given: its attributes.
        opset: version of ONNX's operators.
        outputs: how many results it has.
    """

    kind: str
    given: Mapping[str, Any]
    opset: int
    outputs: int = 1

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute; texts are decoded."""
        value = self.given.get(name, default)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


Operator = Callable[..., Any]
OPERATORS: dict[str, Operator] = {}
"""Name → operator."""


@dataclass(frozen=True)
class Step:
    """One call.

    Attributes:
        node: how its operator is used.
        function: what computes it.
        operands: names of values; "" for one left out.
        results: names of what it makes.
        name: of the node in the file.
    """

    node: Node
    function: Operator
    operands: tuple[str, ...]
    results: tuple[str, ...]
    name: str


def operator(*names: str) -> Callable[[Operator], Operator]:
    def register(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return register


def integers(value: Any) -> list[int]:
    """Sizes or axes, from an operand or an attribute."""
    if isinstance(value, Tensor):
        return [int(item) for item in value.reshape(-1).tolist()]
    return [int(item) for item in value]


def axes_of(node: Node, operand: Tensor | None) -> list[int] | None:
    """Axes, an attribute in older graphs and an operand in newer ones."""
    value = node.get("axes") if operand is None else operand
    return None if value is None else integers(value)
