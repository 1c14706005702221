"""Reads Darknet's `.weights` files with the network's `.cfg` beside them.

A `.weights` file is a header (major, minor, revision: 32-bit integers; images seen: 64 bits from version 0.2 on, 32
before) and then every layer's numbers, float32, without names or lengths. Those follow from the `.cfg`: the one of the
same name, or the only one in the folder. Layers are called after their section and Darknet's own number, as in
`convolutional_0`; the batch normalisation of such a layer is `batch_norm_0`, and one of its own `batchnorm_0`.

- Convolutions: biases (O), with batch normalisation scales, means and variances (O) as well, weights (O, I/groups, kh,
  kw), as in torch and not mirrored. With batch normalisation the biases are its biases, and the convolution has none.
- Transposed convolutions (`deconvolutional`): weights (I, O, kh, kw), as in torch, not mirrored.
- Connected layers: biases (O), weights (O, I), then scales, means and variances. I counts channels, rows, columns in
  this order, as torch's flatten does. Files with a version above 1000 have (I, O) there.
- `batchnorm`: biases, scales, means, variances; Darknet's first line of versions wrote no biases. The length decides.
- `local` layers, which have kernels for every place, and weighted shortcuts are passed over; `format` says which.
  Layers with a memory (rnn, gru, lstm, crnn, conv_lstm) are refused.
- Variances are without Darknet's epsilon (1e-6 or 1e-5), which it adds after or before the root by version.
- Channel order: red, green, blue, of values between 0 and 1.
- Every number in the file must belong to a layer: too few or too many are an error. `dontload` and `numload` are
  ignored, since Darknet saves all layers whatever they say.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from wbsite.core.errors import WbsiteError
from wbsite.models import memory

from ._darknet_cfg import Malformed, Plan, Unknown, plan, sections
from .base import Contents, Format

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

MAX_CFG = 1 << 20
HINT = "Give the .cfg of the very network that the weights were saved from, whole, not of its first layers."


def claims(path: Path, head: bytes) -> bool:
    """A header with one of Darknet's versions and zeros where images seen have their highest bits, beside a `.cfg`."""
    if len(head) < 20:
        return False
    major, minor, revision = (int.from_bytes(head[i : i + 4], "little") for i in (0, 4, 8))
    if (major, minor) == (0, 0) or major > 1 or minor > 9 or revision > 9:
        return False
    try:
        return _cfg(path) is not None
    except OSError:
        return False


def read(path: Path) -> Contents:
    """The weights of every layer with its name.

    Raises:
        WbsiteError: there is no `.cfg`, or several; the two do not fit each other; a layer is of an unknown kind.
    """
    import numpy as np
    import torch

    try:
        cfg = _cfg(path)
        if cfg is None:
            raise WbsiteError(
                f"{path} needs the .cfg of its network beside it; a Darknet file holds numbers alone.",
                f"Put {path.with_suffix('.cfg').name} into the same folder.",
            )
        with cfg.open("rb") as file:
            text = file.read(MAX_CFG + 1)
        data = path.read_bytes()
    except OSError as error:
        raise WbsiteError(f"{path} cannot be read ({error.strerror}).", "Give files you may read.") from error
    state: dict[str, torch.Tensor] = {}
    try:
        version, old, values = _numbers(data)
        contents = _fitting(text, old, values.size)
        position = 0
        for name, layer, shape, transposed in contents.entries:
            count = math.prod(shape)
            if position + count > values.size:
                wanted = f"{name or layer}, of {' × '.join(map(str, shape))} values"
                raise Malformed(f"it ends in {wanted}, after {values.size - position} of them")
            if name:
                memory.take(4 * count, name)
                array = values[position : position + count]
                array = array.reshape(-1, shape[0]).T.reshape(shape) if transposed else array.reshape(shape)
                state[name] = torch.from_numpy(np.array(array, np.float32, order="C"))
            position += count
        excess = 4 * (values.size - position) + len(data) % 4
        if excess:
            last = contents.entries[-1][1] if contents.entries else "the header"
            raise Malformed(f"{excess} bytes are left over after {last}")
    except Malformed as error:
        raise WbsiteError(f"{path} does not fit {cfg.name}: {error}.", HINT) from error
    except Unknown as error:
        raise WbsiteError(
            f"{path} cannot be read: {error} in {cfg.name} is of a kind whose weights wbsite does not know.",
            "Cut the .cfg before that layer, and save the layers before it with Darknet's command partial.",
        ) from error
    without = f", without {', '.join(contents.skipped)}" if contents.skipped else ""
    return Contents(state, f"Darknet {version}{without}", convolutions=contents.convolutions)


def _numbers(data: bytes) -> tuple[str, bool, NDArray[np.float32]]:
    """(version, whether connected layers are transposed, all numbers after the header)."""
    import numpy as np

    major, minor, revision = (int.from_bytes(data[i : i + 4], "little", signed=True) for i in (0, 4, 8))
    old = major > 1000 or minor > 1000
    header = 20 if major * 10 + minor >= 2 and not old else 16
    if len(data) < header:
        raise Malformed("the header is cut off")
    count = (len(data) - header) // 4
    values = np.frombuffer(data, "<f4", count, header) if count else np.empty(0, np.float32)
    return f"{major}.{minor}.{revision}", old, values


def _fitting(text: bytes, old: bool, size: int) -> Plan:
    """What the file must hold, by its `.cfg`; with or without biases of `batchnorm` layers, whichever fits its size."""
    if len(text) > MAX_CFG:
        raise Malformed("the .cfg is too long to be one")
    network = sections(text.decode("utf-8", "replace"))
    plans = [plan(network, old, biases) for biases in (True, False)]
    return next((candidate for candidate in plans if candidate.size == size), plans[0])


def _cfg(path: Path) -> Path | None:
    """The `.cfg` of the same name, or the only one in the folder."""
    same = path.with_suffix(".cfg")
    if same.is_file():
        return same
    others = [entry for entry in path.absolute().parent.iterdir() if entry.suffix == ".cfg" and entry.is_file()]
    return others[0] if len(others) == 1 else None


FORMATS = (Format("darknet", "Darknet, with the .cfg of its network beside it", (".weights",), claims, read),)
