"""How smooth a map of weights is over space: Moran's I of neighbouring positions.

For a map x of kh × kw positions with mean m and neighbours along one axis,

    I = [mean over neighbouring pairs of (x_i − m)(x_j − m)] / [mean over positions of (x_i − m)²],

averaged over the two axes (Moran, Notes on continuous stochastic phenomena, Biometrika 37, 1950, with
neighbours that share a side; the two forms agree on square maps). 1 for a map that hardly changes from one
position to the next, −1/(kh·kw − 1) expected of positions in random order, −1 for a checkerboard. With few
positions it can pass 1 a little: a hump on an axis of n positions reaches n/(n − 1) · cos(π/(n + 1)).
"""

from __future__ import annotations

import torch

from wbsite.errors import WbsiteError

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


def _moments(maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean product of neighbours, averaged over axes, and mean square, of centred maps: (…) float64 both."""
    if maps.ndim < 2 or min(maps.shape[-2:]) < SMALLEST:
        raise WbsiteError(
            f"maps have shape {tuple(maps.shape)}; expected (…, kh, kw) of at least {SMALLEST}×{SMALLEST} positions.",
            "Smaller maps have too few neighbours to be called smooth or rough.",
        )
    x = maps.double()
    # A constant map has a mean that is rounded; what is left of it is no variation.
    largest = x.abs().amax((-2, -1), keepdim=True)
    x = x - x.mean((-2, -1), keepdim=True)
    x = torch.where(x.abs() > 1e-12 * largest, x, 0)
    down = (x[..., 1:, :] * x[..., :-1, :]).mean((-2, -1))
    along = (x[..., :, 1:] * x[..., :, :-1]).mean((-2, -1))
    return (down + along) / 2, x.square().mean((-2, -1))
