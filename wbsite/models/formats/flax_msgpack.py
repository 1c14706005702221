"""Reads the `.msgpack` files that `flax.serialization` writes, and those of Hugging Face's Flax networks.

Such a file is one msgpack map of names to maps, and so on, down to arrays. An array is msgpack's extension 1: bytes
that are msgpack again, of (shape, name of the number type, values in row-major order). Arrays above 1 GiB come in
pieces. The map is what a script saved: the variables of a module ("params", "batch_stats"), its parameters alone, or a
training state.

- Names: collections drop out of the path, "params/stem/conv/kernel" becomes `stem.conv.weight`. `kernel`, `embedding`
  and `scale` become `weight`, `mean` and `var` of "batch_stats" `running_mean` and `running_var`. The order is the
  file's; where JAX had the map in hand before, it sorted the names, and they do not tell depth.
- Averaged parameters ("ema_params" and the like) are taken instead of the raw ones, and `format` says so. The
  optimizer's state and whole numbers (counters, random keys) are left out.
- Convolutions: (kh, kw, I/groups, O) → (O, I/groups, kh, kw). A depthwise kernel is (kh, kw, 1, C) → (C, 1, kh, kw) by
  the same permutation; with one or three axes of space likewise.
- Transposed convolutions: a `ConvTranspose` keeps (kh, kw, I, O) and slides that over the spread-out input as an
  ordinary convolution does; torch's transposed kernel is (I, O, kh, kw) and the mirror image of it in both axes of
  space. (With `transpose_kernel` it keeps (kh, kw, O, I), not mirrored; only the length of the bias tells.) The file
  tells transposed from ordinary by the name alone that Flax gives a layer without one, `ConvTranspose_0`; these have
  torch's kernel. Others are read as ordinary convolutions: (O, I, kh, kw), not mirrored.
- Dense layers: (I, O) → (O, I). In attention, query, key and value (I, heads, d) → (heads·d, I), out (heads, d, O) →
  (O, heads·d), biases (heads, d) → (heads·d).
- Number types: float16, bfloat16, 8-bit floats and float64 become float32. A kernel of whole numbers is refused: its
  scale is not in the file. Complex arrays are left out.
- Channel order: red, green, blue, as in everything that Flax networks are trained on; the file does not tell.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError, optional
from wbsite.models import memory

from .base import DAMAGED, Contents, Convolution, Format, number_types

if TYPE_CHECKING:
    import torch

ARRAY = 1
CHUNKED = "__msgpack_chunked_array__"
FIRST_KEY = re.compile(rb"(?:[\x81-\x8f]|\xde..|\xdf....)(?:[\xa1-\xbf]|\xd9.|\xda..)[\x20-\x7e]", re.DOTALL)
FIRST_ARRAY = re.compile(rb"(?:\xd8|\xc7.|\xc8..|\xc9....)\x01\x93", re.DOTALL)
FLOATS = frozenset({"float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"})
INTEGERS = frozenset({"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"})

MAX_ENTRIES = 1 << 20
MAX_CHILDREN = 1 << 14
"""Objects in a file and in one of its maps: each costs a hundred times the one byte it may have in the file."""

MAX_DEPTH = 100

COLLECTIONS = frozenset({"params", "batch_stats"})
AVERAGED = frozenset({"ema", "ema_params", "params_ema", "ema_batch_stats", "avg_params", "averaged_params"})
OPTIMIZER = frozenset({"opt_state", "optimizer_state", "opt", "param_states"})
TRANSPOSED = re.compile(r"ConvTranspose_\d+")
CONVOLUTION = re.compile(r"Conv(Transpose)?_\d+")
"""Names that Flax itself gives."""
LEAVES = {"kernel": "weight", "embedding": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}
ATTENTION = frozenset({"query", "key", "value", "out"})


class Malformed(Exception):
    """The bytes are not what Flax writes here; the text says what is wrong."""


class _Budget:
    """Counts the objects of a file and refuses one with more than weights need."""

    def __init__(self) -> None:
        self.entries = 0

    def __call__(self, container: Any) -> Any:
        self.entries += len(container) + 1
        if self.entries > MAX_ENTRIES:
            raise Malformed(f"it has more than {MAX_ENTRIES} entries, which no checkpoint of a network has")
        return container


def claims(path: Path, head: bytes) -> bool:
    """A msgpack map that begins with a name, with one of Flax's arrays among the first bytes."""
    return FIRST_KEY.match(head) is not None and FIRST_ARRAY.search(head) is not None


def read(path: Path) -> Contents:
    """The weights of a checkpoint.

    Raises:
        WbsiteError: msgpack is not installed; the file is damaged, of another format, or holds no weights.
    """
    state: dict[str, torch.Tensor] = {}
    types: list[str] = []
    convolutions: dict[str, Convolution] = {}
    try:
        selected, averaged = _selected(_tree(path))
        heads, transposed = _attention(selected), _transposed(selected)
        for names in list(selected):  # each is let go once it is a tensor
            shape, kind, values = selected.pop(names)
            leaf = names[-1] if names else "value"
            if kind in INTEGERS and leaf == "kernel":
                raise WbsiteError(
                    f"{'/'.join(names)} in {path} is of type {kind}, and its scale is not in the file.",
                    "Save the kernels as floating-point numbers, before they are quantised.",
                )
            if kind not in FLOATS or 0 in shape:
                continue
            name = ".".join((*names[:-1], LEAVES.get(leaf, leaf)))
            if name in state:
                name = ".".join(names)
                if name in state:
                    raise Malformed(f"two arrays are called {name}")
            tensor = _tensor(shape, kind, values, names, names[:-2] in heads)
            if leaf == "kernel" and names[:-1] in transposed:
                tensor = _turned(tensor, transposed[names[:-1]])
            state[name] = tensor
            if leaf == "kernel" and len(shape) > 2 and len(names) > 1 and CONVOLUTION.fullmatch(names[-2]):
                convolutions[name] = Convolution(transposed=names[:-1] in transposed)
            types += [kind] * (len(shape) > 1)
    except Malformed as error:
        raise WbsiteError(f"{path} cannot be read as a Flax checkpoint: {error}.", DAMAGED) from error
    if not state:
        raise WbsiteError(
            f"{path} holds no arrays of weights under names; expected a checkpoint of a Flax network.",
            "Save it with flax.serialization.to_bytes(variables); folders that Orbax writes are not read.",
        )
    kind = f"Flax msgpack, averaged weights ({', '.join(sorted(averaged))})" if averaged else "Flax msgpack"
    return Contents(state, kind, types=number_types(types), convolutions=convolutions)


Array = tuple[tuple[int, ...], str, "bytes | list[bytes]"]


def _tree(path: Path) -> dict[str, Any]:
    """The file's map, each array in it as (shape, type, its bytes in one piece or several)."""
    with optional(f"reading {path}", "formats"):
        import msgpack
    budget = _Budget()

    def array(code: int, data: bytes) -> Any:
        if code != ARRAY:
            return None
        message = msgpack.unpackb(
            data, raw=False, max_array_len=64, max_map_len=0, max_ext_len=0, max_str_len=64, max_bin_len=len(data),
            list_hook=budget,
        )  # fmt: skip
        if not (isinstance(message, list) and len(message) == 3 and isinstance(message[2], bytes)):
            raise Malformed("an array in it is not a shape, a type and values")
        shape, kind, values = message
        return _checked(shape, kind, values)

    try:
        data = path.read_bytes()
        tree = msgpack.unpackb(
            data, raw=False, ext_hook=array, object_hook=budget, list_hook=budget, max_map_len=MAX_CHILDREN,
            max_array_len=MAX_CHILDREN, max_ext_len=len(data), max_str_len=len(data), max_bin_len=len(data),
        )  # fmt: skip
    except OSError as error:
        raise WbsiteError(f"{path} cannot be read ({error.strerror}).", "Give a file you may read.") from error
    except (msgpack.UnpackException, ValueError, Malformed, OverflowError) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        raise WbsiteError(f"{path} is truncated or is not a Flax checkpoint: {reason}.", DAMAGED) from error
    if not isinstance(tree, dict):
        raise WbsiteError(f"{path} is not a Flax checkpoint: it holds a {type(tree).__name__}, not a map.", DAMAGED)
    return tree


def _checked(shape: Any, kind: Any, values: bytes | list[bytes]) -> Array:
    """An array whose length is what its shape and type ask for."""
    if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < 1 << 40 for size in shape):
        raise Malformed("an array's shape is no list of lengths")
    if not isinstance(kind, str):
        raise Malformed("an array's type has no name")
    length = len(values) if isinstance(values, bytes) else sum(map(len, values))
    bits = re.fullmatch(r"[a-z]+(8|16|32|64)(?:_\w+)?|bool", kind)
    if kind in FLOATS | INTEGERS and bits and math.prod(shape) * int(bits[1] or 8) // 8 != length:
        raise Malformed(f"an array of shape {tuple(shape)} and type {kind} has {length} bytes")
    return tuple(shape), kind, values


def _leaves(tree: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Array]]:
    """(names on the way, array) of every array, in the file's order."""
    for key, value in tree.items():
        # Shards of Hugging Face have one level, with "/" in the names; nnx keeps the array under "value".
        names = (*above, *str(key).split("/"))
        if len(names) > MAX_DEPTH:
            raise Malformed(f"its names are nested more than {MAX_DEPTH} deep")
        if isinstance(value, dict) and CHUNKED in value:
            yield names, _joined(value)
        elif isinstance(value, dict):
            yield from _leaves(value, names)
        elif isinstance(value, tuple):
            yield names[:-1] if names[-1] in ("value", "raw_value") and len(names) > 1 else names, value


def _joined(entry: dict[str, Any]) -> Array:
    shape, chunks = (
        list(part.values()) if isinstance(part, dict) else part for part in map(entry.get, ("shape", "chunks"))
    )
    if not (isinstance(chunks, list) and chunks and all(isinstance(chunk, tuple) for chunk in chunks)):
        raise Malformed("an array in pieces lacks them")
    kinds = {kind for _, kind, _ in chunks}
    if len(kinds) > 1:
        raise Malformed(f"the pieces of an array are of types {', '.join(sorted(kinds))}")
    return _checked(shape, kinds.pop(), [values for _, _, values in chunks])


def _selected(tree: dict[str, Any]) -> tuple[dict[tuple[str, ...], Array], set[str]]:
    """The network's own arrays by the names of its modules, and the keys under which averaged ones were found."""
    raw: dict[tuple[str, ...], Array] = {}
    average: dict[tuple[str, ...], Array] = {}
    leaves = list(_leaves(tree, ()))
    collections = any(COLLECTIONS & {*names} or AVERAGED & {*names[:2]} for names, _ in leaves)
    averaged: set[str] = set()
    for names, array in leaves:
        if names[:2] == ("optimizer", "target"):  # where flax.optim kept the parameters
            names = names[2:]
        keys = AVERAGED & {*names[:2]}
        if OPTIMIZER & {*names} or names[:1] == ("optimizer",) or (collections and not keys | COLLECTIONS & {*names}):
            continue
        averaged |= keys
        modules = tuple(name for name in names if name not in COLLECTIONS | keys)
        (average if keys else raw)[modules] = array
    return {**raw, **average}, averaged


def _attention(selected: dict[tuple[str, ...], Array]) -> set[tuple[str, ...]]:
    """Modules whose query, key, value and out are all kernels with an axis for the heads."""
    parts: dict[tuple[str, ...], set[str]] = {}
    for names, (shape, _, _) in selected.items():
        if len(shape) == 3 and names[-1:] == ("kernel",) and len(names) > 1:
            parts.setdefault(names[:-2], set()).add(names[-2])
    return {module for module, kernels in parts.items() if kernels >= ATTENTION}


def _transposed(selected: dict[tuple[str, ...], Array]) -> dict[tuple[str, ...], bool]:
    """Modules that are transposed convolutions → whether the axes of their kernels lie as in ordinary ones."""
    modules = {}
    for names, (shape, _, _) in selected.items():
        if names[-1:] == ("kernel",) and len(shape) > 2 and len(names) > 1 and TRANSPOSED.fullmatch(names[-2]):
            units = selected.get((*names[:-1], "bias"), ((), "", b""))[0]
            modules[names[:-1]] = units == shape[-1:] or units != shape[-2:-1]
    return modules


def _turned(tensor: torch.Tensor, ordinary: bool) -> torch.Tensor:
    """A transposed convolution's kernel (O, I, …) mirrored to (I, O, …), unless it is that already."""
    return tensor.transpose(0, 1).flip(*range(2, tensor.ndim)).contiguous() if ordinary else tensor


def _tensor(
    shape: tuple[int, ...], kind: str, values: bytes | list[bytes], names: tuple[str, ...], heads: bool
) -> torch.Tensor:
    """An array with torch's axes, as float32.

    Args:
        heads: the layer is a part of an attention module.
    """
    import torch

    memory.take(8 * math.prod(shape), ".".join(names))
    joined = bytearray(values) if isinstance(values, bytes) else bytearray().join(values)
    tensor = torch.frombuffer(joined, dtype=getattr(torch, kind)).to(torch.float32).reshape(shape)
    if heads and names[-2] in ATTENTION and names[-1] == "bias":
        return tensor.reshape(-1)
    if names[-1:] != ("kernel",) or tensor.ndim < 2:
        return tensor
    if heads and names[-2] in ATTENTION:
        tensor = tensor.reshape(-1, shape[-1]) if names[-2] == "out" else tensor.reshape(shape[0], -1)
    return tensor.movedim((-1, -2), (0, 1)).contiguous()


FORMATS = (Format("flax", "Flax, and Hugging Face's Flax networks", (".msgpack",), claims, read),)
