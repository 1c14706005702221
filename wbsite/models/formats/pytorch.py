"""Reads `.pth` and `.pt` files that `torch.save` wrote; runs no code from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

from wbsite.core.errors import WbsiteError

from ._archive import names_in
from .base import DAMAGED, Contents, Format

WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which training scripts keep the state dict in a checkpoint."""


def claims(path: Path, head: bytes) -> bool:
    """An archive with a pickle of tensors, or the pickle that torch wrote before it wrote archives."""
    names = names_in(path, head)
    archive = any(name.endswith("/data.pkl") or name == "data.pkl" for name in names)
    return archive or (head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"))


def read(path: Path) -> Contents:
    """The state dict of a file, wherever in a checkpoint it is.

    Raises:
        WbsiteError: the file is damaged, a pickle that would run code, or holds no state dict.
    """
    import torch

    from ._tensors import kernel_types, named_tensors

    try:
        with path.open("rb") as file:  # by its name alone, torch would take a file for one of safetensors
            entries = torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        call = re.search(r"GLOBAL ([\w.]+)|call reduce for unrecognized function (.+)", str(error))
        if call is None:
            raise WbsiteError(f"{path} is damaged or is not a file that torch.save wrote.", DAMAGED) from error
        raise WbsiteError(
            f"{path} is refused: besides tensors it calls for {call[1] or call[2]}, and loading that would run "
            "code from the file.",
            "Save only the parameters, with torch.save(model.state_dict(), …), on the machine it comes from.",
        ) from error
    except Exception as error:  # torch raises many kinds for damaged files; all mean the same
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WbsiteError(f"{path} is truncated or is not a file that torch.save wrote ({reason}).", DAMAGED) from error
    while isinstance(entries, Mapping) and (
        wrapper := next((key for key in WRAPPERS if isinstance(entries.get(key), Mapping)), "")
    ):
        entries = entries[wrapper]
    if not isinstance(entries, Mapping):
        raise WbsiteError(
            f"{path} holds a {type(entries).__name__}; expected a dictionary of tensors by name.",
            "Save it with torch.save(model.state_dict(), …).",
        )
    return Contents(named_tensors(entries, path), "torch state dict", types=kernel_types(entries))


FORMATS = (
    Format(
        "pytorch",
        "PyTorch's state dict",
        (".pth", ".pt", ".ckpt", ".pth.tar", ".th", ".bin"),
        claims,
        read,
        module_names=True,
    ),
)
