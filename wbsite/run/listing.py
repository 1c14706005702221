"""What there is, line by line, for `wbsite list`."""

from __future__ import annotations

from collections.abc import Iterator

from .. import registry
from ..errors import WbsiteError, unknown

KINDS = ("models", "layers", "experiments", "analyses", "datasets")


def lines(what: str, model: str | None, weights_dir: str) -> Iterator[str]:
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
        yield from layer_lines(str(model), weights_dir)
    elif what == "models":
        yield from (f"{spec.name}@{spec.weights}\t{spec.title}" for spec in registry.entries("models"))
    elif what == "analyses":
        yield from (f"{a.name}\t{a.summary}" for a in registry.entries("analyses"))
    else:
        yield from (f"{entry.name}\t{entry.summary}" for entry in registry.entries(what))


def layer_lines(token: str, weights_dir: str) -> Iterator[str]:
    """Name, kind, weight shape and what feeds it; then what was skipped and why."""
    from .plan import loaded
    from .request import ModelRequest

    _, layers = loaded(ModelRequest(token, weights_dir))
    for layer in layers.layers:
        shape = "×".join(map(str, layer.weight_shape))
        yield f"{layer.name}\t{layer.kind}\t{shape}\tfrom {', '.join(layer.inputs) or '?'}"
    for skipped in layers.skipped:
        yield f"{skipped.name}\tskipped\t{skipped.kind}\t{skipped.reason}"
