"""How much memory a file of weights may take: asked for before room is made, and held to by the system.

A file of a few bytes can claim shapes of gigabytes, or unpack to them. Whoever reads one does it within `bounded`, and
asks with `take` before making room for what the file claims; refusal costs nothing then. What libraries make room for
without asking (torch, HDF5, zlib) is held to the same bound by the system where that can do it: on Linux, allocations
of the process fail beyond it while its main thread reads the file. Reading stays in this process. A process of its own
would be held to a bound as well, but costs two seconds and a copy of all weights a file, and cannot hand on networks,
which are functions.

The bound is what `--max-weights-memory` says; else `TIMES` the size of the file and of those it names beside it, at
least `LEAST`, twice that where its network is run as well, and at most three quarters of the memory that is free.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import RLock, current_thread, main_thread

from wbsite.core.errors import WbsiteError
from wbsite.core.machine import bytes_in, data_size, free_memory

LEAST, TIMES = 1 << 30, 16
"""Bytes of memory that any file may take, and how many times its own size a larger one may: half precision that becomes
float32, beside the bytes read and a turned copy, takes seven times as many."""

THREAD = 1 << 24
"""Bytes for the stack of a thread that a library starts meanwhile; the system counts them."""

_allowed: ContextVar[int | None] = ContextVar("allowed", default=None)
_current: ContextVar[_Bound | None] = ContextVar("current", default=None)
_LOCK = RLock()
"""The system's bound is one of the process: one file is read at a time."""


class Unforeseen(WbsiteError):
    """Reading a file failed in a way that its reader has no words for."""


class _Bound:
    """What one file may take, and what was asked for.

    Args:
        path: the file, for messages.
        whole: whether its network is run as well, which may take twice LEAST.
    """

    def __init__(self, path: Path, whole: bool) -> None:
        self.path, self.whole, self.taken = path, whole, 0
        self.size = path.stat().st_size if path.is_file() else 0
        self.names = {path.absolute()}
        self._free = free_memory()
        main = current_thread() is main_thread()  # others share the process with other work, as a Dask worker's do
        self.before, self._soft = data_size() if main else None, 0
        if self.before is not None:
            import resource

            self._soft = resource.getrlimit(resource.RLIMIT_DATA)[0]

    @property
    def most(self) -> int:
        """Bytes that it may take."""
        if (allowed := _allowed.get()) is not None:
            return allowed
        most = sys.maxsize if self._free is None else 3 * self._free // 4
        return min(most, max(LEAST << self.whole, TIMES * self.size))

    def refusal(self, wanted: str = "") -> WbsiteError:
        return WbsiteError(
            f"{self.path} takes more than the {_size(self.most)} of memory that it may take{wanted}.",
            "If it is meant to be so large, allow it more, as in --max-weights-memory 16G.",
        )

    def hold(self) -> None:
        """Has the system refuse this process what is beyond the bound, where it can."""
        if self.before is None:
            return
        import resource

        import torch

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limits = [self.before + self.most + THREAD * torch.get_num_threads()]
        limits += [limit for limit in (hard, self._soft) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))


@contextmanager
def _held(bound: _Bound) -> Iterator[None]:
    """Within the system's bound, which is then as it was before."""
    if bound.before is None:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    bound.hold()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@contextmanager
def allowed(most: str) -> Iterator[None]:
    """Files that are read meanwhile may take so much.

    Args:
        most: as `--max-weights-memory` gives it, "8G" or "500M"; "" for what their sizes let expect.
    """
    token = _allowed.set(bytes_in(most) if most else None)
    try:
        yield
    finally:
        _allowed.reset(token)


@contextmanager
def bounded(path: Path, kind: str, whole: bool = False) -> Iterator[None]:
    """For the reading of a file: within a bound of memory, and with one sentence for whatever fails.

    Args:
        kind: name of the file's format, for messages.
        whole: whether the file's network is run as well.

    Raises:
        WbsiteError: reading takes more memory, the file's parts lie too deep within each other, or it fails otherwise.
    """
    from wbsite.models.formats.base import DAMAGED, NoForwardPass

    with _LOCK:
        outer = _current.get()
        bound = outer if outer is not None and outer.path == path and outer.whole >= whole else _Bound(path, whole)
        token = _current.set(bound)
        try:
            with _held(bound):
                yield
        except (WbsiteError, NoForwardPass):
            raise
        except RecursionError as error:
            raise WbsiteError(f"{path} is damaged: its parts lie too deep within each other.", DAMAGED) from error
        except Exception as error:
            if wants_memory(error):
                raise bound.refusal() from error
            raise Unforeseen(
                f"{path} cannot be read as {kind}: {type(error).__name__} ({_first_line(error)}).",
                "Download or copy it again. If other programs read it, the fault is wbsite's: please report it.",
            ) from error
        finally:
            _current.reset(token)


def take(size: int, what: str = "") -> None:
    """Asks for room for what a file claims; call it before making the room.

    Args:
        size: bytes.
        what: it is for, as the message names it: "conv1.weight".

    Raises:
        WbsiteError: it would be more than the file that is read may take. Where none is (`bounded`), anything goes.
    """
    bound = _current.get()
    if bound is None:
        return
    bound.taken += size
    if bound.taken > bound.most:
        wanted = f" ({what} alone has {_size(size)})" if what and size > bound.most // 2 else ""
        raise bound.refusal(wanted)


def left() -> int:
    """Bytes that `take` would still give."""
    bound = _current.get()
    return sys.maxsize - 1 if bound is None else max(0, bound.most - bound.taken)


def include(path: Path) -> None:
    """Counts a file that the one that is read names beside it: its size adds to what they may take together."""
    bound = _current.get()
    if bound is None or path.absolute() in bound.names:
        return
    bound.names.add(path.absolute())
    bound.size += path.stat().st_size
    bound.hold()


def wants_memory(error: BaseException) -> bool:
    """Whether an error, or what caused it, says that there is no more memory; libraries say it in many ways."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    words = ("allocate memory", "bad_alloc", "unable to allocate", "not enough memory", "can't allocate")
    return any(isinstance(link, MemoryError) or any(word in str(link).lower() for word in words) for link in links)


def _size(count: int) -> str:
    unit, name = next((pair for pair in ((10**9, "GB"), (10**6, "MB")) if count >= pair[0]), (10**3, "kB"))
    return f"{count / unit:.1f} {name}"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200].rstrip(".") or "without a word"
