"""ATen's operators that need more than torch's function of the same name: other arguments, several results, several
ways to be called. Each takes arguments in ATen's order and under ATen's names (see `aten_run`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn import functional as F

from wbsite.graph.recorder.aten import TRANSLATED

Tensor = torch.Tensor
Operator = Callable[..., Any]

OPERATORS: dict[str, Operator] = {}
"""Name without overload → what computes it."""

DTYPES = {0: torch.uint8, 1: torch.int8, 2: torch.int16, 3: torch.int32, 4: torch.int64, 5: torch.float16,
          6: torch.float32, 7: torch.float64, 11: torch.bool, 15: torch.bfloat16}  # fmt: skip
"""Number of a type among torch's own, with which TorchScript writes it."""


class Unsupported(Exception):
    """An operator is used in a way that is not computed here; the text says which."""


def dtype_of(number: Any) -> torch.dtype:
    """The type of a number, float32 for all floating-point ones; from torch's, or from how TorchScript writes it.

    Raises:
        Unsupported: it is a type that networks here do not have, as of complex numbers.
    """
    dtype = number if isinstance(number, torch.dtype) else DTYPES.get(number)
    if dtype is None or dtype.is_complex:
        raise Unsupported(f"for numbers of type {number}")
    return torch.float32 if dtype.is_floating_point else dtype


def _register(*names: str) -> Callable[[Operator], Operator]:
    def register(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return register


OPERATORS.update({name: TRANSLATED[name] for name in ("convolution", "slice", "select", "constant_pad_nd")})
OPERATORS["max_pool2d_with_indices"] = lambda x, size, stride=(), *rest: TRANSLATED["max_pool2d_with_indices"](
    x, size, stride or size, *rest
)


@_register("_convolution")
def _convolution(*arguments: Any) -> Tensor:
    """Without what a trace says of libraries."""
    made: Tensor = TRANSLATED["convolution"](*arguments[:9])
    return made


@_register("addmm")
def _addmm(bias: Tensor, x: Tensor, weight: Tensor, beta: float = 1, alpha: float = 1) -> Tensor:
    """As the fully connected layer that it is, where it is one."""
    if bias.ndim == 1 and beta == alpha == 1:
        return F.linear(x, weight.t(), bias)
    return torch.addmm(bias, x, weight, beta=beta, alpha=alpha)


@_register("scaled_dot_product_attention")
def _attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None, dropout: float = 0.0,
               causal: bool = False, scale: float | None = None, enable_gqa: bool = False) -> Tensor:  # fmt: skip
    return F.scaled_dot_product_attention(query, key, value, mask, 0.0, causal, scale=scale, enable_gqa=enable_gqa)


# Normalisation


@_register("batch_norm", "cudnn_batch_norm")
def _batch_norm(
    x: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, training: bool = False, momentum: float = 0.1,
    eps: float = 1e-5, cudnn: bool = True,
) -> Tensor:  # fmt: skip
    return F.batch_norm(x, mean, variance, weight, bias, mean is None, momentum, eps)


@_register("_native_batch_norm_legit_no_training")
def _batch_norm_in_evaluation(
    x: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, momentum: float, eps: float
) -> tuple[Tensor, ...]:
    """With empty statistics of the batch, as ATen returns them."""
    return _batch_norm(x, weight, bias, mean, variance, False, momentum, eps), *_nothing(x, 2)


@_register("_native_batch_norm_legit", "native_batch_norm", "_native_batch_norm_legit_functional")
def _native_batch_norm(x: Tensor, weight: Any, bias: Any, *rest: Any) -> tuple[Tensor, ...]:
    """With or without running statistics."""
    mean, variance, _, momentum, eps = rest if len(rest) == 5 else (None, None, *rest)
    return _batch_norm(x, weight, bias, mean, variance, False, momentum, eps), *_nothing(x, 2), mean, variance


def _nothing(x: Tensor, count: int) -> tuple[Tensor, ...]:
    return tuple(torch.empty(0, device=x.device) for _ in range(count))


@_register("layer_norm")
def _layer_norm(x: Tensor, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: bool) -> Tensor:
    return F.layer_norm(x, shape, weight, bias, eps)


@_register("native_layer_norm")
def _native_layer_norm(x: Tensor, shape: Any, weight: Any, bias: Any, eps: float) -> tuple[Tensor, ...]:
    return F.layer_norm(x, shape, weight, bias, eps), *_nothing(x, 2)


@_register("group_norm")
def _group_norm(x: Tensor, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: bool) -> Tensor:
    return F.group_norm(x, groups, weight, bias, eps)


@_register("native_group_norm")
def _native_group_norm(
    x: Tensor, weight: Any, bias: Any, batch: int, channels: int, positions: int, groups: int, eps: float
) -> tuple[Tensor, ...]:
    return F.group_norm(x, groups, weight, bias, eps), *_nothing(x, 2)


@_register("instance_norm")
def _instance_norm(
    x: Tensor, weight: Any, bias: Any, mean: Any, variance: Any, of_input: bool, momentum: float, eps: float, *_: bool
) -> Tensor:
    return F.instance_norm(x, mean, variance, weight, bias, of_input or mean is None, momentum, eps)


# Activations


def _elu(inplace: bool) -> Operator:
    def elu(x: Tensor, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Tensor:
        if scale != 1 or input_scale != 1:
            raise Unsupported("with other scales than 1")
        return F.elu(x, alpha, inplace)

    return elu


def _rrelu(inplace: bool) -> Operator:
    return lambda x, lower=1 / 8, upper=1 / 3, *_: F.rrelu(x, lower, upper, False, inplace)


OPERATORS |= {"elu": _elu(False), "elu_": _elu(True), "rrelu": _rrelu(False), "rrelu_": _rrelu(True)}


@_register("softmax", "_softmax")
def _softmax(x: Tensor, dim: int, *_: Any, dtype: Any = None) -> Tensor:
    return F.softmax(x, dim=dim)


@_register("log_softmax", "_log_softmax")
def _log_softmax(x: Tensor, dim: int, *_: Any, dtype: Any = None) -> Tensor:
    return F.log_softmax(x, dim=dim)


@_register("dropout", "dropout_", "alpha_dropout", "alpha_dropout_", "feature_dropout", "feature_dropout_")
def _dropout(x: Tensor, share: float = 0.5, training: bool = False) -> Tensor:
    return F.dropout(x, share, False)


@_register("native_dropout")
def _native_dropout(x: Tensor, share: float, training: bool | None = None) -> tuple[Tensor, Tensor]:
    return F.dropout(x, share, False), torch.ones_like(x, dtype=torch.bool)


OPERATORS |= {
    "local_response_norm": F.local_response_norm,  # which no file names so, see `exported_fusion` and `script_code`
    "log_sigmoid": F.logsigmoid,
    "log_sigmoid_forward": lambda x: (F.logsigmoid(x), *_nothing(x, 1)),
    "_prelu_kernel": lambda x, weight: F.prelu(x, weight.reshape(-1)),
    "linalg_vector_norm": torch.linalg.vector_norm,
    "linalg_norm": torch.linalg.norm,
}


# Windows


def _max_pool(function: Operator) -> Operator:
    def pool(x: Tensor, size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil: bool = False) -> Any:
        return function(x, size, stride or size, padding, dilation, ceil_mode=ceil)

    return pool


def _average_pool(function: Operator) -> Operator:
    def pool(
        x: Tensor, size: Any, stride: Any = (), padding: Any = 0, ceil: bool = False, counted: bool = True,
        divisor: int | None = None,
    ) -> Any:  # fmt: skip
        return function(x, size, stride or size, padding, ceil, counted, *([] if divisor is None else [divisor]))

    return pool


for _dims in (1, 2, 3):
    OPERATORS[f"max_pool{_dims}d"] = _max_pool(getattr(F, f"max_pool{_dims}d"))
    OPERATORS[f"avg_pool{_dims}d"] = _average_pool(getattr(F, f"avg_pool{_dims}d"))
    OPERATORS[f"reflection_pad{_dims}d"] = lambda x, padding: F.pad(x, padding, "reflect")
    OPERATORS[f"replication_pad{_dims}d"] = lambda x, padding: F.pad(x, padding, "replicate")
OPERATORS |= {
    "_adaptive_avg_pool2d": F.adaptive_avg_pool2d,
    "adaptive_max_pool2d": lambda x, size: (
        F.adaptive_max_pool2d(x, size),
        F.adaptive_max_pool2d(x, size, return_indices=True)[1],
    ),
    "pad": F.pad,
    "im2col": F.unfold,
    "col2im": F.fold,
}


def _upsample(mode: str, aligned: bool, antialias: bool) -> Operator:
    """(x, sizes, whether corners are aligned where the mode has that, scales), scales one after another or a list."""

    def upsample(x: Tensor, sizes: Any = None, *rest: Any) -> Tensor:
        align, scales = (rest[0], rest[1:]) if aligned else (None, rest)
        factors = scales[0] if scales and isinstance(scales[0], (list, tuple)) else scales
        if not factors or any(factor is None for factor in factors):
            return F.interpolate(x, sizes, mode=mode, align_corners=align, antialias=antialias)
        made = [math.floor(length * factor) for length, factor in zip(x.shape[2:], factors, strict=True)]
        if sizes is not None and made != list(sizes):
            raise Unsupported("to another size than its scales give")
        return F.interpolate(x, scale_factor=tuple(factors), mode=mode, align_corners=align, antialias=antialias)

    return upsample


for _dims, _mode in ((1, "linear"), (2, "bilinear"), (2, "bicubic"), (3, "trilinear")):
    OPERATORS[f"upsample_{_mode}{_dims}d"] = _upsample(_mode, True, False)
for _dims in (1, 2, 3):
    OPERATORS[f"upsample_nearest{_dims}d"] = _upsample("nearest", False, False)
    OPERATORS[f"_upsample_nearest_exact{_dims}d"] = _upsample("nearest-exact", False, False)
for _mode in ("bilinear", "bicubic"):
    OPERATORS[f"_upsample_{_mode}2d_aa"] = _upsample(_mode, True, True)


@_register("grid_sampler", "grid_sampler_2d")
def _grid_sampler(x: Tensor, grid: Tensor, mode: int, padding: int, aligned: bool) -> Tensor:
    modes, paddings = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
    return F.grid_sample(x, grid, modes[mode], paddings[padding], aligned)


@_register("affine_grid_generator")
def _affine_grid(theta: Tensor, size: Any, aligned: bool) -> Tensor:
    return F.affine_grid(theta, size, aligned)


# What moves numbers, and casts


OPERATORS |= {
    "split_with_sizes": torch.split,
    "unsafe_split": torch.split,
    "unsafe_split_with_sizes": torch.split,
    "unsafe_chunk": torch.chunk,
    "view": torch.reshape,  # whatever the layout of numbers in memory
    "view_as": lambda x, other: x.reshape(other.shape),
    "_unsafe_view": torch.reshape,
    "view_copy": torch.reshape,
    "alias": lambda x: x,
    "lift": lambda x: x,
    "lift_fresh": lambda x: x,
    "lift_fresh_copy": torch.clone,
    "numpy_T": lambda x: x.permute(*range(x.ndim - 1, -1, -1)),
    "empty": torch.zeros,
    "new_empty": torch.Tensor.new_zeros,
    "empty_like": torch.zeros_like,
}


@_register("index")
def _index(x: Tensor, indices: Sequence[Tensor | None]) -> Tensor:
    return x[_places(indices)]


@_register("index_put", "_unsafe_index_put")
def _index_put(x: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor:
    return _index_put_in_place(x.clone(), indices, values, accumulate)


@_register("index_put_")
def _index_put_in_place(
    x: Tensor, indices: Sequence[Tensor | None], values: Tensor, accumulate: bool = False
) -> Tensor:
    if accumulate:
        raise Unsupported("with sums")
    x[_places(indices)] = values
    return x


def _places(indices: Sequence[Tensor | None]) -> tuple[Any, ...]:
    return tuple(slice(None) if index is None else index for index in indices)


@_register("as_strided")
def _as_strided(x: Tensor, sizes: Sequence[int], strides: Sequence[int], offset: int | None = None) -> Tensor:
    """Another layout in memory, where that is all that it is."""
    if list(sizes[1:]) != list(x.shape[1:]) or offset:
        raise Unsupported("but for the layout of numbers in memory")
    return x


@_register("to", "_to_copy")
def _cast(x: Tensor, *rest: Any, dtype: Any = None) -> Tensor:
    """To another type, of which TorchScript writes the number."""
    other = next((value for value in rest if isinstance(value, Tensor)), None)
    numbers = [value for value in rest if isinstance(value, int) and not isinstance(value, bool)]
    types = [dtype, *(value for value in rest if isinstance(value, torch.dtype)), *map(dtype_of, numbers[:1])]
    kind = other.dtype if other is not None else next((value for value in types if value is not None), None)
    if kind is None or kind == x.dtype or (kind.is_floating_point and x.is_floating_point()):
        return x
    return x.to(kind)
