"""How many of the networks that people use come out right: all of torchvision's, and one of each family of timm's.

    python benchmarks/sweep.py                      all, several hours of processor time; needs wbsite[timm]
    python benchmarks/sweep.py --only resnet        those whose names contain this
    python benchmarks/sweep.py --table              writes sweep.md from the results so far

Weights are random. Of every network, in a process of its own:

    loads       `wbsite doctor` ends with status 0
    layers      two-dimensional convolutions that the network's forward pass runs, counted below Python's calls, against
                those that wbsite has as layers or lists with a reason
    kernels     the kernels of these layers are bit for bit those that were convolved
    pictures    of three units, of a first, a middle and a last convolution, after a few steps: the activation that
                wbsite reports is the network's own, or the network is refused with the reason

A line for each network is appended to sweep.jsonl, so that an interrupted sweep goes on; delete it to start anew.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import queue
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from wbsite.core import registry

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "sweep.jsonl"
TABLE = HERE / "sweep.md"
TASKS = ("classification", "segmentation", "detection", "video")
CHOSEN = HERE / "sweep-timm.json"
SMALL = re.compile("atto|femto|pico|nano|tiny|xxs|xs|_s\\b|_s_|small|18|26|_0|b0|050")
MOST_PARAMETERS = 150_000_000
LIMIT_S = 3600


class Networks(ModuleType):
    """A module of factories: `torchvision__NAME` and `timm__NAME`."""

    def __getattr__(self, name: str) -> Any:
        source, _, network = name.partition("__")
        if source not in ("torchvision", "timm"):
            raise AttributeError(name)
        return lambda: made(source, network)


def made(source: str, name: str) -> torch.nn.Module:
    """A network with random weights."""
    if source == "timm":
        import timm

        return timm.create_model(name, pretrained=False)
    from torchvision import models

    backbone = {"weights_backbone": None} if task_of(name) in ("segmentation", "detection") else {}
    return models.get_model(name, weights=None, **backbone)


def task_of(name: str) -> str:
    """What a network of torchvision is for."""
    from torchvision import models

    modules = {"segmentation": models.segmentation, "detection": models.detection, "video": models.video}
    return next((task for task, module in modules.items() if name in models.list_models(module)), "classification")


def torchvision_networks() -> Iterator[tuple[str, str]]:
    """(source, name) of all but the quantised ones."""
    from torchvision import models

    for module in (models, models.segmentation, models.detection, models.video):
        yield from (("torchvision", name) for name in models.list_models(module))


def timm_networks() -> Iterator[tuple[str, str]]:
    """(source, name): of every module of timm a small network of each family, told by what names begin with.

    Of up to five whose names promise it, the one with fewest parameters, if these are fewer than 150 million. Found
    once, in minutes, and kept.
    """
    if not CHOSEN.exists():
        CHOSEN.write_text(json.dumps(list(_chosen())))
    yield from (("timm", name) for name in json.loads(CHOSEN.read_text()))


def _chosen() -> Iterator[str]:
    import timm

    families: dict[tuple[str, str], list[str]] = {}
    for module in timm.list_modules():
        for name in timm.list_models(module=module):
            families.setdefault((module, re.match("[a-z]+", name).group()), []).append(name)
    for names in families.values():
        candidates = sorted(names, key=lambda name: not SMALL.search(name))[:5]
        sizes = {name: _parameters(name) for name in candidates}
        smallest = min(candidates, key=lambda name: sizes[name])
        if sizes[smallest] < MOST_PARAMETERS:
            yield smallest


def _parameters(name: str) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in made("timm", name).parameters())


class Seen(TorchDispatchMode):
    """The kernels of two-dimensional convolutions that are not transposed, as they are run."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: list[torch.Tensor] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.convolution.default and args[1].ndim == 4 and not args[6]:
            self.kernels.append(args[1].detach().clone())
        return func(*args, **(kwargs or {}))


def examined(source: str, name: str) -> dict[str, Any]:
    """The row of one network."""
    from wbsite.core.errors import WbsiteError

    sys.modules["sweep_networks"] = Networks("sweep_networks")
    torch.set_num_threads(1)
    token = f"sweep_networks:{source}__{name}"
    row: dict[str, Any] = {"source": source, "name": name, "status": 0}
    started = time.perf_counter()
    try:
        row |= _examined(token)
    except WbsiteError as error:
        row |= {"status": 2, "reason": error.message}
    except Exception as error:
        row |= {"status": 1, "reason": f"{type(error).__name__}: {error}"}
    return row | {"seconds": round(time.perf_counter() - started, 1)}


def _examined(token: str) -> dict[str, Any]:
    from dataclasses import replace

    from wbsite.core.config import Config
    from wbsite.graph.picture import picture_for
    from wbsite.graph.recording import Recorded, forward_pass
    from wbsite.run.doctor import lines
    from wbsite.run.subjects.model import ModelSubject, loaded

    config = replace(Config(), models=(token,))
    page = list(lines(config, torch.device("cpu")))
    model, layers = loaded(ModelSubject.of(token, config))
    recorded = Recorded.of(model)
    with Seen() as seen:
        forward_pass(model.module, picture_for(model.module, layers.input_shape))
    tape = recorded.tape
    ours = [
        kernel.weight for name, kernel in tape.kernels.items() if kernel.operation == "conv2d" for _ in tape.uses[name]
    ]
    unmatched = _without(seen.kernels, ours)
    listed = [other for other in layers.skipped if "onv" in other.kind or "filter" in other.reason]
    return {
        "parameters": sum(parameter.numel() for parameter in model.module.parameters()),
        "input": list(layers.input_shape),
        "convolutions": len(seen.kernels),
        "layers": len(ours),
        "listed": len(listed),
        "unmatched": len(unmatched),
        "invented": len(_without(ours, seen.kernels)),
        "changed": sum(layer.scale != 1 or layer.changed > 0 or layer.varies for layer in layers.layers),
        "says": [line.strip() for line in page[page.index("Forward pass") + 1 : page.index("Analyses") - 1]],
        **_pictures(model, [layer.name for layer in layers.convs]),
    }


def _without(kernels: list[torch.Tensor], others: list[torch.Tensor]) -> list[torch.Tensor]:
    """Those for which there is no equal one among the others, each of which counts once."""
    left, missing = list(others), []
    for kernel in kernels:
        same = next(
            (i for i, other in enumerate(left) if other.shape == kernel.shape and torch.equal(other, kernel)), None
        )
        if same is None:
            missing.append(kernel)
        else:
            left.pop(same)
    return missing


def _pictures(model: Any, convolutions: list[str]) -> dict[str, Any]:
    """How many pictures were made, how many of them agree with the network, and why others were not."""
    from wbsite.core.errors import WbsiteError
    from wbsite.featurevis import Settings, Target, visualize
    from wbsite.featurevis.image_model import image_model

    made, agreeing, ways, refusals = 0, 0, set(), []
    size = min(64, *model.spec.input_shape[1:])
    settings = Settings(size=size, steps=4, reseeds=0)
    for name in dict.fromkeys((convolutions[0], convolutions[len(convolutions) // 2], convolutions[-1])):
        try:
            targets = [Target(name, 0)]
            ways.add(image_model(model, targets, settings, torch.device("cpu")).way)
            for picture in visualize(model, targets, settings):
                made += 1
                agreeing += picture.agrees
        except WbsiteError as error:
            refusals.append(f"{name}: {error.message}")
    return {"pictures": made, "agreeing": agreeing, "ways": sorted(ways), "refusals": refusals}


def _worker(source: str, name: str, rows: Any) -> None:
    rows.put(examined(source, name))


def examined_apart(source: str, name: str) -> dict[str, Any]:
    """The row of one network, made in a process of its own, which may take LIMIT_S seconds."""
    context = multiprocessing.get_context("fork")
    rows = context.Queue()
    process = context.Process(target=_worker, args=(source, name, rows))
    process.start()
    row = {"source": source, "name": name, "status": 1, "reason": f"not done after {LIMIT_S} s, or killed for memory"}
    for _ in range(LIMIT_S):
        try:
            row = rows.get(timeout=1)
            break
        except queue.Empty:
            if not process.is_alive():
                break
    process.kill()
    process.join()
    return row


def verdict(row: dict[str, Any]) -> str:
    """ "right", "explained", "gap" or "wrong"."""
    if row["status"] == 2:
        return "explained" if re.search("dimensional|takes a list|arguments", row["reason"]) else "gap"
    if row["status"] == 1:
        return "gap"
    if row["invented"] or row["agreeing"] < row["pictures"]:
        return "wrong"
    if row["unmatched"] > row["listed"]:
        return "wrong"
    return "explained" if row["refusals"] else "right"


def table(rows: list[dict[str, Any]]) -> str:
    """The results as Markdown."""
    counts = Counter(verdict(row) for row in rows)
    total = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    lines = [
        "# Networks tried",
        "",
        f"By `benchmarks/sweep.py`, weights random: {len(rows)} networks, {total}.",
        "",
        "| network | input | convolutions | layers | kernels not as stored | pictures that agree | run | remarks |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: (row["source"], row["name"])):
        name = f"{row['source']} {row['name']}"
        if row["status"]:
            lines.append(f"| {name} | | | | | | | {verdict(row)}: {_short(row['reason'])} |")
            continue
        same = "The same calls for every picture"
        remarks = [*row["refusals"][:1], *(text for text in row["says"] if not text.startswith(same))][:2]
        lines.append(
            f"| {name} | {'×'.join(map(str, row['input']))} | {row['convolutions']} | {row['layers']} "
            f"| {row['changed']} "
            f"| {row['agreeing']} of {row['pictures']} | {', '.join(row['ways'])} "
            f"| {verdict(row)}{': ' if remarks else ''}{' '.join(map(_short, remarks))} |"
        )
    return "\n".join(lines) + "\n"


def _short(text: str) -> str:
    line = " ".join(text.split()).replace("|", "/")
    return line if len(line) <= 160 else f"{line[:157]}…"


def main() -> None:
    """Runs what is not in the results yet, or writes the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    if options.table:
        TABLE.write_text(table(rows))
        return
    done = {(row["source"], row["name"]) for row in rows}
    networks = [*torchvision_networks(), *timm_networks()]
    waiting = [network for network in networks if network not in done and options.only in network[1]]
    registry.entries("analyses")  # imported once, for all processes
    torch.set_num_threads(1)
    with ThreadPoolExecutor(options.jobs) as pool, RESULTS.open("a") as file:
        for row in pool.map(lambda network: examined_apart(*network), waiting):
            print(verdict(row), row["source"], row["name"], row.get("reason", ""), flush=True)
            file.write(json.dumps(row) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
