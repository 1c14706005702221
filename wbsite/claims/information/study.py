"""What a study trained on what, and how it was measured, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import ConfigurationRecord, DataRecord, Trajectories
from wbsite.results.site import Gap, Site

from ._study import description, read
from .base import COMPRESSES

NOTEBOOKS = "binning:0.07"
"""The estimator of the deep-bottleneck project's notebook."""

MANY_SEEDS = 10
"""From which on intervals are not called wide."""


@dataclass(frozen=True)
class Study:
    """What was trained and measured.

    Attributes:
        data: of the study.
        configurations: in its order.
        widths: units of the layers of the first configuration, the readout last.
        seeds: runs of each configuration.
        epochs: of training.
        records: epochs that were recorded.
        died: runs that did.
        default: token and title of the estimator that is shown first.
        sparse: recorded epochs and seeds that estimators of all pairs of samples measured; None where there is no
            such estimator, or it measured all.
    """

    data: DataRecord
    configurations: list[ConfigurationRecord]
    widths: list[int]
    seeds: int
    epochs: int
    records: int
    died: int
    default: tuple[str, str]
    sparse: tuple[int, int] | None

    @property
    def runs(self) -> int:
        """All runs."""
        return len(self.configurations) * self.seeds

    @property
    def measured(self) -> str:
        """Which samples the networks are measured on."""
        count = self.data.measured
        return f"all {count}" if count == self.data.samples else f"{count}, drawn once,"

    @property
    def cap(self) -> float:
        """The largest I(X;T) that bins can give, in bits."""
        return math.log2(self.data.measured)

    @property
    def compresses(self) -> float:
        """Bits from which on a layer compresses."""
        return COMPRESSES

    @property
    def one_size(self) -> bool:
        """Whether all configurations have the same layers."""
        return len({tuple(each.widths) for each in self.configurations}) == 1

    @property
    def optimisers(self) -> list[str]:
        """In the order of the configurations, each once, as are the batches and rates."""
        return list(dict.fromkeys(each.optimiser for each in self.configurations))

    @property
    def batches(self) -> list[int]:
        """Samples of a step."""
        return list(dict.fromkeys(each.batch for each in self.configurations))

    @property
    def rates(self) -> list[float]:
        """Learning rates."""
        return list(dict.fromkeys(each.rate for each in self.configurations))


def study(site: Site) -> Study | Gap:
    """The site's study."""
    results = read(site, Trajectories, InformationPlane)
    if isinstance(results, Gap):
        return results
    trajectories, plane = results
    sparse = next((each for each in plane.estimators if each.records < trajectories.records), None)
    return Study(
        data=trajectories.data,
        configurations=trajectories.configurations,
        widths=trajectories.widths,
        seeds=len(trajectories.seeds),
        epochs=trajectories.epochs[-1],
        records=trajectories.records,
        died=int(trajectories.runs["died"].notna().sum()),
        default=(plane.default, plane.titles[plane.default]),
        sparse=(sparse.records, sparse.seeds) if sparse else None,
    )


def of_data(study: Study) -> str:
    """By the data."""
    return "harmonics" if study.data.harmonics else "other data"


def of_seeds(study: Study) -> str:
    """By the number of seeds."""
    return "one seed" if study.seeds == 1 else "few seeds" if study.seeds < MANY_SEEDS else "many seeds"


SPLIT = (
    "{{ e.data.train }} samples are trained on and {{ e.data.test }} tested ({{ e.data.split }} split);"
    " {{ e.measured }} are shown to the network when it is measured."
)

NETWORKS = (
    '**The networks** have layers of {{ e.widths[:-1] | join(", ") }} units and a softmax readout of'
    ' {{ e.widths[-1] }}{{ "" if e.one_size else " (some are of other sizes, see their titles)" }}.'
    ' There {{ "is" if e.configurations | length == 1 else "are" }}'
    ' {{ e.configurations | length | counted("configuration") }}; each is trained with {{ e.seeds | counted("seed") }}'
    ' for {{ e.epochs }} epoch{{ "s" if e.epochs != 1 }} and looked at {{ e.records }} times, more often early than'
    " late. Runs of one seed start from the same weights, where these are drawn alike, and see the same batches, so"
    " that configurations can be compared seed by seed."
)

OPTIMISER = "batches of {{ e.batches | join(' or ') }}, learning rate {{ e.rates | join(' or ') }}."

CLAIMS = (
    description(
        "plane-estimator",
        "Information is estimated as in the notebook where nothing else is said.",
        study,
        lambda e: "notebook" if e.default[0] == NOTEBOOKS else "other",
        {"notebook": "{{ e.default[1] }}, as in the notebook", "other": "{{ e.default[1] }}"},
    ),
    description(
        "plane-cap",
        "How much information there is at most.",
        study,
        of_data,
        {
            "harmonics": "$I(X;T)$ is at most {{ e.cap | fixed(0) }} bits here, where"
            " every one of the inputs has a cell of its own, and $I(T;Y)$ is at most one bit, the entropy of a label with"
            " two values that are about as frequent.",
            "other data": "$I(X;T)$ is at most {{ e.cap | fixed(1) }} bits here,"
            " where every sample has a cell of its own, and $I(T;Y)$ is at most the entropy of the labels.",
        },
    ),
    description(
        "plane-task-short",
        "The task of the networks, in a sentence.",
        study,
        of_data,
        {
            "harmonics": "The task is that of Shwartz-Ziv and Tishby, called {{ term('harmonics') }} in figures: twelve inputs"
            " that are on or off, and a label that depends on how many are on and on where they are.",
            "other data": "The task is {{ e.data.name }}.",
        },
    ),
    description(
        "plane-data",
        "The data that networks are followed on.",
        study,
        of_data,
        {
            "harmonics": "**The data** are the twelve-bit patterns of Shwartz-Ziv and Tishby. Each bit sits on a"
            " vertex of an icosahedron; the label is 1 where the number of active bits plus the length of the sum of"
            " their vertices exceeds 7.6. That reproduces all {{ e.data.samples }} published labels."
            " {{ e.data.class_counts[1] }} of them are 1. The labels do not change under the 120 symmetries of the"
            " icosahedron, and the number of active bits alone says a good deal about them, which will matter"
            f" below.\n{SPLIT}",
            "other data": "**The data** are {{ e.data.name }}: {{ e.data.samples }} samples of"
            f' {{{{ e.data.features | counted("feature") }}}} in {{{{ e.data.classes | length }}}} classes.\n{SPLIT}',
        },
    ),
    description(
        "plane-networks",
        "The networks that are followed.",
        study,
        lambda e: "some died" if e.died else "all lived",
        {
            "all lived": f"{NETWORKS} No run died.",
            "some died": f"{NETWORKS} {{{{ e.died }}}} of {{{{ e.runs }}}} runs died: to the end of training their"
            " output no longer depended on the input, or their weights were no longer finite. They are counted in"
            " every figure, and averaged into none.",
        },
    ),
    description(
        "plane-threshold",
        "From how many bits on a layer compresses, and on which data.",
        study,
        of_data,
        {
            "harmonics": "{{ e.compresses }} bit",
            "other data": "{{ e.compresses }} bit (the claims were made of the harmonics data; here they are put to"
            " {{ e.data.name }})",
        },
    ),
    description(
        "plane-optimiser",
        "How the networks are trained.",
        study,
        lambda e: "adam" if "adam" in e.optimisers else "other",
        {
            "adam": f"{{{{ e.optimisers | join(' and ') }}}}{{{{ cite('kingma2015adam') }}}}, {OPTIMISER}",
            "other": f"{{{{ e.optimisers | join(' and ') }}}}, {OPTIMISER}",
        },
    ),
    description(
        "plane-split",
        "Which samples are tested.",
        study,
        lambda e: e.data.split,
        {
            "random": "The split into training and test samples is a random one, the same for all seeds, not the one"
            " that was published; its uncertainty is not in the intervals.",
            "published": "The split is the published one.",
        },
    ),
    description(
        "plane-pairwise",
        "What estimators that compare all pairs of samples measured.",
        study,
        lambda e: "fewer records" if e.sparse else "all records",
        {
            "fewer records": "Estimators that compare all pairs of samples were computed at {{ e.sparse[0] }} of the"
            " {{ e.records }} epochs and for {{ e.sparse[1] }} seeds.",
            "all records": "",
        },
    ),
    description(
        "plane-intervals",
        "How wide the intervals are.",
        study,
        of_seeds,
        {
            "many seeds": "",
            "few seeds": "With {{ e.seeds }} seeds they are wide.",
            "one seed": "With one seed they are not defined.",
        },
    ),
    description(
        "plane-task",
        "How much of its task a study covers.",
        study,
        of_data,
        {"harmonics": "made-up task, in which every possible input is a sample", "other data": "task"},
    ),
)
