"""Convolutions and matrix products of a forward pass, each with the kernels that its call received."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from .operations import CONVOLUTION, operation, pair

TRANSPOSED = "a transposed convolution: its kernels write to positions instead of reading them"
FUSED = "a matrix product inside one fused call of torch, which takes its weights apart by itself"


@dataclass(frozen=True, eq=False)
class Kernel:
    """The kernels of one convolution or fully connected layer, as the forward pass uses them.

    Attributes:
        name: of the layer: its module's dotted path, or that of the parameter its kernels come from.
        operation: "conv2d" or "linear".
        weight: what the first call received: (out_channels, in_channels / groups, kh, kw), or (out, in).
        bias: (out,), or None.
        stride, padding, dilation: (height, width); padding may be "same".
        groups: of the convolution.
        parameters: names of the parameters and buffers behind it, the one with most of its numbers first.
        computed: whether it is computed from these in the forward pass, rather than one of them as it stands.
        stored: the parameter behind it, where it has the same shape and other numbers, as before weight
            standardisation or a mask; else None.
        varies: whether it is computed anew from every picture; `weight` is then that of the recorded one.
    """

    name: str
    operation: str
    weight: torch.Tensor
    bias: torch.Tensor | None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] | str = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    parameters: tuple[str, ...] = ()
    computed: bool = False
    stored: torch.Tensor | None = None
    varies: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """(out_channels, in_channels / groups, kh, kw), or (out, in)."""
        return tuple(self.weight.shape)

    @property
    def size(self) -> tuple[int, int]:
        """(kh, kw); (1, 1) of a fully connected layer."""
        return (int(self.weight.shape[2]), int(self.weight.shape[3])) if self.weight.ndim == 4 else (1, 1)

    @property
    def out_channels(self) -> int:
        """Number of units."""
        return len(self.weight)

    @property
    def in_channels(self) -> int:
        """Input channels of all groups together; features of a fully connected layer."""
        return int(self.weight.shape[1]) * self.groups

    @property
    def scale(self) -> float:
        """The factor that brings what is stored nearest to the kernels; 1 where nothing else is stored."""
        if self.stored is None:
            return 1.0
        weight, stored = self.weight.double().flatten(), self.stored.double().flatten()
        return float(weight @ stored / (stored @ stored).clamp_min(torch.finfo(torch.float64).tiny))

    @property
    def changed(self) -> float:
        """‖weight − scale · stored‖ / ‖weight‖, 0 to 1: how far they differ beyond that factor."""
        if self.stored is None:
            return 0.0
        weight, stored = self.weight.double(), self.stored.double()
        return float((weight - self.scale * stored).norm() / weight.norm().clamp_min(torch.finfo(torch.float64).tiny))

    @property
    def squeezes(self) -> bool:
        """Whether it is a 1×1 convolution with fewer units than inputs, all of which it reads."""
        point = self.operation == "conv2d" and self.size == (1, 1)
        return point and self.out_channels < self.in_channels and self.groups == 1


@dataclass(frozen=True)
class Skipped:
    """A convolution or product that is no layer here: its name, the class or function, and why."""

    name: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Product:
    """A call that multiplies something by kernels, in one form however it is written.

    Attributes:
        operation: "conv2d" or "linear"; "" where it cannot be read as either.
        x, weight, bias: arguments of the call; of a product written as x @ W the weight is W transposed.
        factor: the argument that the weight is, before it was transposed.
        geometry: of a convolution: stride, padding, dilation, groups.
        reason: why it cannot be read, or "".
    """

    operation: str
    x: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor | None = None
    factor: torch.Tensor | None = None
    geometry: Mapping[str, Any] | None = None
    reason: str = ""


def products(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any], fixed: Callable[[torch.Tensor], bool]
) -> list[Product]:
    """The products with kernels in a call of torch; none for any other call.

    Args:
        name: of the function.
        fixed: whether a tensor does not depend on the picture.
    """
    read = _READERS.get(operation(name))
    return read(args, kwargs, fixed) if read else []


_Fixed = Callable[[torch.Tensor], bool]


def _named(names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _conv2d(args: Sequence[Any], kwargs: Mapping[str, Any], fixed: _Fixed) -> list[Product]:
    call = _named(CONVOLUTION, args, kwargs)
    x, weight = call["input"], call["weight"]
    padding = call.get("padding", 0)
    geometry = {
        "stride": pair(call.get("stride", 1)),
        "padding": (0, 0) if padding == "valid" else padding if isinstance(padding, str) else pair(padding),
        "dilation": pair(call.get("dilation", 1)),
        "groups": int(call.get("groups", 1)),
    }
    return [Product("conv2d", x, weight, call.get("bias"), weight, geometry)]


def _convolution(args: Sequence[Any], kwargs: Mapping[str, Any], fixed: _Fixed) -> list[Product]:
    """aten's, which is any of them."""
    call = _named((*CONVOLUTION[:6], "transposed", "output_padding", "groups"), args, kwargs)
    if call["transposed"]:
        return _transposed(args, kwargs, fixed)
    dimensions = call["weight"].ndim - 2
    if dimensions != 2:
        return _other_dimensions(args, kwargs, fixed)
    return _conv2d((), {name: call[name] for name in CONVOLUTION if name in call}, fixed)


def _deformable(args: Sequence[Any], kwargs: Mapping[str, Any], fixed: _Fixed) -> list[Product]:
    """torchvision's: input, weight, offset, mask, bias, then stride, padding and dilation along each axis."""
    call = _named(("input", "weight", "offset", "mask", "bias"), args, kwargs)
    sizes = list(args[5:12])
    geometry = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    if len(sizes) >= 6:
        geometry = {"stride": tuple(sizes[:2]), "padding": tuple(sizes[2:4]), "dilation": tuple(sizes[4:6])}
        geometry["groups"] = int(sizes[6]) if len(sizes) > 6 else 1
    return [Product("conv2d", call["input"], call["weight"], call.get("bias"), call["weight"], geometry)]


def _other_dimensions(args: Sequence[Any], kwargs: Mapping[str, Any], fixed: _Fixed) -> list[Product]:
    call = _named(CONVOLUTION, args, kwargs)
    dimensions = call["weight"].ndim - 2
    reason = f"its kernels are {dimensions}-dimensional, only two-dimensional ones are analysed"
    return [Product("", call["input"], call["weight"], factor=call["weight"], reason=reason)]


def _transposed(args: Sequence[Any], kwargs: Mapping[str, Any], fixed: _Fixed) -> list[Product]:
    call = _named(CONVOLUTION, args, kwargs)
    return [Product("", call["input"], call["weight"], factor=call["weight"], reason=TRANSPOSED)]


def _linear(args: Sequence[Any], kwargs: Mapping[str, Any], fixed: _Fixed) -> list[Product]:
    call = _named(("input", "weight", "bias"), args, kwargs)
    return [_of_factors(call["input"], call["weight"], call.get("bias"), call["weight"], fixed)]


def _of_factors(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, factor: torch.Tensor, fixed: _Fixed
) -> Product:
    """x · weightᵀ, if the weight is one matrix."""
    if factor.ndim != 2:
        return Product("", x, factor, factor=factor, reason=_many(factor))
    return Product("linear", x, weight, bias, factor)


def _many(factor: torch.Tensor) -> str:
    if factor.ndim < 2:
        return "a product with one vector, which has no units"
    return f"its weights are several matrices, {'×'.join(map(str, factor.shape))}, not one for all positions"


def _matmul(args: Sequence[Any], kwargs: Mapping[str, Any], fixed: _Fixed) -> list[Product]:
    x, other = (*args, *kwargs.values())[:2]
    return _two(x, other, None, fixed)


def _addmm(args: Sequence[Any], kwargs: Mapping[str, Any], fixed: _Fixed) -> list[Product]:
    call = _named(("input", "mat1", "mat2"), args, kwargs)
    x, other = (call[name] if name in call else call[old] for name, old in (("mat1", "batch1"), ("mat2", "batch2")))
    plain = call.get("alpha", 1) == 1 and call.get("beta", 1) == 1
    found = _two(x, other, call["input"] if plain else None, fixed)
    return found if plain else [_unread(product, "its sum is weighted") for product in found]


def _two(x: torch.Tensor, other: torch.Tensor, bias: torch.Tensor | None, fixed: _Fixed) -> list[Product]:
    """x @ other: the fixed one of the two is the weight."""
    if fixed(other):
        return [_of_factors(x, other.t() if other.ndim == 2 else other, bias, other, fixed)]
    if fixed(x):
        reason = "its weights multiply from the left, so they mix positions or samples rather than channels"
        return [Product("", other, x, factor=x, reason=reason)]
    return [Product("", x, other, factor=other, reason="both factors are computed from the picture")]


def _einsum(args: Sequence[Any], kwargs: Mapping[str, Any], fixed: _Fixed) -> list[Product]:
    """A sum over one index, that of the channels, is a fully connected layer."""
    equation = args[0] if args and isinstance(args[0], str) else ""
    operands = list(args[1:]) if len(args) != 2 or not isinstance(args[1], (tuple, list)) else list(args[1])
    tensors = [x for x in operands if isinstance(x, torch.Tensor)]
    if len(tensors) != 2 or not equation:
        weights = [x for x in tensors if fixed(x)] or tensors[-1:]
        return [_unread(Product("", tensors[0], x, factor=x), "a sum over several factors") for x in weights]
    if not any(map(fixed, tensors)):
        return _two(tensors[0], tensors[1], None, fixed)
    terms, _, result = equation.replace(" ", "").partition("->")
    x, weight = tensors if fixed(tensors[1]) else tensors[::-1]
    left, right = terms.split(",") if fixed(tensors[1]) else terms.split(",")[::-1]
    plain = weight.ndim == 2 and "." not in right and len(set(right)) == 2
    if plain and left[-1:] in right and left[-1:] and result and left[-1:] not in result:
        (unit,) = set(right) - {left[-1]}
        if unit not in left and result == left[:-1] + unit:
            return [Product("linear", x, weight if right[0] == unit else weight.t(), factor=weight)]
    return [_unread(Product("", x, weight, factor=weight), f"the sum {equation} is no product over the last axis")]


def _unread(product: Product, reason: str) -> Product:
    return Product("", product.x, product.weight, factor=product.factor, reason=reason)


def _attention(args: Sequence[Any], kwargs: Mapping[str, Any], fixed: _Fixed) -> list[Product]:
    """The projections of torch's attention, which are no calls of their own."""
    call = inspect.signature(F.multi_head_attention_forward).bind(*args, **kwargs).arguments
    names = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj_weight")
    weights = [call[name] for name in names if isinstance(call.get(name), torch.Tensor)]
    return [Product("", call["query"], weight, factor=weight, reason=FUSED) for weight in weights]


def _recurrent(args: Sequence[Any], kwargs: Mapping[str, Any], fixed: _Fixed) -> list[Product]:
    weights = [x for x in args[2] if isinstance(x, torch.Tensor) and x.ndim == 2] if len(args) > 2 else []
    return [Product("", args[0], weight, factor=weight, reason=FUSED) for weight in weights]


def _bilinear(args: Sequence[Any], kwargs: Mapping[str, Any], fixed: _Fixed) -> list[Product]:
    call = _named(("input1", "input2", "weight", "bias"), args, kwargs)
    reason = "a product of two inputs and the weights"
    return [Product("", call["input1"], call["weight"], factor=call["weight"], reason=reason)]


_READERS: dict[str, Callable[[Sequence[Any], Mapping[str, Any], _Fixed], list[Product]]] = {
    "conv2d": _conv2d,
    "convolution": _convolution,
    "deform_conv2d": _deformable,
    "linear": _linear,
    "bilinear": _bilinear,
    "einsum": _einsum,
    "multi_head_attention_forward": _attention,
    **dict.fromkeys(("conv1d", "conv3d"), _other_dimensions),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _transposed),
    **dict.fromkeys(("matmul", "mm", "bmm"), _matmul),
    **dict.fromkeys(("addmm", "baddbmm"), _addmm),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrent),
}
