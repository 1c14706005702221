"""Networks by name, with their weights: `load("inceptionv1", weights_dir="weights")`."""

from __future__ import annotations

from pathlib import Path

from wbsite.core import registry
from wbsite.core.model_input import ModelInput
from wbsite.core.naming import is_file, is_user, library_of

from .base import LoadedModel, ModelSpec
from .hubs.base import Hub

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


def load(
    name: str,
    weights: str | None = None,
    weights_dir: str | Path | None = None,
    said: ModelInput | None = None,
) -> LoadedModel:
    """A network in evaluation mode, float32, its parameters frozen. Only a library of networks may download (`hubs`).

    Args:
        name: public name, NAME@LABEL, a library's name, `timm:NAME`, or a factory of the user's own,
            `module:factory[@FILE]`, or a file that holds a network, as of ONNX.
        weights: label of the weights; for a factory, the weights file.
        weights_dir: folder of canonical files, searched before the bundled ones and the cache.
        said: what the user says of the network's input.

    Raises:
        WbsiteError: as `resolve`, or the file is damaged or not this network's.
    """
    if (library := library_of(name)) is not None:
        hub: Hub = registry.named("hubs", library, "library of networks")
        return hub.load(f"{name}@{weights}" if weights else name, said)
    if is_file(name):
        from .user import load_file

        return load_file(name, said)
    if is_user(name):
        from .user import load_user

        return load_user(name, weights, said)
    from .loading import load_spec

    return load_spec(*resolve(name, weights, weights_dir), said)
