"""Communities of connected units: planted ones are found whole, random weights have none beyond chance."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from wbsite.ops.branches.communities import (
    best_communities,
    community_eta_squared,
    louvain,
    modularity,
    null_modularity,
)


def blocks(rng: np.random.Generator, sizes: tuple[int, ...] = (8, 12, 10)) -> tuple[np.ndarray, np.ndarray]:
    """Strengths of as many inputs as outputs, four times as strong inside a block, and the blocks."""
    label = np.repeat(np.arange(len(sizes)), sizes)
    strength = rng.uniform(0.5, 1.5, (len(label), len(label))) * np.where(label[:, None] == label[None], 4, 1)
    return strength, label


def test_planted_communities_are_found_with_every_seed() -> None:
    strength, label = blocks(np.random.default_rng(0))
    found, values, stability = best_communities(strength, 5)
    assert found.count == 3
    for units in (found.inputs, found.outputs):
        assert len({(int(a), int(b)) for a, b in zip(units, label, strict=True)}) == 3
    assert found.inputs[10] == 0, "the largest comes first"
    np.testing.assert_allclose(values, found.modularity)
    assert stability == pytest.approx(1)
    assert found.modularity > 1.5 * null_modularity(strength, 10, 0).max()


def test_modularity_is_that_of_the_library_and_of_the_definition() -> None:
    rng = np.random.default_rng(1)
    strength, inputs, outputs = rng.uniform(size=(5, 4)), np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1, 1])
    total, slow = strength.sum(), 0.0
    for o in range(5):
        for i in range(4):
            if inputs[i] == outputs[o]:
                slow += strength[o, i] / total - strength[o].sum() * strength[:, i].sum() / total**2
    assert modularity(strength, inputs, outputs) == pytest.approx(slow)
    graph = nx.DiGraph()
    graph.add_weighted_edges_from((i, 4 + o, strength[o, i]) for o in range(5) for i in range(4))
    label = np.concatenate([inputs, outputs])
    parts = [set(np.flatnonzero(label == k).tolist()) for k in (0, 1)]
    assert modularity(strength, inputs, outputs) == pytest.approx(nx.community.modularity(graph, parts))


def test_random_strengths_are_divided_no_better_than_dealt_ones() -> None:
    below = 0
    for seed in range(12):
        strength = np.abs(np.random.default_rng(seed).normal(size=(16, 14)))
        below += bool(louvain(strength, 0).modularity > null_modularity(strength, 9, seed).max())
    assert below <= 5, "1.2 expected of 12; 6 or more in one of 1000 cases"


def test_units_without_weights_belong_to_none() -> None:
    strength, _ = blocks(np.random.default_rng(0))
    strength[:, 3] = strength[7] = 0
    found = louvain(strength, 0)
    assert found.inputs[3] == found.outputs[7] == -1
    assert (np.delete(found.inputs, 3) >= 0).all()


def test_a_property_that_communities_share_is_told_from_one_they_do_not() -> None:
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1, 2, -1], [10, 10, 10, 5])
    eta, chance, p, units = community_eta_squared(label, label + rng.uniform(0, 0.5, 35), 999, 0)
    ranks = np.arange(30.0)
    between = 10 * sum((ranks[k * 10 : k * 10 + 10].mean() - 14.5) ** 2 for k in range(3))
    assert eta == pytest.approx(between / ((ranks - 14.5) ** 2).sum())
    assert chance == pytest.approx(2 / 29, abs=0.01)
    assert (p, units) == (0.001, 30)
    assert community_eta_squared(label, rng.uniform(size=35), 999, 0)[2] > 0.05
    assert np.isnan(community_eta_squared(label, np.ones(35), 99, 0)[0])
    assert np.isnan(community_eta_squared(np.zeros(35, int), rng.uniform(size=35), 99, 0)[0])
