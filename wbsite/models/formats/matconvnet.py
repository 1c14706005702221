"""Reads the `.mat` files of MatConvNet: SimpleNN and DagNN networks in MATLAB's format 5.0.

A SimpleNN network is a cell array `layers` of structures with a `type`, a `name`, and `weights` (or, before version
1.0, `filters` and `biases`). A DagNN network has structure arrays `layers`, with the names of their parameters, and
`params`. Either lies in a variable `net` or is spread over the file's variables.

- Convolutions: (kh, kw, I/groups, O) → (O, I/groups, kh, kw); the kernel slides without being mirrored, as in torch.
  MATLAB drops trailing axes of length 1 (I = O = 1, or O = 1), which come back. Depthwise ones are groups of one
  channel. The number of groups follows from the channels of the layer before, in SimpleNN networks.
- Transposed convolutions (`convt`): (kh, kw, O/groups, I) → (I, O/groups, kh, kw), the axes of torch's transposed
  kernels, and not mirrored either.
- Fully connected layers are convolutions there, with kernels as large as the image: (O, I, kh, kw).
- Batch normalisation: gains → `weight`, biases → `bias`. Moments (C, 2) are the mean and sqrt(variance + epsilon), from
  which `running_var` is computed with the layer's own epsilon, or 1e-5 where it has none.
- Channel order: red, green, blue, as `imread` gives it; networks that were converted from Caffe were turned round.
- An average image is mentioned in `format`, not read.
- Number types: single and double become float32; whole numbers are taken as they are.
- Left out: everything but layers' parameters. MATLAB's format 7.3 (HDF5), arrays of the GPU and objects are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError
from wbsite.models import memory

from . import _matlab
from .base import DAMAGED, Contents, Convolution, Format, groups_of, number_types

if TYPE_CHECKING:
    import torch

VERSIONS = (b"\x00\x01IM", b"\x01\x00MI")
HDF5_VERSION = b"\x00\x02IM"
HDF5 = b"\x89HDF\r\n\x1a\n"
VARIABLES = frozenset({"net", "layers", "params", "meta", "normalization"})
EPSILON = 1e-5
PARTS = ("weight", "bias")
BLOCKS = {"dagnn.Conv": "conv", "dagnn.ConvTranspose": "convt", "dagnn.BatchNorm": "bnorm"}
"""DagNN's classes of layers by SimpleNN's types."""
KEEP_CHANNELS = frozenset(
    {"bnorm", "dropout", "noffset", "normalize", "normalizelp", "pool", "relu", "sigmoid", "spnorm"}
)
"""Types of layers with as many channels as their input."""


def claims(path: Path, head: bytes) -> bool:
    """MATLAB's header, of the format read or of the later one, which `read` refuses in words."""
    return len(head) >= _matlab.HEADER and (head[124:128] in VERSIONS or _later(head))


def _later(head: bytes) -> bool:
    return head[124:128] == HDF5_VERSION and head[512:520] == HDF5


def read(path: Path) -> Contents:
    """The weights of every layer that has some.

    Raises:
        WbsiteError: the file is damaged, of MATLAB's format 7.3, or holds no network of MatConvNet.
    """
    import numpy as np
    import torch

    try:
        data = path.read_bytes()
    except OSError as error:
        raise WbsiteError(f"{path} cannot be read ({error.strerror}).", "Give a file you may read.") from error
    if _later(data[:520]):
        raise WbsiteError(
            f"{path} is of MATLAB's format 7.3 (HDF5); expected format 5.0.",
            "Load it in MATLAB and save it with save(file, '-struct', 'net', '-v7').",
        )
    if data[124:128] not in VERSIONS:
        raise WbsiteError(f"{path} is truncated or is not a MATLAB file of format 5.0.", DAMAGED)
    state: dict[str, torch.Tensor] = {}
    types: list[str] = []
    convolutions: dict[str, Convolution] = {}
    try:
        network = _matlab.variables(memoryview(data), VARIABLES)
        network = _structure(network.get("net")) or network
        dag = isinstance(_structure(network.get("params")), dict)
        for name, array, convolution in _dag(network) if dag else _simple(network):
            if name in state:
                raise _matlab.Malformed(f"{name} is there twice")
            memory.take(4 * array.size, name)
            with np.errstate(over="ignore", invalid="ignore"):
                state[name] = torch.from_numpy(np.array(array, np.float32, order="C"))
            if convolution is not None:
                convolutions[name] = convolution
            types += [f"{array.dtype}"] * (array.ndim > 1)
    except _matlab.Malformed as error:
        raise WbsiteError(f"{path} is truncated or damaged: {error}.", DAMAGED) from error
    if not state:
        raise WbsiteError(
            f"{path} holds no network of MatConvNet; expected its layers and their weights.",
            "Save the network itself with save(file, '-struct', 'net'); a DagNN first with net = net.saveobj().",
        )
    kind = f"MatConvNet ({'DagNN' if dag else 'SimpleNN'}{_average(network)})"
    return Contents(state, kind, types=number_types(types), convolutions=convolutions)


Part = tuple[str, Any, "Convolution | None"]
"""Name and array of a parameter with torch's axes; what is known of the convolution that it is the kernel of."""


def _structure(value: Any) -> dict[str, Any] | None:
    """The first of a structure array; None where it is none."""
    return value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else None


def _cell(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _average(network: Mapping[str, Any]) -> str:
    """Words for the average image's axes, or nothing where the file has none."""
    import numpy as np

    for holder in (_structure(network.get("meta")) or {}, network):
        image = (_structure(holder.get("normalization")) or {}).get("averageImage")
        if isinstance(image, np.ndarray):
            return f", with an average image of {' × '.join(map(str, image.shape))}"
    return ""


def _simple(network: Mapping[str, Any]) -> Iterator[Part]:
    """A SimpleNN network's parameters."""
    names: set[str] = set()
    channels = 0  # of the layer's input; 0 where they are not known
    for i, entry in enumerate(_cell(network.get("layers"))):
        layer = _structure(entry)
        if layer is None:
            continue
        name = layer.get("name")
        name = name if isinstance(name, str) and name and name not in names else f"layer{i + 1}"
        names.add(name)
        weights = layer["weights"] if "weights" in layer else [layer.get("filters"), layer.get("biases")]
        kind, units = str(layer.get("type")), 0
        for part in _layer(name, kind, _cell(weights), layer, channels):
            units = len(part[1]) if part[2] is not None else units
            yield part
        if kind not in KEEP_CHANNELS:
            channels = units if kind == "conv" else 0


def _dag(network: Mapping[str, Any]) -> Iterator[Part]:
    """A DagNN network's parameters; those of no layer come last."""
    values = {entry.get("name"): entry.get("value") for entry in network["params"] if isinstance(entry, dict)}
    unused = dict(values)
    for i, layer in enumerate(_cell(network.get("layers"))):
        if not isinstance(layer, dict):
            continue
        names = [name for name in _cell(layer.get("params")) if isinstance(name, str)]
        missing = [name for name in names if name not in values]
        name = layer["name"] if isinstance(layer.get("name"), str) else f"layer{i + 1}"
        if missing:
            raise _matlab.Malformed(f"the layer {name} names parameters that are not there: {', '.join(missing)}")
        kind = BLOCKS.get(str(layer.get("type")), "")
        yield from _layer(name, kind, [values[key] for key in names], _structure(layer.get("block")) or {})
        for key in names:
            unused.pop(key, None)
    for name, value in unused.items():
        if isinstance(name, str):
            yield from _layer(name, "", [value], {})


def _layer(name: str, kind: str, weights: list[Any], options: Mapping[str, Any], channels: int = 0) -> Iterator[Part]:
    """One layer's parameters.

    Args:
        kind: "conv", "convt", "bnorm" or another.
        weights: its arrays, in MatConvNet's order; None for one it lacks.
        options: where a batch normalisation may have its epsilon.
        channels: of its input; 0 where they are not known.
    """
    import numpy as np

    for i, array in enumerate(weights):
        if not isinstance(array, np.ndarray):
            continue
        vector = array.reshape(-1, order="F")
        if kind == "bnorm" and i == 2:
            if array.ndim != 2 or array.shape[1] != 2:
                raise _matlab.Malformed(f"the moments of {name} have the shape {array.shape}; expected (C, 2)")
            epsilon = options.get("epsilon")
            epsilon = float(epsilon.flat[0]) if isinstance(epsilon, np.ndarray) else EPSILON
            yield f"{name}.running_mean", array[:, 0], None
            with np.errstate(over="ignore", invalid="ignore"):
                variance = np.maximum(array[:, 1].astype(np.float64) ** 2 - epsilon, 0)
            yield f"{name}.running_var", variance, None
        elif i == 0 and (kind in ("conv", "convt") or (kind != "bnorm" and array.ndim > 2)):
            if array.ndim > 4:
                raise _matlab.Malformed(f"the filters of {name} have the shape {array.shape}; expected four axes")
            kernel = array.reshape(array.shape + (1,) * (4 - array.ndim)).transpose(3, 2, 0, 1)
            ordinary = Convolution(groups=groups_of(channels, kernel.shape))
            yield f"{name}.weight", kernel, {"conv": ordinary, "convt": Convolution(transposed=True)}.get(kind)
        else:
            yield f"{name}.{PARTS[i] if i < len(PARTS) else i}", vector, None


FORMATS = (Format("matconvnet", "MatConvNet, in MATLAB's format 5.0", (".mat",), claims, read),)
