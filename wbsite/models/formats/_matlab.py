"""Variables of a MATLAB 5.0 file: numbers, text, cells and structures; nothing in it is run.

The layout is that of MathWorks' "MAT-File Format", chapter "Level 5": elements of a type, a length and data, arrays
made of elements, and whole arrays deflated. scipy.io reads it too, and tests compare with it. It is not used here
because it trusts a file further than a stranger's should be. Here an array needs its bytes in the file.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Literal

from wbsite.models import memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADER = 128
MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
CELL, STRUCTURE, OBJECT, TEXT = 1, 2, 3, 4
CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
COMPLEX = 0x800

MAX_DEPTH = 40
MAX_RATIO = 100
"""By how much weights may have been deflated; zeros could be by 1000."""


class Malformed(Exception):
    """The bytes are no MATLAB file; the text says what is wrong."""


def variables(data: memoryview, names: Collection[str]) -> dict[str, Any]:
    """Name → value of the variables asked for, in the file's order.

    A value is an array of numbers with MATLAB's axes, a text, a list of a cell array's values or a list of a structure
    array's {field: value} (both in column-major order), or None where it is empty or of another kind.

    Args:
        data: the whole file.

    Raises:
        Malformed: the file is cut short or damaged.
    """
    little = bytes(data[126:128]) == b"IM"
    found: dict[str, Any] = {}
    for kind, content in _elements(data[HEADER:], little):
        if kind == COMPRESSED:
            kind, content = next(_elements(memoryview(_inflated(content)), little), (0, content))
        if kind == MATRIX and len(content):
            array = _Matrix(content, little)
            if array.name in names:
                found[array.name] = array.value(0)
    return found


def _inflated(content: memoryview) -> bytes:
    stream = zlib.decompressobj()
    limit = min(MAX_RATIO * len(content) + (1 << 16), memory.left() + 1)
    try:
        data = stream.decompress(content, limit)
    except zlib.error as error:
        raise Malformed(f"a variable cannot be decompressed ({error})") from error
    memory.take(len(data), "a variable")
    if len(data) == limit:
        raise Malformed(f"a variable is more than {MAX_RATIO} times as large as in the file, which weights are not")
    if not stream.eof:
        raise Malformed("a compressed variable is cut off")
    return data


def _elements(data: memoryview, little: bool) -> Iterator[tuple[int, memoryview]]:
    """(type, data) of elements that follow one another, in order."""
    order: Literal["little", "big"] = "little" if little else "big"
    position = 0
    while position < len(data):
        if position + 8 > len(data):
            raise Malformed(f"an element begins {len(data) - position} bytes before the end")
        tag = int.from_bytes(data[position : position + 4], order)
        if tag >> 16:  # up to four bytes lie within the tag itself
            kind, size, start, end = tag & 0xFFFF, tag >> 16, position + 4, position + 8
            if size > 4:
                raise Malformed(f"an element of {size} bytes lies in a tag that holds 4")
        else:
            kind, size, start = tag, int.from_bytes(data[position + 4 : position + 8], order), position + 8
            end = start + size if kind == COMPRESSED else start + -(-size // 8) * 8
        if start + size > len(data):
            raise Malformed(f"an element of {size} bytes is cut off after {len(data) - start}")
        yield kind, data[start : start + size]
        position = end


class _Matrix:
    """One array: its header now, its value when asked."""

    def __init__(self, data: memoryview, little: bool) -> None:
        self.little = little
        self.elements = _elements(data, little)
        self.size = len(data)
        self.flags = self._integers(1, 2)[0]
        self.kind = self.flags & 0xFF
        self.dims: tuple[int, ...] = ()
        self.name = ""
        if self.kind in CLASSES or self.kind in (CELL, STRUCTURE, OBJECT, TEXT):
            self.dims = self._integers(2, 32)
            self.name = self._bytes().decode("latin-1")
            if min(self.dims) < 0:
                raise Malformed(f"an array has the shape {self.dims}")

    def value(self, depth: int) -> Any:
        """What `variables` says; depth: cells and structures around it."""
        if depth > MAX_DEPTH:
            raise Malformed(f"cells are nested more than {MAX_DEPTH} deep")
        count = math.prod(self.dims)
        if count == 0:
            return None
        if self.kind in CLASSES:
            return self._array(count)
        if self.kind == TEXT:
            return self._text()
        if self.kind == CELL:
            return self._children(count, depth)
        if self.kind in (STRUCTURE, OBJECT):
            if self.kind == OBJECT:
                self._bytes()  # its class
            return self._structure(count, depth)
        return None

    def _array(self, count: int) -> NDArray[Any] | None:
        """Numbers may be in a smaller type than their array's, where that holds them."""
        values = self._numbers()
        if values.size != count:
            raise Malformed(f"an array of shape {self.dims} has {values.size} values")
        if self.flags & COMPLEX:
            return None
        return values.astype(CLASSES[self.kind], copy=False).reshape(self.dims, order="F")

    def _text(self) -> str:
        kind, data = self._element()
        encoding = TEXTS.get(kind)
        if encoding is None:
            raise Malformed(f"a text is of type {kind}")
        if encoding.startswith("utf-16") or encoding == "utf-32":
            encoding += "-le" if self.little else "-be"
        return bytes(data).decode(encoding, "replace")

    def _structure(self, count: int, depth: int) -> list[dict[str, Any]]:
        (width,) = self._integers(1, 1)
        names = self._bytes()
        if width < 1:
            raise Malformed("a structure's field names have no length")
        self._fits(count * -(-len(names) // width))
        fields = [
            names[start : start + width].split(b"\0")[0].decode("latin-1") for start in range(0, len(names), width)
        ]
        if not fields:
            return []
        values = self._children(count * len(fields), depth)
        return [
            dict(zip(fields, values[start : start + len(fields)], strict=True))
            for start in range(0, len(values), len(fields))
        ]

    def _children(self, count: int, depth: int) -> list[Any]:
        self._fits(count)
        values: list[Any] = []
        for _ in range(count):
            kind, data = self._element()
            if kind != MATRIX:
                raise Malformed(f"a value in a cell or structure is of type {kind}")
            values.append(_Matrix(data, self.little).value(depth + 1) if len(data) else None)
        return values

    def _fits(self, count: int) -> None:
        if 8 * count > self.size:
            raise Malformed(f"{count} values in a cell or structure do not fit into its {self.size} bytes")

    def _element(self) -> tuple[int, memoryview]:
        element = next(self.elements, None)
        if element is None:
            raise Malformed("an array lacks a part")
        return element

    def _bytes(self) -> bytes:
        return bytes(self._element()[1])

    def _integers(self, least: int, most: int) -> tuple[int, ...]:
        numbers = self._numbers()
        if numbers.dtype.kind not in "iu" or not least <= numbers.size <= most:
            raise Malformed(f"an array begins with {numbers.size} numbers of type {numbers.dtype}")
        return tuple(int(number) for number in numbers.tolist())

    def _numbers(self) -> NDArray[Any]:
        import numpy as np

        kind, data = self._element()
        dtype = NUMBERS.get(kind)
        if dtype is None or len(data) % int(dtype[1]):
            raise Malformed(f"{len(data)} bytes of type {kind} are no numbers")
        return np.frombuffer(data, ("<" if self.little else ">") + dtype)
