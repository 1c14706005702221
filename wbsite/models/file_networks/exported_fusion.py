"""Functions that an exported graph writes out, called by their name again: else nothing could be expanded through them.

They are x · sigmoid(x) (`silu`), x · clamp(x + 3, 0, 6) / 6 (`hardswish`), which decompositions write so, and local
response normalisation, of which no operator of ATen is left in any graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .exported_network import Step

_Match = tuple[str, tuple[Any, ...], list[Any]]
"""Operator, its arguments, and the steps besides the last that it stands for."""

ATEN = "torch.ops.aten."


def fused(steps: Sequence[Step], read: Counter[str]) -> list[Step]:
    """The steps with one in place of several.

    Args:
        read: value → how many times steps and outputs read it.
    """
    pattern = _Pattern(steps, read)
    replaced: dict[int, Step | None] = {}
    for step in steps:
        for match in (pattern.silu, pattern.hardswish, pattern.response_norm):
            if (found := match(step)) is not None:
                name, args, inner = found
                replaced |= {id(other): None for other in inner}
                replaced[id(step)] = replace(step, target=f"{ATEN}{name}.default", args=args, kwargs={})
                break
    return [other for step in steps if (other := replaced.get(id(step), step)) is not None]


class _Pattern:
    """Looks from a step to those that make what it reads."""

    def __init__(self, steps: Sequence[Step], read: Counter[str]) -> None:
        self._makers: dict[str, Step] = {
            step.results[0]: step for step in steps if len(step.results) == 1 and isinstance(step.results[0], str)
        }
        self._read = read

    def _made(self, value: Any, *names: str) -> Step | None:
        """The step that makes a value, if it is one of these operators and nothing else reads the value."""
        step = self._makers.get(getattr(value, "name", ""))
        if step is None or _operator(step) not in names or self._read[step.results[0]] != 1:
            return None
        return step

    def silu(self, step: Step) -> _Match | None:
        if _operator(step) != "mul":
            return None
        for x, gate in _orders(step):
            if (inner := self._made(gate, "sigmoid")) is not None and inner.args[0] == x:
                return "silu", (x,), [inner]
        return None

    def hardswish(self, step: Step) -> _Match | None:
        product = self._made(step.args[0], "mul") if _operator(step) == "div" and step.args[1] == 6 else None
        for x, gate in _orders(product) if product is not None else ():
            inner = [product]
            low: Any = None
            high: Any = None
            while (clamp := self._made(gate, "clamp", "hardtanh", "clamp_min", "clamp_max")) is not None:
                bounds = [*clamp.args[1:], None, None][:2]
                bounds = [None, bounds[0]] if _operator(clamp) == "clamp_max" else bounds
                low, high = (new if new is not None else old for new, old in zip(bounds, (low, high), strict=True))
                gate, inner = clamp.args[0], [*inner, clamp]
            added = self._made(gate, "add")
            if added is not None and (low, high) == (0, 6) and (x, 3) in _orders(added) and not added.kwargs:
                return "hardswish", (x,), [*inner, added]
        return None

    def response_norm(self, step: Step) -> _Match | None:
        """x / (k + alpha · mean over channels of x²) ^ beta."""
        if _operator(step) != "div" or len(step.args) != 2 or step.kwargs:
            return None
        x, value = step.args
        inner: list[Step] = []
        numbers: list[Any] = []
        views, pads = ("view", "reshape"), ("pad", "constant_pad_nd")
        chain = (
            ("pow",),
            ("add",),
            ("mul",),
            views,
            ("squeeze",),
            ("avg_pool3d",),
            pads,
            (*views, "unsqueeze"),
            ("mul",),
        )
        for names in chain:
            if (made := self._made(value, *names)) is None:
                return None
            inner.append(made)
            numbers.append(made.args[1] if len(made.args) > 1 else None)
            value = made.args[0]
        beta, k, alpha, _, axis, size, padding, _, _ = numbers
        plain = all(isinstance(number, (int, float)) for number in (beta, k, alpha))
        if not plain or inner[-1].args[:2] != (x, x) or axis not in (1, [1]) or size[1:] != [1, 1]:
            return None
        if padding != [0, 0, 0, 0, size[0] // 2, (size[0] - 1) // 2]:
            return None
        return "local_response_norm", (x, size[0], alpha, beta, k), inner


def _operator(step: Step) -> str:
    return step.target.removeprefix(ATEN).partition(".")[0].removesuffix("_")


def _orders(step: Step) -> Iterator[tuple[Any, Any]]:
    """Both operands, either first."""
    if len(step.args) == 2:
        yield step.args[0], step.args[1]
        yield step.args[1], step.args[0]
