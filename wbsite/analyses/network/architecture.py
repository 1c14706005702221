"""Architecture: the layers in execution order, what feeds what, and where the weights come from.

Everything else is planned from this result, and pages read it to know what layers there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from wbsite.analyses.base import Analysis, Context
from wbsite.graph.layers import Layer, Layers
from wbsite.graph.recording import Recorded
from wbsite.models.base import LoadedModel
from wbsite.results.network.architecture import Architecture, Head, LayerInfo, Skipped, Source


def head(layers: Layers, output: Sequence[int] = ()) -> Head:
    """How the last feature map becomes outputs, by the first fully connected layer that a convolution feeds.

    One that is applied at every position of a map by itself, as in a transformer, leaves positions as they are.

    Args:
        output: shape of what the network returns, of several tensors the first; empty where it is not known.
    """
    units = {layer.name: layer.out_channels for layer in layers.layers if layer.kind == "conv"}
    linear = [layer for layer in layers.layers if layer.kind == "linear" and math.prod(layer.output_shape[:-1]) == 1]
    for layer in linear:
        fed = [units[name] for name in layer.inputs if name in units]
        if not fed:
            continue
        for channels in (sum(fed), fed[-1]):  # concatenated branches; or added ones, all of one width
            if layer.in_channels == channels:
                return Head(kind="pooled", layer=layer.name, positions=1)
        for channels in (sum(fed), fed[-1]):
            if layer.in_channels % channels == 0:
                return Head(kind="positions", layer=layer.name, positions=layer.in_channels // channels)
        return Head(kind="unknown", layer=layer.name, positions=0)
    if len(output) == 4 and math.prod(output[2:]) > 1:
        return Head(kind="maps", layer="", positions=0)
    one = len(output) in (0, 2) or (len(output) == 4 and math.prod(output[2:]) == 1)
    return Head(kind="convolutional" if one and not linear else "unknown", layer="", positions=0)


def _output(model: LoadedModel, layers: Layers) -> tuple[int, ...]:
    """Shape of what the network returns; empty where no calls lead to it."""
    tape = Recorded.of(model.module, layers.input_shape).tape
    return tape.shapes.get(tape.outputs.get("", -1), ())


def run(context: Context) -> Architecture:
    """The traced layers, skipped ones with reasons, blocks, provenance and parameter counts."""
    model, layers, spec = context.model, context.layers, context.model.spec
    return Architecture(
        name=spec.name,
        weights=spec.weights,
        title=spec.title,
        reference=spec.reference,
        note=spec.note,
        source=Source(url=spec.source.url, digest=spec.source.digest) if spec.source else None,
        digest=model.digest,
        missing=list(model.missing),
        provenance=dict(model.provenance),
        input_shape=layers.input_shape,
        parameters=sum(p.numel() for p in model.module.parameters()),
        parameters_held=sum(p.numel() for n, p in model.module.named_parameters() if n not in model.missing),
        layers=[layer_info(layer, model) for layer in layers.layers],
        skipped=[Skipped(**asdict(skipped)) for skipped in layers.skipped],
        notes=list(layers.notes),
        head=Head(kind="unknown", layer="", positions=0) if model.alone else head(layers, _output(model, layers)),
        alone=model.alone,
    )


def layer_info(layer: Layer, model: LoadedModel) -> LayerInfo:
    """What pages know of a layer."""
    block, first_unit = model.spec.blocks.get(layer.name, ("", 0))
    return LayerInfo(
        **asdict(layer),
        planar=layer.planar,
        spatial=layer.spatial,
        block=block,
        first_unit=first_unit,
        has_weights=f"{layer.name}.weight" not in model.missing,
    )


ANALYSES = (
    Analysis(
        result=Architecture,
        scope="model",
        run=run,
        of_weights=True,
    ),
)
