"""A GPU that exists in name only, so that tensors on the wrong device are found where there is none.

All is computed by the CPU. Kernels that CUDA lacks, its random numbers and roundings, its memory and streams cannot be
shown in this way; nor is code watched that runs on another thread than the one that entered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch

from .operands import Operands
from .places import GPU, place
from .questions import Generator, Questions

MEMORY = 8 << 30

_CUDA = {
    "is_available": lambda: True,
    "device_count": lambda: 1,
    "device": lambda _: nullcontext(),
    "get_device_name": lambda *_: "pretended GPU",
    "get_device_properties": lambda *_: SimpleNamespace(total_memory=MEMORY),
    "mem_get_info": lambda *_: (MEMORY, MEMORY),
    "is_bf16_supported": lambda **_: True,
    "manual_seed": lambda _: None,
    "get_rng_state": lambda *_: torch.zeros(16, dtype=torch.uint8),
    "set_rng_state": lambda *_: None,
    "synchronize": lambda *_: None,
    "empty_cache": lambda: None,
    "is_current_stream_capturing": lambda: False,
}
"""What torch says of GPUs. What wbsite does not call yet is left as it is, and fails."""


@contextmanager
def pretended_gpu() -> Iterator[list[str]]:
    """Torch finds one GPU; operations on tensors of two devices raise what they raise with CUDA.

    Yields:
        What was refused, so far: also errors that were caught.
    """
    operands = Operands()
    questions = Questions(operands)
    backwards, autocast, save = torch.autograd._engine_run_backward, torch.autocast, torch.save
    reduced, saving = torch.Tensor.__reduce_ex__, []

    def watched(*args: Any, **kwargs: Any) -> Any:
        with questions:  # which the call that began it has left: functions with a backward of their own ask again
            return backwards(*args, **kwargs)

    def on_cpu(device: str, *args: Any, **kwargs: Any) -> Any:
        return autocast("cpu" if device == "cuda" else device, *args, **kwargs)

    def saved(*args: Any, **kwargs: Any) -> None:
        saving.append(True)
        try:
            save(*args, **kwargs)
        finally:
            saving.pop()

    def pickled(x: torch.Tensor, protocol: int) -> Any:
        """CUDA allows it, and the process that reads it fails if it has no GPU; what is saved can be mapped."""
        if place(x) == GPU and not saving:
            raise operands.refuse("a tensor on cuda:0 is pickled. Use torch.save, or Tensor.cpu().", TypeError)
        return reduced(x, protocol)

    with ExitStack() as stack:
        stack.enter_context(patch.multiple(torch.cuda, **_CUDA))
        stack.enter_context(patch.multiple(torch, Generator=Generator, autocast=on_cpu, save=saved))
        stack.enter_context(patch.object(torch.accelerator, "current_accelerator", lambda **_: None))
        stack.enter_context(patch.object(torch.autograd, "_engine_run_backward", watched))
        stack.enter_context(patch.object(torch.Tensor, "__reduce_ex__", pickled))
        stack.enter_context(operands)
        stack.enter_context(questions)
        yield operands.refused
