"""What names that the user gives say without loading anything."""

from __future__ import annotations

import os
import re
from pathlib import Path

from . import registry


def is_user(token: str) -> bool:
    """Whether a name given to `--models` means a network of the user's own, `module:factory[@FILE]`."""
    return ":" in token.partition("@")[0] and library_of(token) is None and not is_file(token)


def is_file(token: str) -> bool:
    """Whether a name given to `--models` is that of an existing file, as in `runs/net.onnx` or `last.ckpt#ema`."""
    if "." not in token or library_of(token) is not None:
        return False
    return any(Path(name).expanduser().is_file() for name in (token, token.rpartition("#")[0]) if name)


def is_own(token: str) -> bool:
    """Whether a name means a network of the user's own, by a factory or by a file."""
    return is_user(token) or is_file(token)


def library_of(token: str) -> str | None:
    """The library that a network is to be taken from, as in `timm:resnet50`; None for a network of another kind."""
    prefix, colon, _ = token.partition(":")
    return prefix if colon and prefix in registry.names("hubs") else None


def model_id(token: str) -> str:
    """The name of a model's pages and records; an id is its own id.

    The token, with runs of anything but letters, digits and underscores replaced by a hyphen; of a
    weights file only the file name counts.
    """
    name, _, weights = token.partition("@")
    return re.sub(r"[^A-Za-z0-9_]+", "-", f"{name} {weights.rpartition('/')[2]}").strip("-")


STUDY = "information-plane"
"""The suite that a study of many small networks is shown as, and its article."""


def public(name: str) -> str:
    """A name of the user's as pages may show it: without what HTML and Markdown would take for their own."""
    return re.sub(r"[^\w.,:+=()-]+", "-", name)


def data_of(study: Path, dataset: str) -> tuple[str, Path | None]:
    """A data set as a study's file names it: what comes before the path of its own file, and that path, seen from the
    study's folder; None where it has no file."""
    kind, _, path = dataset.partition(":")
    if path.partition(":")[0] == "zero-mean":
        kind, path = f"{kind}:zero-mean", path.partition(":")[2]
    return kind, study.parent / os.path.expanduser(path) if path else None
