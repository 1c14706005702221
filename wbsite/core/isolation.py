"""Runs a user's code as if wbsite were not there, and wbsite as if that code had never run.

Importing a module, calling a factory and every forward pass go through here. Inside, torch is as it starts: gradients
on, float32, on the CPU. Afterwards the process, and for a forward pass the module too, are as they were.
"""

from __future__ import annotations

import logging
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from threading import RLock
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin

_LOCK = RLock()
"""What is put back belongs to the process: one at a time runs code of the user's."""

_ATTRIBUTES = (
    (torch.backends.cudnn, ("enabled", "benchmark", "deterministic", "allow_tf32")),
    (torch.backends.cuda.matmul, ("allow_tf32", "allow_fp16_reduced_precision_reduction")),
    (torch.backends.mkldnn, ("enabled",)),
)


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _set_deterministic(state: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(state[0], warn_only=state[1])


def _anomaly() -> tuple[bool, bool]:
    return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


def _set_anomaly(state: tuple[bool, bool]) -> None:
    torch.autograd.set_detect_anomaly(*state)


_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], object]], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_default_device, lambda device: torch.set_default_device(None if device.type == "cpu" else device)),
    (torch.get_num_threads, torch.set_num_threads),
    (_deterministic, _set_deterministic),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (_anomaly, _set_anomaly),
    (os.getcwd, os.chdir),
)
"""How each setting is read and written."""


@contextmanager
def isolated(device: torch.device | None = None, seed: int = 0) -> Iterator[None]:
    """The process as torch starts it, and afterwards as it was before.

    Put back are torch's settings, the generators of torch, NumPy and `random`, filters of warnings, NumPy's handling
    of errors, the root logger, the arguments of the command and the current folder. Environment variables and Python's
    path stay as the code left them: libraries read them again later. What the code prints goes to standard error.

    Args:
        device: of the network, whose generator is seeded and put back as well.
        seed: generators start from it, so that networks that draw random numbers are the same in every process.

    Raises:
        RuntimeError: the code ends Python, as by `sys.exit`.
    """
    with _LOCK, ExitStack() as stack:
        stack.enter_context(_settings())
        stack.enter_context(_generators(device, seed))
        stack.enter_context(_logging())
        stack.enter_context(warnings.catch_warnings())
        stack.enter_context(np.errstate())
        stack.enter_context(redirect_stdout(sys.stderr))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        torch.set_default_dtype(torch.float32)
        if torch.get_default_device().type != "cpu":
            torch.set_default_device(None)
        try:
            yield
        except SystemExit as error:
            raise RuntimeError(f"it ends Python with sys.exit({error.code!r})") from error


@contextmanager
def forward_passes(module: nn.Module, seed: int = 0) -> Iterator[None]:
    """Isolated, with a module in evaluation mode that forward passes leave as it is.

    Its attributes and buffers are put back, such as counters, states kept from one picture to the next and the
    statistics of a batch norm that stays in training mode. What was compiled runs as it is written, and inference mode
    turns no more than gradients off.

    Raises:
        RuntimeError: as `isolated`.
    """
    parameter = next(module.parameters(), None)
    with isolated(None if parameter is None else parameter.device, seed), _attributes(module), _eager(), _tracked():
        for part in module.modules():
            part.training = False
        yield


@contextmanager
def _settings() -> Iterator[None]:
    before = [(write, read, read()) for read, write in _SETTINGS]
    attributes = [(owner, name, getattr(owner, name)) for owner, names in _ATTRIBUTES for name in names]
    arguments = sys.argv
    sys.argv = arguments[:1]  # a script that reads options finds none of wbsite's
    try:
        yield
    finally:
        sys.argv = arguments
        for write, read, value in before:
            if read() != value:
                write(value)
        for owner, name, value in attributes:
            if getattr(owner, name) != value:
                setattr(owner, name, value)


@contextmanager
def _generators(device: torch.device | None, seed: int) -> Iterator[None]:
    """Those of torch on the CPU and on this device, of NumPy and of `random` start from a seed."""
    cuda = device is not None and device.type == "cuda"
    python, numbers = random.getstate(), np.random.get_state()  # NumPy's global one, which others' code uses
    with torch.random.fork_rng(devices=[device] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if device is not None and cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numbers)


@contextmanager
def _logging() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers, disabled = root.level, list(root.handlers), logging.root.manager.disable
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
        logging.disable(disabled)


@contextmanager
def _attributes(module: nn.Module) -> Iterator[None]:
    """Buffers are copies meanwhile. Of TorchScript's parts, which allow none of it, and of lazy ones, which are to
    change for good, the flag of training alone is put back."""
    flags = [(part, part.training) for part in module.modules()]
    before = []
    copies: dict[int, torch.Tensor] = {}
    for part, _ in flags:
        if isinstance(part, (torch.jit.ScriptModule, LazyModuleMixin)):
            continue
        tables = (vars(part), part._parameters, part._buffers, part._modules)
        before += [(table, dict(table)) for table in tables]
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = copies.setdefault(id(buffer), buffer.detach().clone())
    try:
        yield
    finally:
        for table, entries in before:
            table.clear()
            table.update(entries)
        for part, flag in flags:
            part.training = flag


@contextmanager
def _eager() -> Iterator[None]:
    """Without torch.compile; nothing was compiled where its compiler was never imported."""
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


@contextmanager
def _tracked() -> Iterator[None]:
    """`torch.inference_mode` becomes `torch.no_grad`: tensors made in it know neither their versions nor what they are
    views of, and no gradient can ever pass through them."""
    before = {name: getattr(torch.inference_mode, name) for name in ("__enter__", "__exit__")}

    def enter(self: Any) -> None:
        self.prev = torch.is_grad_enabled()
        torch.set_grad_enabled(self.prev and not self.mode)

    def leave(self: Any, *_: object) -> None:
        torch.set_grad_enabled(self.prev)

    try:
        for name, method in (("__enter__", enter), ("__exit__", leave)):
            setattr(torch.inference_mode, name, method)
        yield
    finally:
        for name, method in before.items():
            setattr(torch.inference_mode, name, method)
