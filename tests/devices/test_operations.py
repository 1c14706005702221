"""Operations give on a GPU what they give on the CPU; on one that exists in name only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
import torch

from wbsite.core import registry
from wbsite.models import load
from wbsite.ops.banding.index import banding_index
from wbsite.ops.banding.kernel_clusters import shape_features
from wbsite.ops.banding.positions import as_maps, position_shares
from wbsite.ops.branches.correspondence_analysis import connectivity_factors
from wbsite.ops.concentration import concentration, weight_distribution
from wbsite.ops.expanded.unit_properties import Filters
from wbsite.ops.expanded.weights import expanded_weights
from wbsite.ops.information.mutual import estimator, mutual_informations
from wbsite.ops.kernel_copies import find_copies
from wbsite.ops.kernel_forms import picture_forms, unit_forms
from wbsite.ops.kernel_profiles import profiles
from wbsite.ops.nmf import one_sided_nmf
from wbsite.ops.seriation import seriate
from wbsite.ops.tuning.filter_tuning import FilterTuning
from wbsite.ops.tuning.orientation import orientation

from .pretended_gpu import pretended_gpu

OPERATIONS: dict[str, Callable[[torch.Tensor], Any]] = {
    "banding_index": banding_index,
    "one_sided_nmf per unit": one_sided_nmf,
    "one_sided_nmf joint": lambda kernels: one_sided_nmf(kernels, mode="joint"),
    "seriate": seriate,
    "unit_forms": unit_forms,
    "picture_forms": lambda kernels: picture_forms(kernels[:, :3].abs().permute(0, 2, 3, 1), kernels),
    "profiles": profiles,
    "concentration": concentration,
    "weight_distribution": weight_distribution,
    "find_copies": lambda kernels: find_copies(torch.cat([kernels, kernels[:2] * 3])),
    "shape_features": shape_features,
    "position_shares": lambda kernels: position_shares(as_maps(kernels.flatten(1), (6, 5, 5))),
    "connectivity_factors": connectivity_factors,
    "Filters": lambda kernels: Filters.of(kernels[:, :3]),
    "FilterTuning": lambda kernels: FilterTuning.of(kernels[:, :3]),
    "orientation": orientation,
}


def arrays(result: Any) -> Iterator[np.ndarray]:
    """All numbers of a result."""
    if isinstance(result, torch.Tensor):
        yield result.detach().cpu().numpy()
    elif isinstance(result, (tuple, list)):
        for item in result:
            yield from arrays(item)
    elif is_dataclass(result):
        for field in fields(result):
            yield from arrays(getattr(result, field.name))
    else:
        yield np.asarray(result)


def same(compute: Callable[[torch.device], Any]) -> None:
    """Whether it gives the same on both."""
    expected = list(arrays(compute(torch.device("cpu"))))
    assert any(array.size for array in expected)
    with pretended_gpu() as refused:
        results = list(arrays(compute(torch.device("cuda"))))
    assert not refused
    for result, array in zip(results, expected, strict=True):
        if array.dtype.kind in "fc":
            np.testing.assert_allclose(result, array, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(result, array)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_of_kernels(operation: Callable[[torch.Tensor], Any]) -> None:
    kernels = torch.randn(8, 6, 5, 5, generator=torch.Generator().manual_seed(0))
    kernels[3] = 0
    same(lambda device: operation(kernels.to(device)))


@pytest.mark.parametrize("token", registry.entries("estimators"), ids=lambda token: token.name)
def test_of_activations(token: Any) -> None:
    stack = torch.rand(2, 100, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(100) % 3
    method = estimator(token.example.split(" or ")[-1])
    same(lambda device: mutual_informations(stack.to(device), labels.to(device), method))


def test_of_a_network() -> None:
    module = load("simplified_32").module

    def weights(device: torch.device) -> torch.Tensor:
        return expanded_weights(module.to(device), "1a", "2b", [0, 5])

    try:
        same(weights)
    finally:
        module.to("cpu")
