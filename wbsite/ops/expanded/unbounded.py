"""A path of calls on maps without edges: no more is computed of them than a position of its target sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wbsite.graph.receptive_field import Positions, positions_read, unpadded
from wbsite.graph.tape import Call


@dataclass(frozen=True)
class Unbounded:
    """Runs calls on the positions that positions of the target see, with no edges: nothing else is computed.

    Attributes:
        form: runs a call on values cut to what it needs.
        positions: value → its positions that there are (`receptive_field.positions_seen`).
    """

    form: Callable[[Call, Mapping[int, Any]], Any]
    positions: Mapping[int, Positions]

    def __call__(self, call: Call, values: Mapping[int, Any]) -> Any:
        return self.form(unpadded(call), self.cut(call, values))

    def cut(self, call: Call, values: Mapping[int, Any]) -> dict[int, Any]:
        """The part of its values that a call reads."""
        return {value: values[value][self.part(call, value)] for value in call.inputs if value in values}

    def part(self, call: Call, value: int) -> tuple[slice, slice, slice, slice]:
        """Which part of a value a call reads."""
        needed = positions_read(call, self.positions[call.outputs[0]])
        rows, columns = (
            slice(first - start, last - start + 1)
            for (first, last), (start, _) in zip(needed, self.positions[value], strict=True)
        )
        return slice(None), slice(None), rows, columns
