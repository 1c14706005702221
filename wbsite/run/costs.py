"""About how long analyses take on one processor: in forward passes of one picture, and in seconds a layer.

Measured on the bundled networks and on InceptionV1 and AlexNet; within a factor of three. A run corrects them as its
tasks are done (`schedule.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Of an analysis in the quick profile.

    Attributes:
        passes: in forward passes of one picture through the whole network.
        per_layer: seconds for each layer.
    """

    passes: float = 0.0
    per_layer: float = 0.02

    def seconds(self, layers: int, forward: float) -> float:
        """For so many layers, and a forward pass of so many seconds."""
        return self.passes * forward + self.per_layer * layers


COSTS = {
    "unit_pictures": Cost(5200),
    "tuning": Cost(1000),
    "long_range": Cost(120, 1.5),
    "direction_pictures": Cost(150, 2),
    "enrichment": Cost(670),
    "cancellation": Cost(320),
    "long_tail": Cost(130, 0.4),
    "gradients": Cost(150, 0.3),
    "examples": Cost(90, 0.3),
    "dataset_examples": Cost(65),
    "photograph_responses": Cost(80),
    "computation": Cost(15),
    "connectivity": Cost(per_layer=0.7),
    "nmf": Cost(per_layer=0.12),
    "connections": Cost(per_layer=0.05),
    "trajectories": Cost(per_layer=13),
    "information_plane": Cost(per_layer=10),
    "branch_experiments": Cost(per_layer=2.6),
    "counting": Cost(per_layer=2.7),
    "activation_peaks": Cost(per_layer=1.2),
    "activation_patterns": Cost(per_layer=2.4),
    "clusters": Cost(per_layer=2.8),
    "lab_pictures": Cost(per_layer=3.6),
    "dips": Cost(per_layer=0.3),
    "plane_claims": Cost(per_layer=0.3),
}
"""By analysis; others take next to nothing."""


def cost(analysis: str) -> Cost:
    """Of an analysis."""
    return COSTS.get(analysis, Cost())


def rendering(pages: int, processors: int) -> float:
    """Seconds that the pages of a site take once all is computed, mkdocs' part of it included."""
    return 4.0 + pages * (0.12 / processors + 0.04)
