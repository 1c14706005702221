"""Reads what `torch.save` wrote: state dicts, checkpoints that hold them anywhere, whole modules. Runs no code from it.

Names and axes are those of torch's modules: (O, I / groups, kh, kw) for convolutions, (I, O / groups, kh, kw) for
transposed ones, (O, I) for linear layers. Half precision and bfloat16 become float32 without loss; numbers of eight
bits are multiplied by the scales that lie beside them (`X_scale`, `X_scale_inv`, `SCB`); four bits are refused. What a
checkpoint holds besides (options, schedulers, counters) is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError
from wbsite.models import memory

from ._archive import check_whole, names_in
from .base import DAMAGED, Contents, Format

if TYPE_CHECKING:
    import torch

WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "params", "generator")
"""Keys under which training scripts keep the state dict in a checkpoint, of which the first is taken where no network
decides."""


def claims(path: Path, head: bytes) -> bool:
    """An archive with a pickle of tensors, or the pickle that torch wrote before it wrote archives."""
    ends = {f"/{name}".rpartition("/")[2] for name in names_in(path, head)}
    if ends:
        return "data.pkl" in ends and "constants.pkl" not in ends  # else it is TorchScript's
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


def read(path: Path) -> Contents:
    """All tensors by name, wherever in a file they are.

    Raises:
        WbsiteError: the file is damaged, a pickle that would run code, or holds no tensors by name.
    """
    from ._tables import Steps, kernel_types, numbers, tables_in

    entries = _entries(path)
    found = dict(tables_in(entries, Steps(path)))
    if not found:
        raise _no_tensors(path, entries)
    tables, reasons = {}, []
    for place, table in found.items():
        values, left_out = numbers(table, f"{path}{f' ({place})' if place else ''}")
        if values:
            tables[place] = values
        reasons += left_out
    if not tables:
        raise _no_tensors(path, entries)
    place = main(tables)
    return Contents(
        without_wrappers(tables[place]), "torch state dict", types=kernel_types(found[place]), tables=tables
    )


def _entries(path: Path) -> Any:
    """What the file holds, read by torch with a reader of pickles that runs nothing."""
    import torch

    from . import _pickles

    try:
        check_whole(path)  # torch itself does not look at the checksums
        with path.open("rb") as file:  # by its name alone, torch would take a file for one of safetensors
            return torch.load(file, map_location="cpu", weights_only=False, pickle_module=_pickles)
    except (WbsiteError, MemoryError):
        raise
    except _pickles.CallsCode as error:
        raise WbsiteError(
            f"{path} is refused: besides tensors it calls for {error.called}, and loading that would run code from the"
            " file.",
            "Save only the parameters, with torch.save(model.state_dict(), …), on the machine it comes from.",
        ) from error
    except Exception as error:  # torch raises many kinds for damaged files; all mean the same
        if memory.wants_memory(error):
            raise
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(".") or type(error).__name__
        if "Invalid magic number" in reason:  # the pickle could be read, and does not begin as torch's do
            raise WbsiteError(
                f"{path} is a pickle, but torch.save did not write it.",
                "Save the parameters with torch.save(model.state_dict(), …), or arrays as .safetensors.",
            ) from error
        raise WbsiteError(f"{path} is truncated or is not a file that torch.save wrote ({reason}).", DAMAGED) from error


def main(tables: Mapping[str, Mapping[str, torch.Tensor]]) -> str:
    """The place whose tensors are meant where no network decides: under a usual key, else where most kernels lie."""
    kernels = {place: sum(tensor.ndim > 1 for tensor in table.values()) for place, table in tables.items()}
    most = max(kernels.values())

    def rank(place: str) -> tuple[bool, int]:
        last = place.rpartition(".")[2]
        return kernels[place] < most, WRAPPERS.index(last) if last in WRAPPERS else len(WRAPPERS)

    return min(tables, key=rank)


def without_wrappers(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Without the prefix that DataParallel puts before every name, and what torch.compile puts into them."""
    named = {key.replace("_orig_mod.", ""): value for key, value in state.items()}
    if all(key.startswith("module.") for key in named):
        named = {key.removeprefix("module."): value for key, value in named.items()}
    return named


def _no_tensors(path: Path, entries: Any) -> WbsiteError:
    if not isinstance(entries, Mapping):
        return WbsiteError(
            f"{path} holds a {type(entries).__name__}; expected a dictionary of tensors by name.",
            "Save it with torch.save(model.state_dict(), …).",
        )
    if not entries:
        return WbsiteError(
            f"{path} holds an empty dictionary; expected tensors by name.",
            "Save it with torch.save(model.state_dict(), …) from a network that has parameters.",
        )
    kinds = sorted({str(getattr(value, "dtype", type(value).__name__)) for value in entries.values()})
    names = [str(key) for key in entries]
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return WbsiteError(
        f"{path} holds no floating-point tensors by name; it holds {', '.join(kinds)} under {shown}.",
        "Save only the parameters, with torch.save(model.state_dict(), …).",
    )


FORMATS = (
    Format(
        "pytorch",
        "PyTorch's state dicts and checkpoints",
        (".pth", ".pt", ".ckpt", ".pth.tar", ".th", ".bin"),
        claims,
        read,
        module_names=True,
    ),
)
