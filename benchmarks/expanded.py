"""Expanded weights of all units of a layer: wbsite's batched gradients against one backward pass a unit.

    python benchmarks/expanded.py --weights-dir DIR                    inceptionv1, conv2d2 → mixed3b_5x5
    python benchmarks/expanded.py --model simplified_32 --source 1a --target 3a

What a user would otherwise run: the network on a picture of its usual size with its rectifiers taken out
and its max pools averaging (through PyTorch's function mode, so that both compute the same numbers), and
from the middle of the target's map one backward pass for each of its units down to the source. Both run in
one process and in turns, with the same number of threads; the largest difference of the results is printed.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from benchmarks.row import report
from wbsite.core.errors import WbsiteError
from wbsite.graph.recording import Recorded
from wbsite.models import load
from wbsite.ops.expanded.weights import Path as Between
from wbsite.ops.expanded.weights import expanded_weights


class Linear(TorchFunctionMode):
    """Rectifiers do nothing, max pools average, local response normalisation scales."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in ("relu", "relu_"):
            return args[0]
        if name.startswith("max_pool2d"):
            stride, padding = kwargs.get("stride") or args[2], kwargs.get("padding", (*args, 0, 0, 0, 0)[3])
            area = args[1] ** 2
            return F.avg_pool2d(args[0], args[1], stride, padding, kwargs.get("ceil_mode", False), True, area)
        if name == "local_response_norm":
            return args[0] * kwargs["k"] ** -kwargs["beta"]
        return func(*args, **kwargs)


def unit_by_unit(module: nn.Module, shape: tuple[int, ...], source: str, target: str, units: int) -> torch.Tensor:
    """(units, C, H, W): one backward pass for each unit, from the middle of its map."""
    kept: dict[str, torch.Tensor] = {}

    def keep(name: str, output: torch.Tensor) -> torch.Tensor:
        kept[name] = output.detach().requires_grad_() if name == source else output
        return kept[name]

    handles = [
        module.get_submodule(n).register_forward_hook(lambda _m, _i, o, n=n: keep(n, o)) for n in (source, target)
    ]
    with Linear():
        module(torch.zeros(1, *shape))
    for handle in handles:
        handle.remove()
    height, width = kept[target].shape[2:]
    middle = kept[target][0, :, height // 2, width // 2]
    return torch.cat([torch.autograd.grad(middle[unit], kept[source], retain_graph=True)[0] for unit in range(units)])


TABLE = ("--repeats", "{turns}", "--weights-dir", "{weights}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="inceptionv1@bvlc")
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--source", default="conv2d2")
    parser.add_argument("--target", default="mixed3b_5x5")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load(options.model, weights_dir=options.weights_dir)
    recorded = Recorded.of(model)
    path = Between.between(recorded, options.source, options.target)
    units, shape = len(path.units(None)), model.spec.input_shape
    seconds: dict[str, list[float]] = {"wbsite": [], "unit by unit": []}
    for turn in range(options.repeats + 1):  # the first, which warms up, is not counted
        started = time.process_time()
        ours = expanded_weights(recorded, options.source, options.target)
        middle = time.process_time()
        theirs = unit_by_unit(model.module, shape, options.source, options.target, units)
        if turn:
            seconds["wbsite"].append(middle - started)
            seconds["unit by unit"].append(time.process_time() - middle)
    print(f"{platform.processor() or platform.machine()}, {options.threads} threads, torch {torch.__version__}")
    print(f"{options.model} {options.source} → {options.target}, {units} units, {tuple(ours.shape)}")
    for name, own in seconds.items():
        print(f"{name:14}{statistics.median(own):8.2f} s ({min(own):.2f} to {max(own):.2f})")
    ratios = [b / a for a, b in zip(seconds["wbsite"], seconds["unit by unit"], strict=True)]
    print(f"wbsite is {statistics.median(ratios):.1f} times as fast ({min(ratios):.1f} to {max(ratios):.1f})")
    report(
        f"expanded weights, {options.model} {options.source} → {options.target}",
        "one backward pass a unit",
        seconds["wbsite"],
        seconds["unit by unit"],
        goal=15,
    )
    if path.receptive_field:
        rows, columns = (
            slice(a.stride * (size // 2) + a.low, a.stride * (size // 2) + a.high + 1)
            for a, size in zip(path.receptive_field, recorded.tape.shapes[path.end][2:], strict=True)
        )
        theirs = theirs[:, :, rows, columns]
    print(f"largest difference {(ours - theirs).abs().max():.1e}; largest weight {ours.abs().max():.1e}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except WbsiteError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
