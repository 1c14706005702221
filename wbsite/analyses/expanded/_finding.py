"""Rules that find units worth showing, each with what chance would give and who came second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from wbsite.ops.expanded.spatial_structure import shuffled_positions, spatial_structure
from wbsite.ops.expanded.unit_properties import FirstLayerWeights, angle, permuted, score
from wbsite.ops.tuning.orientation import fan, orientation

from ._survey import Survey

Unit = tuple[str, int]
"""(layer, channel)."""

PERMUTATIONS = 200
SHUFFLES = 10


@dataclass(frozen=True)
class Rule:
    """What is looked for, in words and in terms of `wbsite.ops.properties`.

    Attributes:
        name: as values and figures call it.
        title: what is found, in a few words.
        words: the rule, as the reader is told it.
        prop: of the filters: "colour" or "frequency".
        pattern: in space: "whole", "centre" or "side".
        sign: −1 looks for the absence.
        family: whether several units of one layer are looked for, of the earlier of the two levels.
    """

    name: str
    title: str
    words: str
    prop: str
    pattern: str
    sign: int = 1
    family: bool = False


RULES = (
    Rule(
        "black-and-white-centre",
        "a black-and-white centre",
        "the unit whose expanded weights to the first filters are nearest to reading less colour in the middle"
        " than around it",
        "colour",
        "centre",
        -1,
    ),
    Rule(
        "colour-centre",
        "a colour centre",
        "the unit whose expanded weights to the first filters are nearest to reading more colour in the middle"
        " than around it",
        "colour",
        "centre",
    ),
    Rule(
        "high-low",
        "high–low frequency detectors",
        "the units whose expanded weights to the first filters are nearest to reading fine filters on one side and"
        " coarse ones on the other, colour apart",
        "frequency",
        "side",
        family=True,
    ),
    Rule(
        "black-and-white",
        "black-and-white against colour",
        "the units whose expanded weights to the first filters are nearest to being excited by grey filters and"
        " inhibited by colourful ones, wherever they are",
        "colour",
        "whole",
        -1,
        family=True,
    ),
)


@dataclass(frozen=True)
class Found:
    """What a rule found.

    Attributes:
        members: the units, best first (an oriented family: in order of angle).
        scores: of the members.
        angles: of the members in degrees, where they have one.
        score: of the rule: the mean of the members' scores.
        null: the same of what is found where there is nothing to find; None where there is no such null.
        runner_up: the unit that came next, and its score; None where there was no other.
        considered: number of units looked at.
    """

    members: tuple[Unit, ...]
    scores: tuple[float, ...]
    angles: tuple[float, ...]
    score: float
    null: float | None
    runner_up: tuple[Unit, float] | None
    considered: int


def find(rule: Rule, reads: Mapping[str, FirstLayerWeights], count: int) -> Found | None:
    """The best unit of some layers by a rule, or the family of `count` units of the one layer where it is best.

    The null is the 95th percentile of the same best score over 200 deals of the filters' property to the filters
    at random. Of equals, the first layer and unit are taken.

    Args:
        reads: what the layers' units read of the first layer.

    Returns:
        None where the first filters do not differ in the property.
    """
    count = count if rule.family else 1
    best: list[tuple[float, str, torch.Tensor, torch.Tensor]] = []
    nulls = []
    for layer, read in reads.items():
        direction = read.filters.directions()[rule.prop]
        if not direction.any():
            return None
        cosines = read.along(direction)
        scores = rule.sign * score(cosines, rule.pattern)
        chance = rule.sign * score(read.along(permuted(direction, PERMUTATIONS)), rule.pattern)
        kept = min(count, len(scores))
        nulls.append(chance.topk(kept, dim=1).values.mean(1))
        best.append((float(scores.topk(kept).values.mean()), layer, scores, angle(cosines)))
    top = max(best, key=lambda one: one[0])
    among = [top] if rule.family else best
    ranked = [
        (float(scores[unit]), (layer, unit), float(angles[unit]))
        for _, layer, scores, angles in among
        for unit in scores.argsort(descending=True, stable=True)[: count + 1].tolist()
    ]
    ranked.sort(key=lambda one: -one[0])
    members, rest = ranked[:count], ranked[count:]
    return Found(
        members=tuple(unit for _, unit, _ in members),
        scores=tuple(value for value, _, _ in members),
        angles=tuple(turned for _, _, turned in members) if rule.pattern == "side" else (),
        score=sum(value for value, _, _ in members) / len(members),
        null=float(torch.stack(nulls).amax(0).quantile(0.95)),
        runner_up=(rest[0][1], rest[0][0]) if rest else None,
        considered=sum(len(scores) for _, _, scores, _ in best),
    )


def clearest(survey: Survey, layers: Sequence[str]) -> Found | None:
    """The unit whose weights over the wide map before it have the clearest spatial structure (`spatial_structure`).

    The null is the highest score of any unit with the positions of each input in random order, over ten orders.
    None without layers.
    """
    ranked: list[tuple[float, Unit]] = []
    null, considered = 0.0, 0
    generator = torch.Generator().manual_seed(0)
    for layer in layers:
        kernels = survey.wide(layer).kernels(layer)
        scores = spatial_structure(kernels)
        order = scores.argsort(descending=True, stable=True)[:2].tolist()
        ranked += [(float(scores[unit]), (layer, unit)) for unit in order]
        considered += len(scores)
        for _ in range(SHUFFLES):
            null = max(null, float(spatial_structure(shuffled_positions(kernels, generator)).max()))
    if not ranked:
        return None
    ranked.sort(key=lambda one: -one[0])
    (value, unit), rest = ranked[0], ranked[1:]
    return Found((unit,), (value,), (), value, null, (rest[0][1], rest[0][0]) if rest else None, considered)


def fans(survey: Survey, units: Sequence[Unit], count: int) -> Found | None:
    """Of some units, the most oriented one in each of `count` equal sectors of angles; see `fan`.

    Units of no known layer are passed over. None where no unit is oriented at all.
    """
    strength, lines = torch.zeros(len(units), dtype=torch.float64), torch.zeros(len(units), dtype=torch.float64)
    for layer in dict.fromkeys(layer for layer, _ in units):
        if layer in ("", "input"):
            continue
        found = orientation(survey.of_picture(layer))
        places = [i for i, (of, _) in enumerate(units) if of == layer]
        own = torch.tensor([units[i][1] for i in places])
        strength[places], lines[places] = found[0][own], found[1][own]
    members = fan(strength, lines, count)
    if not members:
        return None
    values = [float(strength[i]) for i in members]
    return Found(
        members=tuple(units[i] for i in members),
        scores=tuple(values),
        angles=tuple(float(lines[i]) for i in members),
        score=sum(values) / len(values),
        null=None,
        runner_up=None,
        considered=len(units),
    )
