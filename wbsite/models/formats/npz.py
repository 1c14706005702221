"""Reads `.npz` archives of plain arrays under the layer names of Caffe or of Keras."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.arrays import plain_array
from wbsite.core.errors import WbsiteError
from wbsite.models import memory

from ._archive import member, names_in, opened
from .base import DAMAGED, Contents, Format, number_types

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def claims(path: Path, head: bytes) -> bool:
    """An archive of nothing but NumPy's arrays."""
    names = names_in(path, head)
    return bool(names) and all(name.endswith(".npy") for name in names)


def read(path: Path) -> Contents:
    """The arrays of an archive; integers and quantised kernels become the numbers they stand for.

    Raises:
        WbsiteError: the file is damaged, or holds other things than arrays of numbers.
    """
    import torch

    try:
        with opened(path) as archive:
            arrays = {
                name.removesuffix(".npy"): plain_array(member(archive, name), name) for name in archive.namelist()
            }
    except (WbsiteError, MemoryError):
        raise
    except Exception as error:  # zipfile and zlib raise many kinds for damaged files; all mean the same
        raise WbsiteError(f"{path} is truncated or is not an .npz file of plain arrays: {error}.", DAMAGED) from error
    kernels = any(key.endswith("/kernel") for key in arrays)
    keras = kernels or any(key.endswith(".bn") for key in arrays)
    state = _keras_layers(path, arrays) if kernels else arrays
    tensors = {key: torch.from_numpy(_float32(path, key, array)) for key, array in state.items()}
    types = number_types(str(array.dtype) for array in arrays.values() if array.ndim > 1)
    return Contents(tensors, f"npz ({'Keras' if keras else 'Caffe'} names)", bgr=True, types=types)


def _keras_layers(path: Path, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Keras's names and axes → Caffe's.

    `LAYER/kernel` (kh, kw, I, O) or (I, O) becomes `LAYER.weight` (O, I, kh, kw) or (O, I), that of a transposed
    convolution, (kh, kw, O, I), torch's (I, O, kh, kw), and `LAYER/bias` (O) `LAYER.bias`. Where there is `KEY|q`, the
    pair (scale, low), the values of KEY are KEY·scale + low.
    """
    state: dict[str, NDArray[Any]] = {}
    for key, array in arrays.items():
        if key.endswith("|q"):
            continue
        if f"{key}|q" in arrays:
            array = _dequantised(path, key, array, arrays[f"{key}|q"])
        layer, _, part = key.rpartition("/")
        if part == "kernel":
            part, array = "weight", array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
        state[f"{layer}.{part}"] = array
    return state


def _dequantised(path: Path, key: str, array: NDArray[Any], pair: NDArray[Any]) -> NDArray[Any]:
    if pair.shape != (2,) or pair.dtype.kind not in "fiu" or array.dtype.kind not in "fiu":
        raise WbsiteError(
            f"{key} in {path} is of type {array.dtype} with {key}|q of shape {pair.shape} and type {pair.dtype};"
            " expected numbers, and a pair of them.",
            DAMAGED,
        )
    memory.take(8 * array.size, key)
    return array * float(pair[0]) + float(pair[1])


def _float32(path: Path, key: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """Floats as they are; integers are fixed-point numbers in units of 1/128."""
    import numpy as np

    if np.issubdtype(array.dtype, np.integer) and array.dtype.kind in "iu":  # NumPy counts spans of time as such
        memory.take(8 * array.size, key)
        array = array / 128
    if not np.issubdtype(array.dtype, np.floating):
        raise WbsiteError(f"{key} in {path} is of type {array.dtype}; expected numbers.", DAMAGED)
    memory.take(4 * array.size, key)
    return np.array(array, dtype=np.float32, order="C")


FORMATS = (Format("npz", "NumPy, with the layer names of Caffe or Keras", (".npz",), claims, read),)
