"""What a format of weights files is to wbsite, and what reading a file of it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

DAMAGED = "Download or copy the file again; if it stays so, it was damaged where it came from."
"""Hint for a file that its reader refuses."""


LONGEST = 120
"""Characters of a name in a message."""

HEAD = 4096
"""Bytes at the beginning of a file by which formats are told apart."""


class NoForwardPass(Exception):
    """A file of a format that describes networks has weights alone, or a network that is not run; the text says why."""


class Convolution(NamedTuple):
    """What a file tells of a convolution besides its numbers.

    Attributes:
        transposed: whether it is a transposed one.
        groups: in which it takes its channels; None where the file does not tell.
    """

    transposed: bool = False
    groups: int | None = None


@dataclass(frozen=True)
class Contents:
    """What a weights file holds.

    Attributes:
        state: the file's own parameter names → float32 tensors. Names and axes are those of torch (LAYER.weight of
            shape (O, I / groups, kh, kw) or (O, I), LAYER.bias (O)), as far as the format tells. A transposed
            convolution's weight is (I, O / groups, kh, kw), turned so that torch.conv_transpose2d with it computes what
            the framework does.
        format: what the file is, in words for the record of provenance.
        bgr: the first convolution reads blue, green, red (Caffe's habit, and that of the Keras
            networks converted from it).
        types: number types of the file's kernels, such as "uint8": how finely they were rounded.
        provenance: the record in a file that wbsite wrote itself; empty for others.
        convolutions: names in `state` of kernels of convolutions → what the file tells of these; kernels of which it
            does not even tell whether they are transposed are not among them.
        left_out: names of layers whose weights the file has and that are not among these → why.
        tables: where a file may hold weights in several places, or under names with prefixes: keys that lead to each
            place ("model.ema") → its names as they stand → float32 tensors. `state` is one of them.
    """

    state: dict[str, torch.Tensor]
    format: str
    bgr: bool = False
    types: str = "float32"
    provenance: Mapping[str, Any] = field(default_factory=dict)
    convolutions: Mapping[str, Convolution] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, torch.Tensor]] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """One kind of weights file.

    A file of this folder defines `FORMATS`, a tuple of these. Its imports of torch and numpy are inside its functions,
    so that the formats can be listed without them.

    Attributes:
        name: what tells it from the others.
        summary: what keeps weights so, for the list of formats.
        suffixes: that such files usually have, in lower case with the dot. They decide only where content does not:
            for a file that no format claims, as a damaged one.
        claims: (path, its first HEAD bytes) → whether it is of this format, by its content, however it is called. Never
            raises; reads no more of the file than it has to.
        read: path of an existing file → its contents. Raises WbsiteError for a file that is damaged, of another
            format, or could run code.
        network: path → the network whose forward pass the file describes, its calls those of torch; None where files
            of the format hold weights alone. What the file says of itself are attributes of the module: `input_shape`,
            `input_space` (None where the order of colours is not said), `reading`. Raises as `read`, and NoForwardPass
            for a file that gives weights alone.
        module_names: whether the names in such a file are those of a torch module's parameters, so that a network of
            the user's own can be loaded from it.
    """

    name: str
    summary: str
    suffixes: tuple[str, ...]
    claims: Callable[[Path, bytes], bool]
    read: Callable[[Path], Contents]
    module_names: bool = False
    network: Callable[[Path], torch.nn.Module] | None = None


def is_there(path: Path) -> bool:
    """Whether a file is there that another one names; a name can be too long for any, or hold what none can."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def shown(name: str) -> str:
    """A name out of a file as messages give it: no longer than names are, and of characters that can be written."""
    return (name if len(name) <= LONGEST else f"{name[:LONGEST]}…").encode("utf-8", "replace").decode()


def groups_of(channels: int, shape: Sequence[int]) -> int | None:
    """Groups in which kernels of the shape (O, I / groups, …) take so many channels; None where they cannot."""
    groups, rest = divmod(channels, shape[1]) if shape[1] else (0, 0)
    return groups if groups > 0 and not rest and not shape[0] % groups else None


def number_types(names: Iterable[str]) -> str:
    """`Contents.types` from the types of several arrays: "torch.float16", "uint8" → "float16, uint8"."""
    return ", ".join(sorted({name.removeprefix("torch.") for name in names}))
