"""Effects over clusters: what repeats within a cluster is no further evidence, and chance is called chance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wbsite.stats.clustered import clustered_mean, clustered_slope


def test_a_difference_of_means() -> None:
    rng = np.random.default_rng(0)
    x = np.tile([0.0, 1.0], 10)
    y = 0.5 * x + 0.1 * rng.standard_normal(20)
    found = clustered_slope(x, y, [f"p{i // 2}" for i in range(20)], draws=2000)
    assert found.effect == pytest.approx(y[x == 1].mean() - y[x == 0].mean())
    assert found.low < found.effect < found.high
    assert (found.members, found.clusters) == (20, 10)
    assert found.low > 0.3 and found.p < 0.01


def test_repeated_members_change_nothing() -> None:
    x, y, cluster = [0.0, 1.0, 0.0, 1.0, 0.5], [0.1, 0.9, 0.2, 0.6, 0.3], ["a", "b", "c", "d", "e"]
    found = clustered_slope(x, y, cluster, draws=500)
    again = clustered_slope(x * 3, y * 3, cluster * 3, draws=500)
    assert again[:4] == pytest.approx(found[:4])
    assert (again.members, again.clusters) == (15, 5)
    assert clustered_mean(y * 3, cluster * 3, draws=500)[:4] == pytest.approx(clustered_mean(y, cluster, draws=500)[:4])


def test_p_values_of_chance_are_even() -> None:
    """Members of a cluster resemble each other; a test that took them for independent would find too much."""
    rng = np.random.default_rng(1)
    ps = []
    for _ in range(150):
        cluster = np.repeat(np.arange(12), 4)
        x = np.repeat(rng.integers(0, 2, 12), 4).astype(float)
        y = np.repeat(rng.standard_normal(12), 4) + 0.1 * rng.standard_normal(48)
        if 0 < x.mean() < 1:
            ps.append(clustered_slope(x, y, [str(c) for c in cluster], draws=200).p)
    assert np.mean(np.array(ps) < 0.1) == pytest.approx(0.1, abs=0.06)


def test_the_mean_of_clusters() -> None:
    found = clustered_mean([1.0, 3.0, 2.0, 2.0, 2.0], ["a", "a", "b", "c", "d"])
    assert found.effect == pytest.approx(2)
    assert found.p == pytest.approx(2 / 16, abs=0.02), "of four clusters of one sign"


@pytest.mark.parametrize(
    ("x", "cluster"), [([0.0, 1.0, 1.0], ["a", "b", "b"]), ([1.0, 1.0, 1.0], ["a", "b", "c"]), ([], [])]
)
def test_too_little(x: list[float], cluster: list[str]) -> None:
    found = clustered_slope(x, [0.5] * len(x), cluster)
    assert math.isnan(found.low) and math.isnan(found.p)
