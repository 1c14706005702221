"""Digests of weights files, in the notations that their publishers use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wbsite.core.errors import WbsiteError

if TYPE_CHECKING:
    import torch

CHUNK = 1 << 20


def sha256(path: Path, start: int = 0) -> str:
    """SHA-256 of a file's bytes from `start` on, as 64 hexadecimal digits."""
    return _hexdigest(path, hashlib.sha256(), start)


def of_state(state: Mapping[str, torch.Tensor], computation: str = "") -> str:
    """SHA-256 over the computation and, by name, shapes and bytes of the weights; 64 hexadecimal digits."""
    total = hashlib.sha256(computation.encode())
    for name, value in sorted(state.items()):
        total.update(f"{name} {tuple(value.shape)}\n".encode())
        total.update(value.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def _hexdigest(path: Path, digest: hashlib._Hash, start: int = 0) -> str:
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def in_notation(path: Path, expected: str) -> str:
    """The file's digest in the notation of `expected`, so that the two can be compared as texts.

    Args:
        expected: "algorithm:hex" as in `Source.digest`; the algorithm one of hashlib's,
            "git-sha1" (over `blob SIZE\\0` and the bytes) or "sha256-prefix" (as many digits of
            SHA-256 as `expected` has).

    Raises:
        WbsiteError: the algorithm is unknown.
    """
    algorithm, _, digits = expected.partition(":")
    in_hashlib = algorithm in hashlib.algorithms_available and not algorithm.startswith("shake")
    if not digits or not (in_hashlib or algorithm in ("git-sha1", "sha256-prefix")):
        raise WbsiteError(
            f"digest {expected!r} is of an unknown kind; expected ALGORITHM:HEX.",
            "Known: git-sha1, sha256-prefix, and hashlib's, such as sha256, sha1 and md5.",
        )
    if algorithm == "git-sha1":
        head = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
        return f"{algorithm}:{_hexdigest(path, head)}"
    if algorithm == "sha256-prefix":
        return f"{algorithm}:{sha256(path)[: len(digits)]}"
    return f"{algorithm}:{_hexdigest(path, hashlib.new(algorithm, usedforsecurity=False))}"


def matches(path: Path, expected: str) -> bool:
    """Whether the file has the digest."""
    return in_notation(path, expected) == expected.lower()
