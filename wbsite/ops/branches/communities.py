"""Communities of units of two layers that are connected among themselves more than their overall strengths say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from .correspondence_analysis import shuffled_strengths


@dataclass(frozen=True, eq=False)
class Communities:
    """A division of the units of two layers into communities.

    Attributes:
        inputs: int (I,), community of each input, 0 the one with the largest share of the strength; −1 without weights.
        outputs: int (O,), likewise.
        modularity: of the division.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    modularity: float

    @property
    def count(self) -> int:
        """Number of communities."""
        return int(max(self.inputs.max(initial=-1), self.outputs.max(initial=-1))) + 1


def modularity(strength: np.ndarray, inputs: np.ndarray, outputs: np.ndarray) -> float:
    """Barber's modularity (Phys. Rev. E 76, 066102, 2007) of a two-layer graph: Σ (A/n − r cᵀ) over pairs of one
    community.

    Args:
        strength: (O, I) ≥ 0.
        inputs, outputs: communities of the units.
    """
    share = strength / strength.sum()
    beyond = share - np.outer(share.sum(1), share.sum(0))
    return float(beyond[outputs[:, None] == inputs[None]].sum())


def louvain(strength: np.ndarray, seed: int) -> Communities:
    """Communities by Louvain's method (Blondel et al. 2008), resolution 1.

    On the graph of both layers with an edge from every input to every output, as heavy as their strength: modularity
    of a directed graph (Leicht and Newman 2008) is Barber's there, since inputs have no edges in and outputs none out.

    Args:
        strength: (O, I) ≥ 0, not all zero.
        seed: of the order in which units are visited.
    """
    import networkx as nx

    outputs, inputs = strength.shape
    graph = nx.DiGraph()
    start, end = np.nonzero(strength.T)
    weights = strength.T[start, end]
    graph.add_weighted_edges_from(zip(start.tolist(), (end + inputs).tolist(), weights.tolist(), strict=True))
    members = [sorted(units) for units in nx.community.louvain_communities(graph, seed=seed)]
    degree = np.concatenate([strength.sum(0), strength.sum(1)])
    members.sort(key=lambda units: (-degree[units].sum(), units[0]))
    label = np.full(inputs + outputs, -1)
    for number, units in enumerate(members):
        label[units] = number
    return Communities(label[:inputs], label[inputs:], modularity(strength, label[:inputs], label[inputs:]))


def best_communities(strength: np.ndarray, seeds: int) -> tuple[Communities, np.ndarray, float]:
    """The division with the largest modularity over seeds 0, 1, …, the first of equals.

    Returns:
        That division; (seeds,) modularities; stability, the mean adjusted mutual information of the divisions of two
        seeds, 1 where all agree and 0 where they agree as by chance (NaN for one seed).
    """
    from sklearn.metrics import adjusted_mutual_info_score

    divisions = [louvain(strength, seed) for seed in range(seeds)]
    values = np.array([division.modularity for division in divisions])
    labels = [np.concatenate([division.inputs, division.outputs]) for division in divisions]
    agreement = [adjusted_mutual_info_score(a, b) for i, a in enumerate(labels) for b in labels[:i]]
    return divisions[int(values.argmax())], values, float(np.mean(agreement)) if agreement else float("nan")


def null_modularity(strength: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """(draws,) modularity that one run of Louvain finds in shuffled strengths (`shuffled_strengths`)."""
    rng = np.random.default_rng(seed)
    return np.array([louvain(shuffled_strengths(strength, rng), draw).modularity for draw in range(draws)])


def community_eta_squared(
    labels: np.ndarray, values: np.ndarray, draws: int, seed: int
) -> tuple[float, float, float, int]:
    """How far communities differ in a property: share η² of the variance of its ranks that lies between them.

    Args:
        labels: int (n,), −1 for none.
        values: (n,), NaN where undefined; units without label or value are excluded.
        draws, seed: of permutations of the values.

    Returns:
        η²; the mean of it under permutation, about (communities − 1) / (n − 1); the permutation p; units. NaN where
        there are fewer than two communities or values.
    """
    kept = (labels >= 0) & ~np.isnan(values)
    labels, ranks = labels[kept], scipy.stats.rankdata(values[kept])
    units, (_, groups) = len(ranks), np.unique(labels, return_inverse=True)
    if units < 3 or groups.max(initial=0) < 1 or np.ptp(ranks) == 0:
        return float("nan"), float("nan"), float("nan"), units
    sizes = np.bincount(groups)
    inside = (groups[:, None] == np.arange(len(sizes))) / np.sqrt(sizes)
    ranks = ranks - ranks.mean()
    rng = np.random.default_rng(seed)
    permuted = rng.permuted(np.tile(ranks, (draws, 1)), axis=1)
    total = float(ranks @ ranks)
    eta, chance = float(np.square(ranks @ inside).sum() / total), np.square(permuted @ inside).sum(1) / total
    return eta, float(chance.mean()), (1 + int((chance >= eta - 1e-12).sum())) / (1 + draws), units
