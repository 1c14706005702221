"""Downloads one file from a server that may do anything: resumes, and stops when it is slow, endless or talks nonsense.

Python's own client does it, with every byte that arrives counted here. The clients that are kept besides it were looked
at for what a download of weights needs: to go on at the byte where a line broke, to give up below a speed, and to stop
at a size. `httpx` and `urllib3` retry requests, not bodies, and their times are those of one read, which a byte a
second never exceeds; `pooch` starts anew after a break, and checks a file when it is whole, however long it became.
Each would leave these three to code like that below, and add one to nine packages.
"""

from __future__ import annotations

import errno
import http.client
import io
import os
import re
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from wbsite.core.errors import plain
from wbsite.core.progress import Progress

CHUNK = 1 << 20
TIMEOUT = 30.0
"""Seconds without a byte after which a connection counts as lost."""

SLOWEST, WINDOW = 1000, 30.0
"""Bytes a second below which a download is given up, and seconds over which that is asked, pauses between attempts
included."""

PAUSE = 0.2
"""Seconds before a lost connection is taken up again."""

HEAD = 1 << 20
"""Bytes that a server may send besides the file: lines of headers, pages of redirections."""


class Unobtainable(Exception):
    """A file does not come; the text says why, after "could not be fetched"."""


class Full(Exception):
    """What came cannot be written; its cause says why."""


class _Lost(Exception):
    """The connection ended before the file did."""


class _TooSlow(Exception):
    """Less than `SLOWEST` came over `WINDOW`."""


class _TooLong(Exception):
    """More comes than the file can have."""


@dataclass
class _Line:
    """What arrives: how much, how much more may, and how fast the file itself comes.

    Attributes:
        left: bytes that may still arrive, of whatever kind.
        streams: that are read from; closing them hangs up.
    """

    left: int = HEAD
    streams: list[io.RawIOBase] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)
    _bytes: int = 0

    def begin(self) -> None:
        """From now on the file is to come: the time until then had its own limits."""
        self._since, self._bytes = time.monotonic(), 0

    def of_file(self, count: int) -> None:
        """Counts bytes that are the file's, not those of headers or of what goes between pieces."""
        self._bytes += count

    def arrived(self, count: int) -> None:
        """Counts bytes of any kind.

        Raises:
            _TooLong: there may be no more.
            _TooSlow: as its name says.
        """
        self.left -= count
        if self.left < 0:
            raise _TooLong
        seconds = time.monotonic() - self._since
        if seconds >= WINDOW:
            if self._bytes < SLOWEST * seconds:
                raise _TooSlow
            self.begin()

    def hang_up(self) -> None:
        """Closes what urllib leaves open where a redirection fails."""
        for stream in self.streams:
            stream.close()
        self.streams.clear()


class _Counted(io.RawIOBase):
    """The bytes of a socket, counted."""

    def __init__(self, raw: io.RawIOBase, line: _Line) -> None:
        self._raw, self._line = raw, line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count = self._raw.readinto(buffer)
        self._line.arrived(count or 0)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Socket:
    """As a socket for http.client, which only asks it for a file to read."""

    def __init__(self, sock: socket.socket, line: _Line) -> None:
        self._socket, self._line = sock, line

    def makefile(self, mode: str) -> io.BufferedReader:
        counted = _Counted(self._socket.makefile("rb", buffering=0), self._line)
        self._line.streams.append(counted)
        return io.BufferedReader(counted)


def _answer(line: _Line, sock: socket.socket, *args: Any, **options: Any) -> http.client.HTTPResponse:
    counted: Any = _Socket(sock, line)
    return http.client.HTTPResponse(counted, *args, **options)


def _connection(kind: type[http.client.HTTPConnection], line: _Line, *args: Any, **options: Any) -> Any:
    made: Any = kind(*args, **options)
    made.response_class = partial(_answer, line)
    return made


class _Http(urllib.request.HTTPHandler):
    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def http_open(self, request: urllib.request.Request) -> Any:
        made: Any = partial(_connection, http.client.HTTPConnection, self._line)
        return self.do_open(made, request)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    def https_open(self, request: urllib.request.Request) -> Any:
        made: Any = partial(_connection, http.client.HTTPSConnection, self._line)
        return self.do_open(made, request, context=self._context)  # type: ignore[attr-defined]


def _opener(line: _Line) -> urllib.request.OpenerDirector:
    """Speaks HTTP alone, so that no redirection leads to a file of this machine or to another protocol."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Http(line),
        _Https(line),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


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
    line = _Line()
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
def _hanging_up(line: _Line) -> Iterator[None]:
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
    except _TooSlow as error:
        raise Unobtainable(
            f"in time: less than {SLOWEST} bytes a second came over {WINDOW:.0f} seconds; the {_size(path)} bytes that"
            " came are kept"
        ) from error
    except _TooLong as error:
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


def _transfer(url: str, path: Path, start: int, most: int, line: _Line, progress: Progress) -> None:
    """One request for the bytes from `start` on, which are appended to the file."""
    headers = {"User-Agent": "wbsite", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    line.left = HEAD
    try:
        answer = _opener(line).open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
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
                    raise _TooLong
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
