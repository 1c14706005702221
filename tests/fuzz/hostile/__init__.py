"""Files made on purpose, one small function a kind: each is of a kind that a reader once read wrong.

They are harmless to other software as far as that reads what they are: small files whose numbers, types or nesting
claim what is not there. What they did is said of each.
"""

from . import networks, other_weights, text_and_pictures, torch_files  # noqa: F401 - registers what is in them
from .base import Made, inputs, kind, kinds

__all__ = ["Made", "inputs", "kind", "kinds"]
