"""Fetches published weights: downloads them, checks the digest before any byte is parsed, converts."""

from __future__ import annotations

from pathlib import Path

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress

from . import digest, weights
from .base import ModelSpec, Source
from .download import Full, Unobtainable, download

A_NUMBER, SPARE = 12, 1 << 26
"""Bytes that a published file may have for each number of its network, an optimizer's state included, and besides."""


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
        download(source.url, partial, largest(spec), progress)
        actual = digest.in_notation(partial, source.digest)
        if actual != source.digest.lower():
            partial.unlink()
            raise WbsiteError(
                f"what {source.url} sent has the digest {actual}; expected {source.digest}. It was not opened, and is"
                " not kept.",
                "Run the command again; if it stays so, another file is there now.",
            )
        partial.replace(path)
    except Unobtainable as error:
        reason = str(error)
        raise unavailable(spec, f"could not be fetched{'' if reason.startswith(':') else ' '}{reason}") from error
    except Full as error:
        cause = error.__cause__ if isinstance(error.__cause__, OSError) else OSError()
        raise weights.write_error(partial, cause) from error
    except OSError as error:
        raise weights.write_error(partial, error) from error
    return path


def largest(spec: ModelSpec) -> int:
    """Bytes that a published file of a network may have: those of its numbers, several times."""
    return A_NUMBER * sum(tensor.numel() for tensor in spec.build().state_dict().values()) + SPARE
