"""Keras's layers made into torch's: what the configuration says of them, and the axes and names of their variables.

    Keras                                              here
    Conv kernel (kh, kw, I/groups, O)                  weight (O, I/groups, kh, kw)
    Conv…Transpose kernel (kh, kw, O, I)               weight (I, O, kh, kw), not flipped
    DepthwiseConv kernel (kh, kw, C, M)                weight (C·M, 1, kh, kw)
    SeparableConv depthwise and pointwise kernel       LAYER/depthwise.weight, LAYER/pointwise.weight and .bias
    Dense kernel (I, O)                                weight (O, I)
    EinsumDense kernel, attention (I, heads, depth)    weight (O, I), outputs and inputs flattened in this order
    gamma, beta, moving_mean, moving_variance          weight, bias, running_mean, running_var

Convolutions over one and three axes have kw, or kd, kh, kw, in place of kh, kw. Groups are blocks of O in Keras as in
torch; output c·M + m of a depthwise convolution reads channel c in both. A transposed convolution is laid as torch's
ConvTranspose2d is: inputs come first. Anything else keeps its own name and axes (embeddings, alpha of PReLU, recurrent
kernels); integers that are no kernels (counters, states of random generators) are left out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wbsite.models.formats.base import Convolution

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.number[Any]]

NORMS = {"layer_normalization", "group_normalization", "rms_normalization"}
BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
SEPARABLE = ("depthwise_kernel", "pointwise_kernel", "bias")
RECURRENT = ("kernel", "recurrent_kernel", "bias")
VARIABLES: dict[str, tuple[str, ...]] = {
    **{f"{kind}{n}d": ("kernel", "bias") for kind in ("conv", "depthwise_conv") for n in (1, 2, 3)},
    **{f"conv{n}d_transpose": ("kernel", "bias") for n in (1, 2, 3)},
    **{f"separable_conv{n}d": SEPARABLE for n in (1, 2)},
    "dense": ("kernel", "bias"),
    "einsum_dense": ("kernel", "bias"),
    "batch_normalization": BATCH_NORM,
    **dict.fromkeys(NORMS, ("gamma", "beta")),
    "p_re_lu": ("alpha",),
    "embedding": ("embeddings",),
    "normalization": ("mean", "variance", "count"),
    **{f"{kind}_cell": RECURRENT for kind in ("lstm", "gru", "simple_rnn")},
}
"""Names of a layer's variables, in Keras's order, by its class."""
NAMES = {
    "kernel": "weight", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
    "moving_variance": "running_var",
}  # fmt: skip
ATTENTION = {
    **{name: 1 for part in ("query", "key", "value") for name in (part, f"{part}_dense")},
    "attention_output": -1,
    "output_dense": -1,
}
"""Number of axes over which the kernels in an attention layer sum; -1: all but the last."""


class Unreadable(ValueError):
    """What is in the file cannot be made into numbers here; the text says what."""


@dataclass
class Layer:
    """A layer as the configuration describes it; without one, only what its names tell.

    Attributes:
        kind: its class in snake case, "" where it is not known.
        parts: the layers in it, by their names.
        paths: the same, by the names that a .weights.h5 file gives to their groups.
    """

    kind: str = ""
    name: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    parts: dict[str, Layer] = field(default_factory=dict)
    paths: dict[str, Layer] = field(default_factory=dict)

    @property
    def bare(self) -> Layer:
        """The layer itself where this is only a wrapper of one."""
        layer = self
        while "layer" in layer.paths:
            layer = layer.paths["layer"]
        return layer

    @property
    def quantisation(self) -> str | None:
        """How its kernels are rounded, by Keras's word for that."""
        policy = self.config.get("dtype")
        config = policy.get("config") if isinstance(policy, dict) else None
        mode = config.get("mode") if isinstance(config, dict) else None
        return mode if isinstance(mode, str) else None


def snake_case(name: str) -> str:
    """A class's name as Keras writes it in a file: DepthwiseConv2D → depthwise_conv2d."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def kind_of(name: str) -> str:
    """The class of which Keras made up a name, as of conv2d_3; "" where it is of none known here."""
    base = re.sub(r"_\d+$", "", name)
    return base if base in VARIABLES or base.endswith("_attention") else ""


def described(text: str | bytes) -> Layer:
    """The network that a configuration in JSON describes.

    Raises:
        Unreadable: it is no JSON, or describes no layer.
    """
    try:
        entry = json.loads(text)
        layer = _layer(entry)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"its configuration is no JSON ({error})") from error
    if layer is None:
        raise Unreadable("its configuration describes no network")
    return layer


def _layer(entry: Any) -> Layer | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("class_name"), str):
        return None
    config = entry.get("config")
    # Keras before 2.3 gives the layers of a Sequential without anything around them.
    config = config if isinstance(config, dict) else {"layers": config if isinstance(config, list) else []}
    name = entry.get("name") or config.get("name")
    layer = Layer(snake_case(entry["class_name"]), name if isinstance(name, str) else "", config)
    layers = config.get("layers")
    counts: dict[str, int] = {}
    for inner in layers if isinstance(layers, list) else []:
        part = _layer(inner)
        if part is not None:
            count = counts[part.kind] = counts.get(part.kind, -1) + 1
            layer.parts[part.name] = layer.paths[f"{part.kind}_{count}" if count else part.kind] = part
    for key in ("layer", "backward_layer", "cell"):
        part = _layer(config.get(key))
        if part is not None:
            layer.parts[part.name] = layer.paths[key] = part
    return layer


def numbered(layer: Layer, arrays: Sequence[Array]) -> dict[str, Array]:
    """A layer's variables, of which the order is known, by name; by number where neither class nor shapes tell."""
    names = _by_class(layer, len(arrays)) or _by_shape([array.shape for array in arrays])
    return {names[i] if i < len(names) else str(i): array for i, array in enumerate(arrays)}


def _by_class(layer: Layer, count: int) -> tuple[str, ...]:
    names = VARIABLES.get(layer.kind, ())
    if layer.config:
        unused = {"bias": "use_bias", "gamma": "scale", "beta": "center"}
        names = tuple(name for name in names if layer.config.get(unused.get(name, ""), True))
    elif layer.kind == "batch_normalization":
        names = names[max(0, 4 - count) :]
    return (*names, "kernel_scale") if names and layer.quantisation == "int8" else names


def _by_shape(shapes: Sequence[tuple[int, ...]]) -> tuple[str, ...]:
    axes = [len(shape) for shape in shapes]
    if len({*shapes}) == 1 and axes[0] == 1:
        return {4: BATCH_NORM, 2: BATCH_NORM[:2]}.get(len(shapes), ())
    if len(axes) >= 2 and axes[0] == axes[1] >= 3 and math.prod(shapes[1][:-2]) == 1:
        return SEPARABLE if math.prod(shapes[0][-2:]) == shapes[1][-2] else ()
    with_bias = len(axes) == 2 and axes[1] < axes[0]
    return ("kernel", "bias") if with_bias or axes == [4] else ()


def tensors(layer: Layer, inside: Layer, name: str, variables: Mapping[str, Array], flip: bool) -> Iterator[
    tuple[str, Array, Convolution | None]
]:  # fmt: skip
    """One layer's variables under the names and with the axes of torch: (`NAME.PART`, array, what is known of the
    convolution where it is the kernel of one).

    Args:
        inside: the layer in which it is.
        name: its name here.
        variables: its variables by Keras's names.
        flip: the kernels are those of true convolutions, as Theano's were, and are turned by half a turn.

    Raises:
        Unreadable: the numbers are quantised in a way that is not known here.
    """
    mode = layer.quantisation
    if mode not in (None, "int8", "float8"):
        raise Unreadable(f"the kernel of {name} is quantised as {mode}, which is not read")
    separable = "depthwise_kernel" in variables and "pointwise_kernel" in variables
    for key, array in variables.items():
        if array.dtype.kind in "iu":
            if key != "kernel" and array.ndim < 2:
                continue
            array = _dequantised(layer, name, array, variables)
        elif key == "kernel_scale":
            continue
        part = "weight" if key in ("depthwise_kernel", "pointwise_kernel") else NAMES.get(key, key)
        place = f"{name}/pointwise" if separable and key in ("pointwise_kernel", "bias") else name
        if key == "depthwise_kernel":
            place = f"{name}/depthwise" if separable else name
            array = _depthwise(array)
        elif key == "pointwise_kernel":
            array = _convolution(array)
        elif key == "kernel":
            array = _kernel(layer, inside, name, array, variables.get("bias"), flip)
        elif key == "bias" and array.ndim > 1:
            array = array.reshape(-1)
        known = _convolution_of(layer, key, variables) if array.ndim > 2 else None
        yield f"{place}.{part}", array, known


def _convolution_of(layer: Layer, key: str, variables: Mapping[str, Array]) -> Convolution | None:
    """What is known of the convolution of a layer's kernel; None where not even its class is."""
    array = variables[key]
    if key == "depthwise_kernel" or (key == "kernel" and _is_depthwise(layer, array, variables.get("bias"))):
        return Convolution(groups=array.shape[-2])
    if key == "pointwise_kernel":
        return Convolution(groups=1)
    if key != "kernel" or layer.kind not in VARIABLES:
        return None
    groups = layer.config.get("groups", 1) if layer.config else None
    return Convolution(layer.kind.endswith("_transpose"), groups if isinstance(groups, int) else None)


def _dequantised(layer: Layer, name: str, array: Array, variables: Mapping[str, Array]) -> Array:
    import numpy as np

    scale = variables.get("kernel_scale") if array is variables.get("kernel") else None
    if layer.quantisation != "int8" or array.dtype != np.int8:
        raise Unreadable(f"the kernel of {name} is of integers, of which nothing in the file tells the meaning")
    if layer.kind != "dense" or scale is None or array.ndim != 2 or scale.shape != array.shape[1:]:
        raise Unreadable(f"the kernel of {name} is quantised, which is read of Dense layers only")
    with np.errstate(divide="ignore", invalid="ignore"):
        return array.astype(np.float32) / scale.astype(np.float32)


def _kernel(layer: Layer, inside: Layer, name: str, array: Array, bias: Array | None, flip: bool) -> Array:
    inputs = _summed(layer, inside, name, array, bias)
    if inputs is not None:
        outputs = [axis for axis in range(array.ndim) if axis not in inputs]
        size = math.prod(array.shape[axis] for axis in outputs)
        return array.transpose(*outputs, *inputs).reshape(size, math.prod(array.shape[axis] for axis in inputs))
    if array.ndim < 3:
        return array.T
    if _is_depthwise(layer, array, bias):
        return _depthwise(array)
    return _convolution(array[tuple(slice(None, None, -1) for _ in range(array.ndim - 2))] if flip else array)


def _summed(layer: Layer, inside: Layer, name: str, array: Array, bias: Array | None) -> list[int] | None:
    """Axes over which a kernel of a dense layer with several of them sums; None for other kernels."""
    equation = layer.config.get("equation")
    letters = re.fullmatch(r"[\w.]+,(\w+)->([\w.]+)", equation) if isinstance(equation, str) else None
    if layer.kind == "einsum_dense" and letters and len(letters[1]) == array.ndim:
        return [axis for axis, letter in enumerate(letters[1]) if letter not in letters[2]]
    if array.ndim < 3 or layer.kind not in ("", "einsum_dense"):
        return None
    axes = list(range(array.ndim))
    part = name.rpartition("/")[2]
    if inside.kind.endswith("_attention") and array.ndim == 3 and part in ATTENTION:
        return axes[: ATTENTION[part]]
    if bias is not None and bias.ndim > 1 and array.shape[-bias.ndim :] == bias.shape:
        return axes[: -bias.ndim]
    return axes[:-1] if layer.kind else None


def _is_depthwise(layer: Layer, array: Array, bias: Array | None) -> bool:
    """By the class; without one by the length of the bias, where that can tell."""
    if layer.kind:
        return layer.kind.startswith("depthwise_conv")
    channels, multiplier = array.shape[-2:]
    return bias is not None and bias.shape == (channels * multiplier,) != (multiplier,)


def _convolution(array: Array) -> Array:
    """(kh, kw, I, O) → (O, I, kh, kw), and (kh, kw, O, I) → (I, O, kh, kw)."""
    return array if array.ndim < 2 else array.transpose(array.ndim - 1, array.ndim - 2, *range(array.ndim - 2))


def _depthwise(array: Array) -> Array:
    """(kh, kw, C, M) → (C·M, 1, kh, kw)."""
    if array.ndim < 3:
        return array
    spatial = array.shape[:-2]
    turned = array.transpose(array.ndim - 2, array.ndim - 1, *range(array.ndim - 2))
    return turned.reshape(array.shape[-2] * array.shape[-1], 1, *spatial)
