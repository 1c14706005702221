"""Small networks, seen as `wbsite.models.load` gives them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from wbsite.models.base import LoadedModel, ModelSpec, Preprocess


class Small(nn.Module):
    """Two branches with batch norm, joined, added to, and a fully connected end that fixes the input's size."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 8, 5, padding=2)
        self.left = nn.Conv2d(8, 6, 3, padding=1, bias=False)
        self.left_norm = nn.BatchNorm2d(6)
        self.right = nn.Conv2d(8, 4, 1)
        self.deep = nn.Conv2d(10, 10, 3, padding=1)
        self.fc = nn.Linear(10 * 12 * 12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.local_response_norm(self.first(x).relu_(), 5)
        x = nn.functional.max_pool2d(x, 2)
        x = torch.cat((self.left_norm(self.left(x)).relu_(), self.right(x).relu_()), 1)
        return self.fc((x + self.deep(x).relu()).flatten(1))


@pytest.fixture(scope="session")
def loaded() -> Callable[..., LoadedModel]:
    """loaded(module, side, scale, mean, std): a network with the description of its input."""

    def load(
        module: nn.Module,
        side: int = 24,
        scale: float = 1.0,
        mean: tuple[float, ...] = (0.45, 0.45, 0.45),
        std: tuple[float, ...] = (0.25, 0.25, 0.25),
    ) -> LoadedModel:
        preprocess = Preprocess(crop=side, scale=scale, mean=mean, std=std)
        module = module.eval().requires_grad_(False)
        return LoadedModel(module, ModelSpec("small", "made", "Small", lambda: module, preprocess), "0" * 64)

    return load


@pytest.fixture(scope="session")
def small(loaded: Callable[..., LoadedModel]) -> LoadedModel:
    """Small with drawn weights and batch norm statistics. Look only."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        module = Small()
        module.left_norm.running_mean.normal_()
        module.left_norm.running_var.uniform_(0.5, 2)
        module.left_norm.weight.data.uniform_(0.5, 2)
        module.left_norm.bias.data.normal_()
    return loaded(module)


@pytest.fixture(scope="session")
def cpu() -> torch.device:
    return torch.device("cpu")
