"""Names of activation functions and the values at which each is flat; without torch, which the functions need."""

from __future__ import annotations

from collections.abc import Mapping

from wbsite.core.errors import unknown

SATURATION: Mapping[str, tuple[float, ...]] = {
    "tanh": (-1.0, 1.0),
    "relu": (0.0,),
    "leaky_relu": (),
    "elu": (-1.0,),
    "selu": (-1.7580993408473766,),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softsign": (-1.0, 1.0),
    "softplus": (0.0,),
    "relu6": (0.0, 6.0),
    "linear": (),
}
"""Name of each function of `activations` → the values at which it is flat, as limits of its range."""


def check_activation(name: str) -> None:
    """Refuses a name that is not an activation function's.

    Raises:
        WbsiteError: there is none of that name.
    """
    if name not in SATURATION:
        raise unknown("activation", name, SATURATION)
