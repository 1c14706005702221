"""Few inputs instead of all: what is left out counts by its effect on pictures, and with all inputs nothing is lost."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.graph.recording import record
from wbsite.ops.expanded.mean_ablation import Convolution, counts, mean_ablation, ranked


class One(nn.Module):
    """A convolution with its batch norm and rectifier."""

    def __init__(self, norm: bool = True, rectifier: bool = True, **given: object) -> None:
        super().__init__()
        self.conv = nn.Conv2d(6, 8, **{"kernel_size": 3, "padding": 1, **given})  # type: ignore[arg-type]
        self.norm = nn.BatchNorm2d(8) if norm else nn.Identity()
        self.rectifier = nn.ReLU() if rectifier else nn.Identity()
        nn.init.normal_(self.norm.weight) if norm else None  # negative scales turn a unit over
        nn.init.normal_(self.norm.bias) if norm else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rectifier(self.norm(self.conv(x)))


def made(**given: object) -> tuple[One, Convolution]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        module = One(**given).eval()  # type: ignore[arg-type]
    return module, Convolution.of(record(module, (6, 9, 9)), "conv")


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def sampled(conv: Convolution, x: torch.Tensor, per_picture: int = 1000) -> torch.Tensor:
    return conv.patches(x, per_picture, torch.Generator().manual_seed(0))


GEOMETRIES = [
    {},
    {"stride": 2, "padding": 0},
    {"kernel_size": (1, 5), "padding": (0, 2)},
    {"dilation": 2, "padding": 2},
    {"padding": "same", "kernel_size": 4},
    {"groups": 2},
    {"padding_mode": "reflect"},
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("given", GEOMETRIES, ids=str)
def test_patches_are_what_the_convolution_sees(given: dict[str, object]) -> None:
    """All positions, so that every one of the layer's outputs is found among what is computed from the patches."""
    module, conv = made(norm=False, rectifier=False, **given)
    x = normal(2, 6, 9, 9)
    read = record(module, (6, 9, 9)).program([conv.input])(x)[conv.input]
    patches = sampled(conv, read)
    per_group = patches.reshape(len(patches), conv.groups, -1)
    weight = conv.weight.reshape(conv.groups, 8 // conv.groups, -1)
    computed = torch.einsum("sgp,gop->sgo", per_group, weight).flatten(1) + module.conv.bias
    expected = module(x).movedim(1, -1).flatten(0, 2)
    torch.testing.assert_close(computed.sort(0).values, expected.sort(0).values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("order", ["norm", "contribution", "random"])
@pytest.mark.parametrize("given", [{}, {"groups": 2}, {"norm": False}])
def test_agrees_with_the_definition_written_out(given: dict[str, object], order: str) -> None:
    module, conv = made(**given)
    x = normal(5, 6, 9, 9) * torch.tensor([1, 1, 4, 1, 0.2, 1]).reshape(6, 1, 1) + 1
    patches = sampled(conv, x, 30)
    ranking = ranked(conv, patches, order, torch.Generator().manual_seed(1))  # type: ignore[arg-type]
    found = mean_ablation(conv, patches, ranking)
    per_group, units = 6 // conv.groups, 8 // conv.groups
    for unit in range(8):
        first = unit // units * per_group
        parts = torch.stack(
            [
                (patches[:, first + i] * module.conv.weight[unit, i]).sum((1, 2)).detach().double()
                for i in range(per_group)
            ]
        )
        z = parts.sum(0) + module.conv.bias[unit].item()
        for row, kept in enumerate(found.counts):
            keep = ranking[unit, :kept]
            rest = [i for i in range(per_group) if i not in keep.tolist()]
            reproduced = parts[keep].sum(0) + parts[rest].mean(1).sum() + module.conv.bias[unit].item()
            assert found.before[row, unit].item() == pytest.approx(1 - error(z, reproduced), abs=1e-5)
            after = [one_unit(module, value, unit) for value in (z, reproduced)]
            assert found.after[row, unit].item() == pytest.approx(1 - error(*after), abs=1e-4, nan_ok=True)


def error(z: torch.Tensor, reproduced: torch.Tensor) -> float:
    return (((z - reproduced) ** 2).sum() / ((z - z.mean()) ** 2).sum()).item()


def one_unit(module: One, values: torch.Tensor, unit: int) -> torch.Tensor:
    x = torch.zeros(len(values), 8, 1, 1)
    x[:, unit, 0, 0] = values.float()
    with torch.no_grad():
        return module.rectifier(module.norm(x))[:, unit, 0, 0].double()


def test_with_all_inputs_nothing_is_lost() -> None:
    _, conv = made()
    patches = sampled(conv, normal(4, 6, 9, 9))
    found = mean_ablation(conv, patches, ranked(conv, patches, "norm", torch.Generator()))
    assert found.counts[-1] == 6
    assert (found.before[-1] == 1).all()
    assert (found.after[-1][~found.after[-1].isnan()] == 1).all()


def test_a_unit_with_one_input_needs_one() -> None:
    module, _ = made()
    with torch.no_grad():
        module.conv.weight[:, torch.arange(6) != 4] *= 1e-6
    conv = Convolution.of(record(module, (6, 9, 9)), "conv")
    patches = sampled(conv, normal(4, 6, 9, 9))
    for order in ("norm", "contribution"):
        ranking = ranked(conv, patches, order, torch.Generator())  # type: ignore[arg-type]
        assert (ranking[:, 0] == 4).all()
        assert (mean_ablation(conv, patches, ranking).needed == 1).all()


def test_a_depthwise_convolution_has_one_input_a_unit() -> None:
    conv = nn.Conv2d(6, 6, 3, padding=1, groups=6)
    found = Convolution.of(record(nn.Sequential(conv), (6, 9, 9)), "0")
    patches = sampled(found, normal(2, 6, 9, 9))
    result = mean_ablation(found, patches, ranked(found, patches, "contribution", torch.Generator()))
    assert result.counts == (1,)
    assert (result.before == 1).all()
    assert result.after.isnan().all(), "it has no rectifier"


def test_an_input_that_never_changes_contributes_nothing() -> None:
    _, conv = made()
    x = normal(4, 6, 9, 9)
    x[:, 2] = 50.0
    inside = conv.patches(x, 100, torch.Generator().manual_seed(0))
    inside[:, 2] = 50.0  # also beyond the edges
    assert (ranked(conv, inside, "contribution", torch.Generator())[:, -1] == 2).all()


def test_the_number_needed_is_the_smallest_that_is_enough() -> None:
    _, conv = made(kernel_size=1, padding=0)
    patches = sampled(conv, normal(8, 6, 9, 9))
    ranking = ranked(conv, patches, "contribution", torch.Generator())
    found = mean_ablation(conv, patches, ranking, 0.7)
    place = ranking.argsort(1)
    x = patches.flatten(1)
    x = (x - x.mean(0)).double()
    for unit, needed in enumerate(found.needed.tolist()):
        weight = conv.weight[unit, :, 0, 0].double()

        def r2(kept: float, weight: torch.Tensor = weight, unit: int = unit) -> float:
            left = x @ (weight * (place[unit] >= kept))
            return 1 - (left.square().sum() / (x @ weight).square().sum()).item()

        assert r2(needed) >= 0.7 > r2(needed - 1)


def test_a_unit_that_never_changes_is_not_counted() -> None:
    module, _ = made(norm=False)
    with torch.no_grad():
        module.conv.weight[3] = 0
        module.conv.bias[5] = -1000.0
    conv = Convolution.of(record(module, (6, 9, 9)), "conv")
    patches = sampled(conv, normal(3, 6, 9, 9))
    found = mean_ablation(conv, patches, ranked(conv, patches, "norm", torch.Generator()))
    assert found.before[:, 3].isnan().all() and found.needed[3].isnan()
    assert found.after[:, 5].isnan().all() and not found.before[:, 5].isnan().any()


def test_counts_are_powers_of_two_and_all() -> None:
    assert counts(1) == (1,)
    assert counts(3) == (1, 2, 3)
    assert counts(64) == (1, 2, 4, 8, 16, 32, 64)
    assert counts(100) == (1, 2, 4, 8, 16, 32, 64, 100)


def test_a_layer_that_is_no_convolution_of_one_map_is_named() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(6 * 81, 3))
    with pytest.raises(WbsiteError, match="output of 1"):
        Convolution.of(record(module, (6, 9, 9)), "1")
