"""A program of recorded calls made ready to be run thousands of times: frozen, folded, in the layout that is fastest.

The network itself is left as it is: the program gets copies of its weights.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch.nn import functional as F

from wbsite.graph.tape import Call, Program, Ref

from .picture_convolution import CHANNELS, PictureConvolution
from .response_norm import local_response_norm


def frozen(program: Program, device: torch.device, dtype: torch.dtype) -> Program:
    """The same values from weights that need no gradient, with batch norms folded into their convolutions.

    Args:
        dtype: of weights and constants; the input has to have it too.
    """
    calls = [_lighter(call) for call in _folded(program.calls, program.values)]
    return replace(program, calls=tuple(_moved(call, device, dtype) for call in calls))


def with_fast_gradient(program: Program) -> Program:
    """A frozen program whose gradient for the picture takes a processor less time; it is run as it is, not in parts."""
    return replace(program, calls=tuple(map(_with_fast_gradient, program.calls)))


def _folded(calls: Sequence[Call], values: Sequence[int]) -> list[Call]:
    """Batch norms (in evaluation mode) of convolutions that nothing else reads become part of the convolutions.

    Args:
        values: that are returned, and so have to stay.
    """
    readers = Counter(value for call in calls for value in call.inputs)
    convolutions = {call.outputs[0]: i for i, call in enumerate(calls) if call.operation == "conv2d"}
    folded: list[Call | None] = list(calls)
    for i, call in enumerate(calls):
        if call.operation != "batch_norm" or not isinstance(call.args[0] if call.args else None, Ref):
            continue
        norm, source = _by_name(call, F.batch_norm), call.args[0].value
        if norm["training"] or source not in convolutions or readers[source] > 1 or source in values:
            continue
        folded[convolutions[source]] = _absorbing(calls[convolutions[source]], norm, call.outputs)
        folded[i] = None
    return [call for call in folded if call is not None]


def _absorbing(conv: Call, norm: Mapping[str, Any], outputs: tuple[int, ...]) -> Call:
    arguments = _by_name(conv, _conv2d)
    gain = (norm["running_var"].detach().double() + norm["eps"]).rsqrt()
    if norm["weight"] is not None:
        gain = gain * norm["weight"].detach().double()
    weight, bias = arguments["weight"].detach(), arguments["bias"]
    centre = (0 if bias is None else bias.detach().double()) - norm["running_mean"].detach().double()
    shift = centre * gain + (0 if norm["bias"] is None else norm["bias"].detach().double())
    folded = {"weight": (weight.double() * gain[:, None, None, None]).to(weight.dtype), "bias": shift.to(weight.dtype)}
    return replace(conv, args=(), kwargs={**arguments, **folded}, outputs=outputs)


def _by_name(call: Call, function: Any) -> dict[str, Any]:
    bound = _signature(function).bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    return bound.arguments


_signature = cache(inspect.signature)


def _lighter(call: Call) -> Call:
    """Local response normalisation in closed form."""
    return replace(call, function=local_response_norm) if call.function is F.local_response_norm else call


def _with_fast_gradient(call: Call) -> Call:
    """A convolution of the picture, where its stride makes the usual gradient slow."""
    if call.kernel is None:
        return call
    named = _by_name(call, _conv2d)
    weight, stride, padding = named["weight"], _pair(named["stride"]), named["padding"]
    plain = not isinstance(padding, str) and named["groups"] == 1 and _pair(named["dilation"]) == (1, 1)
    if not plain or weight.shape[1] > CHANNELS or stride == (1, 1) or not isinstance(named["input"], Ref):
        return call
    function = PictureConvolution.of(weight, named["bias"], stride, _pair(padding))
    return replace(call, function=function, args=(named["input"],), kwargs={})


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
