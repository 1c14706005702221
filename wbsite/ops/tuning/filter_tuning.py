"""What the filters of a first layer are tuned to, by their weights: colour, frequency, orientation, phase."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from wbsite.ops.expanded.unit_properties import Filters

DEAD = 0.05
"""A filter is dead whose strength is at most this share of the layer's upper quartile: up to three quarters of a layer
may be dead before the rule fails, and one strong filter makes none dead."""

DIRECTIONS = 72
"""Orientations, evenly over the half circle, at which a filter's response to gratings is computed."""

_PADDED = 8
_LEAST = 64


@dataclass(frozen=True, eq=False)
class FilterTuning:
    """Tuning of N filters; each field is (N,) float64 except `dead`, and NaN where undefined, as for a filter of zeros.

    P(f) is the response to a grating of frequency f: the squared Fourier transform of the filter at f, summed over
    colour channels.

    Attributes:
        chroma: in [0, 1], share of the squared weights that remains after subtracting the mean of the colour channels
            at each position: 0 black and white, 1 pure colour contrast (`Filters.colour`).
        frequency: of the grating with the largest P, in cycles a pixel, in [0, √½]; resolution 1/64 or finer. 0 for a
            filter that responds most to an even field.
        orientation: degrees in [0, 180) of the lines it responds to, 0 horizontal, 90 vertical, 45 from lower left to
            upper right: half the argument of Σ P(θ) e^{2iθ} over gratings of its own frequency (as
            `orientation.orientation` has angles). NaN where nothing is preferred (frequency 0, or selectivity 0).
        orientation_selectivity: |Σ P(θ) e^{2iθ}| / Σ P(θ) over these gratings, in [0, 1]: 1 − circular variance
            (Mardia 1972; Ringach, Shapley & Hawken, J. Neurosci. 22, 2002; Mazer et al., PNAS 99, 2002). 0 for a spot
            or a patch of colour, 1 where one orientation alone is answered. Of noise it is not 0.
        phase_symmetry: Σ K(x) K(t − x) / Σ K², in [−1, 1], with t twice the centroid of K² to the nearest whole pixel:
            1 for a filter that is the same turned by 180° (a line, a spot), −1 for one that changes sign (an edge),
            0 in between or without symmetry. With even part E and odd part O, (‖E‖² − ‖O‖²) / ‖K‖².
        strength: norm of the filter, which is its response to the patch of unit norm that it prefers.
        dead: bool, strength ≤ DEAD of the layer's upper quartile.
    """

    chroma: torch.Tensor
    frequency: torch.Tensor
    orientation: torch.Tensor
    orientation_selectivity: torch.Tensor
    phase_symmetry: torch.Tensor
    strength: torch.Tensor
    dead: torch.Tensor

    @classmethod
    def of(cls, filters: torch.Tensor) -> FilterTuning:
        """Of filters (N, C, kh, kw) over a picture's C colour channels."""
        x = filters.detach().to("cpu", torch.float64)
        filters_read = Filters.of(x)
        strength, live = filters_read.strength, filters_read.strength > 0
        x = x / torch.where(live, strength, 1)[:, None, None, None]
        frequency = _preferred(x)
        orientation, selectivity = _orientation(x, frequency)
        undefined = torch.full_like(frequency, math.nan)
        return cls(
            chroma=torch.where(live, filters_read.colour, undefined),
            frequency=torch.where(live, frequency, undefined),
            orientation=torch.where(live, orientation, undefined),
            orientation_selectivity=torch.where(live, selectivity, undefined),
            phase_symmetry=torch.where(live, _symmetry(x), undefined),
            strength=strength,
            dead=strength <= DEAD * strength.quantile(0.75),
        )


def living(strength: np.ndarray) -> np.ndarray:
    """bool (N,): units whose filter's norm is above DEAD of the layer's upper quartile."""
    strength = np.asarray(strength, np.float64)
    return strength > DEAD * np.quantile(strength, 0.75)


def _preferred(x: torch.Tensor) -> torch.Tensor:
    """(N,) frequency of the largest P on the padded grid; of equals, as of a spot's ring, the lowest."""
    side = max(_LEAST, _PADDED * max(x.shape[2:]))
    power = torch.fft.fft2(x, s=(side, side)).abs().square().sum(1).flatten(1)
    axis = torch.fft.fftfreq(side, dtype=x.dtype)
    distance = torch.hypot(axis[:, None], axis[None]).flatten()
    largest = power >= power.amax(1, keepdim=True) * (1 - 1e-9)
    return torch.where(largest, distance, math.inf).amin(1)


def _orientation(x: torch.Tensor, frequency: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(N,) degrees of lines and selectivity, from P on the ring of each filter's own frequency."""
    theta = torch.arange(DIRECTIONS, dtype=x.dtype) * math.pi / DIRECTIONS
    kh, kw = x.shape[2:]
    # Rows count downwards, angles upwards.
    turns = 2 * math.pi * frequency[:, None]
    down = torch.polar(torch.ones((), dtype=x.dtype), (turns * theta.sin())[..., None] * torch.arange(kh))
    right = torch.polar(torch.ones((), dtype=x.dtype), -(turns * theta.cos())[..., None] * torch.arange(kw))
    responses = torch.einsum("nchw,nth,ntw->nct", x.to(down.dtype), down, right)
    power = responses.abs().square().sum(1)
    total = power.sum(1)
    z = (power * torch.polar(torch.ones_like(theta), 2 * theta)).sum(1) / torch.where(total > 0, total, 1)
    selectivity = torch.where(frequency > 0, z.abs(), 0)
    lines = (torch.rad2deg(z.angle()) / 2 + 90) % 180
    return torch.where(selectivity > 1e-6, lines, math.nan), selectivity


def _symmetry(x: torch.Tensor) -> torch.Tensor:
    """(N,) of filters of unit norm: their correlation with themselves turned by 180° about the centroid of K²."""
    n, _, kh, kw = x.shape
    energy = x.square().sum(1)
    total = energy.sum((1, 2)).clamp_min(torch.finfo(x.dtype).tiny)
    y, right = torch.arange(kh, dtype=x.dtype), torch.arange(kw, dtype=x.dtype)
    twice_y = (2 * (energy.sum(2) * y).sum(1) / total).round().long()
    twice_x = (2 * (energy.sum(1) * right).sum(1) / total).round().long()
    rows = twice_y[:, None] - torch.arange(kh)
    columns = twice_x[:, None] - torch.arange(kw)
    inside = ((rows >= 0) & (rows < kh))[:, :, None] & ((columns >= 0) & (columns < kw))[:, None]
    filters = torch.arange(n)[:, None, None]
    turned = x[filters, :, rows.clamp(0, kh - 1)[:, :, None], columns.clamp(0, kw - 1)[:, None]]
    turned = turned.permute(0, 3, 1, 2) * inside[:, None]
    return (x * turned).sum((1, 2, 3)).clamp(-1, 1)
