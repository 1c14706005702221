"""What a network's input is: said by the user, said by the network, seen in its forward pass, or guessed."""

from __future__ import annotations

from .rules import FoundInput, find_input, said_of
from .statement import NoInput

__all__ = ["FoundInput", "NoInput", "find_input", "said_of"]
