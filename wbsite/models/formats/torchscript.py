"""Reads the weights of TorchScript archives (`torch.jit.save`), scripted or traced; nothing of their code is run.

Names and axes are those of the module that was compiled. An archive is a zip: `data.pkl`, a pickle of the module's
attributes with references to raw storages under `data/`, and the compiled code, which is not looked at. Of a frozen
module (`torch.jit.freeze`) the weights lie among the code's constants, without names: they are `constants.NUMBER`.
Tensors of packed quantised layers are objects of their own and are not read.
"""

from __future__ import annotations

import io
import pickle
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError

from ._archive import names_in
from ._pickles import CallsCode, StandIn, Unpickler
from .base import DAMAGED, Contents, Format

if TYPE_CHECKING:
    import torch

_DTYPES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "QInt8Storage": "qint8", "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
}  # fmt: skip
"""Name of a storage's class → its numbers."""


def claims(path: Path, head: bytes) -> bool:
    """An archive with a module's attributes, and the constants of its code."""
    ends = [f"/{name}".rpartition("/")[2] for name in names_in(path, head)]
    return "data.pkl" in ends and "constants.pkl" in ends


def read(path: Path) -> Contents:
    """Parameters, buffers and other tensors among a module's attributes, by their names in it.

    Raises:
        WbsiteError: the file is damaged, asks for more than its attributes to be made, or holds no tensors.
    """
    from ._tables import kernel_types, numbers

    try:
        with zipfile.ZipFile(path) as archive:
            tensors = dict(_tensors(archive))
    except CallsCode as error:
        raise WbsiteError(
            f"{path} is refused: its attributes call for {error.called}.", "Save the module again with torch.jit.save."
        ) from error
    except Exception as error:  # of zipfile, pickle and torch, for damaged files; all mean the same
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise WbsiteError(f"{path} is truncated or is no TorchScript archive ({reason}).", DAMAGED) from error
    state, _ = numbers(tensors, str(path))
    if not state:
        raise WbsiteError(
            f"{path} holds no floating-point tensors by name.",
            "If its layers are quantised, save the module as it was before that.",
        )
    return Contents(state, "TorchScript", types=kernel_types(tensors), tables={"": state})


def _tensors(archive: zipfile.ZipFile) -> Iterator[tuple[str, torch.Tensor]]:
    folder = next(name for name in archive.namelist() if f"/{name}".endswith("/data.pkl")).removesuffix("data.pkl")
    order = f"{folder}byteorder"
    if order in archive.namelist() and archive.read(order).decode() != sys.byteorder:
        raise ValueError("its numbers are in the other order of bytes")
    yield from _named(_Attributes(archive, folder, "data").load(), "")
    constants = _Attributes(archive, folder, "constants").load()
    yield from _named(list(constants) if isinstance(constants, tuple) else constants, "constants.")


def _named(value: Any, name: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors among attributes, by the path to each."""
    import torch

    if isinstance(value, torch.Tensor):
        yield name.removesuffix("."), value
    parts: Any = ()
    if isinstance(value, StandIn):
        parts = value.attributes.items()
    elif isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, (list, tuple)):
        parts = enumerate(value)
    for part, inner in parts:
        yield from _named(inner, f"{name}{part}.")


class _Attributes(Unpickler):
    """One of an archive's pickles, with its storages."""

    def __init__(self, archive: zipfile.ZipFile, folder: str, name: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{folder}{name}.pkl")))
        self.archive, self.place = archive, f"{folder}{name}/"
        self.storages: dict[str, Any] = {}

    def persistent_load(self, identity: Any) -> Any:
        """A storage: ("storage", its class, its file, where it was, how many numbers)."""
        import torch

        kind, cls, key, _, count = identity
        if kind != "storage" or getattr(cls, "__name__", "") not in _DTYPES:
            raise pickle.UnpicklingError(f"it refers to a {getattr(cls, '__name__', kind)}")
        dtype = getattr(torch, _DTYPES[cls.__name__])
        if key not in self.storages:
            entry = self.archive.getinfo(f"{self.place}{key}")
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError("its numbers are compressed, which torch does not do")
            data = bytearray(self.archive.read(entry))
            if len(data) < count * dtype.itemsize:
                raise ValueError(f"{entry.filename} is too short")
            stored = torch.frombuffer(data, dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
            self.storages[key] = stored.untyped_storage()
        return torch.storage.TypedStorage(wrap_storage=self.storages[key], dtype=dtype, _internal=True)


FORMATS = (Format("torchscript", "TorchScript archives", (".ts", ".torchscript"), claims, read, module_names=True),)
