"""Files of formats that are not read, by their content and what lies beside them: what they are, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from wbsite.core.errors import WbsiteError

from .base import DAMAGED, HEAD

COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"7z\xbc": "7-Zip",
}
"""How a file begins that holds another one, compressed."""

EXPORT = "Save or export the network to a format that wbsite reads, such as ONNX or .safetensors."

NCNN = b"7767517"
"""First line of the file that describes an ncnn network."""

DLIB = re.compile(rb"\x01.\x01.loss_[a-z_]+", re.DOTALL)
"""How dlib writes a network: two numbers, each after the count of its bytes, and the name of its loss."""

TABLE = bytes.fromhex("57fb808b247547db")
"""End of a table of LevelDB's, as a TensorFlow checkpoint's index is."""

SHARD = re.compile(r"\.data-\d{5}-of-\d{5}$")

BESIDE, LONGEST = 200, 1 << 24
"""Most manifests beside a file that are looked into, and bytes of one."""


def foreign(path: Path, head: bytes) -> WbsiteError | None:
    """The error for a file that no format claims and that can be told to be something else; None for any other.

    Args:
        head: its first bytes.
    """
    return next((error for rule in RULES if (error := rule(path, head)) is not None), None)


def _mistaken(path: Path, head: bytes) -> WbsiteError | None:
    """What people give for a weights file by mistake."""
    if path.suffix == ".py":
        return WbsiteError(
            f"{path} is Python code; expected a file of weights.",
            f"Name the function in it that makes the network, as in {path}:make, and its weights after an @.",
        )
    if not head:
        return WbsiteError(f"{path} is empty, perhaps truncated: it has 0 bytes.", DAMAGED)
    if head.startswith(b"version https://git-lfs"):
        return WbsiteError(
            f"{path} is a pointer of Git LFS, in place of the file.",
            "Run `git lfs pull` in its repository, or download the file itself again.",
        )
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return WbsiteError(
            f"{path} is a web page, in place of the file.",
            "Open it in a browser to see what the server said, and download the file itself again.",
        )
    return None


def _compressed(path: Path, head: bytes) -> WbsiteError | None:
    kind = next((kind for start, kind in COMPRESSED.items() if head.startswith(start)), "")
    if not kind and head[257:262] != b"ustar":
        return None
    return WbsiteError(f"{path} is an archive ({kind or 'tar'}).", "Unpack it, and name the file that was in it.")


def _numpy(path: Path, head: bytes) -> WbsiteError | None:
    if not head.startswith(b"\x93NUMPY"):
        return None
    save = "numpy.savez('weights.npz', **arrays)"
    if re.search(rb"'descr':[^,]*O", head):
        return WbsiteError(
            f"{path} is a NumPy file with a pickle in it (of dtype object), which is not opened: it could run code.",
            f"If you trust it, load it where it comes from, and save its arrays by name with {save}.",
        )
    return WbsiteError(f"{path} is a NumPy file of a single array; expected arrays by name.", f"Save them with {save}.")


def _ncnn(path: Path, head: bytes) -> WbsiteError | None:
    described = path.with_suffix(".param")
    if not head.startswith(NCNN) and not (path.suffix == ".bin" and _head(described).startswith(NCNN)):
        return None
    what = (
        "describes an ncnn network" if head.startswith(NCNN) else f"holds weights of ncnn ({described.name} beside it)"
    )
    return WbsiteError(f"{path} {what}; ncnn's files are not read.", f"Take the file it was converted from. {EXPORT}")


def _dlib(path: Path, head: bytes) -> WbsiteError | None:
    if not DLIB.match(head):
        return None
    return WbsiteError(f"{path} is a network of dlib; dlib's files are not read.", EXPORT)


def _checkpoint(path: Path, head: bytes) -> WbsiteError | None:
    """TensorFlow's, in three files of one name."""
    stem = SHARD.sub("", path.name).removesuffix(".index").removesuffix(".meta")
    if stem == path.name or _end(path.with_name(f"{stem}.index")) != TABLE:
        return None
    return WbsiteError(
        f"{path} is part of a TensorFlow checkpoint, which is not read.",
        "Convert it to ONNX with tf2onnx, or load it into its Keras model and save that with model.save('net.keras').",
    )


def _shard(path: Path, head: bytes) -> WbsiteError | None:
    """A piece of a TensorFlow.js model, which its manifest names."""
    from .tensorflow.tensorflowjs import claims

    name = f'"{path.name}"'.encode()
    for manifest in islice(sorted(path.parent.glob("*.json")), BESIDE):
        named = manifest != path and claims(manifest, _head(manifest)) and manifest.stat().st_size <= LONGEST
        if named and name in manifest.read_bytes():
            return WbsiteError(
                f"{path} holds numbers that {manifest.name} beside it gives the names and shapes of.",
                f"Name that: {manifest}.",
            )
    return None


RULES: tuple[Callable[[Path, bytes], WbsiteError | None], ...] = (
    _mistaken,
    _compressed,
    _numpy,
    _ncnn,
    _dlib,
    _checkpoint,
    _shard,
)
"""Each is given a file and its first bytes."""


def _head(path: Path) -> bytes:
    """A file's first bytes; none of one that cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _end(path: Path) -> bytes:
    """A file's last eight bytes; none of one that cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(-8, 2)
            return file.read()
    except OSError:
        return b""
