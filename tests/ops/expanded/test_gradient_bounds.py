"""What a gradient can be at most: where expanded weights mislead, readers are given bounds that must hold."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.graph.recording import Recorded
from wbsite.models import load
from wbsite.models.convert import convert
from wbsite.ops.expanded.gradient_bounds import GradientBounds, gradient_bounds
from wbsite.ops.expanded.photograph_gradients import photograph_gradients
from wbsite.ops.expanded.weights import Paths, expanded_weights, path_products

ROUNDING = 1e-5
"""Of the sum of absolute path products: what float32 may take from an entry."""


def network(*parts: nn.Module, side: int = 40) -> nn.Module:
    """In float64, with all weights and statistics at random."""
    torch.manual_seed(0)
    module = nn.Sequential(*parts)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
    module.input_shape = (3, side, side)  # type: ignore[assignment]
    return module.double().eval().requires_grad_(False)


def outside(gradients: torch.Tensor, low: torch.Tensor, high: torch.Tensor, slack: torch.Tensor) -> int:
    """How many gradients (units, pictures, C, kh, kw) leave the bounds (units, C, kh, kw)."""
    low, high = (low - slack)[:, None], (high + slack)[:, None]
    return int(((gradients < low) | (gradients > high)).sum())


def holds(gradients: torch.Tensor, paths: Paths, best: GradientBounds) -> None:
    """Gradient ≤ best case ≤ sum of path products, and mirrored."""
    slack = ROUNDING * paths.magnitude
    assert outside(gradients, paths.negative, paths.positive, slack) == 0
    assert outside(gradients, best.lower, best.upper, slack) == 0
    assert (best.upper <= paths.positive + slack).all()
    assert (best.lower >= paths.negative - slack).all()
    assert gradients.count_nonzero() > 0


def photographs(path: File, spec: Any, count: int) -> torch.Tensor:
    """The first ImageNet photographs of the reference file, preprocessed."""
    with np.load(path, allow_pickle=False) as packed:
        data, offsets = packed["data"], packed["offsets"]
    files = [io.BytesIO(data[a:b].tobytes()) for a, b in pairwise(offsets[: count + 1])]
    return torch.stack([spec.preprocess(Image.open(file)) for file in files])


@pytest.mark.parametrize(
    ("source", "target", "units"),
    [
        pytest.param("mixed3a", "mixed3b_5x5", range(0, 96, 12), id="across a bottleneck"),
        pytest.param("mixed3b", "mixed4a_3x3", range(0, 208, 80), id="through a max pool and a bottleneck"),
    ],
)
def test_no_photograph_leaves_the_bounds_in_inceptionv1(
    bvlc: Any, shared_data: Any, source: str, target: str, units: range
) -> None:
    inputs = photographs(shared_data("images/imagenet_sample200_jpeg.npz"), bvlc.spec, 50)
    model = Recorded.of(bvlc)
    found = photograph_gradients(model, source, target, inputs, units, position="strongest")
    holds(
        found.gradients,
        path_products(model, source, target, units, pools="gates"),
        gradient_bounds(model, source, target, units),
    )


def test_no_photograph_leaves_the_bounds_in_alexnet(shared_data: Any, tmp_path: File) -> None:
    """Two convolutions in groups."""
    inputs_of = shared_data("images/imagenet_sample200_jpeg.npz")
    convert(shared_data("weights/alexnet_groups2_int8.npz"), "alexnet", "bvlc", tmp_path)
    loaded = load("alexnet@bvlc", weights_dir=tmp_path)
    model, units = Recorded.of(loaded), range(0, 256, 64)
    inputs = photographs(inputs_of, loaded.spec, 50)
    found = photograph_gradients(model, "conv3", "conv5", inputs, units, position="strongest").gradients
    holds(
        found,
        path_products(model, "conv3", "conv5", units, pools="gates"),
        gradient_bounds(model, "conv3", "conv5", units),
    )


@pytest.mark.parametrize(
    ("name", "source", "target"),
    [("alexnet_32", "conv1", "conv3"), ("inceptionv1_32", "conv2d2", "mixed3b_5x5"), ("simplified_32", "2a", "5a")],
)
def test_no_picture_leaves_the_bounds_in_the_networks_that_come_with_wbsite(
    name: str, source: str, target: str
) -> None:
    """Batch norm in every layer, before the rectifier or after it."""
    loaded = load(name)
    generator = torch.Generator().manual_seed(3)
    coarse = torch.randn(50, 3, 8, 8, generator=generator)
    inputs = nn.functional.interpolate(coarse, loaded.spec.input_shape[1:], mode="bilinear")
    model, units = Recorded.of(loaded), range(6)
    found = photograph_gradients(model, source, target, inputs, units).gradients
    holds(
        found, path_products(model, source, target, units, pools="gates"), gradient_bounds(model, source, target, units)
    )


def test_with_one_layer_of_gates_the_bound_is_the_sum_of_path_products() -> None:
    module = network(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 5, stride=2, padding=2), nn.BatchNorm2d(5),
        nn.ReLU(), nn.Conv2d(5, 6, 3, padding=1),
    )  # fmt: skip
    paths, best = path_products(module, "0", "5", pools="gates"), gradient_bounds(module, "0", "5")
    assert best.upper.shape == (6, 4, 9, 9)
    assert (best.upper - paths.positive).abs().max() < 1e-12
    assert (best.lower - paths.negative).abs().max() < 1e-12


def test_the_bound_is_attained_by_some_pattern_of_gates() -> None:
    """Every pattern of the three gates between one unit and another is tried."""
    module = network(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Conv2d(2, 3, 1), nn.ReLU(), nn.Conv2d(3, 1, 1))
    first, last = module[2].weight[:, :, 0, 0], module[4].weight[0, :, 0, 0]  # type: ignore[union-attr, index]
    patterns = torch.tensor([[bit >> i & 1 for i in range(3)] for bit in range(8)], dtype=torch.float64)
    every = torch.einsum("pm,m,ms->ps", patterns, last, first)
    best = gradient_bounds(module, "0", "4")
    assert torch.allclose(best.upper[0, :, 0, 0], every.amax(0))
    assert torch.allclose(best.lower[0, :, 0, 0], every.amin(0))


def test_a_max_pool_passes_one_position_not_all() -> None:
    module = network(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(5, 6, 3)
    )
    paths, best = path_products(module, "0", "5", pools="gates"), gradient_bounds(module, "0", "5")
    inputs = torch.randn(20, 3, 40, 40, dtype=torch.float64)
    holds(photograph_gradients(module, "0", "5", inputs, position="strongest").gradients, paths, best)
    assert best.upper.sum() < 0.7 * paths.positive.sum()


def test_local_response_normalisation_leaves_the_path_products_but_not_the_bounds() -> None:
    module = network(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.LocalResponseNorm(5, alpha=1.0, beta=0.75, k=1.0), nn.Conv2d(8, 6, 3)
    )
    inputs = 20 * torch.randn(50, 3, 40, 40, dtype=torch.float64)
    paths, best = path_products(module, "0", "3", pools="gates"), gradient_bounds(module, "0", "3")
    found = photograph_gradients(module, "0", "3", inputs).gradients
    assert outside(found, paths.negative, paths.positive, 1e-9 * paths.magnitude) > 0.1 * found.numel()
    assert outside(found, best.lower, best.upper, 1e-9 * paths.magnitude) == 0


def test_a_few_units_and_channels_are_those_of_all() -> None:
    model = Recorded.of(load("inceptionv1_32"))
    whole = gradient_bounds(model, "conv2d2", "mixed3b_5x5")
    part = gradient_bounds(model, "conv2d2", "mixed3b_5x5", units=[7, 2], channels=[30, 4, 5])
    assert torch.allclose(part.upper, whole.upper[[7, 2]][:, [30, 4, 5]], rtol=1e-4, atol=1e-8)
    assert torch.allclose(part.lower, whole.lower[[7, 2]][:, [30, 4, 5]], rtol=1e-4, atol=1e-8)


def test_where_nothing_is_rectified_bounds_and_gradients_are_the_expanded_weights() -> None:
    module = network(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 3, stride=2), nn.Conv2d(5, 6, 3))
    weights, best = expanded_weights(module, "0", "3"), gradient_bounds(module, "0", "3")
    found = photograph_gradients(module, "0", "3", torch.randn(2, 3, 40, 40, dtype=torch.float64)).gradients
    assert torch.allclose(found, weights[:, None].expand_as(found))
    assert torch.allclose(best.upper, weights)
    assert torch.allclose(best.lower, weights)


def test_gradients_at_the_edge_are_zero_outside_the_map() -> None:
    module = network(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 3, padding=1), side=8)
    inputs = torch.randn(30, 3, 8, 8, dtype=torch.float64)
    found = photograph_gradients(module, "0", "2", inputs, position="strongest")
    top = found.positions[..., 0] == 0
    assert top.any()
    assert found.gradients[top][:, :, 0].count_nonzero() == 0
    weight = module[2].weight.expand(30, -1, -1, -1, -1).transpose(0, 1)  # type: ignore[union-attr, operator]
    inside = found.gradients != 0
    assert torch.allclose(found.gradients[inside], weight[inside])


class Soft(nn.Module):
    """A rectifier that falls before it rises."""

    input_shape = (3, 16, 16)

    def __init__(self) -> None:
        super().__init__()
        self.first, self.mid, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(nn.functional.gelu(self.mid(self.first(x).relu())))


def test_what_has_no_bounds_is_a_message() -> None:
    with pytest.raises(WbsiteError, match=r"gelu in the network has slopes below 0 or above 1"):
        gradient_bounds(Soft(), "first", "last")
    with pytest.raises(WbsiteError, match=r"first has no channel 4"):
        gradient_bounds(Soft(), "first", "mid", channels=[4])
    with pytest.raises(WbsiteError, match="pictures have the shape"):
        photograph_gradients(Soft(), "first", "mid", torch.zeros(2, 3, 15, 16))
    with pytest.raises(WbsiteError, match="sees the whole map"):
        gradient_bounds(load("inceptionv1_32"), "mixed5b", "softmax2_pre_activation_matmul")
