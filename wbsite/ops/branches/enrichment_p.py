"""The p-value of one branch's share of one category, on counts alone."""

from __future__ import annotations

from operator import index

from scipy.stats import hypergeom

from wbsite.core.errors import WbsiteError


def enrichment_p_value(k: int, category: int, branch: int, layer: int) -> float:
    """P(X ≥ k) where the units of a category fall into branches as by lot (hypergeometric, Fisher's exact test).

    The p-value of one test, on counts alone: it knows nothing of how many categories were tried, nor of what else
    sets the branch apart, such as its kernel size or inputs that all its units share.

    Args:
        k: units of the category in the branch.
        category: units of the category in the layer.
        branch: units of the branch.
        layer: units of the layer.

    Raises:
        WbsiteError: a count is no whole number, or there are no such sets of units.
    """
    counts = {"k": k, "category": category, "branch": branch, "layer": layer}
    for name, count in counts.items():
        try:
            counts[name] = index(count)
        except TypeError:
            raise WbsiteError(f"{name} is {count!r}.", "Give a whole number of units.") from None
    k, category, branch, layer = counts.values()
    if layer < 1:
        raise WbsiteError(f"a layer of {layer} units.", "Give the number of units of the layer, 1 or more.")
    for name in ("category", "branch"):
        if not 0 <= counts[name] <= layer:
            raise WbsiteError(
                f"{name} is {counts[name]}, of a layer of {layer} units.", f"Expected a number from 0 to {layer}."
            )
    low, high = max(0, category + branch - layer), min(category, branch)
    if not low <= k <= high:
        raise WbsiteError(
            f"k is {k}, where a category of {category} and a branch of {branch} units share {low} to {high}"
            f" of a layer's {layer}.",
            "k counts the units that are in both.",
        )
    return min(1.0, float(hypergeom.sf(k - 1, layer, category, branch)))
