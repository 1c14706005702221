"""What names that the user gives say without loading anything."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from . import registry
from .errors import WbsiteError
from .filing.paths import expanded


def is_user(token: str) -> bool:
    """Whether a name given to `--models` means a network of the user's own, `module:factory[@FILE]`."""
    return ":" in token.partition("@")[0] and library_of(token) is None and not is_file(token)


def is_file(token: str) -> bool:
    """Whether a name given to `--models` is that of an existing file, as in `runs/net.onnx`, or `FILE#PLACE`.

    A name without a dot or a folder is a model's; a file of such a name is written `./NAME`.
    """
    if {".", "/"}.isdisjoint(token) or library_of(token) is not None:
        return False
    return any(path and expanded(path).is_file() for path in (token, token.rpartition("#")[0]))


def is_own(token: str) -> bool:
    """Whether a name means a network of the user's own, by a factory or by a file."""
    return is_user(token) or is_file(token)


def library_of(token: str) -> str | None:
    """The library that a network is to be taken from, as in `timm:resnet50`; None for a network of another kind."""
    prefix, colon, _ = token.partition(":")
    return prefix if colon and prefix in registry.names("hubs") else None


@dataclass(frozen=True)
class ModelName:
    """How one of the models of a build is called.

    Attributes:
        id: of its pages and records.
        title: on pages and in menus; "" for the network's own, where that tells it from the others.
    """

    id: str
    title: str = ""


def model_id(token: str) -> str:
    """The id of a model that is named alone; an id is its own id.

    The token, with runs of anything but letters, digits and underscores replaced by a hyphen; of a file only the file
    name counts. Where nothing is left of it, a digest.
    """
    return _id(token, 1) or _digest(token)


def model_names(tokens: Sequence[str]) -> dict[str, ModelName]:
    """The names of the models of one build, by what differs, whatever their order.

    A model has the id that it has alone (`model_id`) and the network's own title. Those that would share one, without
    regard to case, get as many folders of their file's path as it takes, from the right:
    `make@runs/a/last.ckpt` and `make@runs/b/last.ckpt` are `make-a-last-ckpt` and `make-b-last-ckpt`. Where ids differ
    in nothing but what is replaced in them, a digest of the token follows.

    Args:
        tokens: as `--models` names them, each once.

    Raises:
        WbsiteError: two of them are the same, written differently.
    """
    texts = _apart(tokens, _text)
    for same in _groups(tokens, lambda token: _text(token, texts[token])):
        if len(same) > 1:
            raise WbsiteError(f"{same[0]} and {same[1]} are the same model.", "Name every model once.")
    lengths = _apart(tokens, lambda token, length: _id(token, length).lower())
    ids = {token: _id(token, lengths[token]) for token in tokens}
    for shared in _groups(tokens, lambda token: ids[token].lower()):
        for token in shared:
            if not ids[token] or (len(shared) > 1 and ids[token] != token):
                ids[token] = f"{_id(token, texts[token])}-{_digest(token)}".strip("-")
    return {token: ModelName(ids[token], _title(token, texts[token], tokens)) for token in tokens}


def _apart(tokens: Sequence[str], key: Callable[[str, int], Hashable]) -> dict[str, int]:
    """Token → how many parts of its path, from the right, make its key differ from all others'; all where none do."""
    lengths = dict.fromkeys(tokens, 1)
    while True:
        keys = {token: key(token, lengths[token]) for token in tokens}
        shared = [token for group in _groups(tokens, keys.__getitem__) if len(group) > 1 for token in group]
        longer = [token for token in shared if lengths[token] < len(_parts(token)[1])]
        if not longer:
            return lengths
        lengths |= {token: lengths[token] + 1 for token in longer}


def _groups(tokens: Iterable[str], key: Callable[[str], Hashable]) -> Iterator[list[str]]:
    """Tokens of one key together."""
    groups: dict[Hashable, list[str]] = {}
    for token in tokens:
        groups.setdefault(key(token), []).append(token)
    yield from groups.values()


def _parts(token: str) -> tuple[str, tuple[str, ...]]:
    """What makes the network, "" where a file alone is named, and the parts of that file's path, () without one."""
    alone = is_file(token) or ("/" in token and ":" not in token)  # where pages are made, it may not be there
    target, _, path = ("", "", token) if alone else token.partition("@")
    return target.removeprefix("./"), PurePath(path).parts


def _end(token: str, length: int) -> str:
    parts = _parts(token)[1]
    return str(PurePath(*parts[-length:])) if parts else ""


def _text(token: str, length: int) -> tuple[str, str]:
    """What is told apart in titles."""
    return _parts(token)[0], _end(token, length)


def without_folders(target: str) -> str:
    """What makes a network, as pages may show it: of a path from the root or from home, the file and the factory."""
    path, colon, factory = target.rpartition(":")
    whole = PurePath(path).is_absolute() or path.startswith("~")
    return f"{PurePath(path).name}{colon}{factory}" if whole else target


def _id(token: str, length: int) -> str:
    text = re.sub(r"[^A-Za-z0-9_]+", "-", f"{without_folders(_parts(token)[0])} {_end(token, length)}").strip("-")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}-{_digest(token)}"


def _title(token: str, length: int, tokens: Iterable[str]) -> str:
    target, end = _text(token, length)
    if not target:
        return end
    targets, shown = [_parts(other)[0] for other in tokens], without_folders(target)
    if any(other != target and without_folders(other) == shown for other in targets):
        return f"{shown} ({_digest(token)})"
    named = is_user(token) or library_of(token) is not None  # others have a title for each of their weights
    return f"{without_folders(token.partition('@')[0])} ({end})" if end and targets.count(target) > 1 and named else ""


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:6]


LONGEST = 120
"""Letters of an id, which names folders and files."""

STUDY = "information-plane"
"""The suite that a study of many small networks is shown as, and its article."""

CENSUS = "census"
"""The suite that the networks of packages are shown as."""

CONTROLS = "controls"
"""The suite of small networks that are trained to tell apart what the census cannot."""


def public(name: str) -> str:
    """A name of the user's as pages may show it: without what HTML and Markdown would take for their own."""
    return re.sub(r"[^\w.,:+=()-]+", "-", name)


def data_of(study: Path, dataset: str) -> tuple[str, Path | None]:
    """A data set as a study's file names it: what comes before the path of its own file, and that path, seen from the
    study's folder; None where it has no file."""
    kind, _, path = dataset.partition(":")
    if path.partition(":")[0] == "zero-mean":
        kind, path = f"{kind}:zero-mean", path.partition(":")[2]
    return kind, study.parent / expanded(path) if path else None
