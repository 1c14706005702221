"""A TorchScript archive as a module of torch, with the modules that were compiled in it, under their own names.

Each of them is called by torch's own call, so that a recorded forward pass sees the same blocks and layers as in the
module that was compiled. Its code is interpreted (`script_code`). A frozen archive has neither modules nor names: its
weights are the parameters `constants.NUMBER`. `training` is what it is for the network here, whatever the file says.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.models.formats._pickles import StandIn
from wbsite.models.formats._tables import Steps
from wbsite.models.formats.base import DAMAGED
from wbsite.models.formats.torchscript import archive_in

from .aten_run import Run
from .parts import register, single
from .script_code import Code, Interpreter

_DEEPEST = 60
"""Modules within modules."""


class ScriptPart(nn.Module):
    """A module of the archive. Its own attributes have names that networks hardly use.

    Attributes:
        script_class: its class in the archive's code.
        script_outermost: whether it is the network itself.
    """

    script_outermost = False

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.script_class = kind
        self._script_names: dict[str, str] = {}  # its own names → those that torch takes
        self._script_values: dict[str, Any] = {}

    def script_attribute(self, name: str) -> Any:
        """A parameter, buffer or inner module, or a plain value.

        Raises:
            WbsiteError: it has no such attribute.
        """
        if name == "training":
            return self.training
        if name in self._script_names:
            return getattr(self, self._script_names[name])
        if name in self._script_values:
            return self._script_values[name]
        raise WbsiteError(f"a {self.script_class} of the archive has no {name}.", DAMAGED)

    def script_fill(self, values: Mapping[str, Any], code: Code, steps: Steps, depth: int = 0) -> None:
        """Gives it the attributes that the archive has for it, its inner modules filled likewise."""
        steps.take()
        if depth > _DEEPEST:
            raise WbsiteError("the archive's modules lie too deep within each other.", DAMAGED)
        trained = code.listed(self.script_class, "__parameters__")
        for name, value in values.items():
            own = name.replace(".", "_") or "_"
            while hasattr(self, own):
                own += "_"
            if isinstance(value, torch.Tensor):
                parameter = name in trained and value.is_floating_point()
                register(self, own, single(value), parameter)
                self._script_names[name] = own
            elif isinstance(value, StandIn) and code.is_module(kind := _kind(value)):
                part = ScriptPart(kind)
                self.add_module(own, part)
                self._script_names[name] = own
                part.script_fill(value.attributes, code, steps, depth + 1)
            else:
                self._script_values[name] = _plain(value, steps)

    def forward(self, *args: Any, interpreter: Interpreter, method: str = "forward", **kwargs: Any) -> Any:
        """What its code returns."""
        return interpreter.method(self, method, args, kwargs)


class ScriptNetwork(ScriptPart):
    """(B, C, H, W) → what the module returned.

    Args:
        path: of the file.

    Attributes:
        input_shape: (C, H, W) of the picture that a trace was made with; scripted modules do not keep any.

    Raises:
        WbsiteError: the file is damaged, or its module takes several inputs.
    """

    script_outermost = True

    def __init__(self, path: Path) -> None:
        archive = archive_in(path)
        super().__init__(_kind(archive.root))
        self._code = Code(archive.code)
        function = self._code.method(self.script_class, "forward")
        inputs = [
            argument.arg for argument in function.args.args[1 : len(function.args.args) - len(function.args.defaults)]
        ]
        if len(inputs) != 1:
            raise WbsiteError(
                f"{path} takes {len(inputs)} inputs ({', '.join(inputs)}).",
                "Save a network that takes one batch of pictures.",
            )
        steps = Steps(path)
        self.script_fill(archive.root.attributes, self._code, steps)
        frozen = next(self.parameters(), None) is None
        statistics = self._code.statistics(self.script_class)
        self._constants: list[Any] = []
        for i, value in enumerate(archive.constants):
            if isinstance(value, torch.Tensor) and (value.is_floating_point() or value.ndim):
                trained = frozen and value.is_floating_point() and value.numel() > 1 and i not in statistics
                self._constants.append(register(self, f"constants.{i}", single(value), trained))
            else:
                self._constants.append(_plain(value, steps))
        if len(archive.example) == 4 and min(archive.example) > 0:
            self.input_shape = archive.example[1:]
        self._exported = archive.example[0] if archive.example else None

    def _constant(self, number: int) -> Any:
        if number >= len(self._constants):
            raise WbsiteError(f"the archive has no constant {number}.", DAMAGED)
        value = self._constants[number]
        return getattr(*value) if isinstance(value, tuple) and value and isinstance(value[0], nn.Module) else value

    def forward(self, x: torch.Tensor) -> Any:  # type: ignore[override]
        """Runs the module's code.

        Raises:
            WbsiteError: an operator fails on values of these sizes, or is not interpreted.
        """
        interpreter = Interpreter(self._code, self._constant, Run(x.device, len(x), self._exported))
        return interpreter.method(self, "forward", (x,), {})


def script_network(path: Path) -> ScriptNetwork:
    """The network in a file; raises as `ScriptNetwork`, for a damaged one too."""
    try:
        return ScriptNetwork(path)
    except (RecursionError, KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        raise WbsiteError(f"{path} is truncated or damaged ({type(error).__name__}: {error}).", DAMAGED) from error


def _kind(value: StandIn) -> str:
    return f"{type(value).__module__}.{type(value).__name__}"


def _plain(value: Any, steps: Steps) -> Any:
    """Attributes and constants that are no tensors of their own; tensors among them in single precision."""
    if isinstance(value, torch.Tensor):
        return single(value)
    if isinstance(value, (list, tuple, dict)):
        steps.take()
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item, steps) for item in value)
    if isinstance(value, dict):
        return {key: _plain(item, steps) for key, item in value.items()}
    return value
