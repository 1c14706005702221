"""A download host that misbehaves: what comes is refused in a sentence, and a good host afterwards gives the file."""

from __future__ import annotations

import hashlib
import io
import random
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .bench import Bench, ended_well, last
from .problem import DIFFERENCE, LOSS, Problem

BEHAVIOURS = (
    "good", "cut", "no ranges", "wrong ranges", "too long", "too short", "changed", "empty", "no length", "error",
    "silent", "redirected in a circle", "another kind",
)  # fmt: skip


@dataclass
class Host:
    """A host on loopback, how it behaves next, and what it has."""

    body: bytes
    behaviour: str = "good"
    amount: int = 0
    status: int = 500
    url: str = ""
    canonical: bytes = b""


def play(bench: Bench, chance: random.Random) -> Iterator[Problem]:
    """One round: several behaviours in a row, then a good one."""
    host: Host = bench.kept("host", lambda: started(bench))
    cache = bench.folder / "downloads-cache"
    shutil.rmtree(cache, ignore_errors=True)
    variables = variables_of(bench, host)
    made = cache / "weights" / "tiny-narrow.safetensors"
    for _ in range(chance.randint(1, 3)):
        host.behaviour = chance.choice(BEHAVIOURS)
        host.amount, host.status = chance.randrange(len(host.body)), chance.choice((403, 404, 429, 500, 503))
        ran = bench.run(bench.folder, "weights", "fetch", "tiny", **variables)
        yield from ended_well(ran)
        if ran.status not in (0, 2) or (ran.status == 0) != made.exists():
            yield Problem(LOSS, f"{host.behaviour}: status {ran.status}: {last(ran.err)}")
        if ran.status == 0 and made.read_bytes() != host.canonical:
            yield Problem(DIFFERENCE, f"{host.behaviour}: other weights were taken")
        made.unlink(missing_ok=True)
    host.behaviour = "good"
    ran = bench.run(bench.folder, "weights", "fetch", "tiny", **variables)
    if ran.status or made.read_bytes() != host.canonical:
        yield Problem(LOSS, f"a good host does not help afterwards, status {ran.status}: {last(ran.err)}")


def started(bench: Bench) -> Host:
    """A host that has weights, from which the canonical file is made once."""
    import torch
    from safetensors.torch import load_file

    published = io.BytesIO()
    torch.save(load_file(bench.weights / "speck-grey.safetensors"), published)
    host = Host(published.getvalue())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, host)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host.url = f"http://127.0.0.1:{server.server_port}/tiny.pth"
    shutil.rmtree(bench.folder / "downloads-cache", ignore_errors=True)
    ran = bench.run(bench.folder, "weights", "fetch", "tiny", **variables_of(bench, host))
    assert ran.status == 0, ran.err
    host.canonical = (bench.folder / "downloads-cache" / "weights" / "tiny-narrow.safetensors").read_bytes()
    return host


def variables_of(bench: Bench, host: Host) -> dict[str, str]:
    """Environment of a command that finds the host in the model `tiny`, and has a cache of its own."""
    return {
        "WBSITE_CACHE": str(bench.folder / "downloads-cache"), "TORTURE_URL": host.url, "no_proxy": "127.0.0.1",
        "TORTURE_DIGEST": f"sha256:{hashlib.sha256(host.body).hexdigest()}",
    }  # fmt: skip


def answer(request: BaseHTTPRequestHandler, host: Host) -> None:
    """What the host sends."""
    behaviour, body = host.behaviour, host.body
    if behaviour == "silent":
        request.close_connection = True
        return
    if behaviour == "error":
        request.send_error(host.status)
        return
    if behaviour == "redirected in a circle":
        request.send_response(302)
        request.send_header("Location", request.path)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    if behaviour == "changed":
        body = body[: host.amount] + bytes([body[host.amount] ^ 1]) + body[host.amount + 1 :]
    elif behaviour == "empty":
        body = b""
    elif behaviour == "too long":
        body += bytes(1 + host.amount)
    elif behaviour == "too short":
        body = body[: host.amount]
    elif behaviour == "another kind":
        body = b"<!doctype html><title>Please log in</title>"
    asked = request.headers.get("Range") if behaviour != "no ranges" else None
    start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
    if start and start >= len(body):
        request.send_response(416)
        request.send_header("Content-Range", f"bytes */{len(body)}")
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    part = body[start:]
    request.send_response(206 if start else 200)
    if start:
        shown = 0 if behaviour == "wrong ranges" else start
        request.send_header("Content-Range", f"bytes {shown}-{len(body) - 1}/{len(body)}")
    if behaviour == "no length":
        request.close_connection = True
    else:
        request.send_header("Content-Length", str(len(part)))
    request.end_headers()
    request.wfile.write(part[: host.amount] if behaviour == "cut" else part)
