"""The diagram of a group of branches: which convolutions and pools lie between its source and its join."""

from __future__ import annotations

from collections.abc import Sequence

from wbsite.graph.channel_origin import concatenates_channels
from wbsite.graph.tape import INPUT, INPUT_NAME, Call
from wbsite.graph.value_graph import DataFlow

from .groups import MORE, SOURCE, Graph


def place_name(flow: DataFlow, call: Call, members: Sequence[str]) -> str:
    """A name for what a call makes: the innermost module that returns it; else what the members' names share, else the
    module whose code makes the call, else the call's number."""
    value = call.outputs[0]
    if flow.tape.outputs.get(call.module) == value and call.module:
        return call.module
    returned = [name for name, output in flow.tape.outputs.items() if output == value and name]
    named = max(returned, key=len, default="") or flow.common_name(members)
    return named or call.module or f"{call.operation} {flow.order[value]}"


def source_name(flow: DataFlow, value: int) -> str:
    """The layer or block whose units a value holds, perhaps pooled or rectified; "input" for the picture."""
    while value != INPUT:
        call = flow.tape.makers[value]
        if value in flow.convolutions:
            return flow.convolutions[value]
        if concatenates_channels(call) or len(call.inputs) != 1:
            return place_name(flow, call, ())
        value = call.inputs[0]
    return INPUT_NAME


class Boxes:
    """The boxes of a graph, by the values they give; begins with that of the source."""

    def __init__(self, flow: DataFlow, graph: Graph, source: int) -> None:
        self.flow, self.graph = flow, graph
        self.by_value = {source: graph.add(source_name(flow, source), SOURCE, flow.channels(source))}

    def window(self, call: Call, kernel: tuple[int, int], branch: str) -> None:
        """A convolution or pool, with arrows from what it reads."""
        value = call.outputs[0]
        if value in self.by_value:
            return
        layer = self.flow.convolutions.get(value, "")
        label, kind = (layer, "conv") if layer else (call.operation.replace("_pool2d", " pool"), "pool")
        box = self.graph.add(label, kind, self.flow.channels(value), branch, kernel)
        for read in call.inputs:
            self.link(read, box)
        self.by_value[value] = box

    def omitted(self, values: Sequence[int], after: int) -> None:
        """One box for branches that are not drawn, which give these values."""
        box = self.graph.add(f"{len(values)} more", MORE, sum(self.flow.channels(value) for value in values))
        self.link(after, box)
        self.by_value |= dict.fromkeys(values, box)

    def link(self, value: int, box: int) -> None:
        """Arrows to a box from those that a value comes from."""
        waiting, seen = [value], set()
        while waiting:
            value = waiting.pop()
            if value in self.by_value:
                self.graph.link(self.by_value[value], box)
            elif value not in seen and value != INPUT:
                seen.add(value)
                waiting += self.flow.inputs(self.flow.tape.makers[value])
