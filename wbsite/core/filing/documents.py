"""Small JSON documents that carry their own digest, so that whoever reads one knows whether it is as it was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

DIGEST = "sha256"
"""Name of the digest in a document: SHA-256 of the canonical text of all the rest."""


class Damaged(ValueError):
    """A document is not as it was written; the text says why, for the middle of a sentence."""


def canonical(value: Any) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def signed(document: Mapping[str, Any], name: str = DIGEST) -> bytes:
    """The text of a document with its digest, which `opened` takes out again.

    Args:
        name: of the digest, which the document itself has not.
    """
    assert name not in document
    return canonical({**document, name: hashlib.sha256(canonical(dict(document))).hexdigest()})


def opened(data: bytes, name: str = DIGEST) -> dict[str, Any]:
    """The document that `signed` wrote.

    Raises:
        Damaged: it is cut, changed, without a digest, or something else.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Damaged("it is no JSON") from error
    if not isinstance(document, dict):
        raise Damaged("it is no JSON object")
    if (digest := document.pop(name, None)) is None:
        raise Damaged("it has no digest")
    try:
        actual = hashlib.sha256(canonical(document)).hexdigest()
    except (ValueError, RecursionError) as error:  # numbers that JSON lacks, half a character
        raise Damaged("it holds what wbsite does not write") from error
    if actual != digest:
        raise Damaged("its digest is another's")
    return document
