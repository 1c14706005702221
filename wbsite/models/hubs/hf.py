"""Networks of the Hugging Face Hub, `hf:USER/REPO`, from the Hub's cache where they are there, else over the network.

`hf:USER/REPO@REVISION` is another branch, tag or commit than "main", `hf:USER/REPO/FILE` one file of it. What a
repository holds decides what it is: a `config.json` with "architecture" is of timm, one with "architectures" of
transformers; either makes the network that it names, and the weights are put into it as into a user's own. A file of
ONNX, or else of weights, is what such a file is on its own. Nothing in a repository is run: weights are read by
`formats`, and networks whose code lies beside them are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from wbsite.core import registry
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.isolation import isolated
from wbsite.core.model_input import ModelInput
from wbsite.models.base import LoadedModel
from wbsite.models.formats import sharded

from . import _repository
from ._described import DescribedNetwork, described_network
from .base import Hub

if TYPE_CHECKING:
    from torch import nn

    from wbsite.models.formats import Format

    from ._repository import Repository

EXPECTED = "Expected hf:USER/REPO, hf:USER/REPO@REVISION or hf:USER/REPO/FILE."

CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"

USUAL = ("model", "pytorch_model", "diffusion_pytorch_model")
"""How weights are called that are meant to be used."""

LIKELY = ("safetensors", "pytorch")
"""Formats that are preferred to others, the first most."""

BESIDE = ("optimizer", "optim", "scheduler", "scaler", "rng_state", "training_args", "trainer_state")
"""How files begin that training leaves beside weights."""


def load(token: str, said: ModelInput | None) -> LoadedModel:
    """A network of the Hub, or weights of it.

    Raises:
        WbsiteError: there is no such repository, revision or file, or it can neither be found in the cache nor
            downloaded; it holds no weights, or several files of them; its network is of a library that is not
            installed or does not know it; the weights are not the network's.
    """
    target, _, revision = token.partition("@")
    match = re.fullmatch(r"hf:([\w.-]+/[\w.-]+)(?:/([^#]+)(#.+)?)?", target)
    if match is None:
        raise WbsiteError(f"{token!r} names no repository of the Hub.", EXPECTED)
    name, file, place = match[1], match[2] or "", match[3] or ""

    def complete(names: Sequence[str]) -> bool:
        return file in names if file else CONFIG in names and bool(_kinds(names, module_names=False))

    repository = _repository.find(name, revision or "main", complete)
    facts = {"repository": f"hf:{name}", "commit": repository.commit}
    if file and file not in repository.names:
        raise unknown(f"file in hf:{name}", file, repository.names)
    if file:
        return _of_file(repository, target, file, place, facts, said)
    if CONFIG in repository.names and (weights := _weights(repository.names, target, module_names=True)):
        path = repository.get(CONFIG)
        network = described_network(_json(path), path.parent, target)
        if network is not None:
            return _of_network(network, repository, target, weights, facts, said)
    weights = _weights(repository.names, target, module_names=False)
    if not weights:
        shown = ", ".join(list(repository.names)[:6]) or "nothing"
        reason = f" in the Hub's cache, and the Hub cannot be reached ({repository.unreachable})"
        raise WbsiteError(
            f"{target} holds no weights that wbsite reads; it holds {shown}{reason if repository.unreachable else ''}.",
            "Name a repository with the weights of a network, or one of its files: hf:USER/REPO/FILE.",
        )
    return _of_file(repository, target, weights, "", facts, said)


def _of_network(
    network: DescribedNetwork, repository: Repository, target: str, weights: str, facts: Mapping[str, Any],
    said: ModelInput | None,
) -> LoadedModel:  # fmt: skip
    from wbsite.models.loading import fill
    from wbsite.models.user import described, load_weights
    from wbsite.models.user_network import network_of

    def build() -> nn.Module:
        try:
            with isolated():
                return network_of(network.make(), target)
        except WbsiteError:
            raise
        except Exception as error:  # whatever the library says of a configuration that it does not take
            raise WbsiteError(
                f"the network that {CONFIG} of {target} names cannot be made: {type(error).__name__}: {error}",
                f"For the weights alone: {target}/{weights}.",
            ) from error

    net, path = build(), _fetched(repository, weights)
    try:
        facts = {**facts, "library": network.library, **load_weights(net, target, path)}
    except WbsiteError:
        # The library may have renamed the network's parts since they were saved, and knows how.
        if (renamed := network.renamed(path)) is None:
            raise
        fill(net, renamed)
        reading = f"Weights of the Hub, {weights}, under the names that {network.library} gives them."
        facts = {**facts, "library": network.library, "source_file": path.name, "reading": reading}
    note = str(facts["reading"]) or f"Weights of the Hub, {weights}."
    processor = _json(repository.get(PROCESSOR)) if PROCESSOR in repository.names else None
    said_of_it = SimpleNamespace(preprocessor_config=processor)
    label = repository.commit[:7]
    return described(net, target, build, facts, said, factory=said_of_it, weights=label, note=note)


def _of_file(
    repository: Repository, target: str, file: str, place: str, facts: Mapping[str, Any], said: ModelInput | None
) -> LoadedModel:
    from wbsite.models.user import load_file

    loaded = load_file(f"{_fetched(repository, file)}{place}", said)
    slug = re.sub(r"[^a-z0-9]+", "-", target.lower()).strip("-")
    spec = replace(loaded.spec, name=slug, title=target, weights=repository.commit[:7])
    return replace(loaded, spec=spec, provenance={**facts, **loaded.provenance})


def _fetched(repository: Repository, file: str) -> Path:
    """A file of the repository, and what belongs beside it: external data of ONNX, or the files that an index joins."""
    path = repository.get(file)
    folder = file.rpartition("/")[0]
    beside: list[str] = []
    if file.endswith(".onnx"):  # called after the model
        beside = [name for name in repository.names if name != file and name.startswith(file)]
    elif file.endswith(sharded.SUFFIXES):
        beside = [f"{folder}/{name}".lstrip("/") for name in sharded.files(path)]
    for name in beside:
        if name not in repository.names:
            raise unknown("file in the repository", name, repository.names)
        repository.get(name)
    return path


def _weights(names: Sequence[str], target: str, module_names: bool) -> str:
    """The file of weights that is meant among a repository's files, "" for none.

    Args:
        module_names: only files that keep a module's own parameter names.

    Raises:
        WbsiteError: several could be meant.
    """
    index = next((name for name in names if name.endswith(sharded.SUFFIXES)), "")
    if index and index.removesuffix(".index.json") not in names:
        return index
    kinds = _kinds(names, module_names)
    if not kinds:
        return ""
    likeliest = kinds[min(kinds)]
    if len(likeliest) > 1:
        shown = ", ".join(likeliest[:5]) + (", …" if len(likeliest) > 5 else "")
        raise WbsiteError(
            f"{target} holds several files of weights: {shown}.", f"Name one of them: {target}/{likeliest[0]}."
        )
    return likeliest[0]


def _kinds(names: Sequence[str], module_names: bool) -> dict[tuple[int, ...], list[str]]:
    """Files of weights by how likely they are meant, the smallest key the likeliest: a network's before weights alone,
    safetensors before what comes in pickles, a usual name before others, the repository's own folder before others."""
    found: dict[tuple[int, ...], list[str]] = {}
    formats: tuple[Format, ...] = registry.entries("formats")
    for name in names:
        last = name.rpartition("/")[2].lower()
        if last.endswith(".json") or last.startswith(BESIDE):
            continue
        known = ((kind, suffix) for kind in formats for suffix in kind.suffixes if last.endswith(suffix))
        kind, suffix = next(known, (None, ""))
        if kind is None or (module_names and not kind.module_names):
            continue
        order = LIKELY.index(kind.name) if kind.name in LIKELY else len(LIKELY)
        key = (kind.network is None, name.count("/"), order, last.removesuffix(suffix) not in USUAL)
        found.setdefault(key, []).append(name)
    return found


def _json(path: Path) -> dict[str, Any]:
    """A JSON object in a file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WbsiteError(f"{path} is no JSON: {error}.", "Download it again.") from error
    if not isinstance(value, dict):
        raise WbsiteError(f"{path} holds a {type(value).__name__}; expected an object.", "Download it again.")
    return value


HUBS = (
    Hub(
        "hf",
        "networks and weights of the Hugging Face Hub, from its cache or over the network: hf:USER/REPO (wbsite[hub])",
        load,
    ),
)
