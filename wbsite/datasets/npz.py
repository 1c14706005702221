"""`npz:PATH`: your own inputs and labels, written with `numpy.savez`."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wbsite.core.arrays import plain_array
from wbsite.core.errors import WbsiteError
from wbsite.core.filing.paths import expanded
from wbsite.core.machine import free_memory
from wbsite.core.progress import Progress

from .base import DatasetSpec, Samples

EXPECTED = (
    "Write it with numpy.savez(PATH, inputs=…, labels=…): inputs (samples, …) of numbers, labels (samples,) of whole "
    "numbers or names; classes (names), train and test (indices) may be there too."
)

MOST_POINTS = 0x110000
"""Characters that there are; a damaged name may have others."""


def samples(argument: str, progress: Progress) -> Samples:
    """The arrays of a file as they are: inputs are flattened and not scaled.

    Labels are indices into `classes`. Without `classes`, each label that occurs is a class, in ascending order. Labels
    that are names are looked up in `classes`.

    Raises:
        WbsiteError: there is no such file, it is not an .npz file of plain arrays, or one of them is missing or not of
            the shape or type described above.
    """
    if not argument:
        raise WbsiteError("npz: no file given.", f"Write npz:PATH. {EXPECTED}")
    path = expanded(argument)
    arrays = read_arrays(path, ("inputs", "labels"), EXPECTED, ("classes", "train", "test"))
    inputs = arrays["inputs"]
    if inputs.dtype.kind not in "biuf" or inputs.ndim < 1:
        raise _unexpected(path, "inputs", inputs, "real numbers of shape (samples, features)")
    labels, classes = _classes(path, arrays["labels"], arrays.get("classes"))
    if len(labels) != len(inputs):
        raise WbsiteError(f"{path} has {len(inputs)} inputs and {len(labels)} labels.", "Give each input one label.")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is refused as such
        flat = inputs.reshape(len(inputs), int(np.prod(inputs.shape[1:]))).astype(np.float32)
    return Samples(flat, labels, classes, _split(path, arrays))


def read_arrays(path: Path, needed: Sequence[str], hint: str, optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Arrays of an .npz file by name; nothing in it is unpickled.

    Args:
        hint: what the file should be, for the message.

    Raises:
        WbsiteError: the file is missing or damaged, a needed array is not in it, or one is of objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            arrays = {name: _array(archive, f"{name}.npy") for name in (*needed, *optional) if name in names}
    except FileNotFoundError as error:
        raise WbsiteError(f"there is no file {path}.", hint) from error
    except Exception as error:  # zipfile and zlib raise many kinds for damaged files; all mean the same
        raise WbsiteError(f"{path} is not an .npz file of plain arrays ({error}).", hint) from error
    if missing := [name for name in needed if not isinstance(arrays.get(name), np.ndarray)]:
        raise WbsiteError(f"{path} has no {' and no '.join(missing)}; it holds {', '.join(names) or 'nothing'}.", hint)
    return arrays


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """An array, if there is memory for what the archive says of it, and it has it.

    Raises:
        ValueError: it does not, or it is no plain array.
    """
    entry, free = archive.getinfo(name), free_memory()
    if free is not None and 2 * entry.file_size > free:
        raise ValueError(f"{name} says that it has {entry.file_size / 1e9:.1f} GB, and {free / 1e9:.1f} are free")
    return plain_array(archive.read(entry), name)


def _classes(path: Path, labels: np.ndarray, names: np.ndarray | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels as indices, and the names of the classes."""
    if labels.ndim != 1 or labels.dtype.kind not in "biufSU":
        raise _unexpected(path, "labels", labels, "whole numbers or names, of shape (samples,)")
    if labels.dtype.kind == "f":
        whole = (np.abs(labels) < 2**53) & (labels == np.floor(labels))
        if not whole.all():
            raise WbsiteError(
                f"{path} has labels that are not whole numbers, such as {labels[~whole][0]}.",
                "Give each sample the number of its class, or its name.",
            )
    labels = _names(labels) if labels.dtype.kind in "SU" else labels.astype(np.int64)
    if names is None:
        values, labels = np.unique(labels, return_inverse=True)
        return labels.astype(np.int64), tuple(map(str, values.tolist()))
    if names.ndim != 1 or names.dtype.kind not in "iuSU" or len(np.unique(names)) < len(names):
        raise _unexpected(path, "classes", names, "different names, one for each class")
    names = _names(names)
    if labels.dtype.kind == "U":
        index = {name: i for i, name in enumerate(names.tolist())}
        if unlisted := sorted(set(labels.tolist()) - set(index)):
            raise WbsiteError(f"{path} has the label {unlisted[0]!r}, which is not in classes.", "Name every class.")
        labels = np.array([index[label] for label in labels.tolist()], np.int64)
    return labels, tuple(names.tolist())


def _names(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind != "U":
        return array.astype(np.str_)
    text = np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    points = text.reshape(-1).view(np.uint32)
    return np.where(points < MOST_POINTS, points, ord("?")).astype(np.uint32).view(text.dtype).reshape(text.shape)


def _split(path: Path, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    parts = {name: arrays[name] for name in ("train", "test") if name in arrays}
    if len(parts) == 1:
        raise WbsiteError(f"{path} has {' and '.join(parts)} alone.", "Give both train and test, or neither.")
    for name, indices in parts.items():
        if indices.ndim != 1 or (indices.dtype.kind not in "iu" and indices.size):
            raise _unexpected(path, name, indices, "indices of samples, whole numbers of shape (n,)")
    return (parts["train"].astype(np.int64), parts["test"].astype(np.int64)) if parts else None


def _unexpected(path: Path, name: str, array: np.ndarray, expected: str) -> WbsiteError:
    return WbsiteError(
        f"{path} has {name} of shape {array.shape} and type {array.dtype}; expected {expected}.", EXPECTED
    )


DATASETS = (DatasetSpec("npz", "your own samples: npz:PATH, a file of inputs and labels, not scaled", samples=samples),)
