"""Reads `.caffemodel` files: just enough of protobuf's wire format to take the blobs out of them.

The messages and field numbers are those of Caffe's caffe.proto. Both generations of layers are
read: `layers` (V1LayerParameter) and `layer` (LayerParameter), and blobs with the four legacy
dimensions as well as with a shape. NVIDIA's caffe.proto has blobs keep their numbers as bytes besides, `raw_data` with
`raw_data_type`, which OpenCV's `shrinkCaffeModel` writes for half precision. Anything else in the file is skipped.

The protobuf library is not used: it would be one more dependency of everybody for this format alone, and it hands out a
blob's numbers one at a time, where VGG has 144 million. Tests compare with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError
from wbsite.models import memory

from .base import Contents, Convolution, Format, number_types

if TYPE_CHECKING:
    from numpy.typing import NDArray

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
V1_INNER_PRODUCT = 14
V1_DECONVOLUTION = 39
GROUP = 5
"""Field of ConvolutionParameter."""
MOST_AXES = 32
"""Of a blob, as in Caffe."""
BLOB_NAMES = ("weight", "bias")
RAW_TYPES = {0: "<f8", 1: "<f4", 2: "<f2"}
"""Value of `raw_data_type` → the type of numbers in `raw_data`; 3 and 4 are integers, which no scale goes with."""


class Malformed(Exception):
    """The bytes are not what the wire format allows here; the text says what is wrong."""


@dataclass(frozen=True)
class Generation:
    """Field numbers of one generation of layer messages; `field` is theirs in NetParameter."""

    field: int
    name: int
    kind: int
    blobs: int
    convolution: int


GENERATIONS = {2: Generation(2, name=4, kind=5, blobs=6, convolution=10),
               100: Generation(100, name=1, kind=2, blobs=7, convolution=106)}  # fmt: skip


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """The number that begins at a position, and the position after it."""
    value = shift = 0
    while True:
        if position >= len(data):
            raise Malformed("it ends in the middle of a number")
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise Malformed("a number in it is longer than 64 bits")


def fields(data: memoryview, beginning: bool = False) -> Iterator[tuple[int, int | memoryview]]:
    """(field number, value) of a message, in order: an int for a varint, else the field's bytes.

    Args:
        beginning: whether these are only its first bytes: the last field may be cut off.

    Raises:
        Malformed: the message is cut short or no protobuf message.
    """
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        if wire == BYTES:
            size, position = _varint(data, position)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise Malformed(f"it has a field of type {wire}, which Caffe does not write")
        if position + size > len(data) and not beginning:
            raise Malformed(f"a field of {size} bytes is cut off after {len(data) - position}")
        yield number, data[position : position + size]
        position += size


class Unsupported(Exception):
    """A blob is whole, but keeps its numbers in a way that is not read; the text says which."""


def _blob(message: memoryview) -> tuple[NDArray[Any], bool]:
    """One BlobProto → (array of the file's own type, whether its dimensions were the legacy four)."""
    import numpy as np

    legacy = [0, 0, 0, 0]
    shape: list[int] | None = None
    # A repeated field may come packed (one piece) or not (four or eight bytes at a time).
    single, double, raw = bytearray(), bytearray(), memoryview(b"")
    raw_type = 0
    for number, value in fields(message):
        if isinstance(value, int):
            if 1 <= number <= 4:
                legacy[number - 1] = value
            elif number == 10:
                raw_type = value
        elif number == 5:
            single += value
        elif number == 7:
            shape = _shape(value)
        elif number == 8:
            double += value
        elif number == 12:
            raw = value
    if raw and raw_type not in RAW_TYPES:
        raise Unsupported(f"its blobs hold raw_data of type {raw_type}, which are no floating-point numbers")
    data, dtype = (raw, RAW_TYPES[raw_type]) if raw else (double, "<f8") if double else (single, "<f4")
    if len(data) % np.dtype(dtype).itemsize:
        raise Malformed(f"a blob of {len(data)} bytes is no list of numbers")
    flat = np.frombuffer(data, dtype)
    dims = legacy if shape is None else shape
    if len(dims) > MOST_AXES or max(dims, default=0) > len(message) or math.prod(dims) != flat.size:
        raise Malformed(f"a blob of {len(dims)} axes, {_listed(dims)}, has {flat.size} values")
    return flat.reshape(dims), shape is None


def _listed(dims: list[int]) -> str:
    return " × ".join(map(str, dims[:MOST_AXES])) + (" × …" if len(dims) > MOST_AXES else "")


def _shape(message: memoryview) -> list[int]:
    dims: list[int] = []
    for number, value in fields(message):
        if number != 1:
            continue
        if isinstance(value, int):
            dims.append(value)
            continue
        position = 0
        while position < len(value):
            dim, position = _varint(value, position)
            dims.append(dim)
    return dims


def _layer(message: memoryview, generation: Generation) -> tuple[str, list[NDArray[Any]], Convolution]:
    """(name, its arrays, what they are if its kernels are those of a convolution)."""
    name, inner_product, transposed, groups = "", False, False, None
    blobs: list[tuple[NDArray[Any], bool]] = []
    for number, value in fields(message):
        if number == generation.name and not isinstance(value, int):
            name = bytes(value).decode("utf-8", "replace")
        elif number == generation.kind:
            kind = value if isinstance(value, int) else bytes(value)
            inner_product = kind in (V1_INNER_PRODUCT, b"InnerProduct")
            transposed = kind in (V1_DECONVOLUTION, b"Deconvolution")
        elif number == generation.convolution and not isinstance(value, int):
            groups = next((group for part, group in fields(value) if part == GROUP and isinstance(group, int)), 1)
        elif number == generation.blobs and not isinstance(value, int):
            blobs.append(_blob(value))
    arrays = []
    for i, (array, legacy) in enumerate(blobs):
        # The legacy four dimensions of a vector are (1, 1, 1, N), of a matrix (1, 1, O, I).
        if legacy and i > 0:
            array = array.reshape(-1)
        elif legacy and inner_product:
            array = array.reshape(math.prod(array.shape[:-1]), array.shape[-1])
        arrays.append(array)
    return name, arrays, Convolution(transposed, groups)


def claims(path: Path, head: bytes) -> bool:
    """A message whose first layer has a name in text; the wire format itself says nothing of what it holds."""
    try:
        for number, value in fields(memoryview(head), beginning=True):
            if number in GENERATIONS and not isinstance(value, int):
                parts = fields(value, beginning=True)
                return any(part == GENERATIONS[number].name and not isinstance(text, int) for part, text in parts)
    except Malformed:
        pass
    return False


def read(path: Path) -> Contents:
    """`LAYER.weight` and `LAYER.bias` (later blobs `LAYER.2`, …) of every layer that has blobs.

    Convolutions are (O, I / groups, kh, kw), deconvolutions (I, O / groups, kh, kw) as in torch and not mirrored, inner
    products (O, I), biases (O).

    Raises:
        WbsiteError: the file is cut short, damaged, or no caffemodel, or its blobs hold no floating-point numbers.
    """
    import numpy as np
    import torch

    types: list[str] = []
    state: dict[str, torch.Tensor] = {}
    convolutions: dict[str, Convolution] = {}
    try:
        for number, value in fields(memoryview(path.read_bytes())):
            if number not in GENERATIONS or isinstance(value, int):
                continue
            name, arrays, convolution = _layer(value, GENERATIONS[number])
            for i, array in enumerate(arrays):
                memory.take(4 * array.size, name)
                key = f"{name}.{BLOB_NAMES[i] if i < len(BLOB_NAMES) else i}"
                state[key] = torch.from_numpy(array.astype(np.float32))
                types += [str(array.dtype)] * (array.ndim > 1)
            if arrays and arrays[0].ndim > 2:
                convolutions[f"{name}.weight"] = convolution
            elif arrays:
                convolutions.pop(f"{name}.weight", None)  # of an earlier layer of this name
    except Unsupported as error:
        raise WbsiteError(f"{path} is not read: {error}.", "Save the network in single or half precision.") from error
    except Malformed as error:
        raise WbsiteError(
            f"{path} is truncated or is not a caffemodel: {error}.",
            "Download it again, and compare its digest with the one its publisher gives.",
        ) from error
    if not state:
        raise WbsiteError(
            f"{path} holds no layer with weights; expected a trained Caffe network.",
            "Give the .caffemodel file, not the solver state or the network's definition.",
        )
    return Contents(state, "caffemodel", bgr=True, types=number_types(types), convolutions=convolutions)


FORMATS = (Format("caffemodel", "Caffe", (".caffemodel",), claims, read),)
