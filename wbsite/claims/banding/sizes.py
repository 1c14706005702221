"""Banding by the size of the last map and of the kernels."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.verdicts import description
from wbsite.results.banding.experiments import Experiment
from wbsite.results.site import Gap, Site

from ._laboratory import laboratory


@dataclass(frozen=True)
class Sizes:
    """The baseline between an experiment with something smaller and one with something larger."""

    smaller: Experiment
    baseline: Experiment
    larger: Experiment


def sizes(site: Site, smaller: str, larger: str) -> Sizes | Gap | None:
    """None where one of the experiments was not run."""
    setting = laboratory(site)
    if isinstance(setting, Gap):
        return setting
    small, large = (setting.experiments.get(name) for name in (smaller, larger))
    return Sizes(small, setting.experiments["baseline"], large) if small and large else None


CLAIMS = (
    description(
        "last-map-size",
        "Banding with last maps of 4, 8 and 16 positions a side.",
        lambda site: sizes(site, "map_4", "map_16"),
        "The last map of the baseline is 8 positions wide. With one pooling more it is 4 wide, with one less 16. $H$ of"
        " `{{ e.baseline.last.layer }}` is {{ e.smaller.last.index | interval(3) }} at 4 positions,"
        " {{ e.baseline.last.index | interval(3) }} at 8, and {{ e.larger.last.index | interval(3) }} at 16; of"
        " `{{ e.baseline.before.layer }}`, {{ e.smaller.before.index | interval(3) }},"
        " {{ e.baseline.before.index | interval(3) }} and {{ e.larger.before.index | interval(3) }}.",
    ),
    description(
        "kernel-size",
        "Banding with kernels of 3×3 and 7×7 in place of 5×5.",
        lambda site: sizes(site, "kernel_3", "kernel_7"),
        "With kernels of 3×3 in place of 5×5 it is {{ e.smaller.last.index | interval(3) }} and"
        " {{ e.smaller.before.index | interval(3) }}, with 7×7 {{ e.larger.last.index | interval(3) }} and"
        " {{ e.larger.before.index | interval(3) }}. Chance gives $H = 0$ for every size, but the range that real kernels"
        " use need not be the same.",
    ),
)
