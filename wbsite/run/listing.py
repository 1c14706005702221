"""What there is, line by line, for `wbsite list`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wbsite.core import registry
from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError, unknown

KINDS = ("models", "layers", "experiments", "analyses", "datasets")


def lines(what: str, model: str | None, config: Config) -> Iterator[str]:
    """The lines of one listing.

    Raises:
        WbsiteError: unknown kind, or no model where one is needed.
    """
    if what not in KINDS:
        raise unknown("listing", what, KINDS)
    if (model is None) == (what == "layers"):
        raise WbsiteError(
            f"`wbsite list {what}` takes {'a' if what == 'layers' else 'no'} model.",
            "Write wbsite list layers MODEL, or wbsite list models.",
        )
    if what == "layers":
        yield from layer_lines(str(model), config)
    elif what == "models":
        yield from (f"{spec.name}@{spec.weights}\t{spec.title}" for spec in registry.entries("models"))
    elif what == "analyses":  # by their results, which need no torch
        yield from (f"{schema.analysis}\t{schema.analysis_summary}" for schema in registry.entries("results"))
    else:
        if what == "experiments":
            yield from suite_lines()
            yield from study_lines()
        yield from (f"{entry.name}\t{entry.summary}" for entry in registry.entries(what))


def suite_lines() -> Iterator[str]:
    """Each suite with its scales, the default first, and below it its experiments."""
    for suite in registry.entries("suites"):
        scales = ", ".join(preset.name for preset in suite.presets)
        yield f"{suite.name}\t{suite.summary} ({len(suite.trials)} experiments; presets: {scales})"
        yield from (f"{suite.name}/{trial.name}\t{trial.group}\t{trial.title}" for trial in suite.trials)


def study_lines() -> Iterator[str]:
    """The studies of the information plane, as `--study` names them."""
    for study in registry.entries("studies"):
        yield f"{study.name}\tstudy of the information plane ({study_size(study)}; wbsite build --study {study.name})"


def study_size(study: Any) -> str:
    """How many networks a study trains, and for how long, in words."""
    return f"{len(study.configurations)} configurations × {len(study.seeds)} seeds, {study.epochs} epochs"


def layer_lines(token: str, config: Config) -> Iterator[str]:
    """The input, and how it was found; of each layer name, kind, weight shape and what feeds it; then what was skipped
    and why."""
    from .subjects.model import ModelSubject, loaded

    model, layers = loaded(ModelSubject.of(token, config))
    note = model.provenance.get("input", "as its specification says")
    yield f"input\t{model.spec.preprocess.colors}\t{'×'.join(map(str, model.spec.input_shape))}\t{note}"
    for layer in layers.layers:
        shape = "×".join(map(str, layer.weight_shape))
        yield f"{layer.name}\t{layer.kind}\t{shape}\tfrom {', '.join(layer.inputs) or '?'}"
    for skipped in layers.skipped:
        yield f"{skipped.name}\tskipped\t{skipped.kind}\t{skipped.reason}"
