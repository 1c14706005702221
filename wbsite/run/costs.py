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
    per_layer: float = 0.05

    def seconds(self, layers: int, forward: float) -> float:
        """For so many layers, and a forward pass of so many seconds."""
        return self.passes * forward + self.per_layer * layers


COSTS = {
    "unit_pictures": Cost(10000),
    "tuning": Cost(1300),
    "long_range": Cost(1200),
    "direction_pictures": Cost(1000),
    "enrichment": Cost(1000),
    "cancellation": Cost(700),
    "long_tail": Cost(350),
    "gradients": Cost(300),
    "examples": Cost(250),
    "dataset_examples": Cost(110),
    "photograph_responses": Cost(90),
    "computation": Cost(15),
    "connectivity": Cost(per_layer=0.5),
    "nmf": Cost(per_layer=0.25),
    "trajectories": Cost(per_layer=20),
    "information_plane": Cost(per_layer=12),
    "branch_experiments": Cost(per_layer=6),
    "counting": Cost(per_layer=4),
    "activation_peaks": Cost(per_layer=4),
    "activation_patterns": Cost(per_layer=3),
    "clusters": Cost(per_layer=3),
    "lab_pictures": Cost(per_layer=3),
    "dips": Cost(per_layer=1),
    "plane_claims": Cost(per_layer=1),
}
"""By analysis; others take next to nothing."""


def cost(analysis: str) -> Cost:
    """Of an analysis."""
    return COSTS.get(analysis, Cost())


def rendering(pages: int, processors: int) -> float:
    """Seconds that the pages of a site take once all is computed, mkdocs' part of it included."""
    return 4.0 + pages * (0.2 / processors + 0.04)
