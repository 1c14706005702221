"""The classes that a classifier's units stand for, where the record of its training in the weights file names them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from wbsite.results.site import Model


@lru_cache(maxsize=256)
def class_names(model: Model, layer: str) -> Sequence[str]:
    """Names by channel, of a layer whose units are the network's outputs; else none.

    A network's outputs are the units of its only layer that feeds no other; a record of another number of classes is
    not about it. ("input" is no layer.)
    """
    training = model.architecture.provenance.get("training")
    names = training.get("classes") if isinstance(training, dict) else None
    if not isinstance(names, str):
        return ()
    fed = {name for other in model.layers for name in other.inputs}
    outputs = [other for other in model.layers if other.name not in fed]
    if len(outputs) != 1 or outputs[0].name != layer:
        return ()
    found = tuple(part.strip() for part in names.split(","))
    return found if len(found) == outputs[0].out_channels else ()
