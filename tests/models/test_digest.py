"""Digests: a wrong one would let another file pass for the published weights, or refuse the right one."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from wbsite.core.errors import WbsiteError
from wbsite.models.digest import in_notation, matches, sha256

BYTES = b"weights" * 1000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "net.pth"
    path.write_bytes(BYTES)
    return path


def test_hashlib_and_prefix_digests(file: Path) -> None:
    whole = hashlib.sha256(BYTES).hexdigest()
    assert sha256(file) == whole
    assert sha256(file, start=7) == hashlib.sha256(BYTES[7:]).hexdigest()
    assert matches(file, f"sha256:{whole.upper()}".replace("SHA256", "sha256"))
    assert matches(file, f"sha256-prefix:{whole[:8]}")
    assert not matches(file, f"sha256-prefix:{whole[1:9]}")
    assert matches(file, f"sha1:{hashlib.sha1(BYTES).hexdigest()}")
    assert in_notation(file, "md5:0") == f"md5:{hashlib.md5(BYTES).hexdigest()}"


def test_git_sha1_is_what_git_says(file: Path) -> None:
    blob = subprocess.run(["git", "hash-object", str(file)], capture_output=True, text=True, check=True).stdout.strip()
    assert matches(file, f"git-sha1:{blob}")


def test_an_empty_prefix_or_unknown_algorithm_is_an_error(file: Path) -> None:
    for digest in ("sha257:00", "00", "shake_128:00", "sha256-prefix:", "sha1:"):
        with pytest.raises(WbsiteError, match="expected ALGORITHM:HEX"):
            matches(file, digest)
