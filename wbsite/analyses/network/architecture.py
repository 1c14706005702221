"""Architecture: the layers in execution order, what feeds what, and where the weights come from.

Everything else is planned from this result, and pages read it to know what layers there are.
"""

from __future__ import annotations

from dataclasses import asdict

from wbsite.analyses.base import Analysis, Context
from wbsite.core.store import Contents
from wbsite.graph.layers import Layers


def head(layers: Layers) -> dict[str, object]:
    """How the last feature map becomes outputs.

    "pooled": the first fully connected layer after a convolution reads one number a channel, so
    position is gone before it; "positions": it reads every position (their number is given);
    "convolutional": there is no fully connected layer; "unknown": its inputs do not tell.
    """
    units = {layer.name: layer.out_channels for layer in layers.layers if layer.kind == "conv"}
    for layer in layers.layers:
        fed = [units[name] for name in layer.inputs if name in units]
        if layer.kind != "linear" or not fed:
            continue
        for channels in (sum(fed), fed[-1]):  # concatenated branches; or added ones, all of one width
            if layer.in_channels == channels:
                return {"kind": "pooled", "layer": layer.name, "positions": 1}
        for channels in (sum(fed), fed[-1]):
            if layer.in_channels % channels == 0:
                return {"kind": "positions", "layer": layer.name, "positions": layer.in_channels // channels}
        return {"kind": "unknown", "layer": layer.name, "positions": 0}
    linear = any(layer.kind == "linear" for layer in layers.layers)
    return {"kind": "unknown" if linear else "convolutional", "layer": "", "positions": 0}


def run(context: Context) -> Contents:
    """The traced layers, skipped ones with reasons, blocks, provenance and parameter counts."""
    model, layers, spec = context.model, context.layers, context.model.spec
    source = {"url": spec.source.url, "digest": spec.source.digest} if spec.source else None
    return Contents(
        values={
            "name": spec.name,
            "weights": spec.weights,
            "title": spec.title,
            "reference": spec.reference,
            "note": spec.note,
            "source": source,
            "digest": model.digest,
            "missing": list(model.missing),
            "provenance": dict(model.provenance),
            "input_shape": list(layers.input_shape),
            "parameters": sum(p.numel() for p in model.module.parameters()),
            "parameters_held": sum(p.numel() for n, p in model.module.named_parameters() if n not in model.missing),
            "layers": [
                {
                    **asdict(layer),
                    "planar": layer.planar,
                    "spatial": layer.spatial,
                    "block": spec.blocks.get(layer.name, ("", 0))[0],
                    "first_unit": spec.blocks.get(layer.name, ("", 0))[1],
                    "has_weights": f"{layer.name}.weight" not in model.missing,
                }
                for layer in layers.layers
            ],
            "skipped": [asdict(skipped) for skipped in layers.skipped],
            "notes": list(layers.notes),
            "head": head(layers),
        }
    )


ANALYSES = (
    Analysis(
        name="architecture",
        scope="model",
        summary="layers in execution order, their shapes and connections, provenance of the weights",
        run=run,
    ),
)
