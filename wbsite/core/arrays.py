"""One of NumPy's arrays out of bytes, for readers of archives of them."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def plain_array(data: bytes, name: str) -> NDArray[Any]:
    """An array in NumPy's own format (.npy): its bytes are as many as its header says, or it is refused.

    `numpy.load` makes room for what the header says before it looks, and hands on bytes that are no array at all.

    Args:
        data: the whole file.
        name: for messages.

    Returns:
        An array that must not be written to: it lies in `data`.

    Raises:
        ValueError: it is no such array, or one of objects, which would be unpickled.
    """
    import numpy as np
    from numpy.lib import format as npy

    stream = io.BytesIO(data)
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{name} is of version {version} of NumPy's format, which plain arrays are not")
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read_header(stream)
    size = len(data) - stream.tell()
    if dtype.hasobject:
        raise ValueError(f"{name} holds objects, which would be unpickled")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size or not dtype.itemsize:
        raise ValueError(f"{name} of shape {shape} has {size} bytes")
    if not size:
        return np.empty(shape, dtype)
    return np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape, order="F" if fortran else "C")
