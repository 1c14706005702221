"""What wbsite makes of a network before anything is computed: one page in the terminal."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from wbsite.core.config import Config
from wbsite.results.kernel_words import kernel_difference
from wbsite.results.network.computation import Computation, InputFacts

from .costs import cost
from .plan import analyses
from .subjects.model import ModelSubject, Network

if TYPE_CHECKING:
    import torch

    from wbsite.graph.layers import Layer, Skipped

LISTED = 8
"""Names of one kind that are written out."""

PASSES = 3
"""Forward passes that are timed."""


def lines(config: Config, device: torch.device) -> Iterator[str]:
    """The page about the one model of a configuration, line by line.

    Raises:
        WbsiteError: it cannot be loaded.
    """
    (token,) = config.models
    network = ModelSubject.of(token, config).load(config.profile)
    yield f"{network.model.spec.title} ({token}), weights {network.model.spec.weights}"
    yield ""
    if network.model.alone:
        yield from _section("File", _file(network))
        yield from _section("Layers", _layers(network.layers.layers, network.layers.skipped))
        yield from _section("Analyses", _analyses(network, network.forward))
        return
    facts = _computation(network, device)
    yield from _section("Input", _input(facts.input))
    yield from _section("Layers", _layers(network.layers.layers, network.layers.skipped))
    yield from _section("Kernels", _kernels(facts, str(network.model.provenance.get("reading", ""))))
    yield from _section("Forward pass", [*network.layers.notes, *facts.dependence] or [_SAME])
    yield from _section("Analyses", _analyses(network, _forward_seconds(network, device)))
    yield from _section("To change the input, write in wbsite.toml", _toml(token, facts.input))


_SAME = "The same calls for every picture, whatever lies beside it in a batch."


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield title
    yield from (f"  {line}" for line in lines)
    yield ""


def _file(network: Network) -> Iterator[str]:
    """What is known of weights without a network."""
    about = network.model.provenance
    yield f"{about['source_format']}, numbers of type {about['source_types']}"
    yield from filter(None, [network.model.spec.note, *network.layers.notes])
    if changed := [layer.name for layer in network.layers.layers if layer.computed_from]:
        yield f"kernels computed from what is stored of a normalisation: {_few(changed)}"


def _computation(network: Network, device: torch.device) -> Computation:
    from wbsite.analyses.base import Context
    from wbsite.analyses.network.computation import run

    return run(Context(network.model, network.layers, None, device, {}, {}))


def _forward_seconds(network: Network, device: torch.device) -> float:
    """Of one forward pass of one picture: the shortest of a few, since others may use the processor."""
    import torch

    from wbsite.core.isolation import forward_passes
    from wbsite.graph.picture import picture_for
    from wbsite.graph.recording import Recorded

    recorded = Recorded.of(network.model).on(device)
    x = picture_for(recorded.module, recorded.input_shape).to(recorded.like)
    shortest = float("inf")
    with forward_passes(recorded.module), torch.no_grad():
        for _ in range(PASSES):
            started = time.perf_counter()
            recorded.module(x)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            shortest = min(shortest, time.perf_counter() - started)
    return shortest


def _input(facts: InputFacts) -> Iterator[str]:
    channels, height, width = facts.shape
    order = f" in the order {facts.colors}" if channels == 3 else ""
    yield f"{channels} × {height} × {width} (channels, height, width){order}"
    mean, std = (", ".join(f"{number:g}" for number in numbers) for numbers in (facts.mean, facts.std))
    yield f"pictures from 0 to {facts.scale:g}, minus {mean}, divided by {std}"
    yield facts.learned


def _layers(layers: Sequence[Layer], skipped: Sequence[Skipped]) -> Iterator[str]:
    sizes = Counter(
        f"{'×'.join(map(str, layer.kernel))}{' depthwise' if layer.groups == layer.in_channels > 1 else ''}"
        for layer in layers
        if layer.kind == "conv"
    )
    convolutions = ", ".join(f"{count} of {size}" for size, count in sizes.most_common())
    yield f"{sum(sizes.values())} convolutions ({convolutions})" if sizes else "no two-dimensional convolutions"
    yield f"{len(layers) - sum(sizes.values())} fully connected"
    reasons: dict[tuple[str, str], list[str]] = {}
    for other in skipped:
        reasons.setdefault((other.kind, other.reason), []).append(other.name)
    for (kind, reason), names in reasons.items():
        yield f"skipped: {_few(names)} ({kind}): {reason}"


def _kernels(facts: Computation, reading: str) -> Iterator[str]:
    if reading:
        yield reading
    rows = list(facts.rows.itertuples())
    if not rows:
        yield "as the parameters hold them"
        return
    if varying := [row.layer for row in rows if row.varies]:
        yield f"computed anew from every picture: {_few(varying)}"
    differences = [(row, kernel_difference(row.scale, row.changed)) for row in rows if not row.varies]
    changed = [(row, words) for row, words in differences if words]
    if changed:
        yield f"{len(changed)} are not those that `.weight` holds; analysed are those in use:"
    for row, words in changed[:LISTED]:
        yield f"  {row.layer}: from {row.computed_from}: {words}"
    if len(changed) > LISTED:
        yield f"  and {len(changed) - LISTED} more"
    if same := [row.layer for row, words in differences if not words]:
        yield f"computed from their parameters in every pass: {_few(same)}"


def _analyses(network: Network, forward: float) -> Iterator[str]:
    total = 0.0
    refused: dict[str, list[str]] = {}
    for analysis in analyses():
        reasons = dict(network.layers_for(analysis))
        if not reasons:
            continue
        applied = sum(not reason for reason in reasons.values())
        if not applied:
            refused.setdefault(Counter(reasons.values()).most_common(1)[0][0], []).append(analysis.name)
            continue
        seconds = cost(analysis.name).seconds(applied, forward)
        total += seconds
        layers = "the network" if analysis.scope == "model" else f"{applied} layer{'s' if applied > 1 else ''}"
        yield f"{analysis.name:<22}{layers:<14}{_about(seconds)}"
    yield f"{'all':<22}{'':<14}{_about(total)} on one processor, at the quick profile"
    for reason, names in refused.items():
        yield f"not {', '.join(names)}: {reason}"


def _about(seconds: float) -> str:
    if seconds < 1:
        return "under a second"
    return f"about {seconds:.0f} s" if seconds < 100 else f"about {seconds / 60:.0f} min"


def _toml(token: str, facts: InputFacts) -> Iterator[str]:
    yield f'[models."{token}"]'
    yield f"input = {list(facts.shape)}"
    yield f"mean = {[round(number, 6) for number in facts.mean]}"
    yield f"std = {[round(number, 6) for number in facts.std]}"
    yield f"range = [0, {facts.scale:g}]"
    if facts.shape[0] == 3:
        yield f'channels = "{facts.colors}"'


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:LISTED])
    return f"{shown} and {len(names) - LISTED} more" if len(names) > LISTED else shown
