"""Downloads one file from a server that may do anything: resumes, and stops when it is slow, endless or talks nonsense.

Python's own client does it, with every byte that arrives counted. The clients that are kept besides it were looked
at for what a download of weights needs: to go on at the byte where a line broke, to give up below a speed, and to stop
at a size. `httpx` and `urllib3` retry requests, not bodies, and their times are those of one read, which a byte a
second never exceeds; `pooch` starts anew after a break, and checks a file when it is whole, however long it became.
Each would leave these three to code like that here and in `counted`, and add packages for the rest.
"""

from __future__ import annotations

import errno
import http.client
import io
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from wbsite.core.errors import plain
from wbsite.core.progress import Progress

from . import counted
from .counted import HEAD, Line, TooLong, TooSlow, opener

CHUNK = 1 << 20
TIMEOUT = 30.0
"""Seconds without a byte after which a connection counts as lost."""

PAUSE = 0.2
"""Seconds before a lost connection is taken up again."""


class Unobtainable(Exception):
    """A file does not come; the text says why, after "could not be fetched"."""


class Full(Exception):
    """What came cannot be written; its cause says why."""


class _Lost(Exception):
    """The connection ended before the file did."""


def download(url: str, path: Path, most: int, progress: Progress) -> None:
    """Downloads to a file, going on where it ends; lost connections are taken up again as long as bytes come.

    Args:
        url: of http or https.
        path: of the file; what has come stays there, whatever happens, unless it is more than the file can have.
        most: bytes that it may have.
        progress: is told of mebibytes.

    Raises:
        Unobtainable: the server does not give it, or not in this time or size; the text has nothing in it that a
            terminal would take for a command.
        Full: it cannot be written.
    """
    line = Line()
    if _size(path) > most:
        path.unlink()
    while True:
        start = _size(path)
        try:
            with _reasons(path), _hanging_up(line):
                _transfer(url, path, start, most, line, progress)
                return
        except _Lost as error:
            if _size(path) <= start:
                raise Unobtainable(
                    f"whole: the connection ended after {_size(path)} bytes ({error}), which are kept"
                ) from error
            time.sleep(PAUSE)


@contextmanager
def _hanging_up(line: Line) -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as error:  # which is the answer as well
        error.close()
        raise
    finally:
        line.hang_up()


@contextmanager
def _reasons(path: Path) -> Iterator[None]:
    """Turns what a network can do to a download into `_Lost`, or into the sentence that says what it was."""
    try:
        yield
    except (_Lost, Unobtainable, Full):
        raise
    except TooSlow as error:
        raise Unobtainable(
            f"in time: less than {counted.SLOWEST} bytes a second came over {counted.WINDOW:.0f} seconds;"
            f" the {_size(path)} bytes that came are kept"
        ) from error
    except TooLong as error:
        path.unlink(missing_ok=True)
        raise Unobtainable(": the server sends more than the file can have, which is not kept") from error
    except urllib.error.HTTPError as error:
        raise Unobtainable(f": the server answered {error.code} {printable(error.reason)}".rstrip()) from error
    except urllib.error.URLError as error:
        raise Unobtainable(f": {printable(error.reason)}") from error
    except (http.client.InvalidURL, UnicodeError) as error:
        raise Unobtainable(f": the server leads to an address that is none ({printable(error)})") from error
    except (http.client.HTTPException, OSError) as error:  # timeouts, resets and errors of TLS are OSErrors
        raise _Lost(printable(error) or type(error).__name__) from error
    except ValueError as error:  # of urllib, for a redirection to what is no address, and of lengths that are none
        raise Unobtainable(f": the server's answer makes no sense ({printable(error)})") from error


def _transfer(url: str, path: Path, start: int, most: int, line: Line, progress: Progress) -> None:
    """One request for the bytes from `start` on, which are appended to the file."""
    headers = {"User-Agent": "wbsite", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    line.left = HEAD
    try:
        answer = opener(line).open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
            raise
        # There is nothing beyond `start`: either the file is whole, or it is too long.
        error.close()
        if str(error.headers.get("Content-Range", "")).rpartition("/")[2] == str(start):
            return
        path.unlink()
        _transfer(url, path, 0, most, line, progress)
        return
    line.answered()
    with answer:
        size, total = _extent(answer, start)
        if size is None:  # another part than was asked for
            if not start:
                raise Unobtainable(": the server sends a part of the file, unasked")
            path.unlink()
            answer.close()
            _transfer(url, path, 0, most, line, progress)
            return
        if total is not None and total > most:
            raise Unobtainable(f": the server says that it has {total} bytes; expected {most} at most")
        _check_space(path, (total or size) - size)
        progress.step(f"download {path.stem} (MiB)", None if total is None else -(-total // CHUNK))
        progress.advance(size // CHUNK)
        line.left = most - size + HEAD
        with _written(path, "ab" if size else "wb") as file:
            while total is None or size < total:
                chunk = answer.read1(CHUNK if total is None else min(CHUNK, total - size))
                if not chunk:
                    break
                if size + len(chunk) > most:
                    raise TooLong
                _write(file, chunk)
                line.of_file(len(chunk))
                progress.advance((size + len(chunk)) // CHUNK - size // CHUNK)
                size += len(chunk)
    if total is not None and size < total:
        raise _Lost(f"{total} were announced")


def _extent(answer: http.client.HTTPResponse, start: int) -> tuple[int | None, int | None]:
    """Bytes of the file before those that an answer brings, None where it brings others than were asked for; and bytes
    of the file, None where the answer does not say.

    Raises:
        Unobtainable: what it says makes no sense.
    """
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Unobtainable(f": the server sends it compressed ({printable(encoding)}), unasked")
    length = answer.headers.get("Content-Length")
    chunked = "chunked" in answer.headers.get("Transfer-Encoding", "").lower()
    if length is not None and not re.fullmatch(r"\d{1,18}", length.strip(), re.ASCII):
        raise Unobtainable(f": the server gives it a length that is none ({printable(length)})")
    if answer.status == HTTPStatus.OK:
        size = 0
    elif answer.status == HTTPStatus.PARTIAL_CONTENT:
        part = re.match(r"bytes (\d{1,18})-", answer.headers.get("Content-Range", ""), re.ASCII)
        if part is None or int(part[1]) != start:
            return None, None
        size = start
    else:
        raise Unobtainable(f": the server answered {answer.status} {printable(answer.reason)}".rstrip())
    return size, None if length is None or chunked else size + int(length)


def _check_space(path: Path, needed: int) -> None:
    if shutil.disk_usage(path.parent).free < needed:
        raise Full from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def _written(path: Path, mode: str) -> Iterator[io.BufferedWriter]:
    """The file, whose errors are those of this machine and not of the network."""
    try:
        file: Any = path.open(mode)
    except OSError as error:
        raise Full from error
    try:
        yield file
    finally:
        try:
            file.close()
        except OSError as error:
            raise Full from error


def _write(file: io.BufferedWriter, data: bytes) -> None:
    try:
        file.write(data)
    except OSError as error:
        raise Full from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def printable(text: object) -> str:
    """What a server said, as a terminal may be given it: on one line, not for long, without characters that move it."""
    shown = plain(" ".join(str(text).split()))
    return shown if len(shown) <= 200 else f"{shown[:200]}…"
