"""Sorts the operations of networks by what is known of them: rectifiers, pools, what only moves numbers about."""

from __future__ import annotations

from typing import Any

RECTIFIERS = frozenset(
    {"relu", "relu6", "hardtanh", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish"}
    | {"hardswish", "softplus", "threshold", "clamp", "clamp_min"}
)
"""Replaced by the identity in a linear form: the linear function each approaches for large activations."""

UNCHANGED = frozenset(
    {"dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout", "contiguous", "clone"}
    | {"to", "float", "double", "detach", "identity"}
)
"""Give back what they are given (in evaluation mode)."""

BATCH_NORMS = frozenset({"batch_norm"})

SUMS = frozenset({"add", "sub"})
"""Of two values, or of a value and a constant."""

JOINS = frozenset({"cat", "concat", "concatenate", "hstack", "vstack", "stack"})

SCALED = frozenset({"mul", "div", "truediv", "matmul", "mm", "neg"})
"""Linear in a value as long as what it is multiplied by does not depend on the picture."""

WEIGHTED = frozenset({"conv2d", "linear"}) | BATCH_NORMS
"""Affine in their first argument, with parameters."""

AVERAGES = frozenset({"avg_pool2d", "adaptive_avg_pool2d", "mean", "sum"})

MAXIMA = frozenset({"max_pool2d", "adaptive_max_pool2d", "amax"})

MOVES = frozenset(
    {
        "flatten",
        "view",
        "reshape",
        "permute",
        "transpose",
        "squeeze",
        "unsqueeze",
        "expand",
        "chunk",
        "split",
        "getitem",
    }
    | {"pad", "channel_shuffle", "pixel_shuffle", "pixel_unshuffle", "unflatten", "unbind", "movedim", "narrow"}
    | {"interpolate", "flip", "roll", "view_as", "reshape_as", "native_channel_shuffle"}
)
"""Numbers change places (or are interpolated), with nothing lost but what is cut off."""

NORMALISATIONS = frozenset({"local_response_norm"})

SHAPE_ONLY = frozenset({"zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like"}) | frozenset(
    {"new_zeros", "new_ones", "new_full", "new_empty", "new_tensor"}
)
"""Take nothing but the shape, or the kind of numbers, of what they are given."""

CONVOLUTION = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
"""Arguments of `conv2d`, in order."""

_IN_PLACE = {"add", "sub", "mul", "div", "truediv"}
_REFLECTED = {"add", "sub", "mul"}  # not 1 / x, which is no multiple of x


def operation(name: str) -> str:
    """ "torch.Tensor.__iadd__" → "add": the last part of a call's name, without what only says how it was written."""
    plain = name.rpartition(".")[2].strip("_")
    written = {"i": _IN_PLACE, "r": _REFLECTED}.get(plain[:1], set())
    return plain[1:] if plain[1:] in written else plain


def pair(size: Any) -> tuple[int, int]:
    """One size for both axes, or (height, width), as (height, width)."""
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[-1]))
