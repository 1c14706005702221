"""Whether exporting folded batch norm into the kernels of an ONNX file, as far as the file shows it.

Folded, each unit's kernel is multiplied by γ / √(σ² + ε) of its own. What one kernel looks like stays as it is; what is
summed over units, as the banding index H of a layer, weighs them otherwise than the trained kernels would.

Who folds leaves traces of it:

- torch's newer exporter (`dynamo=True`) names the rule of onnxscript that rewrote a node in its metadata. The kernel
  keeps the name of the trained one.
- torch's older exporter gives kernel and bias new names, "onnx::Conv_80" or "80", where others keep those of the
  module's parameters.
- tf2onnx ends the kernel's name in "_weights_fused_bn"; onnxruntime, of graphs that it saved after optimising them,
  begins it with "ConvBnFusion_W_".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ._layers import KERNELS, Layer

if TYPE_CHECKING:
    from onnx import NodeProto

_RULE = "pkg.onnxscript.rewriter.rule_name"
_NEW = re.compile(r"(onnx::\w+_)?\d+")
_NAMED = 3
"""Layers that a sentence names."""


class Folding:
    """What the layers of a graph, noted one after another, show of it.

    Args:
        producer: of the file, in its own words.
    """

    def __init__(self, producer: str) -> None:
        self.producer = producer
        self.folded: list[str] = []
        self.norms = 0
        self.biases = 0

    def note(self, node: NodeProto, layer: Layer) -> None:
        """Another layer, and the node that it was read from."""
        if node.op_type == "BatchNormalization":
            self.norms += 1
        elif "Conv" in node.op_type or node.op_type == "Gemm":
            self.biases += "Conv" in node.op_type and "bias" in layer.parts
            if layer.name not in self.folded and self._shows(node):
                self.folded.append(layer.name)

    def _shows(self, node: NodeProto) -> bool:
        rules = (str(entry.value) for entry in node.metadata_props if entry.key == _RULE)
        weight, bias = (str(node.input[i]) if i < len(node.input) else "" for i in (KERNELS[node.op_type], 2))
        renamed = self.producer == "pytorch" and _NEW.fullmatch(weight) and _NEW.fullmatch(bias)
        fused = "_weights_fused_bn" in weight or weight.startswith("ConvBnFusion_W_")
        return any("FuseBatchNorm" in rule for rule in rules) or bool(renamed) or fused

    def in_words(self) -> str:
        """What a reader of H should know; "" where there is nothing to say."""
        if self.folded:
            listed = ", ".join(self.folded[:_NAMED])
            more = f" and {len(self.folded) - _NAMED} more" if len(self.folded) > _NAMED else ""
            layers = f"{len(self.folded)} layer{'s' if len(self.folded) > 1 else ''}"
            return (
                f"Exporting folded batch norm into the kernels of {layers} ({listed}{more}): each unit's kernel is"
                " multiplied by a factor of its own, so a layer's banding index H is not that of the trained kernels."
            )
        if self.biases and not self.norms:
            return (
                "The file has no batch norm. Exporters often fold it into the kernels, which multiplies each unit's by"
                " a factor of its own and so changes a layer's banding index H; whether that happened, the file does"
                " not show."
            )
        return ""
