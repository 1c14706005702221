"""The list, in a folder of generated files, of what wbsite wrote there: it decides what may be replaced and removed.

It carries a digest, and is believed only if that is right and every name in it leads to something in the folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .documents import Damaged, opened
from .files import held, is_plain


@dataclass(frozen=True)
class OwnFiles:
    """What a list says.

    Attributes:
        document: all of it; empty where there is none, or it is not believed.
        files: name → SHA-256 of the files that wbsite wrote, which may be replaced and removed.
        replaceable: names of files that may be replaced: these, or of a list that is not believed those files that are
            just as it says.
        doubt: why the list is not believed, in one sentence; "" where it is.
    """

    document: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    replaceable: frozenset[str] = frozenset()
    doubt: str = ""


def own_files(path: Path, files_of: Callable[[Mapping[str, Any]], Mapping[str, str]]) -> OwnFiles:
    """Reads a list.

    Args:
        path: of the list, in the folder that it is of.
        files_of: its document → name → SHA-256 of the files in it.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return OwnFiles()
    except OSError as error:
        return OwnFiles(doubt=_doubt(path, error.strerror or "it cannot be read"))
    try:
        document = opened(data)
        files = dict(files_of(document))
    except Damaged as error:
        return OwnFiles(replaceable=_borne_out(path.parent, data, files_of), doubt=_doubt(path, str(error)))
    except (KeyError, TypeError, AttributeError, ValueError):
        return OwnFiles(doubt=_doubt(path, "it lists no files"))
    if outside := next((name for name in files if not is_plain(name)), None):
        reason = f"it names {outside!r}, which does not lie in this folder"
        return OwnFiles(replaceable=_borne_out(path.parent, data, files_of), doubt=_doubt(path, reason))
    return OwnFiles(document, files, frozenset(files))


def _doubt(path: Path, reason: str) -> str:
    return f"the list of files {path} is not believed ({reason}): what it alone names stays where it is"


def _borne_out(root: Path, data: bytes, files_of: Callable[[Mapping[str, Any]], Mapping[str, str]]) -> frozenset[str]:
    """Names in a list without a right digest whose files have just the content that it says."""
    try:
        files = dict(files_of(json.loads(data)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return frozenset()
    return frozenset(
        name
        for name, digest in files.items()
        if is_plain(name) and (content := held(root, name)) is not None and _sha256(content) == digest
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
