"""Answers what is asked of a tensor's device, and makes tensors where they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from .operands import Operands
from .places import CPU, GPU, common, moved, named_device, place, put, tensors_in


class Generator(torch.Generator):
    """Draws on the CPU, for tensors of its own device alone."""

    def __new__(cls, device: Any = CPU) -> Generator:
        generator = super().__new__(cls)
        generator.place = named_device(device)
        return generator

    @property
    def device(self) -> torch.device:
        """Where it says that it draws."""
        return self.place


class Questions(TorchFunctionMode):
    """Sees calls of torch's functions and methods before they are computed; see `Operands`."""

    def __init__(self, operands: Operands) -> None:
        super().__init__()
        self.operands = operands
        tensor: Any = torch.Tensor
        self.answers: dict[Any, Callable[..., Any]] = {
            tensor.device.__get__: place,
            tensor.is_cuda.__get__: lambda x: place(x) == GPU,
            tensor.is_cpu.__get__: lambda x: place(x) == CPU,
            tensor.get_device: lambda x: 0 if place(x) == GPU else -1,
            tensor.to: _to,
            tensor.cuda: lambda x, *_, **__: moved(x, GPU),
            tensor.cpu: lambda x, **_: moved(x, CPU),
            tensor.numpy: lambda x, **options: self._on_host(x, **options).numpy(**options),
            tensor.__array__: lambda x, *args, **options: self._on_host(x).__array__(*args, **options),
            tensor.__deepcopy__: lambda x, memo: put(x.__deepcopy__(memo), place(x)),
            tensor.grad.__set__: self._given_gradient,
            torch.tensor: _fresh(torch.tensor),
            tensor.new_tensor: _fresh(tensor.new_tensor),
            torch.as_tensor: _taken(torch.as_tensor),
            torch.asarray: _taken(torch.asarray),
        }

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in self.answers:
            return self.answers[func](*args, **kwargs)
        asked, around = named_device(kwargs.get("device")), common(map(place, tensors_in((args, kwargs))))
        generator, device = kwargs.get("generator"), asked or around or CPU
        if generator is not None and generator.device.type != device.type:
            raise self.operands.refuse(
                f"Expected a '{device.type}' device type for generator but found '{generator.device.type}'"
            )
        if asked == GPU:
            kwargs["device"] = CPU
        with self.operands.within(asked, around):
            return func(*args, **kwargs)

    def _on_host(self, x: torch.Tensor, force: bool = False) -> torch.Tensor:
        if place(x) == GPU and not force:
            raise self.operands.refuse(
                "can't convert cuda:0 device type tensor to numpy. "
                "Use Tensor.cpu() to copy the tensor to host memory first.",
                TypeError,
            )
        return x

    def _given_gradient(self, x: torch.Tensor, gradient: torch.Tensor | None) -> None:
        if gradient is not None and place(gradient) != place(x):
            raise self.operands.refuse("assigned grad has data located on a different device")
        x.grad = gradient


def _to(x: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
    if args and isinstance(args[0], torch.dtype):
        return x.to(*args, **options)
    target = args[0] if args else options.pop("other", options.pop("device", None))
    if isinstance(target, torch.Tensor):
        return moved(x.to(target.dtype, *args[1:], **options), place(target))
    device = named_device(target) or place(x)
    if device.type == "meta":
        return x.to(device, *args[1:], **options)
    return moved(x.to(CPU, *args[1:], **options), device)


def _fresh(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """`torch.tensor` and `new_tensor`: on the device of the tensor given, unless told; else on the CPU."""

    def make(first: Any, *args: Any, device: Any = None, **options: Any) -> torch.Tensor:
        target = named_device(device) or (place(first) if isinstance(first, torch.Tensor) else CPU)
        real = CPU if target == GPU else target
        return put(function(first, *args, device=real, **options), target)

    return make


def _taken(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """`torch.as_tensor` and `asarray`: what they are given itself, where that is possible."""

    def take(data: Any, *args: Any, device: Any = None, **options: Any) -> torch.Tensor:
        target = named_device(device) or (place(data) if isinstance(data, torch.Tensor) else CPU)
        if target.type == "meta":
            return function(data, *args, device=target, **options)
        return moved(function(data, *args, **options), target)

    return take
