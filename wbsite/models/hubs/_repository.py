"""The files of a repository of the Hugging Face Hub: those in the Hub's cache, or else over the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from wbsite.core.errors import WbsiteError, optional

from .base import quiet

LOG_IN = "log in with `hf auth login`"


@dataclass(frozen=True)
class Repository:
    """One state of a repository.

    Attributes:
        commit: its 40 hexadecimal digits.
        names: of its files, as far as they can be had.
        get: a file by name, downloaded if need be, all of them into one folder.
        unreachable: why these are only the files that the cache happens to have; "" where they are all that matter.
    """

    commit: str
    names: Sequence[str]
    get: Callable[[str], Path]
    unreachable: str = ""


def find(name: str, revision: str, complete: Callable[[Sequence[str]], object]) -> Repository:
    """A repository as the cache has it, where that is complete or the Hub cannot be reached; else as the Hub has it.

    Args:
        name: USER/REPO.
        revision: branch, tag or commit.
        complete: names of files → whether nothing can be missing among them.

    Raises:
        WbsiteError: huggingface_hub is not installed; there is no such repository or revision, it may not be read, or
            it is not in the cache and the Hub cannot be reached.
    """
    with optional("a name that begins with hf:", "hub"):
        import huggingface_hub  # noqa: F401
    cached = _cached(name, revision)
    if cached is not None and complete(cached.names):
        return cached
    try:
        with quiet():
            return _published(name, revision)
    except Exception as error:  # of whatever the library downloads with, which changes from version to version
        if (refused := _refused(name, revision, error)) is not None:
            raise refused from error
        if cached is None:
            raise _failed(f"hf:{name}", error, " and is not in the Hub's cache") from error
        return replace(cached, unreachable=_reason(error))


def _cached(name: str, revision: str) -> Repository | None:
    from huggingface_hub import CacheNotFound, constants, scan_cache_dir

    try:
        cache = scan_cache_dir(constants.HF_HUB_CACHE)
    except (CacheNotFound, ValueError):  # there is none, or a file is in its place
        return None
    for repository in cache.repos:
        if (repository.repo_type, repository.repo_id) != ("model", name):
            continue
        for state in repository.revisions:
            if revision in state.refs or (len(revision) > 6 and state.commit_hash.startswith(revision)):
                folder = state.snapshot_path
                names = sorted(file.file_path.relative_to(folder).as_posix() for file in state.files)
                return Repository(state.commit_hash, names, folder.joinpath)
    return None


def _published(name: str, revision: str) -> Repository:
    from huggingface_hub import HfApi, constants, hf_hub_download

    about = HfApi().model_info(name, revision=revision)

    def get(file: str) -> Path:
        try:
            with quiet():  # by the name of the revision, so that the cache knows it afterwards
                return Path(hf_hub_download(name, file, revision=revision, cache_dir=constants.HF_HUB_CACHE))
        except Exception as error:
            raise (_refused(name, revision, error) or _failed(f"hf:{name}/{file}", error, "")) from error

    return Repository(str(about.sha), [file.rfilename for file in about.siblings or ()], get)


def _refused(name: str, revision: str, error: Exception) -> WbsiteError | None:
    """What the Hub answers where it does not give a repository; None where there was no such answer."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return WbsiteError(
            f"hf:{name} is given only to those who accept its conditions.",
            f"Accept them on its page at the Hub, then {LOG_IN}.",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return WbsiteError(f"hf:{name} has no revision {revision!r}.", "Give a branch, a tag or a commit after the @.")
    if isinstance(error, errors.RepositoryNotFoundError):
        return WbsiteError(
            f"the Hub has no repository {name}, or keeps it private.",
            f"Check the name, USER/REPO; to read a private one, {LOG_IN}.",
        )
    return None


def _failed(what: str, error: Exception, besides: str) -> WbsiteError:
    return WbsiteError(
        f"{what} cannot be downloaded{besides}: {_reason(error)}",
        "Run it once where there is a network, and the cache has it from then on; or copy its files here and name one.",
    )


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
