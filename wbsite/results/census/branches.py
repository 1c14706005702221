"""What units of branches are tuned to in the networks of the census, beside untrained copies of these."""

from __future__ import annotations

from wbsite.results.base import Record, Result, Table, boolean, integer, number, table, text, value

SHARE, BEYOND = "0 to 1", "−1 to 1"


class Sorted(Record):
    """How much of what units are tuned to their branch tells, over networks with packages as clusters.

    Of a group it is the share of the variance of ranks between branches, averaged over the indices of tuning, with
    units assigned to branches at random at 0 and complete separation at 1. None for what cannot be estimated.

    Attributes:
        effect: that of trained networks minus that of untrained copies of them.
        low, high: its 95 % interval over resampled packages.
        p: two-sided, by flips of the sign of whole packages.
        trained, untrained: means over packages of the two.
        networks, packages: that it rests on.
    """

    effect: float | None
    low: float | None
    high: float | None
    p: float | None
    trained: float | None
    untrained: float | None
    networks: int
    packages: int


class WildBranches(
    Result,
    analysis="wild_branches",
    summary="categories and indices of tuning in the branches of networks that people ship, beside untrained copies",
):
    """One answer a network, its groups averaged; of files with the same trained weights the first counts.

    Which groups are measured, `census/branches.py` says: of each network the first where paths are concatenated, and
    the first of any other kind, whose layers can be shown stimuli within its bound of work.
    """

    sorted: Sorted = value("both kinds of groups")
    concatenated: Sorted = value("groups whose paths are concatenated, alone")
    added: Sorted = value("residual stages and other groups, alone")
    tests: int = value("categories in branches that were tested, over all trainings")
    enriched: int = value("of these, with q < 0.05, of hypergeometric p-values within a network")
    beyond: int = value("of these, with q < 0.05 against untrained copies too")
    groups: Table = table(
        network=text("name of its manifest"),
        package=text("the package that ships it"),
        counts=boolean("whether the test counts it: measured, and no other file has the same weights before it"),
        group=text("where its branches meet"),
        kind=text("concat, dense, groups, towers or residual"),
        branches=integer("in the group"),
        units=integer("of all its branches"),
        reason=text("why it was not measured, empty where it was"),
        side=number("of the stimuli, in pixels", missing=True),
        padded=boolean("whether its units also see padding around the picture", missing=True),
        live=number("units that respond, which are those that count", missing=True),
        trained=number("share of the variance of tuning between branches, chance at 0", BEYOND, missing=True),
        p=number("of the same share, by permutation of units", SHARE, missing=True),
        untrained=number("the share in untrained copies, mean", BEYOND, missing=True),
        deviation=number("its standard deviation over copies", missing=True),
    )
    rows: Table = table(
        network=text("name of its manifest"),
        package=text("the package that ships it"),
        group=text("where its branches meet"),
        kind=text("concat, dense, groups, towers or residual"),
        branch=text("its name"),
        test=text("category or index"),
        property=text("which"),
        units_in=integer("units of the branch; of an index, those that have it"),
        units_out=integer("the same of the group's other branches"),
        having_in=number("of a category: units of the branch in it", missing=True),
        having_out=number("of a category: units of the other branches in it", missing=True),
        effect=number("odds ratio of a category; of an index the area under the ROC curve", missing=True),
        low=number("lower end of its 95 % interval", missing=True),
        high=number("upper end of its 95 % interval", missing=True),
        p=number("hypergeometric, or of the rank-sum test", SHARE, missing=True),
        q=number("of Benjamini and Hochberg, within network and kind of test", SHARE, missing=True),
        untrained_p=number("of the network as one more untrained copy", SHARE, missing=True),
        untrained_q=number("of Benjamini and Hochberg, likewise", SHARE, missing=True),
    )


RESULTS = (WildBranches,)
