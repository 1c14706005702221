"""A network with the tape of its forward pass, recorded once for everything that is read off it.

The control flow is that of the recorded input's size: another size is another recording.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode

from wbsite.core.errors import WbsiteError
from wbsite.core.isolation import forward_passes

from .picture import is_chosen, picture_for, same_picture
from .recorder.recorder import NUMBERS, Recorder
from .tape import Tape

Shape = tuple[int, int, int]
"""(channels, height, width) of a network's input."""

_LOCK = threading.RLock()
"""Hooks, flags and generators are the process's: a forward pass has them to itself."""

_Made = TypeVar("_Made")
_KEPT: WeakKeyDictionary[nn.Module, tuple[Hashable, dict[Hashable, Any]]] = WeakKeyDictionary()
"""Network → its state, with tapes by input shape and copies by device. Tapes refer to weights, not to the network, so
that it can be let go."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """A network and the tape of its forward pass.

    Attributes:
        module: the network, whose parameters the tape refers to.
        tape: recorded at this input size.
        input_shape: (channels, height, width) of that input.
    """

    module: nn.Module
    tape: Tape
    input_shape: Shape

    @classmethod
    def of(cls, model: Any, input_shape: Shape | None = None) -> Recorded:
        """The recording of a LoadedModel or of a module; of what is recorded already, itself.

        A network is recorded once for each input shape; again only if its modules or weights have changed since.

        Args:
            input_shape: (channels, height, width); None for the model's own, an attribute `input_shape` of a module.

        Raises:
            WbsiteError: the input's shape is not known, or the forward pass fails on it.
        """
        if isinstance(model, cls):
            return model
        module = getattr(model, "module", model)
        if isinstance(module, Replay):
            return module.recorded
        shape = input_shape or getattr(getattr(model, "spec", model), "input_shape", None)
        if not isinstance(module, nn.Module) or shape is None:
            raise WbsiteError(
                f"{type(model).__name__} is no network whose input size is known.",
                "Give what `wbsite.models.load` returns, or a module with `input_shape = (channels, height, width)`.",
            )
        channels, height, width = shape
        shape = (channels, height, width)
        return cls(module, _kept(module, (shape, is_chosen(module)), lambda: record(module, shape)), shape)

    def on(self, device: torch.device) -> Recorded:
        """The network on the device that computes: itself if it lies there, else a copy, which is made once.

        Raises:
            ValueError: the tape is another than the module's, as of a copy with other weights, and would be lost.
        """
        if all(parameter.device.type == device.type for parameter in self.module.parameters()):
            return self
        if self.tape is not Recorded.of(self.module, self.input_shape).tape:
            raise ValueError(f"the tape is another than the network's, which is all that can be copied to {device}")
        moved = _kept(self.module, str(device), lambda: copy.deepcopy(self.module).to(device))
        same_picture(self.module, moved)
        return Recorded.of(moved, self.input_shape)

    def kept(self, name: Hashable, make: Callable[[], _Made]) -> _Made:
        """What is made of the network once, under a name, until its modules or weights change."""
        return _kept(self.module, name, make)

    @property
    def like(self) -> torch.Tensor:
        """An empty tensor on the device and in the precision of the parameters."""
        return _first_parameter(self.module).detach().new_empty(0)


class Replay(nn.Module):
    """A network that is a recording: its forward pass repeats the recorded calls.

    Attributes:
        recorded: whose tape need not be that of its module any more.
    """

    def __init__(self, recorded: Recorded) -> None:
        super().__init__()
        self.recorded = recorded

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) → what the recorded network returned, of several tensors the first."""
        tape = self.recorded.tape
        value = tape.value("")
        return tape.program([value])(x)[value]


def record(module: nn.Module, input_shape: Shape) -> Tape:
    """Records a forward pass on one picture (1, channels, height, width), in evaluation mode.

    The picture (`picture.picture_for`) is on the device and in the precision of the module's first floating-point
    parameter. The module and the process are as before (`forward_pass`); parameters are not copied, so a replay
    uses those the module has then.

    Raises:
        WbsiteError: the forward pass fails on an input of this shape.
    """
    like = _first_parameter(module)
    recorded = forward_pass(module, picture_for(module, input_shape).to(like))
    if recorded.error is not None:
        raise WbsiteError(
            f"{type(module).__name__} fails on an input of shape {(1, *input_shape)}: "
            f"{type(recorded.error).__name__}: {recorded.error}",
            "Say what it takes: --input CHANNELS,HEIGHT,WIDTH, its table in wbsite.toml, or an attribute"
            " `input_shape = (channels, height, width)` on the module or its factory.",
        ) from recorded.error
    return recorded.tape


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """A forward pass of a module itself.

    Attributes:
        tape: its calls.
        tensors: value → its tensor, where they were asked for, as the module computed it.
        error: what ended it, after the calls on the tape; None if it came to its end.
    """

    tape: Tape
    tensors: Mapping[int, torch.Tensor]
    error: Exception | SystemExit | None


def forward_pass(
    module: nn.Module, x: torch.Tensor, keep: bool = False, gradients: bool = False, seed: int = 0
) -> ForwardPass:
    """Runs a module in evaluation mode and writes down its calls.

    Hooks, training flags, buffers and random generators are put back. One pass runs at a time, whatever threads ask.

    Args:
        x: (B, channels, height, width), on the module's device; a tape that is to be repeated is recorded with B = 1.
        keep: whether to keep the tensors of all values.
        gradients: whether these can be differentiated by x, which has to require a gradient.
        seed: of torch's random numbers.
    """
    with _own_code(module, x, gradients, seed) as start:
        recorder = Recorder(start, keep)
        with recorder.watching(module), recorder:
            error = _run(module, start)
    tensors = recorder.tensors if gradients else {value: tensor.detach() for value, tensor in recorder.tensors.items()}
    return ForwardPass(recorder.tape, tensors, error)


def module_outputs(
    module: nn.Module, x: torch.Tensor, names: Collection[str], gradients: bool = False, seed: int = 0
) -> tuple[dict[str, torch.Tensor], Exception | SystemExit | None]:
    """What modules return at their first call in one forward pass of a network, and what ended it, as `forward_pass`.

    Without writing calls down, in a fraction of the time. A module that is not called is left out.

    Args:
        names: of modules that return a tensor, or several of which the first is meant.
        x, gradients, seed: as for `forward_pass`.
    """
    outputs: dict[str, torch.Tensor] = {}

    def note(name: str, output: Any) -> None:
        tensors = output if isinstance(output, (tuple, list)) else (output,)
        tensor = next((tensor for tensor in tensors if isinstance(tensor, torch.Tensor)), None)
        if tensor is not None and name not in outputs:
            outputs[name] = tensor.clone()  # it may be changed in place

    with _own_code(module, x, gradients, seed) as start, ExitStack() as hooks, _Numbers():
        for name in names:
            watched = module.get_submodule(name)
            hooks.callback(watched.register_forward_hook(lambda _m, _i, output, name=name: note(name, output)).remove)
        error = _run(module, start)
    return outputs if gradients else {name: output.detach() for name, output in outputs.items()}, error


class _Numbers(TorchFunctionMode):
    """Gives Python numbers of tensors with a gradient too, which torch refuses, or warns of."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__name__", "") in NUMBERS:
            args = (args[0].detach(), *args[1:])
        return func(*args, **(kwargs or {}))


@contextmanager
def _own_code(module: nn.Module, x: torch.Tensor, gradients: bool, seed: int) -> Iterator[torch.Tensor]:
    """The input for a module's own forward pass, for which all is made ready and put back afterwards."""
    # Where autograd's graph is only walked, never run backwards, dropping what it would save keeps memory low.
    drop = torch.autograd.graph.saved_tensors_hooks(lambda _: None, lambda empty: empty)
    with _LOCK, forward_passes(module, seed), nullcontext() if gradients else drop:
        yield (x if gradients else x.detach().requires_grad_()).clone()  # a network may write into it


def _run(module: nn.Module, x: torch.Tensor) -> Exception | SystemExit | None:
    """What ended its forward pass, if that did not come to its end."""
    try:
        module(x)
    except (Exception, SystemExit) as failure:
        return failure
    return None


def _first_parameter(module: nn.Module) -> torch.Tensor:
    return next((p for p in module.parameters() if not is_lazy(p) and p.is_floating_point()), torch.empty(0))


def _kept(module: nn.Module, name: Hashable, make: Callable[[], _Made]) -> _Made:
    """What was made of a module under this name, made anew where the module has changed since."""
    state = _state(module)
    if module not in _KEPT or _KEPT[module][0] != state:
        _KEPT[module] = state, {}
    things = _KEPT[module][1]
    if name not in things:
        things[name] = make()
        _KEPT[module] = _state(module), things  # buffers that the forward pass had changed are as before, counted up
    return things[name]


def _state(module: nn.Module) -> Hashable:
    """Another one after a module was exchanged, a hook registered, or a weight replaced, moved or changed in place."""
    modules = tuple((id(m), type(m), tuple(m._forward_hooks), tuple(m._forward_pre_hooks)) for m in module.modules())
    tensors = [*module.parameters(), *module.buffers()]
    weights = tuple((id(t), is_lazy(t) or (t.device, t.dtype, t.is_inference() or t._version)) for t in tensors)
    return modules, weights
