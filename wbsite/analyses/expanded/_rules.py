"""Rules that find units worth showing, each with what chance would give and who came second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from wbsite.ops.expanded.spatial_structure import shuffled_positions, spatial_structure
from wbsite.ops.expanded.unit_properties import FirstLayerWeights, angle, permuted, score
from wbsite.ops.tuning.orientation import fan, orientation
from wbsite.results.expanded.examples import Finding, FoundUnit

from ._survey import Survey

Unit = tuple[str, int]
"""(layer, channel)."""

PERMUTATIONS = 200
SHUFFLES = 10


@dataclass(frozen=True)
class Rule:
    """What is looked for, in words.

    Attributes:
        name: as values and figures call it.
        title: what is found, in a few words.
        words: the rule, as the reader is told it.
    """

    name: str
    title: str
    words: str


@dataclass(frozen=True)
class PropertyRule(Rule):
    """A rule on what units read of the first filters, in terms of `wbsite.ops.expanded.unit_properties`.

    Attributes:
        prop: of the filters: "colour" or "frequency".
        pattern: in space: "whole", "centre" or "side".
        sign: −1 looks for the absence.
        family: whether several units of one layer are looked for, of the earlier of the two levels.
    """

    prop: str
    pattern: str
    sign: int = 1
    family: bool = False


PROPERTY_RULES = (
    PropertyRule(
        "black-and-white-centre",
        "a black-and-white centre",
        "the unit whose expanded weights to the first filters are nearest to reading less colour in the middle"
        " than around it",
        "colour",
        "centre",
        -1,
    ),
    PropertyRule(
        "colour-centre",
        "a colour centre",
        "the unit whose expanded weights to the first filters are nearest to reading more colour in the middle"
        " than around it",
        "colour",
        "centre",
    ),
    PropertyRule(
        "high-low",
        "high–low frequency detectors",
        "the units whose expanded weights to the first filters are nearest to reading fine filters on one side and"
        " coarse ones on the other, colour apart",
        "frequency",
        "side",
        family=True,
    ),
    PropertyRule(
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
CLEAREST = Rule(
    "example",
    "clear spatial structure",
    "the unit whose weights over the wide map before it have the largest share in two patterns over positions",
)
BEHIND_BOTTLENECK = Rule(
    "bottleneck",
    "a unit behind a bottleneck",
    "of the units behind a bottleneck, on the level nearest to the later one, the one whose weights over the wide"
    " map before it have the largest share in two patterns over positions",
)
ORIENTED_TARGETS = Rule(
    "oriented-targets",
    "lines of all orientations",
    "in each of equal sectors of angles, the unit of the later level's widest layer whose expanded weights to the"
    " picture are most oriented",
)
ORIENTED_SOURCES = Rule(
    "oriented-sources",
    "lines of all orientations, before them",
    "in each of equal sectors of angles, the unit whose expanded weights to the picture are most oriented, of those"
    " that the later level's widest layer reads",
)


def find(rule: PropertyRule, reads: Mapping[str, FirstLayerWeights], count: int) -> Finding | None:
    """The best unit of some layers by a rule, or the family of `count` units of the one layer where it is best.

    The null is the 95th percentile of the same best score over 200 random assignments of the filters' property to the
    filters. Of equals, the first layer and unit are taken.

    Args:
        reads: what the layers' units read of the first layer.

    Returns:
        None where the first filters do not differ in the property.
    """
    count = count if rule.family else 1
    candidates: list[tuple[float, str, torch.Tensor, torch.Tensor]] = []
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
        candidates.append((float(scores.topk(kept).values.mean()), layer, scores, angle(cosines)))
    best = max(candidates, key=lambda candidate: candidate[0])
    ranked = [
        FoundUnit(
            layer=layer,
            channel=unit,
            score=float(scores[unit]),
            angle=float(angles[unit]) if rule.pattern == "side" else None,
        )
        for _, layer, scores, angles in ([best] if rule.family else candidates)
        for unit in scores.argsort(descending=True, stable=True)[: count + 1].tolist()
    ]
    ranked.sort(key=lambda unit: -unit.score)
    units, others = ranked[:count], ranked[count:]
    return Finding(
        title=rule.title,
        rule=rule.words,
        units=units,
        score=sum(unit.score for unit in units) / len(units),
        null=float(torch.stack(nulls).amax(0).quantile(0.95)),
        runner_up=_without_angle(others[0]) if others else None,
        considered=sum(len(scores) for _, _, scores, _ in candidates),
    )


def _without_angle(unit: FoundUnit) -> FoundUnit:
    return FoundUnit(layer=unit.layer, channel=unit.channel, score=unit.score)


def clearest(rule: Rule, survey: Survey, layers: Sequence[str]) -> Finding | None:
    """The unit whose weights over the wide map before it have the clearest spatial structure (`spatial_structure`).

    The null is the highest score of any unit with the positions of each input in random order, over ten orders.
    None without layers.
    """
    ranked: list[FoundUnit] = []
    null, considered = 0.0, 0
    generator = torch.Generator().manual_seed(0)
    for layer in layers:
        kernels = survey.wide(layer).kernels(layer)
        scores = spatial_structure(kernels)
        order = scores.argsort(descending=True, stable=True)[:2].tolist()
        ranked += [FoundUnit(layer=layer, channel=unit, score=float(scores[unit])) for unit in order]
        considered += len(scores)
        for _ in range(SHUFFLES):
            null = max(null, float(spatial_structure(shuffled_positions(kernels, generator)).max()))
    if not ranked:
        return None
    ranked.sort(key=lambda unit: -unit.score)
    return Finding(
        title=rule.title,
        rule=rule.words,
        units=ranked[:1],
        score=ranked[0].score,
        null=null,
        runner_up=ranked[1] if len(ranked) > 1 else None,
        considered=considered,
    )


def fans(rule: Rule, survey: Survey, units: Sequence[Unit], count: int) -> Finding | None:
    """Of some units, the most oriented one in each of `count` equal sectors of angles; see `fan`.

    Units of no known layer are passed over. None where no unit is oriented at all.
    """
    strength, lines = torch.zeros(len(units), dtype=torch.float64), torch.zeros(len(units), dtype=torch.float64)
    for layer in dict.fromkeys(layer for layer, _ in units):
        if layer in ("", "input"):
            continue
        layer_strength, layer_lines = orientation(survey.of_picture(layer))
        indices = [i for i, (name, _) in enumerate(units) if name == layer]
        channels = torch.tensor([units[i][1] for i in indices])
        strength[indices], lines[indices] = layer_strength[channels], layer_lines[channels]
    members = fan(strength, lines, count)
    if not members:
        return None
    oriented = [
        FoundUnit(layer=units[i][0], channel=units[i][1], score=float(strength[i]), angle=float(lines[i]))
        for i in members
    ]
    return Finding(
        title=rule.title,
        rule=rule.words,
        units=oriented,
        score=sum(unit.score for unit in oriented) / len(oriented),
        null=None,
        runner_up=None,
        considered=len(units),
    )
