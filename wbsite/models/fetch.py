"""Downloads published weights: resumes, checks the digest before any byte is parsed, converts."""

from __future__ import annotations

import http.client
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress

from . import digest, weights
from .base import ModelSpec, Source

CHUNK = 1 << 20
TIMEOUT = 30.0
"""Seconds without a byte after which a connection counts as lost."""


class _ConnectionLost(Exception):
    """The connection ended before the file did."""


def downloads() -> Path:
    """Folder of files as they were downloaded, where `fetch` also finds one put there by hand."""
    return weights.cache_folder() / "downloads"


def fetch(name: str, label: str | None = None, progress: Progress | None = None) -> Path:
    """The model's canonical file in the cache, downloaded and converted where it is not there yet.

    Without a label, the default weights, or the first that have a published address. A file with
    the right name and digest in `downloads()` is used instead of the network.

    Raises:
        WbsiteError: nothing is published for the model, the server cannot be reached, the digest
            is wrong, no space is left, or the file does not convert.
    """
    progress = progress or Progress()
    specs = weights.candidates(name, label)
    spec = next((spec for spec in specs if spec.source), None)
    if spec is None or spec.source is None:
        raise _unpublished(specs[0])
    path = weights.weights_cache() / weights.file_name(spec)
    if path.is_file():
        weights.check_data(path, weights.read_provenance(path))
        return path
    source = _obtain(spec, spec.source, progress)
    progress.step(f"convert {source.name}")
    from .convert import convert

    return convert(source, spec.name, spec.weights, weights.weights_cache())


def unavailable(spec: ModelSpec, reason: str = "are not on this machine") -> WbsiteError:
    """The error for weights that are in none of the folders and cannot be downloaded."""
    if spec.source is None:
        return _unpublished(spec)
    options = f"{spec.name} --weights {spec.weights}"
    return WbsiteError(
        f"the weights {spec.weights!r} of {spec.name} {reason}. They are published at {spec.source.url} "
        f"(digest {spec.source.digest}).",
        f"With a network: `wbsite weights fetch {options}`. Without: put the file at "
        f"{downloads() / spec.source.filename} and run the same, or run `wbsite weights convert FILE --model {options} "
        f"--out DIR` and build with --weights-dir DIR. {_alternatives()}",
    )


def _unpublished(spec: ModelSpec) -> WbsiteError:
    if (weights.BUNDLED / weights.file_name(spec)).is_file():
        return WbsiteError(
            f"the weights {spec.weights!r} of {spec.name} come with wbsite: there is nothing to fetch.",
            f"Use --models {spec.name}.",
        )
    return WbsiteError(
        f"the weights {spec.weights!r} of {spec.name} are not on this machine and are published nowhere wbsite knows. "
        f"{spec.note}".strip(),
        f"Convert a file of your own with `wbsite weights convert FILE --model {spec.name} --weights {spec.weights} "
        f"--out DIR` and build with --weights-dir DIR. {_alternatives()}",
    )


def _alternatives() -> str:
    names = weights.bundled()
    return f"Bundled, and ready without a network: {', '.join(names)}." if names else ""


def _obtain(spec: ModelSpec, source: Source, progress: Progress) -> Path:
    """The downloaded file, its digest checked."""
    path = downloads() / source.filename
    if path.is_file():
        if digest.matches(path, source.digest):
            return path
        raise WbsiteError(
            f"{path} has the digest {digest.in_notation(path, source.digest)}; expected {source.digest}.",
            f"Delete it and run `wbsite weights fetch {spec.name} --weights {spec.weights}` again, or put the right "
            f"file there.",
        )
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _reported(spec, partial):
            _download(source.url, partial, progress)
        actual = digest.in_notation(partial, source.digest)
        if actual != source.digest.lower():
            rejected = path.with_name(f"{path.name}.rejected")
            partial.replace(rejected)
            raise WbsiteError(
                f"what {source.url} sent has the digest {actual}; expected {source.digest}. It was not opened.",
                f"Run the command again; if it stays so, another file is there now. What came is kept as {rejected}.",
            )
        partial.replace(path)
    except OSError as error:
        raise weights.write_error(partial, error) from error
    return path


@contextmanager
def _reported(spec: ModelSpec, partial: Path) -> Iterator[None]:
    """Turns what a network can do to a download into the error that says how to go on."""
    try:
        yield
    except urllib.error.HTTPError as error:
        raise unavailable(spec, f"could not be fetched: the server answered {error.code} {error.reason}") from error
    except (_ConnectionLost, http.client.HTTPException) as error:
        size = partial.stat().st_size if partial.exists() else 0
        raise unavailable(
            spec, f"could not be fetched whole: the connection ended after {size} bytes ({error}), which are kept"
        ) from error
    except urllib.error.URLError as error:
        raise unavailable(spec, f"could not be fetched: {error.reason}") from error
    except (TimeoutError, ConnectionError, ssl.SSLError) as error:
        raise unavailable(spec, f"could not be fetched: {error}") from error


def _download(url: str, partial: Path, progress: Progress) -> None:
    """Downloads to `partial`, going on where it ends; tries again after a lost connection if bytes have come."""
    while True:
        start = partial.stat().st_size if partial.exists() else 0
        try:
            _transfer(url, partial, start, progress)
            return
        except (_ConnectionLost, http.client.IncompleteRead, TimeoutError, ConnectionError, ssl.SSLError):
            if not partial.exists() or partial.stat().st_size <= start:
                raise


def _transfer(url: str, partial: Path, start: int, progress: Progress) -> None:
    """One request for the bytes from `start` on, which are appended to `partial`."""
    headers = {"User-Agent": "wbsite", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
            raise
        # There is nothing beyond `start`: either the partial file is the whole one, or it is too long.
        if error.headers.get("Content-Range", "").rpartition("/")[2] == str(start):
            return
        partial.unlink()
        _transfer(url, partial, 0, progress)
        return
    with answer:
        resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT and _starts_at(answer, start)
        size = start if resumed else 0
        length = answer.headers.get("Content-Length")
        total = size + int(length) if length and length.isdigit() else None
        progress.step(f"download {partial.stem} (MiB)", None if total is None else -(-total // CHUNK))
        progress.advance(size // CHUNK)
        with partial.open("ab" if resumed else "wb") as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                progress.advance((size + len(chunk)) // CHUNK - size // CHUNK)
                size += len(chunk)
    if total is not None and size < total:
        raise _ConnectionLost(f"{total} were announced")


def _starts_at(answer: http.client.HTTPResponse, start: int) -> bool:
    """Whether a partial answer is the part that was asked for."""
    match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return match is not None and int(match[1]) == start
