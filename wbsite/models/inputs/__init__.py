"""What a network's input is: said by the user, said by the network, seen in its forward pass, or guessed."""

from __future__ import annotations

from .rules import FoundInput, find_input, said_of

__all__ = ["FoundInput", "find_input", "said_of"]
