"""Units built to be tuned to something are found to be, through the whole way from stimuli to categories."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd
import pytest
import torch
from torch import nn

from wbsite.featurevis.presentation import present
from wbsite.models.base import LoadedModel, ModelSpec, Preprocess
from wbsite.ops.tuning.categories import categories
from wbsite.ops.tuning.indices import tuning
from wbsite.ops.tuning.stimuli import Field
from wbsite.ops.tuning.stimuli.field import AXES

SIDE = 31
ANGLES = [22.5 * i for i in range(8)]


def field(side: int) -> Field:
    return Field.of((side, side), ((side - 1) / 2,) * 2, side)


def gabor(side: int, frequency: float, degrees: float, phase: float, sigma: float) -> torch.Tensor:
    """(side, side) of sum zero; 0° has horizontal stripes."""
    f = field(side)
    envelope = torch.exp(-(f.x**2 + f.y**2) / (2 * sigma**2))
    across = f.along(torch.tensor([degrees]))[1][0]
    wave = envelope * torch.cos(2 * math.pi * frequency * across + math.radians(phase))
    return wave - envelope * (wave.sum() / envelope.sum())


def grey(filters: torch.Tensor) -> torch.Tensor:
    """(N, h, w) → (N, 3, h, w), the same for all colours."""
    return filters[:, None].expand(-1, 3, -1, -1)


class Stack(nn.Module):
    """Convolutions with rectifiers, named a, b, …"""

    def __init__(self, *weights: torch.Tensor, biases: tuple[float, ...] = ()) -> None:
        super().__init__()
        for name, weight, bias in zip("abc", weights, (*biases, 0.0, 0.0, 0.0), strict=False):
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], tuple(weight.shape[2:]))
            conv.weight.data, conv.bias.data = weight.float().clone(), torch.full((len(weight),), bias)
            self.add_module(name, conv)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv in self.children():
            x = conv(x).relu()
        return x


def loaded(*weights: torch.Tensor, biases: tuple[float, ...] = ()) -> LoadedModel:
    module = Stack(*weights, biases=biases).eval().requires_grad_(False)
    preprocess = Preprocess(crop=64, mean=(0.5,) * 3, std=(0.5,) * 3)
    return LoadedModel(module, ModelSpec("built", "by hand", "Built", Stack, preprocess), "0")


@pytest.fixture(scope="session")
def tuned() -> Callable[..., pd.DataFrame]:
    """tuned(*weights of layers): indices of the last layer's units, with the set of categories of each."""

    def measure(*weights: torch.Tensor, biases: tuple[float, ...] = ()) -> pd.DataFrame:
        layer = "abc"[len(weights) - 1]
        _, shown, found = present(loaded(*weights, biases=biases), [layer], torch.device("cpu"))
        parts = {name: part.numpy() for name, part in shown.split(found[layer]).items()}
        table = tuning(shown.families, parts).assign(layer=layer, unit=range(len(weights[-1])))
        named = categories(table).groupby("unit")["category"].agg(set)
        return table.assign(categories=[named.get(unit, set()) for unit in table["unit"]])

    return measure


def test_gabor_filters_have_their_orientation_and_frequency(tuned: Callable[..., pd.DataFrame]) -> None:
    built = [(f, d, p) for f in (1 / 12, 1 / 6, 1 / 4) for d in (0, 30, 90, 135, 170) for p in (0, 90)]
    found = tuned(grey(torch.stack([gabor(SIDE, f, d, p, 5) for f, d, p in built])))
    for (frequency, degrees, _), (_, unit) in zip(built, found.iterrows(), strict=True):
        turned = abs((unit["orientation"] - degrees + 90) % 180 - 90)
        assert turned < 4
        assert abs(math.log2(unit["frequency"] / frequency)) < 0.5, (
            "nearest the ends, centres of gravity lie towards the middle"
        )
        assert {"oriented", "black-and-white"} <= unit["categories"]
        assert not unit["categories"] & {"curve", "corner", "high-low-frequency", "centre-surround", "bw-vs-colour"}
        assert unit["colour"] == pytest.approx(0, abs=1e-4)


def test_complex_cells_are_oriented_and_nothing_else(tuned: Callable[..., pd.DataFrame]) -> None:
    bank = torch.stack([gabor(SIDE, 1 / 8, d, p, 4) for d in ANGLES for p in (0, 90, 180, 270)])
    pool = torch.kron(torch.eye(8), torch.ones(1, 4))[:, :, None, None]
    found = tuned(grey(bank), pool)
    assert (found["orientation_selectivity"] > 0.5).all()
    assert all(abs((o - d + 90) % 180 - 90) < 2 for o, d in zip(found["orientation"], ANGLES, strict=True))
    assert all(named == {"oriented", "black-and-white"} for named in found["categories"])


def test_blobs_have_the_colour_of_their_axis(tuned: Callable[..., pd.DataFrame]) -> None:
    f = field(SIDE)
    blob = torch.exp(-(f.x**2 + f.y**2) / (2 * 5**2))
    half = torch.tensor(AXES["black-white"]) + torch.tensor(AXES["red-green"])
    found = tuned(torch.stack([blob * c[:, None, None] for c in (*map(torch.tensor, AXES.values()), half)]))
    assert found["colour"].tolist() == pytest.approx([0, 1, 1, 0.5], abs=1e-3), "equal weights: equal contrasts"
    assert [("colour" in c, "black-and-white" in c) for c in found["categories"]] == [
        (False, True), (True, False), (True, False), (False, False),
    ]  # fmt: skip
    assert (found["orientation_selectivity"] < 0.02).all()
    assert all("low-frequency" in named for named in found["categories"])
    assert not any(named & {"curve", "corner", "bw-vs-colour", "centre-surround"} for named in found["categories"])


def test_differences_of_gaussians_prefer_discs(tuned: Callable[..., pd.DataFrame]) -> None:
    f = field(SIDE)

    def spot(sigma: float) -> torch.Tensor:
        made = torch.exp(-(f.x**2 + f.y**2) / (2 * sigma**2))
        return made / made.sum()

    shapes = torch.stack([spot(s) - spot(2 * s) for s in (1.5, 2.5, 4.0)])
    double = shapes[1][None] * torch.tensor(AXES["red-green"])[:, None, None]
    found = tuned(torch.cat([grey(shapes), grey(-shapes), double[None]]))
    assert (found["centre_surround"] > 0.25).all()
    assert all("centre-surround" in named and not named & {"oriented", "curve"} for named in found["categories"])
    assert "colour" in found["categories"].iloc[-1]


BANK = torch.stack([gabor(9, 1 / 6, d, p, 2.2) for d in ANGLES for p in (0, 90, 180, 270)])
"""First layer of the circuits: rectified, of all orientations and phases."""


def on_path(distance: torch.Tensor, tangent: torch.Tensor, inside: torch.Tensor, inhibition: float) -> torch.Tensor:
    """(32, h, w): excitation from the orientation of the path, inhibition from those at more than 30° to it."""
    on = torch.exp(-(distance**2) / (2 * 1.2**2)) * inside
    off = [((d - tangent + 90) % 180 - 90).abs() for d in ANGLES]
    return torch.stack(
        [on * torch.where(o <= 12, 1.0, torch.where(o > 30, inhibition, 0.0)) for o in off for _ in "1234"]
    )


def arc(degrees: float, radius: float, inhibition: float = -0.4) -> torch.Tensor:
    """120° of a circle through the centre whose middle lies at `degrees`."""
    towards, across = (x[0] for x in field(23).along(torch.tensor([degrees])))
    angle = torch.rad2deg(torch.atan2(across, radius - towards))
    distance = (torch.hypot(towards - radius, across) - radius).abs()
    return on_path(distance, (degrees + 90 - angle) % 180, angle.abs() <= 60, inhibition)


def straight(degrees: float, inhibition: float = -0.4) -> torch.Tensor:
    towards, across = (x[0] for x in field(23).along(torch.tensor([degrees])))
    return on_path(towards.abs(), torch.full_like(towards, (degrees + 90) % 180), across.abs() < 11, inhibition)


def corner(degrees: float, angle: float, inhibition: float = -0.4) -> torch.Tensor:
    """Two legs from the centre, open towards `degrees`."""
    towards, across = (x[0] for x in field(23).along(torch.tensor([degrees])))
    half, legs = math.radians(angle / 2), []
    for sign in (1, -1):
        distance = (towards * math.sin(half) - sign * across * math.cos(half)).abs()
        beyond = towards * math.cos(half) + sign * across * math.sin(half) > 1
        legs.append(on_path(distance, torch.full_like(towards, (degrees + sign * angle / 2) % 180), beyond, inhibition))
    return legs[0] + legs[1]


def circuits(*second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return grey(BANK / BANK.abs().sum((1, 2), keepdim=True)), torch.stack(second)


@pytest.mark.parametrize("inhibition", [0.0, -0.4])
def test_curves_corners_and_lines_are_told_apart(tuned: Callable[..., pd.DataFrame], inhibition: float) -> None:
    """Also without inhibition curves are above lines, though too little to be called curve detectors for certain."""
    turns = (0.0, 22.5, 90.0, 200.0)
    arcs = [arc(d, r, inhibition) for r in (8.0, 11.0) for d in turns]
    corners = [corner(d, 90, inhibition) for d in turns]
    lines = [straight(d, inhibition) for d in turns]
    found = tuned(*circuits(*arcs, *corners, *lines), biases=(-0.02,))
    of_arcs, of_corners, of_lines = found.iloc[:8], found.iloc[8:12], found.iloc[12:]
    assert of_arcs["curve"].min() > 0.15
    assert of_corners["corner"].min() > 0.2
    assert of_lines["curve"].max() < 0.06
    assert of_lines["corner"].max() < 0
    if inhibition:
        assert of_arcs["curve"].min() > 0.4
        assert all("curve" in named and "corner" not in named for named in of_arcs["categories"])
        assert all("corner" in named and "curve" not in named for named in of_corners["categories"])
        assert not any(named & {"curve", "corner"} for named in of_lines["categories"])


def test_high_beside_low_frequency_is_found_and_high_or_low_alone_is_not(tuned: Callable[..., pd.DataFrame]) -> None:
    high = [gabor(17, 1 / 4, d, p, 1.8) for d in ANGLES[::2] for p in (0, 90, 180, 270)]
    low = [gabor(17, 1 / 16, d, p, 4.5) for d in ANGLES[::2] for p in (0, 90, 180, 270)]
    bank = torch.stack([w / w.norm() for w in (*high, *low)])
    left, right = (torch.zeros(25, 25) for _ in "12")
    left[5:20, :11], right[5:20, 14:] = 1, 1

    def pooled(of_high: torch.Tensor, of_low: torch.Tensor) -> torch.Tensor:
        return torch.cat([of_high.expand(16, -1, -1), 0.35 * of_low.expand(16, -1, -1)])

    both, none = left + right, torch.zeros(25, 25)
    units = [pooled(left - right, right - left), pooled((left - right).T, (right - left).T)]
    controls = [pooled(both, none), pooled(none, both), pooled(left, none), pooled(both, both)]
    found = tuned(grey(bank), torch.stack([*units, *controls]))
    assert (found["high_low"].iloc[:2] > 0.5).all()
    assert all("high-low-frequency" in named for named in found["categories"].iloc[:2])
    assert (found["high_low"].iloc[2:] < 0.1).all()
    assert not any("high-low-frequency" in named for named in found["categories"].iloc[2:])


def test_grey_inside_colour_is_found_whatever_the_hue(tuned: Callable[..., pd.DataFrame]) -> None:
    """Energy of colour around minus energy of colour inside; one hue, or a boundary of colours, is not enough."""
    f = field(3)
    blob = torch.exp(-(f.x**2 + f.y**2) / (2 * 0.6**2))
    hues = [sign * torch.tensor(AXES[axis]) for axis in ("red-green", "blue-yellow") for sign in (1, -1)]
    bank = torch.stack([blob * hue[:, None, None] for hue in hues])
    far = torch.hypot(field(25).x, field(25).y)
    inner, ring = (far < 5).float() / (far < 5).sum(), ((far > 6) & (far < 11)).float()
    ring = ring / ring.sum()
    left = torch.zeros(25, 25)
    left[5:20, 2:11] = 1 / 135
    any_hue, red, opponent = torch.ones(4), torch.tensor([1.0, 0, 0, 0]), torch.tensor([1.0, -1.0, 0, 0])
    made = [
        any_hue[:, None, None] * (ring - inner),
        any_hue[:, None, None] * (left - left.flip(1)),
        any_hue[:, None, None] * ring,
        red[:, None, None] * (ring - inner),
        opponent[:, None, None] * (left - left.flip(1)),
    ]
    found = tuned(bank, torch.stack(made))
    assert ["bw-vs-colour" in named for named in found["categories"]] == [True, True, False, False, False]
    assert (found["bw_vs_colour"].iloc[:2] > 0.4).all()
    assert (found["bw_vs_colour"].iloc[2:] < 0.05).all()


def test_a_texture_that_colour_silences(tuned: Callable[..., pd.DataFrame]) -> None:
    fine = torch.stack([gabor(7, 1 / 4, d, p, 1.5) for d in ANGLES for p in (0, 180)])
    f = field(7)
    blob = torch.exp(-(f.x**2 + f.y**2) / (2 * 2.0**2))
    hues = [sign * torch.tensor(AXES[axis]) for axis in ("red-green", "blue-yellow") for sign in (1, -1)]
    bank = torch.cat([grey(fine), torch.stack([blob * hue[:, None, None] for hue in hues])])
    excited, inhibited = torch.cat([torch.ones(16), torch.zeros(4)]), torch.cat([torch.zeros(16), -torch.ones(4)])
    second = torch.stack([excited + inhibited, excited])[:, :, None, None].expand(-1, -1, 9, 9)
    found = tuned(bank, second)
    assert found["absence_of_colour"].iloc[0] > 0.5
    assert found["absence_of_colour"].iloc[1] == pytest.approx(0, abs=0.02)
    assert "absence-of-colour" in found["categories"].iloc[0]
    assert "absence-of-colour" not in found["categories"].iloc[1]


def test_random_filters_are_seldom_called_more_than_they_are(tuned: Callable[..., pd.DataFrame]) -> None:
    """Smoothed noise in a round window, as a first layer begins and ends: chance for every category of form."""
    f, generator = field(SIDE), torch.Generator().manual_seed(0)
    noise = torch.randn(300, 3, SIDE, SIDE, generator=generator)
    axis = torch.fft.fftfreq(SIDE)
    distance = torch.hypot(axis[:, None], axis[None]).clamp_min(1 / SIDE)
    smooth = torch.fft.ifft2(torch.fft.fft2(noise) / distance).real
    found = tuned(smooth * torch.exp(-(f.x**2 + f.y**2) / (2 * 5**2)))
    share = {
        name: sum(name in named for named in found["categories"]) / len(found)
        for name in ("curve", "corner", "high-low-frequency", "bw-vs-colour", "absence-of-colour", "centre-surround")
    }
    assert share["curve"] <= 0.01
    assert share["corner"] <= 0.05
    assert share["high-low-frequency"] <= 0.01
    assert share["bw-vs-colour"] == share["absence-of-colour"] == 0
    assert share["centre-surround"] <= 0.01


def test_a_unit_scaled_keeps_its_indices_and_a_silent_one_has_none(tuned: Callable[..., pd.DataFrame]) -> None:
    filters = grey(torch.stack([gabor(SIDE, 1 / 8, 30, 0, 4)] * 4)).clone()
    filters[1] *= 7
    filters[2] = 0
    filters[3] *= 1e-4
    found = tuned(filters)
    assert found["dead"].tolist() == [False, False, True, True]
    numbers = found.select_dtypes("float").drop(columns="strength")
    pd.testing.assert_series_equal(numbers.iloc[0], numbers.iloc[1], check_names=False, rtol=1e-4, atol=1e-6)
    assert numbers.iloc[2:].isna().all(axis=None)
    assert found["categories"].tolist()[2:] == [set(), set()]
