"""What is left out of a pass must not change its result: tuning and untrained copies are measured by partial passes."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from wbsite.graph.partial_pass import PartialPass
from wbsite.graph.receptive_field import Positions
from wbsite.graph.recording import record

SIDE = 64
SUPPORTS: tuple[Positions, ...] = (
    ((0, SIDE - 1), (0, SIDE - 1)), ((20, 40), (25, 43)), ((31, 31), (31, 31)), ((0, 9), (50, SIDE - 1)),
)  # fmt: skip


def pass_and_pictures(module: nn.Module, name: str, support: Positions) -> tuple[torch.Tensor, torch.Tensor, int]:
    """The middle of a layer's map in a partial pass and in a whole one, and numbers in the largest map computed."""
    tape = record(module.eval(), (3, SIDE, SIDE))
    value = tape.activation(name)
    height, width = tape.shapes[value][2:]
    positions = ((height // 2 - 1, height // 2 + 1), (width // 2 - 1, width // 2 + 1))
    blank = torch.full((1, 3, SIDE, SIDE), 0.2).contiguous(memory_format=torch.channels_last)
    (top, bottom), (left, right) = support
    x = blank.repeat(3, 1, 1, 1)
    x[:, :, top : bottom + 1, left : right + 1] += torch.randn(3, 3, bottom - top + 1, right - left + 1)
    with torch.no_grad():
        partial = PartialPass(tape.program((value,)), blank, {value: positions})
        plan = partial.plan(support)
        (first, last), (begin, end) = plan.window
        found = partial(x[:, :, first : last + 1, begin : end + 1], plan)[value]
        whole = tape.program((value,))(x)[value]
    rows, columns = (slice(low, high + 1) for low, high in positions)
    return found, whole[:, :, rows, columns], plan.largest


@pytest.mark.parametrize("support", SUPPORTS)
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("googlenet", "inception3b.branch3.1.conv"),
        ("resnet18", "layer2.1.conv2"),
        ("densenet121", "features.denseblock2.denselayer3.conv2"),
        ("efficientnet_b0", "features.3.0.block.1.0"),
        ("squeezenet1_1", "features.6.expand3x3"),
    ],
)
def test_a_partial_pass_is_the_pass(name: str, layer: str, support: Positions) -> None:
    """Strides, ceiling pools, concatenation, sums, and channels scaled by means over whole maps."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        options = {"init_weights": False} if name == "googlenet" else {}
        module = getattr(torchvision.models, name)(weights=None, **options)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(std=0.1)
                part.running_var.uniform_(0.5, 2)
        found, expected, _ = pass_and_pictures(module, layer, support)
    scale = float(expected.abs().max())
    assert scale > 0
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5 * scale)


class Edged(nn.Module):
    """Averages that count padding or do not, positions added to, a dilated pool, and rectifiers that are read twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 5, padding=2)
        self.second = nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect")
        self.third = nn.Conv2d(6, 6, 3, padding="same", dilation=2)
        self.register_buffer("places", torch.linspace(-1, 1, SIDE // 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        x = x.relu() + 0.1 * x
        x = nn.functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        x = self.second(x + self.places).relu()
        x = nn.functional.max_pool2d(x, 3, 1, 1, dilation=2) + nn.functional.avg_pool2d(x, 3, 1)
        return self.third(x).relu()


@pytest.mark.parametrize("support", SUPPORTS)
def test_what_has_no_window_is_computed_whole(support: Positions) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found, expected, _ = pass_and_pictures(Edged(), "third", support)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5 * float(expected.abs().max()))


def test_what_a_small_stimulus_leaves_alone_is_not_computed() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
        found, expected, largest = pass_and_pictures(module, "2", ((31, 33), (31, 33)))
        nothing, blank, _ = pass_and_pictures(module, "2", ((0, 3), (0, 3)))
    torch.testing.assert_close(found, expected)
    assert largest == 8 * 5 * 5, "each convolution widens what differs by one position on every side"
    torch.testing.assert_close(nothing, blank)
