"""Reads TorchScript archives (`torch.jit.save`), scripted or traced, with torch's own loader left out of it.

Names and axes are those of the module that was compiled. An archive is a zip: `data.pkl`, a pickle of the module's
attributes with references to raw storages under `data/`; `constants.pkl` with what the code refers to; and the code, a
dialect of Python in a file a class (`code/__torch__/…`), which `file_networks.script_network` interprets.

What is lost: the training mode. Of a trace also branches that were not taken, loops, which are written out, sizes that
were numbers then, all but one of the names of tied parameters, and local response normalisation, which is several calls
that nothing can be expanded through. Of a frozen module (`torch.jit.freeze`) the names, since the weights lie among the
code's constants as `constants.NUMBER`, and batch norm, which is folded into the kernels before it and weighs units
differently. Tensors of packed quantised layers are objects of their own and are not read.
"""

from __future__ import annotations

import io
import pickle
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError
from wbsite.models import memory

from ._archive import member, names_in, opened
from ._pickles import CallsCode, StandIn, Unpickler
from .base import DAMAGED, Contents, Format

if TYPE_CHECKING:
    import torch

    from ._tables import Steps

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


@dataclass(frozen=True)
class Archive:
    """What an archive holds.

    Attributes:
        root: the module, whose attributes are tensors, numbers, text, lists, and modules likewise.
        constants: that the code refers to by number.
        code: name of a file below `code/`, without its suffix and with dots, such as "__torch__.torch.nn.modules.conv"
            → its text.
        example: shape of the tensor that a trace was made with, where that was the only input; else empty.
    """

    root: StandIn
    constants: Sequence[Any]
    code: Mapping[str, str]
    example: tuple[int, ...] = ()


def archive_in(path: Path) -> Archive:
    """What an archive holds.

    Raises:
        WbsiteError: the file is damaged, or asks for more than its attributes to be made.
    """
    try:
        with opened(path) as archive:
            return _archive(path, archive)
    except (WbsiteError, MemoryError):
        raise
    except CallsCode as error:
        raise WbsiteError(
            f"{path} is refused: its attributes call for {error.called}.", "Save the module again with torch.jit.save."
        ) from error
    except Exception as error:  # of zipfile, pickle and torch, for damaged files; all mean the same
        if memory.wants_memory(error):
            raise
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise WbsiteError(f"{path} is truncated or is no TorchScript archive ({reason}).", DAMAGED) from error


def _archive(path: Path, archive: zipfile.ZipFile) -> Archive:
    names = archive.namelist()
    folder = next(name for name in names if f"/{name}".endswith("/data.pkl")).removesuffix("data.pkl")
    order = f"{folder}byteorder"
    if order in names and member(archive, order).decode() != sys.byteorder:
        raise ValueError("its numbers are in the other order of bytes")
    root = _Attributes(archive, folder, "data").load()
    constants = _Attributes(archive, folder, "constants").load()
    start = f"{folder}code/"
    code = {
        name.removeprefix(start).removesuffix(".py").replace("/", "."): member(archive, name).decode()
        for name in names
        if name.startswith(start) and name.endswith(".py")
    }
    example: tuple[int, ...] = ()
    if f"{folder}traced_inputs.pkl" in names:
        inputs = _Shapes(archive, folder, "traced_inputs").load()
        only = inputs.get("forward") if isinstance(inputs, dict) else None
        if isinstance(only, (list, tuple)) and len(only) == 1 and hasattr(only[0], "shape"):
            example = tuple(only[0].shape)
    if not isinstance(root, StandIn) or not isinstance(constants, (list, tuple)):
        raise ValueError("its attributes are none of a module")
    return Archive(root, constants, code, example)


def read(path: Path) -> Contents:
    """Parameters, buffers and other tensors among a module's attributes, by their names in it; those of the code in a
    place of their own.

    Raises:
        WbsiteError: as `archive_in`, or it holds no tensors.
    """
    from ._tables import Steps, kernel_types, numbers

    steps = Steps(path)
    archive = archive_in(path)
    try:
        held = {
            "": dict(_named(archive.root, "", steps)),
            "constants": dict(_named(archive.constants, "constants.", steps)),
        }
    except RecursionError as error:
        raise WbsiteError(f"{path} is damaged: a module in it contains itself.", DAMAGED) from error
    tables = {place: table for place, tensors in held.items() if (table := numbers(tensors, str(path))[0])}
    if not tables:
        raise WbsiteError(
            f"{path} holds no floating-point tensors by name.",
            "If its layers are quantised, save the module as it was before that.",
        )
    place = next(iter(tables))
    return Contents(tables[place], "TorchScript", types=kernel_types(held[place]), tables=tables)


def _named(value: Any, name: str, steps: Steps) -> Iterator[tuple[str, torch.Tensor]]:
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
    if parts:
        steps.take()
    for part, inner in parts:
        yield from _named(inner, f"{name}{part}.", steps)


class _Attributes(Unpickler):
    """One of an archive's pickles, with its storages."""

    def __init__(self, archive: zipfile.ZipFile, folder: str, name: str) -> None:
        super().__init__(io.BytesIO(member(archive, f"{folder}{name}.pkl")))
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
            data = bytearray(member(self.archive, entry.filename))
            if len(data) < count * dtype.itemsize:
                raise ValueError(f"{entry.filename} is too short")
            stored = torch.frombuffer(data, dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
            self.storages[key] = stored.untyped_storage()
        return torch.storage.TypedStorage(wrap_storage=self.storages[key], dtype=dtype, _internal=True)


class _Shapes(_Attributes):
    """A pickle of tensors whose numbers do not matter: torch does not always keep those of a trace's inputs."""

    def persistent_load(self, identity: Any) -> Any:
        """A storage without memory."""
        import torch

        _, cls, _, _, count = identity
        dtype = getattr(torch, _DTYPES[cls.__name__])
        stored = torch.empty(count * dtype.itemsize, dtype=torch.uint8, device="meta").untyped_storage()
        return torch.storage.TypedStorage(wrap_storage=stored, dtype=dtype, _internal=True)


def network(path: Path) -> torch.nn.Module:
    """The module, its code on torch's functions."""
    from wbsite.models.file_networks.script_network import script_network

    return script_network(path)


FORMATS = (
    Format(
        "torchscript",
        "TorchScript archives",
        (".ts", ".torchscript"),
        claims,
        read,
        module_names=True,
        network=network,
    ),
)
