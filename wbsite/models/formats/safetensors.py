"""Reads `.safetensors` files, those that wbsite writes among them."""

from __future__ import annotations

from pathlib import Path

from wbsite.core.errors import WbsiteError

from .base import DAMAGED, Contents, Format


def claims(path: Path, head: bytes) -> bool:
    """By its header's length, and the brace with which the header begins."""
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 40


def read(path: Path) -> Contents:
    """The tensors of a file, with wbsite's record where it wrote the file itself.

    Raises:
        WbsiteError: the file is truncated or damaged, of one that wbsite wrote by its digests, or holds no
            floating-point tensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from wbsite.models.weights import check_data, read_provenance

    from ._tables import kernel_types, numbers
    from .pytorch import without_wrappers

    provenance = read_provenance(path)
    check_data(path, provenance)
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise WbsiteError(f"{path} is damaged: {error}.", DAMAGED) from error
    table, left_out = numbers(state, str(path))
    if not table:
        raise WbsiteError(
            f"{path} holds no floating-point tensors; it holds {', '.join(left_out[:3]) or 'nothing'}.",
            "Save a network's weights as floating-point numbers.",
        )
    types = kernel_types(state)
    return Contents(without_wrappers(table), "safetensors", types=types, provenance=provenance, tables={"": table})


FORMATS = (Format("safetensors", "safetensors", (".safetensors",), claims, read, module_names=True),)
