"""How smooth a map of weights is over space, and how far its two signs balance.

Smoothness is Moran's I of neighbouring positions. For a map x of kh × kw positions with mean m and neighbours along
one axis,

    I = [mean over neighbouring pairs of (x_i − m)(x_j − m)] / [mean over positions of (x_i − m)²],

averaged over the two axes (Moran, Notes on continuous stochastic phenomena, Biometrika 37, 1950, with
neighbours that share a side; the two forms agree on square maps). 1 for a map that hardly changes from one
position to the next, −1/(kh·kw − 1) expected of positions in random order, −1 for a checkerboard. With few
positions it can pass 1 a little: a hump on an axis of n positions reaches n/(n − 1) · cos(π/(n + 1)).

A single blob is as smooth as two lobes of opposite sign. What tells them apart is the balance of a map w,

    B = 1 − |Σ w| / Σ |w|,

0 for weights of one sign, 1 where excitation and inhibition add up to nothing.
"""

from __future__ import annotations

import torch

from wbsite.core.errors import WbsiteError

SMALLEST = 3
"""Positions along each axis below which a map is too small to be smooth or rough."""


def morans_i(maps: torch.Tensor) -> torch.Tensor:
    """(…, kh, kw) → (…) float64, about −1 to 1; NaN for a constant map.

    Raises:
        WbsiteError: maps of fewer than 3 × 3 positions.
    """
    together, energy = _moments(maps)
    return together / energy


def unit_smoothness(maps: torch.Tensor) -> torch.Tensor:
    """Moran's I of a unit over all its source channels, each counted by how much its map varies.

    Σ_c e_c I_c / Σ_c e_c with e_c the sum of squares of channel c's map about its own mean: channels that hardly
    vary, and so have no shape, hardly count.

    Args:
        maps: (units, C, kh, kw).

    Returns:
        (units,) float64; NaN for a unit whose maps are all constant.

    Raises:
        WbsiteError: maps of fewer than 3 × 3 positions.
    """
    together, energy = _moments(maps)
    return together.sum(1) / energy.sum(1)


def unit_balance(maps: torch.Tensor) -> torch.Tensor:
    """Balance of a unit's excitation and inhibition over space: Σ_c e_c B_c / Σ_c e_c, e_c a channel's squared norm.

    Args:
        maps: (units, C, kh, kw).

    Returns:
        (units,) float64 in [0, 1]; NaN for a unit without weights.
    """
    x = maps.double().flatten(2)  # squares of very small or large weights are no numbers of float32
    size, energy = x.abs().sum(2), _products(x, x)
    balance = 1 - x.sum(2).abs() / torch.where(size > 0, size, 1)
    return (energy * balance).sum(1) / energy.sum(1)


def _moments(maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean product of neighbours, averaged over axes, and mean square, of centred maps: (…) float64 both."""
    if maps.ndim < 2 or min(maps.shape[-2:]) < SMALLEST:
        raise WbsiteError(
            f"maps have shape {tuple(maps.shape)}; expected (…, kh, kw) of at least {SMALLEST}×{SMALLEST} positions.",
            "Smaller maps have too few neighbours to be called smooth or rough.",
        )
    x = maps.double()
    middle = x.mean((-2, -1), keepdim=True)
    height, width = x.shape[-2:]
    x = (x - middle).flatten(-2)
    energy = _products(x, x) / (height * width)
    # A constant map has a mean that is rounded; what is left of it is no variation.
    varies = energy > (1e-12 * middle[..., 0, 0]) ** 2
    down = _products(x[..., width:], x[..., :-width]) / ((height - 1) * width)
    rows = x.unflatten(-1, (height, width))
    turns = (rows[..., 1:, 0] * rows[..., :-1, -1]).sum(-1)  # from the end of a row to the start of the next
    along = (_products(x[..., 1:], x[..., :-1]) - turns) / (height * (width - 1))
    return torch.where(varies, (down + along) / 2, 0), torch.where(varies, energy, 0)


def _products(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(…, P), (…, P) → (…): sums of products, without an array of these."""
    return (x[..., None, :] @ y[..., None])[..., 0, 0]
