"""The information-plane studies: hyperbolic tangent against rectifier, weight renormalisation, other activations.

The network, its optimiser and its learning rate are those of Shwartz-Ziv and Tishby (2017) and of the deep-bottleneck
project, whose notebook on weight renormalisation these repeat with more seeds.
"""

from __future__ import annotations

from wbsite.ops.information.activation_limits import SATURATION
from wbsite.train.study.study import Configuration, Study, product

PUBLISHED = ("tanh", "relu")
OTHERS = tuple(name for name in SATURATION if name not in PUBLISHED)

BINNED = ("binning:0.07", "binning:0.01", "binning:0.5", "fixed:30", "quantile:30")
PAIRWISE = ("kde-upper:0.001", "kde-lower:0.001", "kde-upper:0.1", "kde-lower:0.1", "edge")

NOTEBOOK = (*product({"activation": PUBLISHED, "max_norm": (None, 0.8)}), Configuration("relu", max_norm=0.4))
"""The five networks of the notebook."""

STUDIES = (
    Study(
        NOTEBOOK,
        name="quick",
        estimators=BINNED,
    ),
    Study(
        (*product({"activation": PUBLISHED, "max_norm": (None, 0.8, 0.4)}), *product({"activation": OTHERS})),
        name="full",
        seeds=tuple(range(20)),
        estimators=(*BINNED, *PAIRWISE),
    ),
)
