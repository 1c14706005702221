"""A program of recorded calls made ready to be run thousands of times: frozen, folded, in the layout that is fastest.

The network itself is left as it is: the program gets copies of its weights.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch.nn import functional as F

from wbsite.graph.tape import Call, Program, Ref

from .picture_convolution import CHANNELS, PictureConvolution

Made = dict[tuple[int, int], tuple[Call, Call | None, Call]]
"""Calls that were made ready before, with what they were made of, by the identities of these."""


def frozen(program: Program, device: torch.device, dtype: torch.dtype, gradients: bool, made: Made) -> Program:
    """The same values from weights that need no gradient, with batch norms folded into their convolutions.

    Args:
        dtype: of weights and constants; the input has to have it too.
        gradients: whether those for the picture are to take a processor less time.
        made: of other programs of the same tape with the same device, dtype and gradients: what they have in common is
            made once. Added to.
    """
    calls = []
    for call, norm in _folded(program.calls, program.values):
        key = id(call), id(norm)
        if key not in made:
            alone = call if norm is None else _absorbing(call, norm)
            ready = _moved(alone, device, dtype)
            made[key] = call, norm, _with_fast_gradient(ready) if gradients and device.type == "cpu" else ready
        calls.append(made[key][2])
    return replace(program, calls=tuple(calls))


def _folded(calls: Sequence[Call], values: Sequence[int]) -> list[tuple[Call, Call | None]]:
    """Calls in order, convolutions with the batch norm (in evaluation mode) that alone reads them and becomes part of
    them.

    Args:
        values: that are returned, and so have to stay.
    """
    readers = Counter(value for call in calls for value in call.inputs)
    convolutions = {call.outputs[0]: i for i, call in enumerate(calls) if call.operation == "conv2d"}
    folded: list[tuple[Call, Call | None] | None] = [(call, None) for call in calls]
    for i, call in enumerate(calls):
        if call.operation != "batch_norm" or not isinstance(call.args[0] if call.args else None, Ref):
            continue
        source = call.args[0].value
        if _norm(call)["training"] or source not in convolutions or readers[source] > 1 or source in values:
            continue
        folded[convolutions[source]] = calls[convolutions[source]], call
        folded[i] = None
    return [pair for pair in folded if pair is not None]


def _norm(call: Call) -> dict[str, Any]:
    return _by_name(call, F.batch_norm)


def _absorbing(conv: Call, call: Call) -> Call:
    """A convolution and its batch norm in one."""
    arguments, norm = convolution(conv), _norm(call)
    gain = (norm["running_var"].detach().double() + norm["eps"]).rsqrt()
    if norm["weight"] is not None:
        gain = gain * norm["weight"].detach().double()
    weight, bias = arguments["weight"].detach(), arguments["bias"]
    centre = (0 if bias is None else bias.detach().double()) - norm["running_mean"].detach().double()
    shift = centre * gain + (0 if norm["bias"] is None else norm["bias"].detach().double())
    folded = {"weight": (weight.double() * gain[:, None, None, None]).to(weight.dtype), "bias": shift.to(weight.dtype)}
    return replace(conv, args=(), kwargs={**arguments, **folded}, outputs=call.outputs)


def _by_name(call: Call, function: Any) -> dict[str, Any]:
    bound = _signature(function).bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    return bound.arguments


_signature = cache(inspect.signature)


def _with_fast_gradient(call: Call) -> Call:
    """A convolution of the picture, where that gains something."""
    if call.kernel is None:
        return call
    named = convolution(call)
    weight, stride, padding = named["weight"], _pair(named["stride"]), named["padding"]
    plain = not isinstance(padding, str) and named["groups"] == 1 and _pair(named["dilation"]) == (1, 1)
    pixelwise = stride == (1, 1) and weight.shape[2:] == (1, 1)
    if not plain or pixelwise or weight.shape[1] > CHANNELS or not isinstance(named["input"], Ref):
        return call
    function = PictureConvolution.of(weight, named["bias"], stride, _pair(padding))
    return replace(call, function=function, args=(named["input"],), kwargs={})


def convolution(call: Call) -> dict[str, Any]:
    """The arguments of a recorded `conv2d` by name, all of them."""
    return _by_name(call, _conv2d)


def _conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> None:
    """The arguments of `torch.conv2d`, which has no signature of its own."""


def _pair(lengths: Any) -> tuple[int, int]:
    """Of an argument that is one number, a list of one, or one for each axis."""
    along = [lengths] if isinstance(lengths, int) else list(lengths)
    return int(along[0]), int(along[-1])


def _moved(call: Call, device: torch.device, dtype: torch.dtype) -> Call:
    def moved(argument: Any) -> Any:
        if isinstance(argument, torch.Tensor):
            tensor = argument.detach().to(device, dtype if argument.is_floating_point() else argument.dtype)
            return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor
        if isinstance(argument, (tuple, list)):
            return type(argument)(map(moved, argument)) if type(argument) in (tuple, list) else argument
        return {key: moved(value) for key, value in argument.items()} if isinstance(argument, dict) else argument

    return replace(call, args=moved(call.args), kwargs=moved(dict(call.kwargs)))
