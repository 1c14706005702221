"""Networks by name, with their weights: `load("inceptionv1", weights_dir="weights")`."""

from __future__ import annotations

from pathlib import Path

from wbsite.core.naming import is_user

from .base import LoadedModel, ModelSpec

__all__ = ["LoadedModel", "ModelSpec", "load", "resolve"]


def resolve(name: str, weights: str | None = None, weights_dir: str | Path | None = None) -> tuple[ModelSpec, Path]:
    """Which weights `load` would take, and their file.

    Looks in `weights_dir`, then among the bundled checkpoints, then in the cache; without a label
    the model's default weights are preferred, but others are taken where a folder has only those.

    Args:
        name: public name, or NAME@LABEL.
        weights: label of the weights.
        weights_dir: folder of canonical files.

    Raises:
        WbsiteError: the model or label is unknown, or its weights are in none of the folders.
    """
    from .fetch import unavailable
    from .weights import find

    spec, path = find(name, weights, weights_dir)
    if path is None:
        raise unavailable(spec)
    return spec, path


def load(name: str, weights: str | None = None, weights_dir: str | Path | None = None) -> LoadedModel:
    """A network in evaluation mode, float32, its parameters frozen. Never downloads.

    Args:
        name: public name, NAME@LABEL, or a factory of the user's own, `module:factory[@FILE]`.
        weights: label of the weights; for a factory, the weights file.
        weights_dir: folder of canonical files, searched before the bundled ones and the cache.

    Raises:
        WbsiteError: as `resolve`, or the file is damaged or not this network's.
    """
    if is_user(name):
        from .user import load_user

        return load_user(name, weights)
    from .loading import load_spec

    return load_spec(*resolve(name, weights, weights_dir))
