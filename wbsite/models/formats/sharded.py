"""Reads weights that lie in several files, which an index joins, as those of large networks on the Hugging Face Hub.

The index (`model.safetensors.index.json`, `pytorch_model.bin.index.json`) is a JSON object whose `weight_map` gives the
file of every tensor. The files lie beside it, and are read as what they are: safetensors, or checkpoints of PyTorch.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError
from wbsite.models import memory

from . import pytorch, safetensors
from .base import DAMAGED, HEAD, Contents, Format, is_there, shown

if TYPE_CHECKING:
    import torch

SUFFIXES = (".safetensors.index.json", ".bin.index.json")
LARGEST = 1 << 28
"""Bytes of an index."""


def claims(path: Path, head: bytes) -> bool:
    """A JSON object with a `weight_map` near its beginning."""
    return head.lstrip()[:1] == b"{" and b'"weight_map"' in head


def read(path: Path) -> Contents:
    """The tensors of all files that the index names.

    Raises:
        WbsiteError: the index is damaged, names files elsewhere than beside it or files that are not there, or one of
            these is damaged or of another kind, or they hold nothing that it names.
    """
    places = _weight_map(path)
    state: dict[str, torch.Tensor] = {}
    types, kinds = set[str](), set[str]()
    for name in dict.fromkeys(places.values()):
        contents = _piece(path, name)
        table = contents.tables.get("", contents.state)
        state |= {key: value for key, value in table.items() if places.get(key) == name}
        types |= {*filter(None, contents.types.split(", "))}
        kinds.add(contents.format)
    if not state:
        raise WbsiteError(f"{path} joins files that hold none of the weights it names.", DAMAGED)
    kind = f"{' and '.join(sorted(kinds))} in {len(set(places.values()))} files"
    return Contents(pytorch.without_wrappers(state), kind, types=", ".join(sorted(types)), tables={"": state})


def files(path: Path) -> list[str]:
    """Names of the files that an index joins; raises as `read`."""
    return list(dict.fromkeys(_weight_map(path).values()))


def _weight_map(path: Path) -> dict[str, str]:
    """Tensor → the file beside the index that holds it."""
    if path.stat().st_size > LARGEST:
        raise WbsiteError(f"{path} is too long for an index of weights: {path.stat().st_size} bytes.", DAMAGED)
    try:
        index: Any = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise WbsiteError(f"{path} is truncated or is no JSON ({error}).", DAMAGED) from error
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise WbsiteError(f"{path} has no weight_map of tensors to files.", DAMAGED)
    outside = next((name for name in places.values() if PurePath(name).name != name or "\\" in name), None)
    if outside is not None:
        raise WbsiteError(
            f"{path} names {shown(outside)!r}, which is not a file beside it.", "Lay all files in one folder."
        )
    return places


def _piece(path: Path, name: str) -> Contents:
    piece = path.parent / name
    if not is_there(piece):
        raise WbsiteError(
            f"{path} joins {shown(name)}, which is not beside it.", "Copy all files of the network together."
        )
    memory.include(piece)
    with piece.open("rb") as file:
        head = file.read(HEAD)
    for reader in (safetensors, pytorch):
        if reader.claims(piece, head):
            return reader.read(piece)
    raise WbsiteError(f"{piece} is neither of safetensors nor of PyTorch.", DAMAGED)


FORMATS = (Format("sharded", "weights in several files with an index", SUFFIXES, claims, read, module_names=True),)
