"""A model as the user named it."""

from __future__ import annotations

from dataclasses import dataclass

from ..naming import model_id


@dataclass(frozen=True)
class ModelRequest:
    """`NAME`, `NAME@WEIGHTS` or `module:factory[@FILE]`, and where its weights are looked for first."""

    token: str
    weights_dir: str = ""

    @property
    def id(self) -> str:
        """The name of its pages and records."""
        return model_id(self.token)
