"""Activations that exporters write out in several operators, called by their names again.

Else nothing could be expanded through them: a product of two values of the picture has no linear part of its own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import torch
from torch.nn import functional as F

from .node import Operator, Step


def fused(steps: list[Step], outputs: tuple[str, ...], constant: Callable[[str], torch.Tensor | None]) -> list[Step]:
    """With x · sigmoid(x) as one call of `silu`, x · hardsigmoid(x) and x · clip(x + 3, 0, 6) / 6 of `hardswish`."""
    makers = {name: step for step in steps for name in step.results}
    readers = Counter(name for step in steps for name in {*step.operands})
    readers.update(outputs)

    def made(name: str, kind: str) -> Step | None:
        step = makers.get(name)
        return step if step is not None and step.node.kind == kind and readers[name] == 1 else None

    def value(name: str) -> float | None:
        tensor = constant(name)
        return float(tensor) if tensor is not None and tensor.numel() == 1 else None

    def gate(x: str, name: str, third: bool) -> tuple[Operator, list[Step]] | None:
        """What x times a value is, and the steps that make that value."""
        if (step := made(name, "Sigmoid")) is not None and step.operands == (x,) and not third:
            return F.silu, [step]
        if (step := made(name, "HardSigmoid")) is not None and step.operands == (x,) and not third:
            slope, offset = step.node.get("alpha", 0.2), step.node.get("beta", 0.5)
            return (F.hardswish, [step]) if math.isclose(slope, 1 / 6, rel_tol=1e-6) and offset == 0.5 else None
        clip = made(name, "Clip") if third else None
        added = made(clip.operands[0], "Add") if clip else None
        if clip is None or added is None or x not in added.operands:
            return None
        bounds = [value(bound) for bound in clip.operands[1:]] or [clip.node.get("min"), clip.node.get("max")]
        term = next((other for other in added.operands if other != x), "")
        return (F.hardswish, [clip, added]) if bounds == [0, 6] and value(term) == 3 else None

    replaced: dict[int, Step | None] = {}
    for step in steps:
        third = step.node.kind == "Div" and len(step.operands) == 2 and value(step.operands[1]) == 6
        product = made(step.operands[0], "Mul") if third else step if step.node.kind == "Mul" else None
        if product is None or len(product.operands) != 2:
            continue
        for x, name in (product.operands, product.operands[::-1]):
            activation = gate(x, name, third)
            if activation is not None:
                function, inner = activation
                replaced |= {id(other): None for other in (*inner, product)}
                replaced[id(step)] = replace(step, function=_of_one(function), operands=(x,))
                break
    return [other for step in steps if (other := replaced.get(id(step), step)) is not None]


def _of_one(function: Operator) -> Operator:
    return lambda node, x: function(x)
