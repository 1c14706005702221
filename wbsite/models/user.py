"""The user's own network: `package.module:factory`, with or without a weights file."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from wbsite.core import registry
from wbsite.core.errors import WbsiteError, nearest, unknown
from wbsite.core.filing.paths import expanded
from wbsite.core.isolation import isolated
from wbsite.core.model_input import ModelInput
from wbsite.core.naming import without_folders
from wbsite.graph.recording import Recorded

from . import digest as digests
from . import formats, memory
from .base import LoadedModel, ModelSpec
from .file_networks.keras_network import KerasNetwork
from .fitting import fitted
from .inputs import NoInput, find_input
from .loading import fill, float_state
from .used_values import check_used
from .user_network import network_of
from .weights_alone import weights_alone

EXPECTED = (
    "Expected MODULE:FACTORY or MODULE:FACTORY@WEIGHTS_FILE, as in `mynet:build@mynet.pth` or `./mynet.py:build`."
)

_MOVED: dict[str, Path] = {}
"""Module → the folder that importing it changed to, where its factory looks for its files."""


def load_user(token: str, weights_path: str | Path | None = None, said: ModelInput | None = None) -> LoadedModel:
    """Imports the user's module or file, calls the factory, loads the weights and finds the input's shape.

    The working folder is put on Python's path, and stays there: the network may import more when it
    runs. Without a weights file the network keeps what the factory gives it; where that is random,
    it is the same at every call (generators start from 0 for the factory).

    Args:
        token: `package.module:factory` or `path/to/file.py:factory`, with `@weights_file` behind it, and behind that
            `#place` where a file holds several sets of weights.
        weights_path: the weights file, if the token names none; of a format that keeps a module's own parameter
            names, as .safetensors and .pth do.
        said: what the user says of the network's input.

    Returns:
        The network. Its digest is SHA-256 over the weights and over the recorded computation, since the same weights
        in another forward pass give other results.

    Raises:
        WbsiteError: the token does not name a factory; the import or the factory fails; the factory returns
            no module, or one without convolutions; no input of any usual shape passes; the weights
            are unreadable, another network's, or not finite.
    """
    target, _, named_file = token.partition("@")
    module_name, _, factory_name = target.partition(":")
    if not module_name or not factory_name:
        raise WbsiteError(f"{token!r} does not name a network.", EXPECTED)
    if "@" in token and not named_file:
        raise WbsiteError(f"{token!r} names no weights file after the @.", EXPECTED)
    if named_file and weights_path is not None:
        raise WbsiteError(f"two weights files for {target}: {named_file} and {weights_path}.", "Give one of them.")
    weights = named_file or weights_path
    factory = _factory(module_name, factory_name)
    build = partial(_build, factory, target)
    net = build()
    module = without_folders(target).rpartition(":")[0]
    provenance: dict[str, Any] = {"module": module, "factory": factory_name, "source_file": None}
    if weights:
        provenance |= load_weights(net, target, weights)
    return described(net, target, build, provenance, said, factory=factory, note=provenance.get("reading", ""))


def load_file(token: str, said: ModelInput | None = None) -> LoadedModel:
    """The network that a file describes, as ONNX's do, with its weights; or the weights of a file that has no network.

    Args:
        token: its path, with `#place` behind it where a file holds several sets of weights.
        said: what the user says of the network's input.

    Raises:
        WbsiteError: the file is of no known format, damaged, or holds no kernels; its network's input cannot be found.
    """
    path, chosen = _place(expanded(token))
    kind = formats.format_of(path)
    if chosen and kind.network is not None:
        raise WbsiteError(
            f"{path} holds one network; there is no place {chosen!r} to choose in it.", f"Leave #{chosen} out."
        )
    if kind.network is None:
        return weights_alone(path, chosen, token, said)
    with memory.bounded(path, kind.name, whole=True):
        return _network_file(path, kind, partial(kind.network, path), token, said)


def _network_file(
    path: Path, kind: formats.Format, build: Callable[[], nn.Module], token: str, said: ModelInput | None
) -> LoadedModel:
    """The network that a file describes; its weights alone where it turns out to give no forward pass."""
    try:
        with isolated():
            net = network_of(build(), token)
    except formats.NoForwardPass as reason:
        return weights_alone(path, "", token, said, str(reason))
    reading = getattr(net, "reading", "")
    provenance = {
        "source_file": path.name,
        "source_format": kind.name,
        "source_digest": f"sha256:{digests.sha256(path)}",
        **({"reading": reading} if reading else {}),
    }
    try:
        loaded = described(net, token, build, provenance, said, note=reading)
    except NoInput as error:
        if said and said.input:  # which is wrong, then
            raise
        why = " ".join(f"{error.message} {error.hint}".split()).rstrip(".")
        return weights_alone(path, "", token, said, why)
    return replace(loaded, spec=replace(loaded.spec, title=path.name))


def described(
    net: nn.Module,
    target: str,
    build: Callable[[], nn.Module],
    provenance: Mapping[str, Any],
    said: ModelInput | None,
    *,
    factory: object = None,
    weights: str = "own",
    note: str = "",
) -> LoadedModel:
    """A network that comes without a specification: checked, its input found, ready to be looked at.

    Args:
        target: its name in messages and on pages.
        provenance: where it comes from.
        said: what the user says of its input.
        factory: what may say something of its input as well.
        weights: label of its weights.
        note: to precede how its input was found.

    Raises:
        WbsiteError: a parameter is not finite, or the input cannot be found.
    """
    found = find_input(net, factory, target, said)
    note = " ".join(filter(None, (note, found.note, check_used(net, found.layers.input_shape, target))))
    spec = ModelSpec(
        name=re.sub(r"[^a-z0-9]+", "-", target.lower()).strip("-"),
        weights=weights,
        title=without_folders(target),
        build=build,
        preprocess=found.preprocess,
        note=note,
        assumed=found.assumed,
        turned=found.turned,
        arguments=said.arguments if said else (),
    )
    with isolated():
        net.eval().requires_grad_(False)
    digest = digests.of_state(float_state(net), Recorded.of(net, found.layers.input_shape).tape.digest)
    return LoadedModel(net, spec, digest, provenance={**provenance, "input": found.note})


def _factory(module_name: str, factory_name: str) -> Callable[[], object]:
    factory: object = _import(module_name)
    for part in factory_name.split("."):
        if not hasattr(factory, part):
            public = [name for name, value in vars(factory).items() if callable(value) and not name.startswith("_")]
            raise unknown(f"factory in {module_name}", factory_name, public)
        factory = getattr(factory, part)
    if not callable(factory) or isinstance(factory, nn.Module):
        raise WbsiteError(
            f"{module_name}:{factory_name} is of type {type(factory).__name__}; expected a function making a network.",
            "Write a function without arguments that returns the torch.nn.Module, and name that.",
        )
    return factory


def _import(name: str) -> ModuleType:
    folder = Path.cwd()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        with isolated():
            module = _from_file(Path(name)) if name.endswith(".py") else importlib.import_module(name)
            if Path.cwd() != folder:
                _MOVED[name] = Path.cwd()
    except ModuleNotFoundError as error:
        if name.endswith(".py") or error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _import_failed(name, error) from error
        close = nearest(name, [path.stem for path in folder.glob("*.py")])
        raise WbsiteError(
            f"there is no Python module {error.name!r} in {folder} or among the installed packages.",
            f"Did you mean {' or '.join(map(repr, close))}?" if close else "Run wbsite in the folder the module is in.",
        ) from error
    except WbsiteError:
        raise
    except Exception as error:
        raise _import_failed(name, error) from error
    return module


def _from_file(path: Path) -> ModuleType:
    """The module of a file anywhere, which may import those beside it.

    It is imported under a name that only it has: another `model.py` may be imported already.
    """
    path = expanded(path).resolve()
    if not path.is_file():
        raise WbsiteError(f"there is no file {path}.", "Give the path of a Python file, as in ./mynet.py:build.")
    name = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "the suffix .py has a loader"
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _import_failed(name: str, error: BaseException) -> WbsiteError:
    return WbsiteError(
        f"importing {name} fails: {type(error).__name__}: {error}",
        f"Try `python {name}`." if name.endswith(".py") else f"Try `python -c 'import {name}'` in the same folder.",
    )


def _build(factory: Callable[[], object], target: str) -> nn.Module:
    """A fresh network, the same at every call, whatever random numbers were drawn before."""
    try:
        with isolated():
            if folder := _MOVED.get(target.partition(":")[0]):
                os.chdir(folder)
            made = factory()
    except Exception as error:
        raise WbsiteError(
            f"{target} fails: {type(error).__name__}: {error}",
            "wbsite calls it without arguments; it must return the network.",
        ) from error
    with isolated():
        return network_of(made, target)


def load_weights(net: nn.Module, target: str, source: str | Path) -> dict[str, Any]:
    """Puts the weights of a file into the network; returns what is recorded of the file, `reading` how it was read.

    Args:
        source: the file, or FILE#PLACE for one of several places in it that hold weights.
    """
    path, chosen = _place(source)
    kind = formats.format_of(path)
    if not kind.module_names and not isinstance(net, KerasNetwork):
        known = [entry.name for entry in registry.entries("formats") if entry.module_names]
        saved = f"ave the weights as one of {', '.join(known)}."
        if kind.network is not None:
            raise WbsiteError(
                f"{path} is a network by itself ({kind.summary}), without the names of the parameters of {target}.",
                f"Name it alone, as in --models {path}; or s{saved}",
            )
        raise WbsiteError(
            f"{path} is no weights file for {target}: {kind.name} files do not hold the names of its parameters.",
            f"S{saved}",
        )
    contents = formats.read(path)
    reading = ""
    if isinstance(net, KerasNetwork):
        net.load_weights(path)
    else:
        parameters = float_state(net)
        # A parameter that two modules share is stored once, under either name.
        names: dict[int, list[str]] = {}
        for name, value in parameters.items():
            names.setdefault(value.data_ptr() if value.numel() else id(value), []).append(name)
        found = fitted(parameters, list(names.values()), contents.tables or {"": contents.state}, path, target, chosen)
        fill(net, found.state)
        reading = found.reading
    return {
        "source_file": path.name,
        "source_format": contents.format,
        "source_digest": f"sha256:{digests.sha256(path)}",
        **({"source_place": chosen} if chosen else {}),
        "reading": reading,
    }


def _place(source: str | Path) -> tuple[Path, str]:
    """A file and what follows a # after its name; a file whose own name has one is that file."""
    path = Path(source)
    if path.exists() or "#" not in path.name:
        return path, ""
    name, _, chosen = str(source).rpartition("#")
    return Path(name), chosen
