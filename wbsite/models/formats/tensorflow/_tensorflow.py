"""Names of layers from the names that TensorFlow's exporters give to constants and operators."""

from __future__ import annotations

import re

_NAMELESS = re.compile(r"(tfl|arith|std)\.\w*|(const|constant|unknown)(_?\d+)?|Func/.*/input/_\d+", re.IGNORECASE)
"""Names that an exporter numbers where it lost the network's own, the last those of a function's arguments."""

_DERIVED = re.compile(r"_(dequantize|densify|quant)\d*$")
"""What exporters add to the name of a constant that another operator unpacks."""

_READ = re.compile(r"(ReadVariableOp|Read|read|FakeQuantWithMinMaxVars(PerChannel)?)(_\d+)?")

_LAYER_OPERATOR = re.compile(
    r"(Conv2D|DepthwiseConv2D|depthwise|separable_conv2d|conv2d_transpose|MatMul|Tensordot)(_\d+)?"
)

_PART = re.compile(
    r"(kernel|weights?|filters?|(depthwise|pointwise)_(kernel|weights|filters?)|Conv2D_weights|MatMul_weights"
    r"|gamma|scale|BiasAdd|Relu6?|FusedBatchNorm(V[23])?)(_\d+)?",
    re.IGNORECASE,
)


def layer_name(constant: str, operator: str) -> str:
    """The layer's name: "model/conv1/Conv2D/ReadVariableOp" → "model/conv1".

    Args:
        constant: name of the layer's weights; of several joined by semicolons, as fused operators have, the one that
            names an operator with weights is taken.
        operator: name of the operator or of its output, for weights without a name of their own.
    """
    for name in (constant, operator):
        name = _DERIVED.sub("", name.strip("/"))
        joined = [part.strip("/").split("/") for part in name.split(";") if part.strip("/")]
        if not joined or _NAMELESS.fullmatch(name):
            continue
        parts = next((parts for parts in joined if _LAYER_OPERATOR.fullmatch(parts[-1])), joined[0])
        while len(parts) > 1 and _READ.fullmatch(parts[-1]):
            parts = parts[:-1]
        if len(parts) > 1:
            last = _DERIVED.sub("", parts[-1])
            if _LAYER_OPERATOR.fullmatch(last) or _PART.fullmatch(last):
                parts = parts[:-1]
        return "/".join(parts)
    return "layer"


class Names:
    """Gives every layer a name of its own."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._numbers

    def unique(self, name: str) -> str:
        """The name, or the first of name_2, name_3, … that no layer has had."""
        candidate, number = name, self._numbers.get(name, 1)
        while candidate in self._numbers:
            number += 1
            candidate = f"{name}_{number}"
        self._numbers[name] = number
        self._numbers.setdefault(candidate, 1)
        return candidate
