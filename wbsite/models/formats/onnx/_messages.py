"""What ONNX's messages say, as Python's own objects, checked for being what they are said to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import NodeProto


class Malformed(Exception):
    """The file contradicts itself or lacks what it names; the text says how."""


def attributes(node: NodeProto) -> dict[str, Any]:
    """A node's attributes by name, as Python's numbers, bytes, lists, and onnx's own tensors and graphs.

    Raises:
        Malformed: one is of no known type.
    """
    from onnx import helper

    try:
        return {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    except ValueError as error:
        raise Malformed(f"an attribute of {node.name or node.op_type} cannot be read: {error}") from error


def number(given: Mapping[str, Any], name: str, default: float) -> Any:
    """A number among attributes, of the type of its default.

    Raises:
        Malformed: it is something else.
    """
    value = given.get(name, default)
    if not isinstance(value, type(default)):
        raise Malformed(f"the attribute {name} is no {type(default).__name__}")
    return value


def integers(given: Mapping[str, Any], name: str) -> list[int] | None:
    """A list of integers among attributes; None where it is not given. Raises as `number`."""
    value = given.get(name)
    if value is not None and not (isinstance(value, list) and all(isinstance(item, int) for item in value)):
        raise Malformed(f"the attribute {name} is no list of integers")
    return value


def type_name(kind: int) -> str:
    """NumPy's name of one of onnx's number types: "float32", "int8"; "" for what is none."""
    from onnx import helper

    try:
        return str(np.dtype(helper.tensor_dtype_to_np_dtype(kind)))
    except (KeyError, TypeError):
        return ""
