"""NaN and infinity are an alarm in what a network uses, and nowhere else."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from wbsite.core.errors import WbsiteError
from wbsite.models.used_values import check_used

SHAPE = (3, 8, 8)


class Masked(nn.Module):
    """A convolution whose positions attend to one another behind a mask of −inf; and a part that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)
        self.register_buffer("mask", torch.full((36, 36), -torch.inf).triu(1))
        self.register_buffer("offset", torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.conv(x)).flatten(2).transpose(1, 2) + self.offset
        return torch.softmax(y @ y.transpose(1, 2) + self.mask, -1) @ y


class Observed(nn.Module):
    """Keeps the range of what it saw, as quantisation-aware training does, before it saw anything."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
        self.register_buffer("low", torch.tensor(torch.inf))
        self.register_buffer("high", torch.tensor(-torch.inf))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        self.low, self.high = torch.minimum(self.low, y.min()), torch.maximum(self.high, y.max())
        return y


@pytest.mark.parametrize("kind", [Masked, Observed])
def test_infinite_buffers_are_meant(kind: type[nn.Module]) -> None:
    assert check_used(kind().eval(), SHAPE, "net:build") == ""


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (Masked, "conv.weight", torch.nan),
        (Masked, "conv.bias", torch.inf),
        (Masked, "norm.running_var", torch.inf),
        (Masked, "norm.running_mean", torch.nan),
        (Masked, "offset", torch.nan),
        (Observed, "conv.parametrizations.weight.original1", torch.nan),
        (Observed, "low", torch.nan),
    ],
)
def test_what_the_forward_pass_reads_is_an_alarm(kind: type[nn.Module], name: str, value: float) -> None:
    net = kind().eval()
    net.state_dict()[name].view(-1)[0] = value
    with pytest.raises(WbsiteError, match=f"{name} of net:build has 1 of .* NaN or infinite"):
        check_used(net, SHAPE, "net:build")


def test_what_it_never_reads_is_a_remark() -> None:
    net = Masked().eval()
    net.head.weight.data[:] = torch.nan
    assert check_used(net, SHAPE, "net:build") == "NaN or infinite, but never read by the forward pass: head.weight."
