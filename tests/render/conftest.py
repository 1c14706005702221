"""A built site, served as its reader meets it."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A test's output is for what went wrong."""


class Within(Quiet):
    """Serves the site below /project/, and its own page for what is not there, as GitHub Pages does."""

    def translate_path(self, path: str) -> str:
        inside = path.startswith("/project/")
        return super().translate_path(path.removeprefix("/project") if inside else "/is-not-there")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        page = Path(self.directory, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page)


@contextmanager
def serving(folder: Path, handler: type[Quiet]) -> Iterator[str]:
    """Address of a folder, served from this process."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[[Path], str]]:
    """serve(folder): its address, for as long as the tests of a file run."""
    with ExitStack() as servers:
        yield lambda folder: servers.enter_context(serving(folder, Quiet))


@pytest.fixture(scope="module")
def served(built: Path) -> Iterator[str]:
    """Address of the built site."""
    with serving(built / "site", Quiet) as address:
        yield address


@pytest.fixture(scope="module")
def served_within(built: Path) -> Iterator[str]:
    """Address of the built site, in a folder of its host."""
    with serving(built / "site", Within) as address:
        yield f"{address}/project"
