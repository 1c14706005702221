"""How many pieces an ONNX message consists of, counted before any is made: an empty one takes two bytes in a file and a
hundred in memory."""

from __future__ import annotations

from wbsite.models.formats.caffemodel import fields

MOST = 1_000_000
"""Pieces that a network may have; those of a thousand layers are some hundred thousand."""

_SCHEMA: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "entry", 14: "entry", 25: "function"},
    "graph": {1: "node", 5: "tensor", 14: "entry", 15: "sparse", 16: "entry"},
    "function": {7: "node", 9: "entry", 11: "attribute", 14: "entry"},
    "sparse": {1: "tensor", 2: "tensor"},
    "node": {5: "attribute", 9: "entry"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "tensor": {13: "entry", 16: "entry"},
    "entry": {},
}
"""Message → those of its fields that are messages."""

_PLAIN: dict[str, set[int]] = {
    "model": {2, 3, 4, 6},
    "graph": {2, 10},
    "function": {1, 4, 5, 6, 8, 10, 13},
    "sparse": {3},
    "node": {1, 2, 3, 4, 6, 7, 8},
    "attribute": {1, 2, 4, 7, 8, 9, 13, 21},
    "tensor": {1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14},
    "entry": {1, 2},
}
"""Message → those of its fields that are numbers, text or bytes."""


def pieces(data: memoryview, kind: str = "model", most: int = MOST) -> int:
    """Fields of a message and of the messages in it; what is in unknown ones counts as the most that there may be.

    Counting ends soon after `most`.

    Raises:
        Malformed: (of `caffemodel`) the message is cut short or no protobuf message.
    """
    counted = 0
    for number, value in fields(data):
        counted += 1
        if isinstance(value, int) or number in _PLAIN[kind]:
            pass
        elif number in _SCHEMA[kind]:
            counted += pieces(value, _SCHEMA[kind][number], most - counted)
        else:
            counted += len(value) // 2
        if counted > most:
            break
    return counted
