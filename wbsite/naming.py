"""What names that the user gives say without loading anything."""

from __future__ import annotations

import re
from pathlib import Path


def is_user(token: str) -> bool:
    """Whether a name given to `--models` means a network of the user's own, `module:factory[@FILE]`."""
    return ":" in token.partition("@")[0]


def model_id(token: str) -> str:
    """The name of a model's pages and records; an id is its own id.

    The token, with runs of anything but letters, digits and underscores replaced by a hyphen; of a
    weights file only the file name counts.
    """
    name, _, weights = token.partition("@")
    return re.sub(r"[^A-Za-z0-9_]+", "-", f"{name} {weights.rpartition('/')[2]}").strip("-")


STUDY = "information-plane"
"""The suite that a study of many small networks is shown as, and its article."""


def beside(path: Path, named: str) -> Path:
    """A file that another one names: where it says, seen from that file's folder."""
    return path.parent / Path(named).expanduser()
