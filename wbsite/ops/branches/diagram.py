"""The diagram of a group of branches: which convolutions and pools lie between its source and its join."""

from __future__ import annotations

from collections.abc import Sequence

from wbsite.graph.channel_origin import along_channels
from wbsite.graph.data_flow import Flow
from wbsite.graph.tape import INPUT, Call

from .groups import MORE, SOURCE, Graph


def place_name(flow: Flow, call: Call, members: Sequence[str]) -> str:
    """The module that returns what a call makes, nearest to the call; else what its members' names share, else the
    module whose code makes the call, else the call's number."""
    value = call.outputs[0]
    if flow.tape.outputs.get(call.module) == value and call.module:
        return call.module
    returned = [name for name, output in flow.tape.outputs.items() if output == value and name]
    named = max(returned, key=len, default="") or flow.common_name(members)
    return named or call.module or f"{call.operation} {flow.places[value]}"


def source_name(flow: Flow, value: int) -> str:
    """The layer or block whose units a value holds, perhaps pooled or rectified; "input" for the picture."""
    while value != INPUT:
        call = flow.tape.makers[value]
        if value in flow.convolutions:
            return flow.convolutions[value]
        if along_channels(call) or len(call.inputs) != 1:
            return place_name(flow, call, ())
        value = call.inputs[0]
    return "input"


class Boxes:
    """The boxes of a graph, by the values they give; begins with that of the source."""

    def __init__(self, flow: Flow, graph: Graph, source: int) -> None:
        self.flow, self.graph = flow, graph
        self.at = {source: graph.add(source_name(flow, source), SOURCE, flow.channels(source))}

    def window(self, call: Call, kernel: tuple[int, int], branch: str) -> None:
        """A convolution or pool, with arrows from what it reads."""
        value = call.outputs[0]
        if value in self.at:
            return
        layer = self.flow.convolutions.get(value, "")
        label, kind = (layer, "conv") if layer else (call.operation.replace("_pool2d", " pool"), "pool")
        box = self.graph.add(label, kind, self.flow.channels(value), branch, kernel)
        for given in call.inputs:
            self.link(given, box)
        self.at[value] = box

    def left_out(self, values: Sequence[int], after: int) -> None:
        """One box for branches that are not drawn, which give these values."""
        box = self.graph.add(f"{len(values)} more", MORE, sum(self.flow.channels(value) for value in values))
        self.link(after, box)
        self.at |= dict.fromkeys(values, box)

    def link(self, value: int, box: int) -> None:
        """Arrows to a box from those that a value comes from."""
        waiting, seen = [value], set()
        while waiting:
            at = waiting.pop()
            if at in self.at:
                self.graph.link(self.at[at], box)
            elif at not in seen and at != INPUT:
                seen.add(at)
                waiting += self.flow.reads(self.flow.tape.makers[at])
