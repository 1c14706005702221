"""A model as the user named it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelRequest:
    """`NAME`, `NAME@WEIGHTS` or `module:factory[@FILE]`, and where its weights are looked for first."""

    token: str
    weights_dir: str = ""

    @property
    def id(self) -> str:
        """The name of its pages and records: the token, with runs of anything but letters, digits
        and underscores replaced by a hyphen; of a weights file only the file name counts."""
        name, _, weights = self.token.partition("@")
        return re.sub(r"[^A-Za-z0-9_]+", "-", f"{name} {weights.rpartition('/')[2]}").strip("-")
