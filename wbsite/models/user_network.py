"""What a user's factory returns: the network itself, what one can be taken out of, or something else, said in words."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.export import ExportedProgram
from torch.nn.parameter import is_lazy
from torch.optim.swa_utils import AveragedModel

from wbsite.core.errors import WbsiteError
from wbsite.graph.unreadable import unreadable

from .file_networks.keras_network import KerasNetwork, is_keras
from .loading import first_few

WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel)
"""Modules that do nothing but call their only one, `module`."""


def network_of(made: object, target: str) -> nn.Module:
    """The network that a factory returned, in float32, without wrappers that only change its parameters' names.

    Raises:
        WbsiteError: it is no network, one whose forward pass cannot be read, or one without values.
    """
    if isinstance(made, ExportedProgram):
        made = _exported(made, target)
    if is_keras(made):
        made = KerasNetwork(made)
    if not isinstance(made, nn.Module):
        raise WbsiteError(f"{target} returns {_described(made)}; expected a torch.nn.Module.", _advice(made, target))
    net = _unwrapped(made)
    for part in list(net.modules()):
        if not isinstance(part, torch.jit.ScriptModule):
            part._modules.update({name: _unwrapped(child) for name, child in part.named_children()})
    _check_readable(net, target)
    _check_values(net, target)
    if any(tensor.is_inference() for tensor in _tensors(net).values()):  # gradients never pass through such
        net = copy.deepcopy(net)
    return net.float()


def _unwrapped(module: nn.Module) -> nn.Module:
    seen: set[nn.Module] = set()
    while module not in seen:  # one may hold itself
        seen.add(module)
        if isinstance(module, WRAPPERS):
            module = module.module
        elif isinstance(compiled := getattr(module, "_orig_mod", None), nn.Module):  # of torch.compile
            module = compiled
    return module


def _exported(program: ExportedProgram, target: str) -> nn.Module:
    """The module of an exported program, with the shape of the input it was exported with.

    Raises:
        WbsiteError: it was exported for batches of a fixed number of pictures, and not of one.
    """
    net = program.module()
    for method in ("train", "eval"):  # refused by the program; it computes the same in either mode
        vars(net).pop(method, None)
    names = program.graph_signature.user_inputs
    shapes = [node.meta["val"].shape for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    if len(shapes) == 1 and len(shapes[0]) == 4:
        batch, *shape = shapes[0]
        if isinstance(batch, int) and batch != 1:
            raise WbsiteError(
                f"{target} returns a program that was exported for batches of exactly {batch} pictures.",
                "Export it with one picture, or with `dynamic_shapes` that leave the first axis open.",
            )
        if all(isinstance(size, int) for size in shape):
            net.input_shape = tuple(shape)  # type: ignore[assignment]
    return net


def _check_readable(net: nn.Module, target: str) -> None:
    """Refuses networks without a forward pass that can be read, saying what they are."""
    if isinstance(net, torch.jit.ScriptModule):
        raise WbsiteError(
            f"{target} is a TorchScript network: its forward pass is compiled, so its calls cannot be recorded.",
            "Return the Python module that it was scripted or traced from, with its weights.",
        )
    if type(net).forward is nn.Module.forward and "forward" not in vars(net):
        parts = [name for name, _ in net.named_children()]
        raise WbsiteError(
            f"{target} returns a {type(net).__name__} without a forward method.",
            f"Return the part that computes: {' or '.join(f'its `{name}`' for name in parts[:3])}."
            if parts
            else "Return the network that computes.",
        )
    layers = list(unreadable(net))
    if layers and not any(isinstance(module, nn.Conv2d) for module in net.modules()):
        raise WbsiteError(
            f"the kernels of {target} cannot be read: {first_few([layer.name for layer in layers])} "
            f"({layers[0].kind}): {layers[0].reason}.",
            "Return the network as it was before it was quantised or compiled, with floating-point weights.",
        )


def _check_values(net: nn.Module, target: str) -> None:
    """Refuses networks with parameters that have no shape or no values yet."""
    tensors = _tensors(net)
    lazy = [name for name, value in tensors.items() if is_lazy(value)]
    if lazy:
        raise WbsiteError(
            f"{target} leaves parameters without a shape ({first_few(lazy)}).",
            "Call the network once on an input in the factory, so that its lazy layers take their shapes.",
        )
    empty = [name for name, value in tensors.items() if value.is_meta]
    if empty:
        raise WbsiteError(
            f"{target} leaves parameters on the meta device, without values ({first_few(empty)}).",
            "Call to_empty and load the weights in the factory, or make the network on the CPU.",
        )


def _tensors(net: nn.Module) -> dict[str, torch.Tensor]:
    return dict(chain(net.named_parameters(), net.named_buffers()))


def _described(made: object) -> str:
    if isinstance(made, type):
        return f"the class {made.__name__}"
    if isinstance(made, (str, Path)):
        return f"the text {str(made)!r}"
    if isinstance(made, Mapping) and any(isinstance(value, torch.Tensor) for value in made.values()):
        return f"weights without a network, {len(made)} of them by name"
    if isinstance(made, (tuple, list)):
        return f"{len(made)} objects ({', '.join(type(item).__name__ for item in made[:4])})"
    return f"an object of type {type(made).__name__}"


def _advice(made: object, target: str) -> str:
    if isinstance(made, (str, Path)) and Path(made).suffix:
        return f"Build the network and return it; its weights file can be named after an @: {target}@{made}."
    if places := list(_networks_in(made)):
        return f"Return the network alone: {' or '.join(places[:3])}."
    if isinstance(made, Mapping):
        return "Build the network, load the weights with load_state_dict, and return the network, not its weights."
    if callable(made) and not isinstance(made, type):
        return "Return a torch.nn.Module whose forward method calls the function."
    return "Return the network itself, not its class, its weights or its output."


def _networks_in(made: object) -> Iterator[str]:
    """Where in a returned object there are networks, in words."""
    if isinstance(made, (tuple, list)):
        items: Any = ((f"item {i}", item) for i, item in enumerate(made))
    elif isinstance(made, Mapping):
        items = ((f"its {key!r}", item) for key, item in made.items())
    else:
        items = ((f"its `{name}`", item) for name, item in getattr(made, "__dict__", {}).items())
    return (place for place, item in items if isinstance(item, nn.Module))
