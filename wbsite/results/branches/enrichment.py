"""Which units are in which branch: categories and indices tested in every branch, and blocks of residual stages."""

from __future__ import annotations

from wbsite.results.base import Record, Result, Table, integer, number, table, text, value


class Counts(Record):
    """How many tests each table has."""

    rows: int
    effects: int
    blocks: int


class Published(Record):
    """Counts of the original article, of InceptionV1: units of a category in a branch.

    Attributes:
        in_branch, in_layer: units of the category.
        branch_units, layer_units: units of any category.
        p: hypergeometric upper tail.
    """

    category: str
    branch: str
    in_branch: int
    in_layer: int
    branch_units: int
    layer_units: int
    p: float


class FalseAlarms(Record):
    """Tests of untrained copies, and the share of them with p ≤ 0.05; None where there are none."""

    tests: int
    share: float | None


class Untrained(Record):
    """Copies of the network before training.

    Attributes:
        copies: how many were measured.
        groups: of branches that were measured in them.
        reason: why the network cannot be copied, else "".
        rows, effects, blocks: what the tests of each table give in the copies.
    """

    copies: int
    groups: list[str]
    reason: str
    rows: FalseAlarms
    effects: FalseAlarms
    blocks: FalseAlarms


class Stage(Record):
    """A stage of residual blocks.

    Attributes:
        group, kind, source: as in the tables.
        blocks, units: how many were compared.
        share: of the variance of ranks, mean over indices, what lies between blocks, 0 to 1.
        by_chance: the same when units are permuted.
        p: share of permutations with as large a share.
        with_depth: of what lies between blocks, the share that a straight line over their order explains.
        untrained: `share` in each of the untrained copies.
    """

    group: str
    kind: str
    source: str
    blocks: int
    units: int
    share: float | None
    by_chance: float | None
    p: float | None
    with_depth: float | None
    untrained: list[float]


_GROUP = text("the place where branches meet")
_KIND = text("how they meet")
_SOURCE = text("where the knowledge of units comes from: stimuli, weights or yours")
_BRANCH = text("the branch, or block")
_SAME_KERNEL = text("branches of its kernel size, or that there are no others")
_Q = number("of p over the table (Benjamini–Hochberg)", "0 to 1", missing=True)
_UNTRAINED_P = number("of the network as one more untrained copy", "0 to 1", missing=True)
_UNTRAINED_Q = number("of untrained_p over the table (Benjamini–Hochberg)", "0 to 1", missing=True)


class Enrichment(Result, analysis="enrichment"):
    """Tests of every category and index in every branch, with q-values over each table.

    Columns that begin with untrained_ say what the same stimuli give in copies of the network before training; they
    are empty for groups of which no copies were measured.
    """

    permutations: int = value("permutations of units among branches")
    seed: int = value("of the permutations")
    sources: dict[str, int] = value("units that were measured, by source: stimuli, weights, yours")
    tests: Counts = value("tests of each table")
    published: list[Published] = value("counts of the original article")
    untrained: Untrained = value("copies of the network before training")
    stages: list[Stage] = value("stages of residual blocks")
    rows: Table = table(
        group=_GROUP,
        kind=_KIND,
        source=_SOURCE,
        branch=_BRANCH,
        category=text("the category"),
        layer_units=integer("units of the group"),
        branch_units=integer("units of the branch"),
        in_layer=integer("units of the category in the group"),
        in_branch=integer("units of the category in the branch"),
        expected=number("units of the category in the branch by chance"),
        odds_ratio=number("odds of the category inside the branch over those outside", missing=True),
        low=number("lower end of its 95 % interval", missing=True),
        high=number("upper end of its 95 % interval", missing=True),
        p=number("hypergeometric upper tail", "0 to 1"),
        permutation_p=number("familywise, over the group's categories and branches", "0 to 1"),
        same_kernel_p=number("hypergeometric among branches of its kernel size alone", "0 to 1", missing=True),
        same_kernel=_SAME_KERNEL,
        q=_Q,
        untrained_in_branch=number("in_branch of all copies together", missing=True),
        untrained_in_layer=number("in_layer of all copies together", missing=True),
        untrained_p=_UNTRAINED_P,
        untrained_q=_UNTRAINED_Q,
    )
    effects: Table = table(
        group=_GROUP,
        kind=_KIND,
        source=_SOURCE,
        branch=_BRANCH,
        index=text("the index"),
        auc=number("chance that a unit of the branch has more of it than one outside", "0 to 1", missing=True),
        low=number("lower end of its 95 % interval over units", missing=True),
        high=number("upper end of its 95 % interval over units", missing=True),
        p=number("two-sided Mann–Whitney test", "0 to 1", missing=True),
        median_in=number("median of the index in the branch", missing=True),
        median_out=number("median of the index outside", missing=True),
        units_in=integer("units of the branch that have the index"),
        units_out=integer("units outside that have it"),
        same_kernel_auc=number("auc among branches of its kernel size alone", "0 to 1", missing=True),
        same_kernel_low=number("lower end of its 95 % interval", missing=True),
        same_kernel_high=number("upper end of its 95 % interval", missing=True),
        same_kernel_p=number("two-sided Mann–Whitney test among them", "0 to 1", missing=True),
        same_kernel=_SAME_KERNEL,
        q=_Q,
        untrained_auc=number("mean over copies", "0 to 1", missing=True),
        untrained_sd=number("standard deviation over copies", missing=True),
        untrained_p=_UNTRAINED_P,
        untrained_q=_UNTRAINED_Q,
    )
    blocks: Table = table(
        group=_GROUP,
        kind=_KIND,
        source=_SOURCE,
        branch=_BRANCH,
        units=integer("units of the block"),
        statistic=number("squared distance of its mean ranks from the stage's; 1 by chance", missing=True),
        p=number("share of permutations with as large a statistic", "0 to 1", missing=True),
        q=_Q,
        untrained_statistic=number("mean over copies", missing=True),
        untrained_p=_UNTRAINED_P,
        untrained_q=_UNTRAINED_Q,
    )


RESULTS = (Enrichment,)
