"""Branches of any recorded network: units grouped by the parallel path that makes them, found from the tape alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from wbsite.graph.data_flow import Flow
from wbsite.graph.recording import Recorded

from .channel_groups import lanes
from .concatenation_branches import joined
from .groups import Group
from .residual_branches import added


@dataclass(frozen=True)
class Branches:
    """What `branches` finds.

    Attributes:
        groups: in order of execution; names are unique.
        passed_over: sentences on what looks like branches and could not be told apart.
    """

    groups: tuple[Group, ...]
    passed_over: tuple[str, ...]


def branches(recorded: Recorded, layers: Collection[str]) -> Branches:
    """The groups of branches of a network.

    Five kinds: parts of a concatenation ("concat"), or of a dense block ("dense", Huang et al. 2017); groups of a
    convolution ("groups"); units that separate groups further on read ("towers", as the two GPUs of Krizhevsky et al.
    2012); blocks that add to one residual stream ("residual", He et al. 2016).

    Args:
        layers: names of the network's convolutions and fully connected layers, in execution order.
    """
    flow = Flow(recorded, layers)
    unknown_parts: list[str] = []
    unknown_sums: list[str] = []
    found = [*joined(flow, unknown_parts), *lanes(flow), *added(flow, unknown_sums)]
    groups, seen = [], Counter[str]()
    for group in sorted(found, key=lambda group: group.place):
        seen[group.name] += 1
        number = seen[group.name]
        groups.append(group if number == 1 else replace(group, name=f"{group.name} ({number})"))
    said = (
        (unknown_parts, "what is concatenated cannot be followed to units of two convolutions or more"),
        (unknown_sums, "no path that is added ends in a rectified convolution"),
    )
    return Branches(tuple(groups), tuple(_sentence(places, reason) for places, reason in said if places))


def _sentence(places: list[str], reason: str) -> str:
    named = list(dict.fromkeys(places))
    listed = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
    return f"Passed over: {listed}, where {reason}."
