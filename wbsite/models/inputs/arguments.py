"""What a forward pass is given beside the picture: zeros, the picture once more, or values as they are."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from wbsite.core.errors import unknown
from wbsite.core.model_input import Scalar, Zeros

from .statement import NoInput, Shape

EXAMPLE = "arguments = { age = [4], mask = [1, 64, 64] }"


class Arguments:
    """A hook that completes every call of a network with one picture; names of layers stay as they are.

    Args:
        picture: name of the parameter that takes the picture.
        values: of the other parameters, by name.
        shape: of a usual picture: a tensor of this shape is the picture itself, whatever the size of that. None for
            that of the picture at hand, while the usual one is not known yet.
    """

    def __init__(self, picture: str, values: Mapping[str, Zeros | Scalar], shape: Shape | None = None) -> None:
        self.picture, self.values, self.shape = picture, dict(values), shape

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The arguments by name; a call that has more than a picture already is left as it is."""
        if len(args) != 1 or kwargs:
            return None
        return (), {self.picture: args[0], **{name: self._value(args[0], value) for name, value in self.values.items()}}

    def in_words(self) -> str:
        """A sentence on what is given beside the picture."""
        said = []
        for name, value in self.values.items():
            if not isinstance(value, Zeros):
                said.append(f"{name}, {value!r}")
            elif value.shape == self.shape and not value.dtype:
                said.append(f"{name}, the picture again")
            else:
                said.append(f"{name}, zeros{' of ' if value.shape else ''}{'×'.join(map(str, value.shape))}")
        return f"Beside the picture its forward pass is given {'; '.join(said)}."

    def _value(self, x: torch.Tensor, value: Zeros | Scalar) -> Any:
        if not isinstance(value, Zeros):
            return value
        if value.shape == (self.shape or tuple(x.shape[1:])) and not value.dtype:
            return x
        # Made of the picture, so that a recording repeats it for a batch of any size.
        zero = torch.zeros_like(x.flatten(1)[:, :1])
        zeros = zero.reshape(len(x), *(1 for _ in value.shape)).expand(len(x), *value.shape).contiguous()
        return zeros.to(getattr(torch, value.dtype)) if value.dtype else zeros


def give(net: nn.Module, arguments: tuple[tuple[str, Zeros | Scalar], ...], target: str) -> Arguments | None:
    """Has every call with one picture completed by these arguments, from the hook that is returned.

    Raises:
        WbsiteError: the forward pass has no such parameter, or a type is unknown.
        NoInput: it needs others besides.
    """
    values = dict(arguments)
    for name, value in values.items():
        if isinstance(value, Zeros) and value.dtype and not isinstance(getattr(torch, value.dtype, None), torch.dtype):
            raise unknown(f"type of the argument {name}", value.dtype, ("bool", "int32", "int64", "float32", "float64"))
    named, needed, anything = _parameters(net)
    for name in values:
        if name not in named and not anything:
            raise unknown(f"argument of the forward pass of {target}", name, named)
    needed = [name for name in needed if name not in values]
    free = [name for name in named if name not in values]
    if len(needed) > 1:
        others = needed[1:]
        shapes = ", ".join(f"{name} = [4]" for name in others)
        raise NoInput(
            f"the forward pass of {target} takes {', '.join(named)}; wbsite gives it one picture, as {needed[0]},"
            f" and has nothing for {', '.join(others)}.",
            f'Say what they are under [models."{target}"] in wbsite.toml: arguments = {{ {shapes} }}, shapes without'
            f" the batch axis, as in {EXAMPLE}. Each gets zeros, or the picture where the shape equals the input's.",
        )
    if not values:
        return None
    hook = Arguments((needed or free or ["x"])[0], values)
    net.register_forward_pre_hook(hook, with_kwargs=True)
    return hook


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _parameters(net: nn.Module) -> tuple[list[str], list[str], bool]:
    """Names of what the forward pass takes, of these those that it needs, and whether it takes any other by name.

    None where Python does not know them, as of TorchScript.
    """
    if names := getattr(net, "graph_inputs", ()):  # of a network in a file
        return list(names), list(names), False
    try:
        parameters = inspect.signature(net.forward).parameters.values()
    except (TypeError, ValueError):
        return [], [], False
    named = [parameter for parameter in parameters if parameter.kind not in _VARIADIC]
    needed = [parameter.name for parameter in named if parameter.default is parameter.empty]
    anything = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters)
    return [parameter.name for parameter in named], needed, anything
