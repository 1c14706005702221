"""Layers of which neither kernels nor calls can be read: those in TorchScript, and quantised ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import nn

SCRIPTED = "part of a TorchScript network, whose calls cannot be recorded"
QUANTISED = "quantised: its weights are 8-bit integers with a scale of their own"


class Unreadable(NamedTuple):
    """A layer, its class, and why it cannot be read."""

    name: str
    kind: str
    reason: str


def unreadable(net: nn.Module) -> Iterator[Unreadable]:
    """The layers that cannot be read, in order of registration; of TorchScript without any, the part itself."""
    for name, part in net.named_modules():
        if _scripted(part) and not _scripted(_parent(net, name)):
            yield from _layers_of(name, part)
        elif any(base.__name__ == "WeightedQuantizedModule" for base in type(part).__mro__):
            yield Unreadable(name, type(part).__name__, QUANTISED)


def _layers_of(name: str, part: nn.Module) -> Iterator[Unreadable]:
    modules = {f"{name}.{inner}".strip("."): module for inner, module in part.named_modules()}
    kinds = {path: str(getattr(module, "original_name", type(module).__name__)) for path, module in modules.items()}
    layers = [path for path, kind in kinds.items() if kind.startswith("Conv") or kind == "Linear"]
    for path in layers or [name]:
        yield Unreadable(path, kinds[path], SCRIPTED)


def _scripted(module: nn.Module | None) -> bool:
    return isinstance(module, torch.jit.ScriptModule)


def _parent(net: nn.Module, name: str) -> nn.Module | None:
    return net.get_submodule(name.rpartition(".")[0]) if name else None
