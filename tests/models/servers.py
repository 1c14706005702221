"""A download host on loopback, and the ways in which it can behave: well, as hosts do now and then, and as none should.

    with Host(body, behaviours()["drips"].answer) as host:
        download(host.url, path, most=2 * len(body), progress=Progress())

`behaviours()` has them all by name: a function that answers one connection, and whether the whole file comes of it in
the end or a sentence that says why not. `python -m tests.torture` and the tests of downloads run each of them.
"""

from __future__ import annotations

import gzip
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

PIECE = 1 << 16
LINES = b"\r\n"


@dataclass
class Asked:
    """One request.

    Attributes:
        path: of its address.
        start: the byte from which the file is wanted; None for the whole.
        number: of this request among those to the host, from 0.
        host: that it came to.
    """

    path: str
    start: int | None
    number: int
    host: Host


Answer = Callable[[socket.socket, Asked], None]


@dataclass(frozen=True)
class Behaviour:
    """How a host behaves.

    Attributes:
        answer: connection, request → answers it.
        whole: whether the file comes of it, be it after several requests.
        keeps: whether what has come may be kept where it does not.
    """

    answer: Answer
    whole: bool = False
    keeps: bool = False


@dataclass
class Host:
    """Answers connections one after another, each in a thread, until it is left.

    Attributes:
        body: the file it has.
        asked: every request, in order.
    """

    body: bytes
    answer: Answer
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/net.pth"
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        socket.create_connection(self._socket.getsockname()[:2]).close()  # wakes the thread that waits for one
        for thread in self._threads:
            thread.join()
        self._socket.close()

    @property
    def over(self) -> bool:
        """Whether nobody wants answers any more."""
        return self._over.is_set()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self.over:
                connection.close()
                return
            thread = threading.Thread(target=self._one, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            try:
                request = b""
                while b"\r\n\r\n" not in request:
                    if not (piece := connection.recv(PIECE)):
                        return
                    request += piece
                path = request.split(b" ")[1].decode()
                wanted = re.search(rb"[Rr]ange: bytes=(\d+)-", request)
                asked = Asked(path, int(wanted[1]) if wanted else None, len(self.asked), self)
                self.asked.append(asked)
                self.answer(connection, asked)
            except OSError:
                pass  # the other side has left


def _head(status: str, *headers: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *headers, "Connection: close", "")).encode(
        "latin-1"
    )


def _ranged(asked: Asked) -> tuple[bytes, bytes]:
    """The head of an answer as it should be, and the part of the file."""
    body = asked.host.body
    if asked.start is None:
        return _head("200 OK", f"Content-Length: {len(body)}"), body
    if asked.start >= len(body):
        return _head("416 Range Not Satisfiable", f"Content-Range: bytes */{len(body)}", "Content-Length: 0"), b""
    part = body[asked.start :]
    extent = f"Content-Range: bytes {asked.start}-{len(body) - 1}/{len(body)}"
    return _head("206 Partial Content", extent, f"Content-Length: {len(part)}"), part


def _breaks_after(count: int) -> Answer:
    def answer(connection: socket.socket, asked: Asked) -> None:
        head, part = _ranged(asked)
        connection.sendall(head + part[:count])

    return answer


def _resets_after(count: int) -> Answer:
    """The connection is torn down, not closed."""

    def answer(connection: socket.socket, asked: Asked) -> None:
        head, part = _ranged(asked)
        connection.sendall(head + part[:count])
        time.sleep(0.05)  # what was sent arrives
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return answer


def _says(status: str, *headers: str, body: bytes = b"") -> Answer:
    def answer(connection: socket.socket, asked: Asked) -> None:
        connection.sendall(_head(status, *headers) + body)

    return answer


def _raw(data: bytes) -> Answer:
    def answer(connection: socket.socket, asked: Asked) -> None:
        connection.sendall(data)

    return answer


def _for_ever(head: bytes, piece: bytes) -> Answer:
    """The same again and again, as fast as it goes."""

    def answer(connection: socket.socket, asked: Asked) -> None:
        connection.sendall(head)
        while not asked.host.over:
            connection.sendall(piece)

    return answer


def _dripping(head: bytes, drop: bytes) -> Answer:
    """Slower than anyone waits for, but never silent."""

    def answer(connection: socket.socket, asked: Asked) -> None:
        connection.sendall(head)
        while not asked.host.over:
            connection.sendall(drop)
            time.sleep(0.02)

    return answer


def _whole(connection: socket.socket, asked: Asked) -> None:
    head, part = _ranged(asked)
    connection.sendall(head + part)


def _without_ranges(connection: socket.socket, asked: Asked) -> None:
    asked.start = None
    _whole(connection, asked)


def _without_a_length(connection: socket.socket, asked: Asked) -> None:
    connection.sendall(_head("200 OK") + asked.host.body)


def _chunks(body: bytes) -> bytes:
    pieces = [body[i : i + PIECE] for i in range(0, len(body), PIECE)]
    return b"".join(f"{len(piece):x}".encode() + LINES + piece + LINES for piece in pieces)


def _chunked(connection: socket.socket, asked: Asked) -> None:
    head = _head("200 OK", "Transfer-Encoding: chunked")
    connection.sendall(head + _chunks(asked.host.body) + b"0\r\n\r\n")


def _chunks_cut(connection: socket.socket, asked: Asked) -> None:
    """Of every answer in chunks comes a part; it cannot be resumed, since ranges are passed over."""
    data = _chunks(asked.host.body)
    connection.sendall(_head("200 OK", "Transfer-Encoding: chunked") + data[: len(data) // 2])


def _slow_but_steady(connection: socket.socket, asked: Asked) -> None:
    head, part = _ranged(asked)
    connection.sendall(head)
    for i in range(0, len(part), PIECE):
        connection.sendall(part[i : i + PIECE])
        time.sleep(0.005)


def _silent(connection: socket.socket, asked: Asked) -> None:
    while not asked.host.over:
        time.sleep(0.02)


def _silent_midway(connection: socket.socket, asked: Asked) -> None:
    head, part = _ranged(asked)
    if asked.number == 0:
        connection.sendall(head + part[: len(part) // 2])
    _silent(connection, asked)


def _another_part(connection: socket.socket, asked: Asked) -> None:
    """A part is always that from the tenth byte on."""
    if asked.start is None:
        _breaks_after(1000)(connection, asked) if asked.number == 0 else _whole(connection, asked)
        return
    body = asked.host.body
    extent = f"Content-Range: bytes 10-{len(body) - 1}/{len(body)}"
    connection.sendall(_head("206 Partial Content", extent, f"Content-Length: {len(body) - 10}") + body[10:])


def _other_bytes_when_resumed(connection: socket.socket, asked: Asked) -> None:
    if asked.start is None:
        _breaks_after(len(asked.host.body) // 2)(connection, asked)
        return
    head, part = _ranged(asked)
    connection.sendall(head + bytes(len(part)))


def _more_than_it_says(connection: socket.socket, asked: Asked) -> None:
    """The length is the file's; more follows, which is none of it."""
    head, part = _ranged(asked)
    connection.sendall(head + part + b"more" * 1000)


def _less_than_it_says(connection: socket.socket, asked: Asked) -> None:
    body = asked.host.body
    connection.sendall(_head("200 OK", f"Content-Length: {len(body) + 1000}") + body)


def _redirects(target: str) -> Answer:
    def answer(connection: socket.socket, asked: Asked) -> None:
        connection.sendall(_head("302 Found", f"Location: {target}", "Content-Length: 0"))

    return answer


def _redirects_once(connection: socket.socket, asked: Asked) -> None:
    if asked.path != "/there":
        connection.sendall(_head("302 Found", "Location: /there", "Content-Length: 0"))
    else:
        _whole(connection, asked)


def _redirects_with_an_endless_page(connection: socket.socket, asked: Asked) -> None:
    _for_ever(_head("302 Found", "Location: /there"), b"x" * PIECE)(connection, asked)


def _compressed(connection: socket.socket, asked: Asked) -> None:
    data = gzip.compress(asked.host.body)
    connection.sendall(_head("200 OK", "Content-Encoding: gzip", f"Content-Length: {len(data)}") + data)


CONTROL = "\x1b]0;changed\x07\x1b[31mred\x1b[2J\u009b31m"


def behaviours() -> dict[str, Behaviour]:
    """All, by name."""
    body = _head("200 OK")
    return {
        "well": Behaviour(_whole, whole=True),
        "without ranges": Behaviour(_without_ranges, whole=True),
        "without a length": Behaviour(_without_a_length, whole=True),
        "in chunks": Behaviour(_chunked, whole=True),
        "slow but steady": Behaviour(_slow_but_steady, whole=True),
        "breaks within every first mebibyte": Behaviour(_breaks_after(200_000), whole=True),
        "breaks after every few kilobytes": Behaviour(_breaks_after(60_000), whole=True),
        "tears the line down within every first mebibyte": Behaviour(_resets_after(300_000), whole=True),
        "redirects": Behaviour(_redirects_once, whole=True),
        "sends more than it says": Behaviour(_more_than_it_says, whole=True),
        "sends another part than is wanted": Behaviour(_another_part, whole=True),
        "breaks at the same byte, without ranges": Behaviour(
            lambda c, asked: _breaks_after(5000)(c, Asked(asked.path, None, asked.number, asked.host)), keeps=True
        ),
        "breaks in a chunk": Behaviour(_chunks_cut, keeps=True),
        "sends less than it says": Behaviour(_less_than_it_says, keeps=True),
        "sends other bytes when resumed": Behaviour(_other_bytes_when_resumed),
        "closes at once": Behaviour(lambda connection, asked: None),
        "says nothing": Behaviour(_silent),
        "falls silent midway": Behaviour(_silent_midway, keeps=True),
        "drips": Behaviour(_dripping(body, b"x"), keeps=True),
        "drips headers": Behaviour(_dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x")),
        "drips chunks": Behaviour(_dripping(_head("200 OK", "Transfer-Encoding: chunked"), b"1\r\nx\r\n"), keeps=True),
        "never ends": Behaviour(_for_ever(body, b"x" * PIECE)),
        "never ends, in chunks": Behaviour(
            _for_ever(_head("200 OK", "Transfer-Encoding: chunked"), b"10000\r\n" + b"x" * PIECE + LINES)
        ),
        "never ends its headers": Behaviour(_for_ever(b"HTTP/1.1 200 OK\r\n", b"X-Y: " + b"z" * 100 + LINES)),
        "never ends a header": Behaviour(_for_ever(b"HTTP/1.1 200 OK\r\nX: ", b"x" * PIECE)),
        "asks to go on for ever": Behaviour(_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
        "never ends what follows the chunks": Behaviour(
            _for_ever(_head("200 OK", "Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n", b"X: y\r\n"), keeps=True
        ),
        "says it has a million gigabytes": Behaviour(_says("200 OK", f"Content-Length: {10**15}", body=b"x" * 100)),
        "gives a length below nothing": Behaviour(_says("200 OK", "Content-Length: -5", body=b"x")),
        "gives a length that is no number": Behaviour(_says("200 OK", "Content-Length: many", body=b"x")),
        "gives chunks of no length": Behaviour(_says("200 OK", "Transfer-Encoding: chunked", body=b"many\r\nx")),
        "speaks another language": Behaviour(_raw(b"SSH-2.0-server\r\n")),
        "sends zeros": Behaviour(_raw(bytes(5000))),
        "sends nothing but a line": Behaviour(_raw(b"HTTP/1.1 200\r\n\r\n")),
        "answers a status that is none": Behaviour(_raw(b"HTTP/1.1 9999 Odd\r\n\r\n")),
        "has no content": Behaviour(_says("204 No Content")),
        "sends a part unasked": Behaviour(_says("206 Partial Content", "Content-Range: bytes 5-9/10", body=b"x" * 5)),
        "has it no more": Behaviour(_says("410 Gone", "Content-Length: 0")),
        "forbids it": Behaviour(_says("403 Forbidden", "Content-Length: 0")),
        "is broken": Behaviour(_says("500 Internal Server Error", body=b"x" * 100)),
        "is busy": Behaviour(_says("503 Service Unavailable", "Retry-After: 3600")),
        "sends a web page": Behaviour(_says("200 OK", "Content-Type: text/html", body=b"<html>Log in</html>")),
        "compresses it unasked": Behaviour(_compressed),
        "commands the terminal in its reason": Behaviour(_raw(f"HTTP/1.1 404 {CONTROL}\r\n\r\n".encode("latin-1"))),
        "commands the terminal in its encoding": Behaviour(_says("200 OK", f"Content-Encoding: {CONTROL}", body=b"x")),
        "commands the terminal in a redirection": Behaviour(_redirects(f"http://[{CONTROL}/x")),
        "redirects in circles": Behaviour(_redirects("/net.pth?again")),
        "redirects without an address": Behaviour(_says("302 Found", "Content-Length: 0")),
        "redirects to brackets": Behaviour(_redirects("http://[")),
        "redirects to a port that is none": Behaviour(_redirects("http://127.0.0.1:port/x")),
        "redirects to a port beyond all": Behaviour(_redirects("http://127.0.0.1:99999999/x")),
        "redirects to spaces": Behaviour(_redirects("http://a b/ c")),
        "redirects to no host": Behaviour(_redirects("http:///x")),
        "redirects to a file of this machine": Behaviour(_redirects("file:///etc/hostname")),
        "redirects to another protocol": Behaviour(_redirects("ftp://127.0.0.1/x")),
        "redirects to half a character": Behaviour(_redirects("http://\xff\xfe/")),
        "redirects to a label longer than any": Behaviour(_redirects(f"http://{'a' * 300}.example/")),
        "redirects with an endless page": Behaviour(_redirects_with_an_endless_page),
    }
