"""Writes down the calls of one forward pass, through a TorchFunctionMode, and autograd's edges where it sees none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode, resolve_name

from wbsite.core.errors import WbsiteError
from wbsite.graph.kernels import Product, products
from wbsite.graph.operations import SHAPE_ONLY, operation
from wbsite.graph.tape import INPUT, INPUT_NAME, Call, Departure, Ref, Tape, Use

from .aten import written_out
from .description import described
from .functional import all_tensors, any_batch, as_cast, autograd_node, changed_in_place, functional, tensors_in
from .kernel_log import KernelLog

UNRECORDED = "code that cannot be recorded"
"""Name of a call whose function nobody saw."""

NUMBERS = frozenset(
    {"item", "tolist", "numpy", "__array__", "__bool__", "__int__", "__float__", "__complex__", "__index__"}
)
"""Methods after which Python, and no longer torch, holds numbers of a tensor."""

_DEPARTURES = NUMBERS | frozenset(
    {"is_nonzero", "equal", "allclose", "__contains__", "nonzero", "argwhere", "masked_select", "unique"}
)
"""… and those that tell it something of them, or make as many as they decide."""


@dataclass
class _Origin:
    """Where a tensor comes from.

    Attributes:
        value: its number on the tape; None for a constant that layers computed from constants.
        layers: the nearest layers upstream, or the input.
    """

    value: int | None
    layers: frozenset[str]


class Recorder(TorchFunctionMode):
    """Numbers every tensor that depends on the input, and writes down the calls that make them.

    It sees calls of torch's Python functions, also past `detach`, `no_grad` and checkpoints, where autograd's graph
    ends. It does not see TorchScript, custom kernels, or what a write into a view does to the tensor behind it, which
    are in autograd's graph. So gradients are left on, and a tensor of unknown origin is followed along that graph up to
    known ones: what lies between becomes one call, which says what feeds what but cannot be repeated.

    Args:
        x: the input of the network, (1, channels, height, width), no leaf of autograd's graph.
        keep: whether to keep every value's tensor too (`tensors`).
    """

    def __init__(self, x: torch.Tensor, keep: bool = False) -> None:
        super().__init__()
        self.keep = keep
        self.kept: dict[int, tuple[torch.Tensor, int]] = {}  # with the number of changes in place until then
        self.tape = Tape(shapes={INPUT: tuple(x.shape)})
        self.origins: dict[int, _Origin] = {}  # by the tensor's id
        self.nodes: dict[Any, _Origin] = {}
        self.alive: list[torch.Tensor] = []  # an id is only a name while its object lives
        self.inside: list[str] = []
        self.kernels = KernelLog(self.tape)
        self.digest = hashlib.sha256()
        self._know(x, INPUT, frozenset({INPUT_NAME}))

    @property
    def tensors(self) -> dict[int, torch.Tensor]:
        """Value → its tensor as the module made it; without those that unseen code has changed since."""
        return {value: tensor for value, (tensor, changes) in self.kept.items() if _changes(tensor) == changes}

    @contextmanager
    def watching(self, module: nn.Module) -> Iterator[None]:
        """Notes what every module is given and returns."""
        handles = []
        self.kernels.watch(module)
        try:
            for name, child in module.named_modules():
                if isinstance(child, torch.jit.ScriptModule):  # takes no hooks
                    self.digest.update(child.code.encode())
                    continue
                handles += [
                    child.register_forward_pre_hook(lambda _m, inputs, name=name: self._enter(name, inputs)),
                    child.register_forward_hook(lambda _m, _i, output, name=name: self._leave(name, output)),
                ]
            yield
            self.kernels.finish()
            self.tape.digest = self.digest.hexdigest()
        finally:
            self.kernels.restore()
            for handle in handles:
                handle.remove()

    def _enter(self, name: str, inputs: tuple[Any, ...]) -> None:
        self._note(name, inputs, self.tape.feeding)
        self.inside.append(name)
        self.kernels.enter(name)

    def _leave(self, name: str, output: Any) -> None:
        tensor, origin = self._note(name, output, self.tape.returned)
        if name in self.tape.returned and name not in self.kernels.called:
            self.tape.outputs.setdefault(name, self.tape.returned[name])
        self.inside.pop()
        if self.kernels.leave(name) or tensor is None:
            return
        with torch._C.DisableTorchFunction():  # a layer whose product nobody saw
            use = Use(tuple(tensor.shape[1:]), origin.layers if origin else frozenset())
            self.tape.uses.setdefault(name, []).append(use)
            self._know(tensor, origin.value if origin else None, frozenset({name}))

    def _note(self, name: str, tensors: Any, values: dict[str, int]) -> tuple[torch.Tensor | None, _Origin | None]:
        """Notes the value of a module's first call; returns the tensor, of several the first, and its origin."""
        listed = tensors if isinstance(tensors, (tuple, list)) else (tensors,)
        tensor = next((x for x in listed if isinstance(x, torch.Tensor)), None)
        with torch._C.DisableTorchFunction():
            origin = None if tensor is None else self._origin(tensor)
        if origin is None or origin.value is None:
            self.tape.untraced.add(name)
        else:
            values.setdefault(name, origin.value)
        return tensor, origin

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if (written := written_out(func)) is not None:
            with self:
                return written(*args, **kwargs)
        # All is looked up before the call, which may change an argument in place.
        inputs = list(tensors_in((args, kwargs)))
        origins = [origin for x in inputs if (origin := self._origin(x))]
        layers = frozenset[str]().union(*(origin.layers for origin in origins))
        views = [(x, x._version) for x in inputs if x._base is not None]
        name = (resolve_name(func) or getattr(func, "__name__", repr(func))).replace("torch.nn.functional", "F")
        self.kernels.overwriting(name, args)
        call = self._marked(args), self._marked(kwargs)
        told = f"{name}{described((args, kwargs), self._told)}" if inputs and not self.keep else name
        plain = getattr(func, "__name__", "")
        if plain in _DEPARTURES and any(origin.value is not None for origin in origins):
            self.tape.departures.append(Departure(plain, self.inside[-1] if self.inside else ""))
        if plain in NUMBERS:  # which a tensor with a gradient refuses, or warns of
            args = (args[0].detach(), *args[1:])
        for tensor in changed_in_place(func, args, kwargs) if self.keep else ():
            self._set_apart(tensor)
        result = func(*args, **kwargs)
        for view, version in views:
            if view._version != version:  # so has what it is a view of, by code that is not seen
                self._overwritten(view._base)
        outputs = [args[0]] if func == torch.Tensor.__setitem__ else list(tensors_in(result))
        if operation(name) in SHAPE_ONLY:
            layers = frozenset()
        else:
            self.kernels.derive(inputs, outputs, told)
        if outputs and any(origin.value is not None for origin in origins):
            self.digest.update(told.encode())
            self._write(func, name, *call, result, outputs, layers)
        elif layers:
            for tensor in outputs:
                self._know(tensor, None, layers)
        for product in products(name, args, kwargs, self._fixed):
            self._multiplied(product, operation(name), outputs[0], layers)
        return result

    def _overwritten(self, tensor: Any) -> None:
        """A write into a view of it went unseen. Autograd's graph knows more, unless gradients were off."""
        origin = self.origins.pop(id(tensor), None)
        if origin and origin.value is not None and autograd_node(tensor) is None:
            self._append(_unrepeatable, UNRECORDED, (Ref(origin.value),), {}, [tensor], origin.layers, False)

    def _told(self, tensor: torch.Tensor) -> str | None:
        """A tensor's number on the tape, or what it is computed from; None for a constant."""
        origin = self.origins.get(id(tensor))
        return self.kernels.recipe(tensor) if origin is None or origin.value is None else f"#{origin.value}"

    def _fixed(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor does not depend on the picture."""
        origin = self.origins.get(id(tensor))
        return origin is None or origin.value is None

    def _multiplied(self, product: Product, kind: str, output: torch.Tensor, layers: frozenset[str]) -> None:
        """A product with kernels: from here on, values are units of its layer."""
        fixed = self._fixed(product.x) and not layers
        name = self.kernels.layer(product, kind, self.inside[-1] if self.inside else "", fixed, self._fixed)
        if not name:
            return
        with torch._C.DisableTorchFunction():
            origin, read = self.origins.get(id(output)), self.origins.get(id(product.x))
            value = origin.value if origin else None
            self.tape.uses.setdefault(name, []).append(Use(tuple(output.shape[1:]), layers, value))
            if value is None:
                self.tape.untraced.add(name)
            elif len(self.tape.uses[name]) == 1:
                self.tape.outputs[name] = value
                if read is not None and read.value is not None:
                    self.tape.feeding.setdefault(name, read.value)
            self._know(output, value, frozenset({name}))
            self.kernels.multiplied(kind, output)
            weight = self.origins.get(id(product.weight))
            if weight is not None and weight.value is not None:
                self.kernels.making(weight.value)

    def _write(
        self, func: Any, name: str, args: Any, kwargs: Any, result: Any, outputs: Sequence[torch.Tensor],
        layers: frozenset[str],
    ) -> None:  # fmt: skip
        """Puts a call on the tape."""
        if func == torch.Tensor.data.__get__:  # type: ignore[attr-defined]
            func, name = torch.Tensor.detach, "torch.Tensor.detach"
        function, args, kwargs = functional(func, args, kwargs)
        several = isinstance(result, (tuple, list))
        if several and len(outputs) != len(result):
            function = partial(all_tensors, function)
        args = any_batch(function, args, self.tape.shapes)
        if (cast := as_cast(function, outputs[0].device)) is not function:
            self.digest.update(f"{cast.args[1:]}".encode())
        self._append(cast, name, args, kwargs, outputs, layers, several)

    def _append(
        self, function: Any, name: str, args: Any, kwargs: Any, outputs: Sequence[torch.Tensor],
        layers: frozenset[str], several: bool,
    ) -> None:  # fmt: skip
        numbers = tuple(range(len(self.tape.shapes), len(self.tape.shapes) + len(outputs)))
        for number, tensor in zip(numbers, outputs, strict=True):
            self.tape.shapes[number] = tuple(tensor.shape)
            self._know(tensor, number, layers)
        module = self.inside[-1] if self.inside else ""
        self.tape.calls.append(Call(function, name, module, args, kwargs, numbers, several))

    def _set_apart(self, changed: torch.Tensor) -> None:
        """Values keep their numbers when what they share memory with is about to be changed in place."""
        memory = changed.untyped_storage().data_ptr()
        for value, (tensor, _) in self.kept.items():
            if tensor.untyped_storage().data_ptr() == memory:
                self.kept[value] = tensor.clone(), 0

    def _know(self, tensor: torch.Tensor, value: int | None, layers: frozenset[str]) -> None:
        """Positions and masks are not the units of any layer."""
        number = tensor.is_floating_point() or tensor.is_complex()
        origin = self.origins[id(tensor)] = _Origin(value, layers if number else frozenset())
        if self.keep and value is not None and value not in self.kept:
            self.kept[value] = tensor, _changes(tensor)
        self.alive.append(tensor)
        if (node := autograd_node(tensor)) is not None:
            self.nodes[node] = origin

    def _origin(self, tensor: torch.Tensor) -> _Origin | None:
        """Where a tensor comes from; None for parameters and for constants that no layer made."""
        if id(tensor) not in self.origins and (node := autograd_node(tensor)) is not None:
            above = self._above(node)
            layers = frozenset[str]().union(*(origin.layers for origin in above))
            refs = tuple(Ref(value) for value in sorted({o.value for o in above if o.value is not None}))
            if refs:
                self.digest.update(f"{node.name()}{refs}".encode())
                self._append(_unrepeatable, UNRECORDED, refs, {}, [tensor], layers, False)
            elif layers:
                self._know(tensor, None, layers)
        return self.origins.get(id(tensor))

    def _above(self, node: Any) -> list[_Origin]:
        """The nearest known origins at or above a node of autograd's graph."""
        origins, waiting, seen = [], [node], set()
        while waiting:
            node = waiting.pop()
            if node is None or node in seen:
                continue
            seen.add(node)  # keeps it: a node's wrapper is only itself while it lives
            if node in self.nodes:
                origins.append(self.nodes[node])
            else:
                waiting += [above for above, _ in node.next_functions]
        return origins

    def _marked(self, tree: Any) -> Any:
        """Arguments with a Ref in place of every numbered tensor."""
        if isinstance(tree, torch.Tensor):
            origin = self.origins.get(id(tree))
            if origin is not None and origin.value is not None:
                return Ref(origin.value)
            return self.kernels.lasting(tree if autograd_node(tree) is None else tree.detach())
        if isinstance(tree, (tuple, list)):
            items = [self._marked(item) for item in tree]
            return items if isinstance(tree, list) else tuple(items)
        if isinstance(tree, dict):
            return {key: self._marked(item) for key, item in tree.items()}
        return tree


def _changes(tensor: torch.Tensor) -> int:
    """How often it was changed in place; 0 where torch does not count (inference mode)."""
    return 0 if tensor.is_inference() else tensor._version


def _unrepeatable(*_: torch.Tensor) -> torch.Tensor:
    raise WbsiteError(
        "part of the forward pass was not seen, so it cannot be repeated.",
        "Write it with plain calls of torch, without TorchScript, custom kernels and changes in place through a view.",
    )
