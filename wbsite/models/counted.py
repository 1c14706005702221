"""Python's client for HTTP with every byte that arrives counted: headers and redirections as well as the file."""

from __future__ import annotations

import http.client
import io
import socket
import time
import urllib.request
from dataclasses import dataclass, field
from functools import partial
from typing import Any

SLOWEST, WINDOW = 1000, 30.0
"""Bytes a second below which a download is given up, and seconds over which that is asked, pauses between attempts
included."""

HEAD = 1 << 20
"""Bytes that a server may send besides the file: lines of headers, pages of redirections."""


class TooSlow(Exception):
    """Less than `SLOWEST` came over `WINDOW`."""


class TooLong(Exception):
    """More comes than the file can have."""


@dataclass
class Line:
    """What arrives: how much, how much more may, and how fast the file itself comes.

    Attributes:
        left: bytes that may still arrive, of whatever kind.
        streams: that are read from; closing them hangs up.
    """

    left: int = HEAD
    streams: list[io.RawIOBase] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)
    _bytes: int = 0
    _answered: bool = False

    def answered(self) -> None:
        """The file begins to come; the first time, only what comes from now on counts for its speed."""
        if not self._answered:
            self._answered = True
            self._since = time.monotonic()

    def of_file(self, count: int) -> None:
        """Counts bytes that are the file's, not those of headers or of what goes between pieces."""
        self._bytes += count

    def arrived(self, count: int) -> None:
        """Counts bytes of any kind.

        Raises:
            TooLong: there may be no more.
            TooSlow: as its name says.
        """
        self.left -= count
        if self.left < 0:
            raise TooLong
        seconds = time.monotonic() - self._since
        if seconds >= WINDOW:
            if self._bytes < SLOWEST * seconds:
                raise TooSlow
            self._since, self._bytes = time.monotonic(), 0

    def hang_up(self) -> None:
        """Closes what urllib leaves open where a redirection fails."""
        for stream in self.streams:
            stream.close()
        self.streams.clear()


class _Counted(io.RawIOBase):
    """The bytes of a socket, counted."""

    def __init__(self, raw: io.RawIOBase, line: Line) -> None:
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

    def __init__(self, sock: socket.socket, line: Line) -> None:
        self._socket, self._line = sock, line

    def makefile(self, mode: str) -> io.BufferedReader:
        counted = _Counted(self._socket.makefile("rb", buffering=0), self._line)
        self._line.streams.append(counted)
        return io.BufferedReader(counted)


def _answer(line: Line, sock: socket.socket, *args: Any, **options: Any) -> http.client.HTTPResponse:
    counted: Any = _Socket(sock, line)
    return http.client.HTTPResponse(counted, *args, **options)


def _connection(kind: type[http.client.HTTPConnection], line: Line, *args: Any, **options: Any) -> Any:
    made: Any = kind(*args, **options)
    made.response_class = partial(_answer, line)
    return made


class _Http(urllib.request.HTTPHandler):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def http_open(self, request: urllib.request.Request) -> Any:
        made: Any = partial(_connection, http.client.HTTPConnection, self._line)
        return self.do_open(made, request)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def https_open(self, request: urllib.request.Request) -> Any:
        made: Any = partial(_connection, http.client.HTTPSConnection, self._line)
        return self.do_open(made, request, context=self._context)  # type: ignore[attr-defined]


def opener(line: Line) -> urllib.request.OpenerDirector:
    """Speaks HTTP alone, so that no redirection leads to a file of this machine or to another protocol."""
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Http(line),
        _Https(line),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        director.add_handler(handler)
    return director
