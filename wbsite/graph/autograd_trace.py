"""Runs a module once under hooks, and reads from the autograd graph which layer feeds which."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from wbsite.core.errors import WbsiteError


@dataclass
class Trace:
    """Of a layer's first call the output's shape and the map that the input is a view of; every output's node."""

    shape: tuple[int, ...]
    map: tuple[int, ...]
    nodes: list[torch.autograd.graph.Node | None] = field(default_factory=list)


def run(
    module: nn.Module, found: dict[str, nn.Conv2d | nn.Linear], input_shape: tuple[int, int, int]
) -> tuple[dict[str, Trace], torch.autograd.graph.Node | None]:
    """One forward pass on zeros (1, channels, height, width).

    Args:
        module: runs in evaluation mode and is left as it was.
        found: the layers to watch, by name.
        input_shape: (channels, height, width).

    Returns:
        Traces by name in the order of first calls, and the autograd node of the input.

    Raises:
        WbsiteError: the forward pass fails.
    """
    traces: dict[str, Trace] = {}

    def record(name: str, inputs: tuple[object, ...], output: object) -> None:
        if isinstance(output, (tuple, list)):
            output = next((part for part in output if isinstance(part, torch.Tensor)), None)
        if isinstance(output, torch.Tensor):
            trace = traces.setdefault(name, Trace(tuple(output.shape[1:]), flattened_map(*inputs[:1])))
            trace.nodes.append(output.grad_fn)  # kept now: an in-place operation later changes output.grad_fn

    like = next((p for p in module.parameters() if p.is_floating_point() and not is_lazy(p)), torch.empty(0))
    handles = []
    try:
        for name, layer in found.items():
            handles.append(layer.register_forward_hook(lambda _m, i, output, name=name: record(name, i, output)))
        with _undisturbed(module, like.device):
            zeros = torch.zeros(1, *input_shape, dtype=like.dtype, device=like.device, requires_grad=True)
            x = zeros.clone()  # no leaf, so that a network may write into its input
            source = x.grad_fn
            module(x)
    except Exception as error:
        raise WbsiteError(
            f"{type(module).__name__} fails on an input of shape {(1, *input_shape)}: {type(error).__name__}: {error}",
            "Say what it takes: an attribute `input_shape = (channels, side, side)` on the module or its factory.",
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return traces, source


def flattened_map(flat: object = None) -> tuple[int, ...]:
    """(channels, height, width) of the map that a vector is, value by value in this order; empty if it is none.

    The vector (1, channels·height·width) must be a view of the whole map: flattened, and nothing computed
    since. A map whose positions were averaged, or put in another order, had to be copied and is no view.
    """
    if not isinstance(flat, torch.Tensor) or flat.ndim != 2 or flat._base is None:
        return ()
    base = flat._base
    whole = base.ndim == 4 and len(base) == 1 and base.numel() == flat.numel()
    return tuple(base.shape[1:]) if whole and base.is_contiguous() and flat.is_contiguous() else ()


@contextmanager
def _undisturbed(module: nn.Module, device: torch.device) -> Iterator[None]:
    """Evaluation mode with gradients; training flags and random generators are put back afterwards."""
    training = [(m, m.training) for m in module.modules()]
    cuda = [device] if device.type == "cuda" else []
    try:
        for m, _ in training:
            m.training = False
        # The graph is only walked, never run backwards: dropping what it would save keeps memory low.
        drop = torch.autograd.graph.saved_tensors_hooks(lambda _: None, lambda empty: empty)
        with torch.random.fork_rng(devices=cuda), torch.inference_mode(False), torch.enable_grad(), drop:
            yield
    finally:
        for m, flag in training:
            m.training = flag


def upstream(node: torch.autograd.graph.Node, owner: dict[int, str]) -> set[str]:
    """Owners of the nearest owned nodes above a node; parameters are leaves without an owner."""
    found: set[str] = set()
    seen: dict[int, torch.autograd.graph.Node] = {}  # holds the nodes: an id is only unique while they live
    stack = [above for above, _ in node.next_functions]
    while stack:
        above = stack.pop()
        if above is None or id(above) in seen:
            continue
        seen[id(above)] = above
        if id(above) in owner:
            found.add(owner[id(above)])
        else:
            stack += [further for further, _ in above.next_functions]
    return found
