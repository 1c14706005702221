"""Records the calls of one forward pass, whatever Python control flow led to them, through a TorchFunctionMode.

The control flow is that of the recorded input's size: another size is another recording.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode, resolve_name

from wbsite.core.errors import WbsiteError

from .tape import BATCH, INPUT, Call, Ref, Tape, refs_in


@dataclass(frozen=True, eq=False)
class Recorded:
    """A network and the tape of its forward pass.

    Attributes:
        module: the network, whose parameters the tape refers to.
        tape: recorded at its usual input size.
        input_shape: (channels, height, width) of that input.
    """

    module: nn.Module
    tape: Tape
    input_shape: tuple[int, int, int]

    @classmethod
    def of(cls, model: Any) -> Recorded:
        """Records a LoadedModel, or a module with an attribute `input_shape`; what is recorded already is given back.

        Raises:
            WbsiteError: the input's shape is not known, or the forward pass fails on it.
        """
        if isinstance(model, cls):
            return model
        module = getattr(model, "module", model)
        shape = getattr(getattr(model, "spec", model), "input_shape", None)
        if not isinstance(module, nn.Module) or shape is None:
            raise WbsiteError(
                f"{type(model).__name__} is no network whose input size is known.",
                "Give what `wbsite.models.load` returns, or a module with `input_shape = (channels, side, side)`.",
            )
        return cls(module, record(module, tuple(shape)), tuple(shape))

    @property
    def like(self) -> torch.Tensor:
        """An empty tensor on the device and in the precision of the parameters."""
        found = next((p for p in self.module.parameters() if p.is_floating_point()), torch.empty(0))
        return found.detach().new_empty(0)


def record(module: nn.Module, input_shape: tuple[int, int, int]) -> Tape:
    """Records a forward pass on zeros (1, channels, height, width), in evaluation mode and without gradients.

    Training flags and random generators are put back; parameters are not copied, so a replay uses those
    the module has then.

    Raises:
        WbsiteError: the forward pass fails on an input of this shape.
    """
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    x = torch.zeros(1, *input_shape, dtype=like.dtype, device=like.device)
    recorder = _Recorder(x)
    training = [(m, m.training) for m in module.modules()]
    cuda = [like.device] if like.device.type == "cuda" else []
    try:
        for m, _ in training:
            m.training = False
        with torch.random.fork_rng(devices=cuda), torch.no_grad(), recorder.watching(module), recorder:
            module(x)
    except Exception as error:
        raise WbsiteError(
            f"{type(module).__name__} fails on an input of shape {(1, *input_shape)}: {type(error).__name__}: {error}",
            "Say what it takes: an attribute `input_shape = (channels, side, side)` on the module or its factory.",
        ) from error
    finally:
        for m, flag in training:
            m.training = flag
    return recorder.tape


class _Recorder(TorchFunctionMode):
    """Numbers every tensor that depends on the input, and writes down the calls that make them."""

    def __init__(self, x: torch.Tensor) -> None:
        super().__init__()
        self.tape = Tape(shapes={INPUT: tuple(x.shape)})
        self.numbers = {id(x): INPUT}
        self.alive: list[Any] = [x]  # an id is only a name while its object lives
        self.inside: list[str] = []

    @contextmanager
    def watching(self, module: nn.Module) -> Iterator[None]:
        """Notes what every module is given and returns, at its first call."""

        def enter(name: str, inputs: tuple[Any, ...]) -> None:
            self.inside.append(name)
            given = next((x for x in inputs if isinstance(x, torch.Tensor)), None)
            if id(given) in self.numbers:
                self.tape.feeding.setdefault(name, self.numbers[id(given)])
            else:
                self.tape.untraced.add(name)

        def leave(name: str, output: Any) -> None:
            self.inside.pop()
            if isinstance(output, (tuple, list)):
                output = next((part for part in output if isinstance(part, torch.Tensor)), None)
            if id(output) in self.numbers:
                self.tape.outputs.setdefault(name, self.numbers[id(output)])
            else:
                self.tape.untraced.add(name)

        handles = []
        try:
            for name, child in module.named_modules():
                if isinstance(child, torch.jit.ScriptModule):  # takes no hooks, and its calls are not seen
                    continue
                handles += [
                    child.register_forward_pre_hook(lambda _m, i, name=name: enter(name, i)),
                    child.register_forward_hook(lambda _m, _i, output, name=name: leave(name, output)),
                ]
            yield
        finally:
            for handle in handles:
                handle.remove()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        given = _marked((args, kwargs), self.numbers)  # before the call, which may give an argument a new number
        result = func(*args, **kwargs)
        several = isinstance(result, (tuple, list))
        tensors = list(_tensors(result))
        if not tensors or not any(refs_in(given)):
            return result
        numbers = []
        for tensor in tensors:
            numbers.append(len(self.tape.shapes))
            self.numbers[id(tensor)] = numbers[-1]
            self.tape.shapes[numbers[-1]] = tuple(tensor.shape)
            self.alive.append(tensor)
        name = (resolve_name(func) or getattr(func, "__name__", repr(func))).replace("torch.nn.functional", "F")
        if func == torch.Tensor.data.__get__:  # type: ignore[attr-defined]
            func, name = torch.Tensor.detach, "torch.Tensor.detach"
        function, given_args, given_kwargs = _functional(func, *given)
        if several and len(tensors) != len(result):
            function = partial(_all_tensors, function)
        module = self.inside[-1] if self.inside else ""
        given_args = _any_batch(function, given_args)
        self.tape.calls.append(Call(function, name, module, given_args, given_kwargs, tuple(numbers), several))
        return result


_OPERATORS = {f"__i{name}__": getattr(operator, name) for name in ("add", "sub", "mul", "truediv", "pow")}


def _functional(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, tuple[Any, ...], dict]:
    """The same call without changing an argument in place."""
    name = getattr(func, "__name__", "")
    if name.strip("_") == "detach":  # cuts training off, not what a unit responds to
        return _itself, args, kwargs
    if name in _RECURRENT:
        return partial(_recurrent, func), args, kwargs
    if name in _OPERATORS:
        return _OPERATORS[name], args, kwargs
    if name.endswith("_") and not name.endswith("__"):
        return getattr(torch.Tensor, name[:-1], func), args, kwargs
    if inspect.isfunction(func) and "inplace" in (signature := inspect.signature(func)).parameters:
        bound = signature.bind(*args, **kwargs)
        return func, (), {**bound.arguments, "inplace": False}
    return func, args, kwargs


_RECURRENT = {"lstm", "gru", "rnn_tanh", "rnn_relu"}


def _recurrent(
    function: Any, x: torch.Tensor, start: Any, weights: Any, bias: bool, layers: int, dropout: float, *rest: bool
) -> Any:
    """A recurrent layer, its starting state (layers, 1, features) repeated for a batch: its kernels do not check it."""
    batch = x.shape[0 if rest[-1] else 1]
    given = start if isinstance(start, (tuple, list)) else (start,)
    states = [state.expand(-1, batch, -1).contiguous() for state in given]
    return function(x, states if len(states) > 1 else states[0], weights, bias, layers, dropout, *rest)


def _itself(x: torch.Tensor) -> torch.Tensor:
    return x


def _tensors(result: Any) -> Iterator[torch.Tensor]:
    """The tensors in what a call returns, also in tuples within tuples, as of attention and recurrent layers."""
    if isinstance(result, torch.Tensor):
        yield result
    elif isinstance(result, (tuple, list)):
        for one in result:
            yield from _tensors(one)


def _all_tensors(function: Any, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, ...]:
    return tuple(_tensors(function(*args, **kwargs)))


_SIZED = {"view", "reshape", "expand"}


def _any_batch(function: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sizes of a `view` or `reshape` that begin with the recorded batch (1) take whatever batch comes."""
    if getattr(function, "__name__", "") not in _SIZED or len(args) < 2:
        return args
    sizes = tuple(args[1]) if isinstance(args[1], (tuple, list)) else args[1:]
    if not all(isinstance(size, int) for size in sizes) or sizes[:1] != (1,):
        return args
    return (args[0], (BATCH, *sizes[1:]))


def _marked(tree: Any, numbers: Mapping[int, int]) -> Any:
    """Arguments with a Ref in place of every numbered tensor."""
    if isinstance(tree, torch.Tensor):
        return Ref(numbers[id(tree)]) if id(tree) in numbers else tree
    if isinstance(tree, (tuple, list)):
        items = [_marked(item, numbers) for item in tree]
        return items if isinstance(tree, list) else tuple(items)
    if isinstance(tree, dict):
        return {key: _marked(item, numbers) for key, item in tree.items()}
    return tree
