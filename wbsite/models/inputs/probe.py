"""Runs a network on small pictures to see what its convolutions get: sizes, strides, and pixels on their way there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from wbsite.core.isolation import forward_passes
from wbsite.graph.operations import pair
from wbsite.graph.recorder.aten import written_out

from .statement import Shape


@dataclass(frozen=True)
class Convolution:
    """One call of a convolution.

    Attributes:
        stride: along rows.
        written: rows of its output.
    """

    stride: int
    written: int


_CONVOLUTIONS = {"conv2d", "conv_transpose2d"}
_ARGUMENTS = ("input", "weight", "bias", "stride")


class _Watch(TorchFunctionMode):
    """Sees every two-dimensional convolution, whoever calls it; may end the pass at the first.

    (A TorchDispatchMode would import torch's compiler, which takes two seconds.)
    """

    def __init__(self, stop: bool = False) -> None:
        super().__init__()
        self.stop = stop
        self.convolutions: list[Convolution] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if (written := written_out(func)) is not None:
            with self:
                return written(*args, **kwargs)
        if getattr(func, "__name__", "") not in _CONVOLUTIONS:
            return func(*args, **kwargs)
        call = {**dict(zip(_ARGUMENTS, args, strict=False)), **kwargs}
        if self.stop:
            raise _Reached(call["input"])
        result = func(*args, **kwargs)
        self.convolutions.append(Convolution(pair(call.get("stride", 1))[0], result.shape[2]))
        return result


class _Reached(BaseException):
    """The first convolution was reached, with this input. No Exception, which a network's own code could catch."""

    def __init__(self, x: torch.Tensor) -> None:
        super().__init__()
        self.x = x


@dataclass(frozen=True)
class Pass:
    """One forward pass.

    Attributes:
        convolutions: in the order in which they ran.
        classes: outputs of the first result that is a vector of each picture; 0 without one.
    """

    convolutions: tuple[Convolution, ...]
    classes: int


def run(net: nn.Module, shape: Shape) -> Pass:
    """A forward pass on one picture of noise.

    Raises:
        ValueError: the result has another number of rows than one for the picture, so that the size cannot be meant.
        Exception: the network's own.
    """
    watch = _Watch()
    with forward_passes(net), torch.no_grad():
        x = torch.rand(1, *shape)
        with watch:
            output = net(x)
    vectors = [tensor for tensor in tensors_in(output) if tensor.ndim == 2]
    if isinstance(output, torch.Tensor) and output.ndim > 1 and len(output) != 1:
        raise ValueError(f"a result of shape {tuple(output.shape)} of one picture")
    classes = next((tensor.shape[1] for tensor in vectors if len(tensor) == 1), 0)
    return Pass(tuple(watch.convolutions), classes)


def tensors_in(tree: Any) -> Iterator[torch.Tensor]:
    """The tensors in a result: in lists, dictionaries and dataclasses, whatever is in them."""
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        yield from tensors_in(list(tree.values()))
    elif isinstance(tree, (list, tuple)):
        for item in tree:
            yield from tensors_in(item)
    elif is_dataclass(tree):
        yield from tensors_in([getattr(tree, entry.name) for entry in fields(tree)])


MOST_CHANNELS = 16
SIMILAR = 1e-3


@dataclass(frozen=True)
class Reading:
    """How pixels reach the first convolution: its channel i reads (x[order[i]] − mean[order[i]]) / std[order[i]].

    Attributes:
        order: of the network's input channels among those of the convolution.
        mean, std: of the network's input channels.
    """

    order: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def reading(net: nn.Module, shape: Shape) -> Reading | None:
    """What the network does to pixels before its first convolution, seen on pictures of one colour each.

    None where that is anything but one gain and one shift for each channel, such as statistics of the picture.
    """
    channels = shape[0]
    if channels > MOST_CHANNELS:
        return None
    colours = torch.cat([torch.zeros(1, channels), torch.eye(channels), torch.full((1, channels), 0.5)])
    seen = []
    for colour in colours:
        pixels = _first_read(net, colour[None, :, None, None].expand(1, *shape).contiguous())
        if pixels is None or pixels.shape[:2] != (1, channels):
            return None
        seen.append(pixels[0, :, pixels.shape[2] // 2, pixels.shape[3] // 2].double())
    shift, gains = seen[0], torch.stack(seen[1:-1], 1) - seen[0][:, None]  # (channel read, channel of the picture)
    size = gains.abs().amax()
    if not bool(torch.isfinite(torch.stack([*seen, gains.sum(1)])).all()):  # as after a division by a picture's range
        return None
    used = gains.abs() > SIMILAR * size
    linear = torch.allclose(seen[-1], shift + gains.sum(1) / 2, rtol=SIMILAR, atol=SIMILAR * float(size))
    if not size > 0 or not linear or (used.sum(0) != 1).any() or (used.sum(1) != 1).any():
        return None
    order = used.int().argmax(1)
    gain = gains[torch.arange(channels), order]
    if (gain <= 0).any():
        return None
    mean, std = torch.empty_like(gain), torch.empty_like(gain)
    mean[order], std[order] = -shift / gain, 1 / gain
    return Reading(tuple(order.tolist()), tuple(mean.tolist()), tuple(std.tolist()))


def _first_read(net: nn.Module, x: torch.Tensor) -> torch.Tensor | None:
    try:
        with forward_passes(net), torch.no_grad(), _Watch(stop=True):
            net(x)
    except _Reached as reached:
        return reached.x
    except Exception:  # whatever the network does with a picture of one colour
        return None
    return None
