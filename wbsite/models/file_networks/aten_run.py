"""ATen's operators by name, which files of torch.export and TorchScript call, for one forward pass.

A recorded forward pass reads `torch.conv2d` and `F.max_pool2d`, so these are called, not what the dispatcher has under
the same name. What is on no list, here or in `aten_operators`, is refused, whatever the installed torch could do with
it: random numbers, sorting and the suppression of boxes, operators that write files or that a package registers.

- Numbers: all floating-point types are float32, a cast between two of them does nothing.
- Devices: what the file says of them is passed over; everything is made where the input lies.
- Training: dropout does nothing, and batch norm uses its running statistics, also in a file that was exported in
  training mode; batch norm that keeps none uses the statistics of the batch.
- Batches: where a file fixes the number of pictures, the first of the sizes of a reshape counts for as many as come.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch.nn import functional as F

from wbsite.core.errors import WbsiteError

from .aten_operators import OPERATORS, Operator, Unsupported, dtype_of
from .parts import check_count, within_reason

Tensor = torch.Tensor

REFUSED_HINT = "Export the network without what comes before or after it, or give its weights alone."

_SAME = """
conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d linear matmul mm bmm baddbmm einsum
embedding bilinear outer dot
relu relu6 sigmoid tanh leaky_relu hardtanh hardswish hardsigmoid silu mish gelu celu selu softplus prelu
threshold hardshrink softshrink glu exp expm1 log log1p log2 sqrt rsqrt square abs neg reciprocal floor ceil
round trunc erf sign sin cos atan isnan isinf isfinite logical_not bitwise_not clamp clamp_min clamp_max tril
triu cumsum nan_to_num
add sub mul div rsub pow floor_divide remainder fmod maximum minimum atan2 eq ne lt le gt ge logical_and
logical_or logical_xor bitwise_and bitwise_or where lerp addcmul addcdiv masked_fill copy fill zero
mean sum prod amax amin max min argmax argmin var std var_mean std_mean norm logsumexp all any
cat concat stack hstack vstack split chunk unbind narrow reshape flatten unflatten squeeze unsqueeze permute
transpose swapaxes movedim t expand expand_as repeat tile repeat_interleave roll flip meshgrid pixel_shuffle
pixel_unshuffle channel_shuffle native_channel_shuffle gather index_select unfold diagonal slice_scatter
select_scatter clone contiguous detach type_as
adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool3d
zeros ones full arange linspace eye scalar_tensor zeros_like ones_like full_like new_zeros new_ones new_full
"""
"""Operators that a function of `torch`, of `F` or of tensors computes from the same arguments."""

_MADE = frozenset({"zeros", "ones", "full", "arange", "linspace", "eye", "scalar_tensor", "empty"})
"""Make a tensor of nothing, somewhere."""

_ENLARGES = re.compile(
    "(repeat|tile|expand|outer|meshgrid|cat|stack|pad$|.*_pad|constant_pad|_?upsample|unfold|im2col)"
)
"""Operators whose results are as large as the numbers that they are given, or as often as they are called."""

_IGNORED = {"layout", "pin_memory", "memory_format", "requires_grad", "non_blocking", "implicit", "path", "generator"}
"""Named arguments that do not change what is computed."""

_RESHAPES = {"view", "reshape", "_unsafe_view", "view_copy", "expand"}


@cache
def operator(name: str) -> Operator | None:
    """What computes an operator, such as "conv2d" or "relu_"; None for one that is not on the list."""
    if name in OPERATORS:
        return OPERATORS[name]
    plain = name[:-1] if name.endswith("_") and not name.endswith("__") else name
    if plain not in _SAME.split():
        return None
    for owner in (torch, F, torch.Tensor):
        if hasattr(owner, name):
            function: Operator = getattr(owner, name)
            return function
    if plain != name and hasattr(F, plain):
        return partial(getattr(F, plain), inplace=True)
    return None


@dataclass(frozen=True)
class Run:
    """One forward pass of a network in a file.

    Attributes:
        device: where its input lies.
        batch: pictures in it.
        exported: pictures in the batch that the file fixes; None where it leaves them open.
    """

    device: torch.device
    batch: int
    exported: int | None = None

    def call(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Calls an operator.

        Args:
            name: without namespace and overload: "conv2d".
            args, kwargs: in ATen's order, and under ATen's names.

        Raises:
            WbsiteError: the operator is not on the list, used in a way that is not computed, or fails on these values.
        """
        function = operator(name)
        if function is None:
            raise WbsiteError(f"the operator {name} is not interpreted.", REFUSED_HINT)
        arguments = list(args)
        try:
            arguments = [_single(value) for value in args]
            named = {key: _single(value) for key, value in kwargs.items() if key not in _IGNORED and value is not None}
            if "dtype" in named:
                named["dtype"] = dtype_of(named["dtype"])
            named.pop("device", None)
            if name in _RESHAPES and self.exported is not None and len(arguments) == 2:
                arguments[1] = _for_batch(name, arguments[0], arguments[1], self.exported, self.batch)
            if name in _MADE:
                named["device"] = self.device
            if name in _MADE or name.startswith("new_"):
                _check_size(name, arguments)
            if _ENLARGES.match(name):
                return within_reason(function, *arguments, **named)
            return function(*arguments, **named)
        except torch.OutOfMemoryError:
            raise
        except Unsupported as error:
            raise WbsiteError(
                f"the operator {name} is not interpreted {error}.",
                "Export the network in another way, or give its weights alone.",
            ) from error
        except (RuntimeError, ValueError, IndexError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
            shapes = [tuple(value.shape) for value in arguments if isinstance(value, Tensor)]
            reason = str(error).partition("\n")[0]
            raise WbsiteError(
                f"the operator {name} fails on values of shapes {shapes}: {reason}",
                "Give the input the size that the network was exported for.",
            ) from error


def _single(value: Any) -> Any:
    """A type in single precision; anything else as it is."""
    return dtype_of(value) if isinstance(value, torch.dtype) else value


def _check_size(name: str, arguments: Sequence[Any]) -> None:
    sizes = [value for value in arguments if isinstance(value, (list, tuple))][:1]
    numbers = [value for value in arguments if isinstance(value, (int, float))]
    if name == "arange" and len(numbers) == len(arguments) and numbers:
        start, end, step = (0, *numbers, 1) if len(numbers) == 1 else (*numbers, 1)[:3]
        count = math.ceil((end - start) / step)
    elif name == "eye":
        count = math.prod(map(int, numbers[:2])) if len(numbers) > 1 else int(numbers[0]) ** 2
    else:
        count = math.prod(sizes[0]) if sizes else int(numbers[2]) if name == "linspace" else 1
    check_count(count)


def _for_batch(name: str, x: Tensor, sizes: Any, exported: int, batch: int) -> Any:
    """Sizes of a reshape in a file for `exported` pictures, where there are `batch`, and they fit only then; of an
    expansion, of one that makes such a number of pictures of one."""
    if not isinstance(sizes, (list, tuple)) or batch == exported or not x.ndim or not sizes:
        return sizes
    first, rest = sizes[0], list(sizes[1:])
    if not isinstance(first, int) or first < 1:
        return sizes
    if name == "expand":
        return [batch, *rest] if len(x) == 1 and first == exported and x.ndim == len(sizes) else sizes
    if -1 in rest:
        return [len(x), *rest] if len(x) * exported == first * batch else sizes
    numbers = first * math.prod(rest)
    if numbers == x.numel() or numbers * batch != x.numel() * exported:
        return sizes
    return [first * batch // exported, *rest]
