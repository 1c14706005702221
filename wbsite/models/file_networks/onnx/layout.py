"""Where a picture that an ONNX graph reads has its channels: first, as for ONNX's convolutions, or last."""

from __future__ import annotations

from collections.abc import Sequence

from wbsite.models.formats.onnx._messages import attributes
from wbsite.models.formats.onnx._values import LONGEST, Values

PASSING = frozenset(
    ("Add", "Cast", "Clip", "DequantizeLinear", "Div", "Identity", "Mul", "Pad", "QuantizeLinear", "Sub")
)
"""Operators before the first convolution that leave the axes where they are."""

USUAL = (1, 3)
"""Channels of pictures."""


def layout(sizes: Sequence[int], values: Values, name: str) -> tuple[bool, str]:
    """Whether a picture has its channels last, and a sentence on it where that is so, or where it cannot be told.

    What reads the picture tells: a convolution, or a Transpose that brings the channels there; else its sizes.

    Args:
        sizes: of all its axes; 0 where they are free.
        name: of the value.
    """
    if len(sizes) != 4:
        return False, ""
    shown = "×".join(str(size or "?") for size in sizes[1:])
    told = _read(values, name)
    if told is None:
        first, behind = (sizes[axis] in USUAL for axis in (1, 3))
        told = None if first == behind else behind
    if told is None:
        return False, f"Whether its picture, {shown}, has its channels first or last cannot be told; first is assumed."
    return told, f"The file takes the channels of its picture last ({shown}); here they come first." if told else ""


def _read(values: Values, name: str) -> bool | None:
    """By the operator that reads the picture, behind those that leave its axes; None where that does not tell."""
    for _ in range(LONGEST):
        readers = values.readers.get(name, [])
        kinds = {node.op_type for node in readers}
        if kinds & {"Conv", "QLinearConv"}:
            return False
        if any(attributes(node).get("perm") == [0, 3, 1, 2] for node in readers if node.op_type == "Transpose"):
            return True
        if len(readers) != 1 or not kinds <= PASSING or not readers[0].output:
            return None
        name = str(readers[0].output[0])
    return None
