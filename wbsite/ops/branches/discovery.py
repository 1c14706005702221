"""Branches of any recorded network: units grouped by the parallel path that makes them, found from the tape alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from wbsite.graph.recording import Recorded
from wbsite.graph.value_graph import DataFlow

from .channel_groups import channel_groups
from .concatenation_branches import concatenation_branches
from .groups import Group
from .residual_branches import residual_branches


@dataclass(frozen=True)
class Branches:
    """The branches of a network.

    Attributes:
        groups: in order of execution; names are unique.
        passed_over: sentences on places that look like branches whose units could not be identified.
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
    flow = DataFlow(recorded, layers)
    unknown_parts: list[str] = []
    unknown_sums: list[str] = []
    unnamed = [
        *concatenation_branches(flow, unknown_parts),
        *channel_groups(flow),
        *residual_branches(flow, unknown_sums),
    ]
    groups, names = [], Counter[str]()
    for group in sorted(unnamed, key=lambda group: group.order):
        names[group.name] += 1
        number = names[group.name]
        groups.append(group if number == 1 else replace(group, name=f"{group.name} ({number})"))
    reasons = (
        (unknown_parts, "what is concatenated cannot be followed to units of two convolutions or more"),
        (unknown_sums, "no path that is added ends in a rectified convolution"),
    )
    return Branches(tuple(groups), tuple(_sentence(places, reason) for places, reason in reasons if places))


def _sentence(places: list[str], reason: str) -> str:
    names = list(dict.fromkeys(places))
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"Passed over: {listed}, where {reason}."
