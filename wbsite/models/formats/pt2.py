"""Reads `.pt2` files, which `torch.export.save` writes: a network's graph with its weights. Runs no code from them.

Such a file is a zip. Which of three layouts it has depends on the torch that wrote it:

- torch 2.5 to 2.7: `serialized_exported_program.json` is the graph, `serialized_state_dict.pt` and
  `serialized_constants.pt` are pickles of tensors in zips of their own, which are read as checkpoints are.
- torch 2.8: `models/NAME.json`, `data/weights/NAME.pt`, `data/constants/NAME.pt`, pickles too.
- torch 2.9 and later: `models/NAME.json`; `data/weights/NAME_weights_config.json` and
  `data/constants/NAME_constants_config.json` say of every tensor its type, sizes and strides, and in which file beside
  them its bytes are.

Names and axes are those of the module that was exported: the graph's signature keeps them. What is lost: the modules
between the network and the owners of its parameters; all but one of the names of tied parameters; code around the graph
(branches that were not taken; loops, which are written out); the training mode. Sizes that were not exported as dynamic
ones are fixed. After `run_decompositions()` a fully connected layer over positions is a product of all positions of all
pictures at once, which cannot be followed picture by picture.

Not read: programs compiled by AOTInductor, which are machine code; weights that are objects of a class.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError
from wbsite.models import memory

from ._archive import INFLATED, SMALL, check_whole, member, names_in, opened
from .base import DAMAGED, Contents, Format

if TYPE_CHECKING:
    import torch

_OLD = "serialized_exported_program.json"

TYPES = {
    1: "uint8", 2: "int8", 3: "int16", 4: "int32", 5: "int64", 6: "float16", 7: "float32", 8: "float64", 12: "bool",
    13: "bfloat16", 28: "uint16", 29: "float8_e4m3fn", 30: "float8_e5m2", 31: "float8_e4m3fnuz",
    32: "float8_e5m2fnuz",
}  # fmt: skip
"""Number of a type in such files → torch's name of it."""


class Malformed(Exception):
    """A file does not hold what its graph or its lists of tensors say; the text says what."""


@dataclass(frozen=True)
class Program:
    """What a file holds.

    Attributes:
        graph: the exported program, as the file's JSON has it.
        weights: parameters and buffers by the names that the graph's signature has for them.
        constants: other tensors likewise, among them buffers that state dicts leave out.
        version: of the torch that wrote it.
    """

    graph: Mapping[str, Any]
    weights: Mapping[str, torch.Tensor]
    constants: Mapping[str, torch.Tensor]
    version: str


def claims(path: Path, head: bytes) -> bool:
    """An archive with a graph in JSON where torch puts it, or with a compiled one."""
    names = names_in(path, head)
    roots = {name.partition("/")[0] for name in names}
    placed = any(name.startswith(f"{root}/models/") and name.endswith(".json") for root in roots for name in names)
    return _OLD in names or (placed and any(name.endswith("/archive_format") for name in names))


def program_in(path: Path) -> Program:
    """The graph and the tensors in a file.

    Raises:
        WbsiteError: the file is damaged, holds no graph, or would run code.
    """
    from ._pickles import CallsCode

    try:
        with opened(path) as archive:
            program = _program(path, archive)
        numbers = sum(tensor.numel() for tensor in (*program.weights.values(), *program.constants.values()))
        if numbers > INFLATED * path.stat().st_size + SMALL:
            raise Malformed(f"it says that it has {numbers} numbers, more than it holds")
        return program
    except (WbsiteError, MemoryError):
        raise
    except CallsCode as error:
        raise WbsiteError(
            f"{path} is refused: its weights call for {error.called}, and loading that would run code from the file.",
            "Export the network again, on the machine it comes from.",
        ) from error
    except Exception as error:  # of zipfile, json, pickle and torch, for damaged files; all mean the same
        if memory.wants_memory(error):
            raise
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise WbsiteError(f"{path} is truncated or damaged ({reason}).", DAMAGED) from error


def _program(path: Path, archive: zipfile.ZipFile) -> Program:
    names = archive.namelist()
    if _OLD in names:
        graph = _json(archive, _OLD)
        held = [_pickled(path, member(archive, f"serialized_{kind}.pt")) for kind in ("state_dict", "constants")]
    else:
        graphs = sorted(name for name in names if name.count("/") == 2 and name.split("/")[1] == "models")
        graphs = [name for name in graphs if name.endswith(".json")]
        if not graphs:
            raise WbsiteError(f"{path} holds no exported program.", "Save one with torch.export.save(…).")
        if len(graphs) > 1:
            raise WbsiteError(f"{path} holds {len(graphs)} programs.", "Save each in a file of its own.")
        root, _, file = graphs[0].split("/")
        if (order := f"{root}/byteorder") in names and member(archive, order).decode() != sys.byteorder:
            raise Malformed("its numbers are in the other order of bytes")
        graph, name = _json(archive, graphs[0]), file.removesuffix(".json")
        held = []
        for kind in ("weights", "constants"):
            folder = f"{root}/data/{kind}/"
            if f"{folder}{name}.pt" in names:
                held.append(_pickled(path, member(archive, f"{folder}{name}.pt")))
            else:
                held.append(_raw(path, archive, folder, _json(archive, f"{folder}{name}_{kind}_config.json")))
    weights, constants = held
    return Program(graph, weights, constants, str(graph.get("torch_version", "")))


def _json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    entries = json.loads(member(archive, name))
    if not isinstance(entries, dict):
        raise Malformed(f"{name} is no object")
    return entries


def _pickled(path: Path, data: bytes) -> dict[str, torch.Tensor]:
    """Tensors that torch.save wrote, read as a checkpoint is."""
    import torch

    from . import _pickles

    check_whole(path, io.BytesIO(data))
    entries = torch.load(io.BytesIO(data), map_location="cpu", weights_only=False, pickle_module=_pickles)
    if not isinstance(entries, dict):
        raise Malformed(f"its weights are a {type(entries).__name__}")
    return {str(name): value.detach() for name, value in entries.items() if isinstance(value, torch.Tensor)}


def _raw(path: Path, archive: zipfile.ZipFile, folder: str, config: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Tensors whose bytes lie in a file each; several may share one."""
    import torch

    stored: dict[tuple[str, int], torch.Tensor] = {}
    tensors: dict[str, torch.Tensor] = {}
    for name, entry in config["config"].items():
        file, meta = str(entry["path_name"]), entry["tensor_meta"]
        if meta is None:  # an object of a class
            continue
        if entry["use_pickle"]:
            data = member(archive, f"{folder}{file}")
            tensors |= _pickled_one(path, name, data)
            continue
        if meta["dtype"] not in TYPES:
            raise Malformed(f"{name} has numbers of type {meta['dtype']}")
        dtype = getattr(torch, TYPES[meta["dtype"]])
        sizes, strides = ([_integer(size) for size in meta[key]] for key in ("sizes", "strides"))
        offset = _integer(meta["storage_offset"])
        if (file, meta["dtype"]) not in stored:
            data = member(archive, f"{folder}{file}")
            whole = bytearray(data[: len(data) // dtype.itemsize * dtype.itemsize])
            stored[file, meta["dtype"]] = torch.frombuffer(whole, dtype=dtype) if whole else torch.empty(0, dtype=dtype)
        numbers = stored[file, meta["dtype"]]
        last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
        if min([offset, *sizes, *strides]) < 0 or (0 not in sizes and last >= len(numbers)):
            raise Malformed(f"{name} of sizes {sizes} does not fit into the {len(numbers)} numbers of {file}")
        tensors[name] = torch.as_strided(numbers, sizes, strides, offset)
    return tensors


def _pickled_one(path: Path, name: str, data: bytes) -> dict[str, torch.Tensor]:
    import torch

    from . import _pickles

    check_whole(path, io.BytesIO(data))
    value = torch.load(io.BytesIO(data), map_location="cpu", weights_only=False, pickle_module=_pickles)
    return {name: value.detach()} if isinstance(value, torch.Tensor) else {}


def _integer(size: Any) -> int:
    """A length that is not left open."""
    value = size["as_int"]
    if not isinstance(value, int):
        raise Malformed(f"a length is {value!r}")
    return value


def read(path: Path) -> Contents:
    """Parameters and buffers under the names that they had in the module; constants in a place of their own.

    Raises:
        WbsiteError: as `program_in`, or nothing of it is a floating-point tensor.
    """
    from ._tables import kernel_types, numbers

    program = program_in(path)
    held = {"": program.weights, "constants": program.constants}
    tables = {place: table for place, tensors in held.items() if (table := numbers(tensors, str(path))[0])}
    if not tables:
        raise WbsiteError(f"{path} holds no floating-point tensors by name.", "Export a network with its weights.")
    version = program.version if program.version.isascii() and program.version.isprintable() else ""
    name = f"torch.export{f' (from torch {version[:40]})' if version else ''}"
    place = next(iter(tables))
    return Contents(tables[place], name, types=kernel_types(held[place]), tables=tables)


def network(path: Path) -> torch.nn.Module:
    """The network that the graph is, on torch's functions."""
    from wbsite.models.file_networks.exported_network import ExportedNetwork

    return ExportedNetwork(path)


FORMATS = (Format("pt2", "programs of torch.export", (".pt2",), claims, read, module_names=True, network=network),)
