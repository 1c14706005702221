"""What to compute: from the models asked for to a list of tasks with their keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from wbsite.analyses.base import Analysis
from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.core.source import behind
from wbsite.core.store import result_key
from wbsite.graph.layers import Layer, Layers, discover
from wbsite.models import LoadedModel, load

from .categories import Labels, labels
from .photographs import photographs, unsuitable
from .subjects import ModelRequest, Request


@dataclass(frozen=True)
class Task:
    """One analysis of one model, layer or suite. Picklable: a worker loads the model or the runs itself.

    Attributes:
        code: SHA-256 of the code behind the analysis.
        parts: what decides its parts, by content; "" of a suite's.
        photographs: name, number and source of the photographs it reads, as its record has them; empty for none.
        photographs_digest: SHA-256 of those.
        categories: name of the file and number of units of the user's categories it reads; empty for none.
        categories_digest: SHA-256 of those.
    """

    subject: Request
    digest: str
    analysis: str
    layer: str
    profile: str
    key: str
    needs: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    parts: str = ""
    photographs: Mapping[str, Any] = field(default_factory=dict)
    photographs_digest: str = ""
    categories: Mapping[str, Any] = field(default_factory=dict)
    categories_digest: str = ""

    @property
    def label(self) -> str:
        """As progress shows it."""
        return " ".join(filter(None, (self.analysis, self.subject.id, self.layer)))


@dataclass(frozen=True)
class Plan:
    """Everything one model or suite needs.

    Attributes:
        facts: what its record says besides the results.
        digest: of the weights, or of all runs.
        tasks: in an order in which every task follows those it needs.
        skipped: (analysis, layer) → why the analysis does not apply there.
    """

    subject: Request
    facts: Mapping[str, Any]
    digest: str
    tasks: tuple[Task, ...]
    skipped: Mapping[tuple[str, str], str]


@lru_cache(maxsize=4)
def loaded(request: ModelRequest) -> tuple[LoadedModel, Layers]:
    """The model and its layers.

    All models are planned before the first task runs, so that a bad one is refused early. Four are
    kept from then on and loaded once (the bundled three, and one more); of more, each is loaded
    again for its tasks, since all of them (575 MB the largest) might not fit into memory.

    Raises:
        WbsiteError: unknown model, or weights that are missing, damaged or another network's.
    """
    model = load(request.token, weights_dir=request.weights_dir or None)
    return model, discover(model.module, model.spec.input_shape)


def analyses() -> list[Analysis]:
    """All analyses, each after those it needs.

    Raises:
        WbsiteError: an analysis needs one that does not exist, or itself.
    """
    known = {analysis.name: analysis for analysis in registry.entries("analyses")}
    done: dict[str, Analysis] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in done:
            return
        if name not in known or name in path:
            fault = "needs it in turn" if name in path else "does not exist"
            raise WbsiteError(f"analysis {path[-1]!r} needs {name!r}, which {fault}.")
        for need in known[name].needs:
            visit(need, (*path, name))
        done[name] = known[name]

    for name in known:
        visit(name, ())
    return list(done.values())


def plan(request: ModelRequest, profile: str, only: Iterable[str] = (), progress: Progress | None = None) -> Plan:
    """The tasks of one model; with `only`, those analyses and what they need.

    Raises:
        WbsiteError: the model cannot be loaded or traced, or the photographs cannot be had.
        CategoriesError: the file of categories cannot be used.
    """
    model, layers = loaded(request)
    mine = labels(request.categories, model, layers)
    chosen = with_needs(only) if only else {analysis.name for analysis in analyses()}
    tasks: dict[tuple[str, str], Task] = {}
    skipped: dict[tuple[str, str], str] = {}
    for analysis in analyses():
        if analysis.name not in chosen or analysis.scope in ("suite", "study"):
            continue
        places: list[Layer | None] = list(layers.layers) if analysis.scope == "layer" else [None]
        for layer in places:
            name = layer.name if layer else ""
            reason = inapplicable(analysis, layer, model)
            if reason:
                skipped[analysis.name, name] = reason
                continue
            # What it needs is of the same layer, else of the model.
            found = {need: tasks.get((need, name)) or tasks.get((need, "")) for need in analysis.needs}
            needs = {need: task.key for need, task in found.items() if task is not None}
            tasks[analysis.name, name] = _task(request, analysis, name, profile, needs, mine, progress or Progress())
    facts: dict[str, Any] = {"token": request.token, "title": model.spec.title}
    if request.categories:
        facts["categories"] = list(mine.named)
    return Plan(request, facts, model.digest, tuple(tasks.values()), skipped)


def _task(
    request: ModelRequest, analysis: Analysis, layer: str, profile: str, needs: Mapping[str, str], mine: Labels,
    progress: Progress,
) -> Task:  # fmt: skip
    """A task with its key, and with that of its parts: without what only says which of them are wanted."""
    model, layers = loaded(request)
    params = analysis.parameters(profile)
    of = {
        "analysis": analysis.name,
        "code": behind(analysis.run),
        "weights": model.digest,
        "layers": layers_digest(layers),
        "layer": layer,
    }
    seen: dict[str, Any] = {}
    if analysis.photographs:
        shown = photographs(request.photographs, model.spec, progress)
        of["photographs"] = shown.digest
        seen = {"photographs": shown.about, "photographs_digest": shown.digest}
    if analysis.categories and mine.digest:
        of["categories"] = mine.digest
        seen |= {"categories": mine.about, "categories_digest": mine.digest}
    spec = spec_facts(model) if analysis.scope == "model" else {}
    key = result_key({**of, "params": dict(params), "needs": dict(needs), "spec": spec})
    by = analysis.decides_parts
    parts = result_key({**of, "params": _these(params, by), "needs": _these(needs, by)})
    return Task(request, model.digest, analysis.name, layer, profile, key, needs, of["code"], parts, **seen)


def _these(found: Mapping[str, Any], names: Iterable[str] | None) -> dict[str, Any]:
    return dict(found) if names is None else {name: found[name] for name in names if name in found}


def with_needs(only: Iterable[str]) -> set[str]:
    """These analyses and all they need, directly or not."""
    wanted = set(only)
    for analysis in reversed(analyses()):
        if analysis.name in wanted:
            wanted |= set(analysis.needs)
    return wanted


def layers_digest(layers: Layers) -> str:
    """SHA-256 of the traced layers: another tracing or input size is another result."""
    return hashlib.sha256(repr((layers.layers, layers.input_shape)).encode()).hexdigest()


def spec_facts(model: LoadedModel) -> dict[str, Any]:
    """What a result of the whole model shows of its spec."""
    spec = model.spec
    facts = {name: getattr(spec, name) for name in ("name", "weights", "title", "note", "reference")}
    source = [spec.source.url, spec.source.digest] if spec.source else None
    return {**facts, "source": source, "blocks": {layer: list(place) for layer, place in spec.blocks.items()}}


def inapplicable(analysis: Analysis, layer: Layer | None, model: LoadedModel) -> str:
    """Why an analysis has no result for a layer, or ""."""
    if analysis.photographs and (reason := unsuitable(model.spec)):
        return reason
    if layer is None:
        return ""
    if f"{layer.name}.weight" in model.missing:
        return "the weights file does not hold this layer"
    return analysis.applies(layer)
