"""How a network really computes: its input, the kernels in use, and what its forward pass depends on."""

from __future__ import annotations

import pandas as pd

from wbsite.analyses.base import Analysis, Context
from wbsite.featurevis.image_model import agreement
from wbsite.results.network.computation import Computation, InputFacts


def run(context: Context) -> Computation:
    """Facts of the recorded forward pass, and how it compares with the network's own on other pictures."""
    spec, layers = context.model.spec, context.layers
    preprocess = spec.preprocess
    rows = [
        (layer.name, " ".join(layer.computed_from), layer.scale, layer.changed, layer.varies)
        for layer in layers.layers
        if layer.computed_from or layer.varies
    ]
    dependence = agreement(context.model, context.device).sentences
    for sentence in dependence:
        context.progress.line(f"{spec.title}: {sentence}")
    return Computation(
        input=InputFacts(
            shape=layers.input_shape,
            colors=preprocess.colors,
            scale=preprocess.scale,
            mean=preprocess.mean,
            std=preprocess.std,
            learned=str(context.model.provenance.get("input", "")) or "As its description in wbsite says.",
        ),
        convolutions=len(layers.convs),
        fully_connected=len(layers.layers) - len(layers.convs),
        skipped=len(layers.skipped),
        dependence=list(dependence),
        rows=pd.DataFrame(rows, columns=list(Computation.fields["rows"].columns)),
    )


ANALYSES = (
    Analysis(
        result=Computation,
        scope="model",
        run=run,
    ),
)
