"""Reads weights files of every format people keep them in, as one dictionary of float32 tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from wbsite.core.errors import WbsiteError
from wbsite.models.weights import read_provenance

from . import caffemodel

DAMAGED = "Download or copy the file again; if it stays so, it was damaged where it came from."
WRAPPERS = ("state_dict", "model_state_dict", "model")


@dataclass(frozen=True)
class Contents:
    """What a weights file holds.

    Attributes:
        state: the file's own parameter names → float32 tensors.
        format: which reader took it, in words for the record of provenance.
        bgr: the first convolution reads blue, green, red (Caffe's habit, and that of the Keras
            networks converted from it).
        types: number types of the file's kernels, such as "uint8": how finely they were rounded.
        provenance: the record in a file that wbsite wrote itself; empty for others.
    """

    state: dict[str, torch.Tensor]
    format: str
    bgr: bool = False
    types: str = "float32"
    provenance: Mapping[str, Any] = field(default_factory=dict)


def read(path: Path) -> Contents:
    """Everything in a `.caffemodel`, `.npz`, `.pth`, `.pt` or `.safetensors` file.

    Raises:
        WbsiteError: the file is not there, of another kind, cut short, or a pickle that would run
            code.
    """
    if not path.is_file():
        raise WbsiteError(f"there is no weights file {path}.", "Check the path; a folder is not enough.")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise WbsiteError(
            f"{path} is not of a kind wbsite reads; expected one of {', '.join(READERS)}.",
            "Convert it, or rename it if only its suffix is wrong.",
        )
    contents = reader(path)
    if not contents.state:
        raise WbsiteError(f"{path} holds no weights; expected tensors of numbers by name.", DAMAGED)
    return contents


def _caffemodel(path: Path) -> Contents:
    arrays = caffemodel.read(path)
    return Contents({key: torch.from_numpy(array) for key, array in arrays.items()}, "caffemodel", bgr=True)


def _npz(path: Path) -> Contents:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except Exception as error:  # zipfile and zlib raise many kinds for damaged files; all mean the same
        raise WbsiteError(f"{path} is truncated or is not an .npz file of plain arrays: {error}.", DAMAGED) from error
    keras = any(key.endswith("/kernel") for key in arrays) or any(key.endswith(".bn") for key in arrays)
    state = _kernels(arrays) if any(key.endswith("/kernel") for key in arrays) else arrays
    tensors = {key: torch.from_numpy(_numbers(path, key, array)) for key, array in state.items()}
    types = _types(str(array.dtype) for array in arrays.values() if array.ndim > 1)
    return Contents(tensors, f"npz ({'Keras' if keras else 'Caffe'} names)", bgr=True, types=types)


def _types(names: Iterable[str]) -> str:
    return ", ".join(sorted({name.removeprefix("torch.") for name in names}))


def _kernels(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Keras's `LAYER/kernel` (kh, kw, I, O) or (I, O) and `LAYER/bias`, quantised or not → Caffe's arrangement."""
    state: dict[str, NDArray[Any]] = {}
    for key, array in arrays.items():
        if key.endswith("|q"):
            continue
        if f"{key}|q" in arrays:
            scale, low = arrays[f"{key}|q"]
            array = array * float(scale) + float(low)
        layer, _, part = key.rpartition("/")
        if part == "kernel":
            part, array = "weight", array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
        state[f"{layer}.{part}"] = array
    return state


def _numbers(path: Path, key: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """Floats as they are; integers are fixed-point numbers in units of 1/128."""
    if np.issubdtype(array.dtype, np.integer):
        array = array / 128
    if not np.issubdtype(array.dtype, np.floating):
        raise WbsiteError(f"{key} in {path} is of type {array.dtype}; expected numbers.", DAMAGED)
    return np.ascontiguousarray(array, dtype=np.float32)


def _torch(path: Path) -> Contents:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)|call reduce for unrecognized function (.+)", str(error))
        if named is None:
            raise WbsiteError(f"{path} is damaged or is not a file that torch.save wrote.", DAMAGED) from error
        raise WbsiteError(
            f"{path} is refused: besides tensors it calls for {named[1] or named[2]}, and loading that would run "
            "code from the file.",
            "Save only the parameters, with torch.save(model.state_dict(), …), on the machine it comes from.",
        ) from error
    except Exception as error:  # torch raises many kinds for damaged files; all mean the same
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WbsiteError(f"{path} is truncated or is not a file that torch.save wrote ({reason}).", DAMAGED) from error
    while isinstance(found, Mapping) and (
        inner := next((w for w in WRAPPERS if isinstance(found.get(w), Mapping)), "")
    ):
        found = found[inner]
    if not isinstance(found, Mapping):
        raise WbsiteError(
            f"{path} holds a {type(found).__name__}; expected a dictionary of tensors by name.",
            "Save it with torch.save(model.state_dict(), …).",
        )
    kernels = (value for value in found.values() if isinstance(value, torch.Tensor) and value.ndim > 1)
    return Contents(_named(found, path), "torch state dict", types=_types(str(value.dtype) for value in kernels))


def _named(found: Mapping[Any, Any], path: Path) -> dict[str, torch.Tensor]:
    """The floating-point tensors as float32, without the prefix DataParallel puts on every name."""
    state = {
        key: value.to_dense() if value.layout != torch.strided else value
        for key, value in found.items()
        if isinstance(key, str) and isinstance(value, torch.Tensor) and value.is_floating_point()
    }
    empty = [key for key, value in state.items() if value.is_meta]
    if empty:
        raise WbsiteError(
            f"{key_list(empty)} in {path} has no values (meta tensors).", "Save a network that has weights."
        )
    if not state:
        kinds = sorted({str(getattr(value, "dtype", type(value).__name__)) for value in found.values()})
        raise WbsiteError(
            f"{path} holds no floating-point tensors by name; it holds {', '.join(kinds) or 'nothing'}"
            f" under {key_list([str(key) for key in found]) or 'no name'}.",
            "Save only the parameters, with torch.save(model.state_dict(), …).",
        )
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return {key: value.detach().to(torch.float32).contiguous() for key, value in state.items()}


def key_list(keys: list[str]) -> str:
    """The first few names."""
    return ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")


def _safetensors(path: Path) -> Contents:
    provenance = read_provenance(path)
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise WbsiteError(f"{path} is damaged: {error}.", DAMAGED) from error
    types = _types(str(value.dtype) for value in state.values() if value.ndim > 1)
    return Contents(_named(state, path), "safetensors", types=types, provenance=provenance)


READERS: Mapping[str, Callable[[Path], Contents]] = {
    ".caffemodel": _caffemodel,
    ".npz": _npz,
    ".pth": _torch,
    ".pt": _torch,
    ".safetensors": _safetensors,
}
