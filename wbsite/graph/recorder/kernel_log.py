"""Which products of a recorded forward pass are layers, what they are called, and what their kernels come from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from wbsite.graph.kernels import Kernel, Product, Skipped
from wbsite.graph.tape import Tape

T = TypeVar("T")

_PARAMETRIZATIONS = ".parametrizations."
_FORMS = ("_orig", "_v", "_g", "_bar", "_raw")
"""What names of a kernel's parameters end with, where the kernel is computed before every forward pass."""

_WEIGHTS = ("weight", "kernel", "w")

_WRITING = {f"__i{name}__" for name in ("add", "sub", "mul", "truediv", "pow", "and", "or", "xor")} | {"__setitem__"}

_PLAIN = {"matmul", "mm", "bmm", "addmm", "baddbmm", "einsum"}

FIXED = "its kernels are a fixed filter, no trained parameter"
FROM_PICTURE = "both factors are computed from the picture"
MAKES_KERNELS = "it computes the kernels of another layer"


class KernelLog:
    """Follows what tensors are computed from, as far as these are parameters, and names the products among the calls.

    Attributes:
        called: layer modules within which a product was recorded.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.called: set[str] = set()
        self._modules: dict[str, nn.Module] = {}
        self._lazy: set[str] = set()
        self._sources: dict[int, frozenset[str]] = {}  # by the tensor's id
        self._recipes: dict[int, str] = {}
        self._alive: list[torch.Tensor] = []
        self._tensors: dict[str, torch.Tensor] = {}
        self._trained: set[str] = set()
        self._storages: dict[int, list[torch.Tensor]] = {}
        self._before: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._overwritten: set[int] = set()
        self._making: set[int] = set()
        self._products: list[int] = []  # recorded since each of the modules that are running was entered

    def watch(self, module: nn.Module) -> None:
        """Takes down the names of a network's modules, parameters and buffers."""
        self._modules = {name: child for name, child in module.named_modules() if not _is_script(child)}
        self._lazy = {n for n, m in self._modules.items() if any(map(is_lazy, m.parameters(recurse=False)))}
        for name, tensor in chain(module.named_parameters(), module.named_buffers()):
            if is_lazy(tensor):
                continue
            if isinstance(tensor, nn.Parameter):
                self._trained.add(name)
            self._tensors[name] = tensor
            self._sources[id(tensor)], self._recipes[id(tensor)] = frozenset({name}), name
            if tensor.numel() and not tensor.is_meta:
                self._storages.setdefault(_storage(tensor), []).append(tensor)

    def recipe(self, tensor: torch.Tensor) -> str | None:
        """How a tensor is computed from parameters and buffers, as the name of one of these or a digest of calls."""
        return self._recipes.get(id(tensor))

    def derive(self, inputs: Iterable[torch.Tensor], outputs: Iterable[torch.Tensor], told: str) -> None:
        """A call computes outputs from inputs, and so from the parameters behind these.

        Args:
            told: the call as text.
        """
        sources = frozenset[str]().union(*(self._sources.get(id(x), frozenset()) for x in inputs))
        for number, tensor in enumerate(outputs if sources else ()):
            self._recipes[id(tensor)] = hashlib.sha256(f"{told}{number}".encode()).hexdigest()
            if id(tensor) not in self._sources or not sources <= self._sources[id(tensor)]:
                self._sources[id(tensor)] = sources | self._sources.get(id(tensor), frozenset())
                self._alive.append(tensor)

    def overwriting(self, name: str, args: tuple[Any, ...]) -> None:
        """Keeps a parameter that a call is about to change in place, as a mask that is multiplied into it."""
        last = name.rpartition(".")[2]
        writes = last in _WRITING or name.endswith("data.__set__") or (last.endswith("_") and not last.endswith("__"))
        if not writes or not args or not isinstance(args[0], torch.Tensor):
            return
        with torch._C.DisableTorchFunction():
            for tensor in self._storages.get(_storage(args[0]), []):
                self._overwritten.add(_storage(tensor))
                kept = tensor.detach() if last == "__set__" else tensor.detach().clone()
                self._before.setdefault(id(tensor), (tensor, kept))

    def lasting(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor, or a copy where it is a parameter that the forward pass changes, and that is put back."""
        if not self._overwritten or _storage(tensor) not in self._overwritten:
            return tensor
        with torch._C.DisableTorchFunction():
            return tensor.detach().clone()

    def restore(self) -> None:
        """Puts back the parameters that the forward pass changed."""
        for tensor, before in self._before.values():
            if _storage(tensor) == _storage(before):
                continue
            tensor.data = before
        self._before.clear()

    def enter(self, module: str) -> None:
        """A module's forward pass begins."""
        self._products.append(0)

    def leave(self, module: str) -> bool:
        """It ends. Whether all is known of it: False for a layer's module whose product was not seen."""
        inside = self._products.pop()
        if self._products:
            self._products[-1] += inside
        layer = self._modules.get(module)
        if inside or module in self._lazy or not isinstance(layer, (nn.Conv2d, nn.Linear)):
            return True
        self.tape.kernels.setdefault(module, _of_module(module, layer))
        return False

    def layer(
        self, product: Product, kind: str, module: str, constant: bool, fixed: Callable[[torch.Tensor], bool]
    ) -> str:
        """Name of the layer that a product is; "" where it is none.

        Args:
            kind: the function's name.
            module: name of the innermost module that is running.
            constant: whether what is multiplied depends neither on the picture nor on a layer.
            fixed: whether a tensor does not depend on the picture.
        """
        if module in self._lazy:
            return ""
        own = isinstance(self._modules.get(module), (nn.Conv2d, nn.Linear))
        factor = product.weight if product.factor is None else product.factor
        sources = self._sources.get(id(factor), frozenset())
        varies = not fixed(factor)
        parameters = () if varies and product.reason else self._ordered(sources & self._trained, factor)
        if constant and not own and product.operation != "conv2d":  # makes weights of weights, as a low-rank update
            return ""
        if self._products:
            self._products[-1] += 1
        reason = product.reason
        if not parameters and not own:
            reason = reason or (FROM_PICTURE if varies else FIXED)
        name = module if own or not parameters else self._named_after(parameters[0], varies)
        if reason:
            owner = self._modules.get(module if own else name)
            known = type(owner).__module__.startswith("torch.nn") and type(owner) is not nn.Module  # a bare container
            called = type(owner).__name__ if known else kind
            shown = Skipped(name or "the network itself", called, reason)
            if shown not in self.tape.skipped:
                self.tape.skipped.append(shown)
            return ""
        behind = self._ordered(sources, factor)
        with torch._C.DisableTorchFunction():
            kernel = Kernel(
                name,
                product.operation,
                self.lasting(product.weight.detach()),
                None if product.bias is None else product.bias.detach(),
                **(product.geometry or {}),
                parameters=behind,
                computed=bool(behind) and _storage(factor) != _storage(self._tensors[behind[0]]),
                varies=varies,
            )
        name = self._distinct(kernel)
        self.tape.kernels.setdefault(name, replace(kernel, name=name))
        self.called.add(name)
        return name

    def multiplied(self, kind: str, output: torch.Tensor) -> None:
        """What a layer makes are its units: kernels computed from them are not computed from its parameters. A plain
        product may also be a mixture of kernels, which is known only after the pass."""
        if kind not in _PLAIN:
            self._sources.pop(id(output), None)

    def making(self, weight: int) -> None:
        """A value is the kernels of a layer."""
        self._making.add(weight)

    def finish(self) -> None:
        """After the pass: which layers only make kernels of others, and which kernels parameters do not hold."""
        self._leave_out_makers()
        for name, kernel in self.tape.kernels.items():
            if kernel.parameters:
                self.tape.kernels[name] = replace(kernel, stored=self._stored(kernel))

    def _leave_out_makers(self) -> None:
        """A layer from which only kernels of others are made, as a mixture of experts' kernels, is none itself."""
        if not self._making:
            return
        making = set(self._making)
        for call in reversed(self.tape.calls):
            if making.issuperset(call.outputs):
                making.update(v for v in call.inputs if all(making.issuperset(c.outputs) for c in self.tape.readers[v]))
        made = {kernel.parameters[0]: name for name, kernel in self.tape.kernels.items() if kernel.varies}
        for name, kernel in list(self.tape.kernels.items()):
            other = made.get(kernel.parameters[0]) if kernel.parameters else None
            if other in (None, name) or self.tape.outputs.get(name) not in making:
                continue
            del self.tape.kernels[name]
            uses = self.tape.uses.pop(name)
            del self.tape.outputs[name]
            self.tape.skipped.append(Skipped(name, kernel.operation, MAKES_KERNELS))
            above = frozenset[str]().union(*(use.inputs for use in uses))
            self._substitute(name, above)
            self._rename(other, name)

    def _substitute(self, name: str, layers: frozenset[str]) -> None:
        """Other layers in place of one, wherever it is an input."""
        for other, uses in self.tape.uses.items():
            self.tape.uses[other] = [
                replace(use, inputs=use.inputs - {name} | layers) if name in use.inputs else use for use in uses
            ]

    def _rename(self, name: str, new: str) -> None:
        self._substitute(name, frozenset({new}))
        tape = self.tape
        tape.kernels[name] = replace(tape.kernels[name], name=new)
        tape.uses, tape.kernels = _renamed(tape.uses, name, new), _renamed(tape.kernels, name, new)
        tape.outputs, tape.feeding = _renamed(tape.outputs, name, new), _renamed(tape.feeding, name, new)

    def _stored(self, kernel: Kernel) -> torch.Tensor | None:
        """What the attribute behind a kernel holds, where that is of the same shape and holds other numbers."""
        owner, attribute = _owner(kernel.parameters[0])
        layer, module = self._modules.get(kernel.name), self._modules.get(owner)
        for held in (getattr(layer, "weight", None), getattr(module, attribute, None)):
            if isinstance(held, torch.Tensor):
                break
        else:
            held = self._tensors[kernel.parameters[0]]
        held = self._before.get(id(held), (held, held))[1].detach()
        if kernel.operation == "linear" and held.shape != kernel.weight.shape and held.ndim == 2:
            held = held.t()
        weight = kernel.weight
        if held.shape != weight.shape or held.is_meta or _storage(held) == _storage(weight):
            return None
        same = (held == weight) | (held.isnan() & weight.isnan())
        return None if bool(same.all()) else held

    def _ordered(self, names: Iterable[str], like: torch.Tensor) -> tuple[str, ...]:
        """Parameters before buffers, those of a kernel's own shape first, then by how many numbers they hold."""

        def rank(name: str) -> tuple[bool, bool, int, str]:
            tensor = self._tensors[name]
            return name not in self._trained, tensor.shape != like.shape, -tensor.numel(), name

        return tuple(sorted(names, key=rank))

    def _named_after(self, parameter: str, varies: bool) -> str:
        """The module that a kernel's parameter is the weight of; else the parameter itself, as where the module is a
        layer, with a fixed kernel of its own."""
        owner, attribute = _owner(parameter)
        full = f"{owner}.{attribute}".strip(".")
        taken = varies and isinstance(self._modules.get(owner), (nn.Conv2d, nn.Linear))
        return owner if owner and attribute in _WEIGHTS and not taken else full

    def _distinct(self, kernel: Kernel) -> str:
        """A name of its own for every kernel; the same for further calls of a layer."""
        names = [kernel.name, *kernel.parameters[:1]]
        names += [f"{names[-1]}.{number}" for number in range(2, len(self.tape.kernels) + 3)]
        for name in names:
            other = self.tape.kernels.get(name)
            same = other and all(
                getattr(other, shared) == getattr(kernel, shared) for shared in ("parameters", "varies", "shape")
            )
            if other is None or same:
                return name
        raise AssertionError("one of so many names is free")


def _renamed(named: Mapping[str, T], name: str, new: str) -> dict[str, T]:
    """The same in the same order, with one key replaced."""
    return {new if key == name else key: value for key, value in named.items()}


def _owner(parameter: str) -> tuple[str, str]:
    """The module that a parameter belongs to, and the attribute that is used in its place: parametrized, pruned and
    normalised weights are computed into `weight`."""
    if _PARAMETRIZATIONS in f".{parameter}":
        owner, _, rest = f".{parameter}".partition(_PARAMETRIZATIONS)
        return owner.strip("."), rest.partition(".")[0]
    owner, _, attribute = parameter.rpartition(".")
    form = next((form for form in _FORMS if attribute.endswith(form)), "")
    return owner, attribute.removesuffix(form)


def _of_module(name: str, layer: nn.Conv2d | nn.Linear) -> Kernel:
    """The kernels that a module holds, where its product was not seen."""
    bias = None if layer.bias is None else layer.bias.detach()
    if isinstance(layer, nn.Linear):
        return Kernel(name, "linear", layer.weight.detach(), bias, parameters=(f"{name}.weight",))
    padding: Any = (0, 0) if layer.padding == "valid" else layer.padding
    return Kernel(
        name, "conv2d", layer.weight.detach(), bias, layer.stride, padding, layer.dilation, layer.groups,  # type: ignore[arg-type]
        (f"{name}.weight",),
    )  # fmt: skip


def _is_script(module: nn.Module) -> bool:
    return isinstance(module, torch.jit.ScriptModule)


def _storage(tensor: torch.Tensor) -> int:
    try:
        return tensor.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError):  # sparse and quantised tensors have none
        return -id(tensor)
