"""Downloading weights: interrupted ones go on, wrong ones are never opened, and offline one is told what to do."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.models import load, weights
from wbsite.models.download import CHUNK
from wbsite.models.fetch import downloads, fetch


@dataclass
class Host:
    """A download host on loopback and how it behaves.

    Attributes:
        body: the file it has.
        ranges: whether it honours Range.
        cut: bytes after which it drops the connection; None for never.
        status: what it answers instead of the file, if not 200.
        asked: the Range header of every request, in order.
    """

    url: str = ""
    body: bytes = b""
    ranges: bool = True
    cut: int | None = None
    status: int = 200
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    state = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            state.asked.append(asked)
            if state.status != 200:
                self.send_error(state.status)
                return
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and state.ranges else 0
            if start and start >= len(state.body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(state.body)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            part = state.body[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(state.body) - 1}/{len(state.body)}")
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            self.wfile.write(part if state.cut is None else part[: state.cut])

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/tiny.pth"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def published(host: Host, tiny: Callable[..., None], tiny_state: dict[str, torch.Tensor], tmp_path: Path) -> Host:
    """The host has weights of tiny@narrow, over a MiB with the padding, and the model's spec says so."""
    torch.save({"state_dict": tiny_state, "padding": torch.zeros(400_000, dtype=torch.int32)}, tmp_path / "tiny.pth")
    host.body = (tmp_path / "tiny.pth").read_bytes()
    tiny(host.url, f"sha256:{hashlib.sha256(host.body).hexdigest()}")
    return host


class Heard(Progress):
    """Keeps what was reported."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int | None]] = []
        self.done = 0

    def step(self, label: str, total: int | None = None) -> None:
        self.steps.append((label, total))

    def advance(self, amount: int = 1, note: str = "") -> None:
        self.done += amount


def partial() -> Path:
    return downloads() / "tiny.pth.partial"


def test_download_convert_load_and_not_again(published: Host, tiny_state: dict[str, torch.Tensor]) -> None:
    heard = Heard()
    path = fetch("tiny", progress=heard)
    assert path == weights.weights_cache() / "tiny-narrow.safetensors"
    assert heard.steps == [("download tiny.pth (MiB)", -(-len(published.body) // CHUNK)), ("convert tiny.pth", None)]
    assert heard.done == len(published.body) // CHUNK
    model = load("tiny")
    assert torch.equal(model.module.get_parameter("conv1.weight"), tiny_state["conv1.weight"])
    assert model.provenance["source_url"] == published.url
    assert not partial().exists()
    assert fetch("tiny") == path
    assert published.asked == [None]


def test_a_partial_file_is_resumed(published: Host) -> None:
    downloads().mkdir(parents=True)
    partial().write_bytes(published.body[:1000])
    fetch("tiny")
    assert published.asked == ["bytes=1000-"]


def test_a_host_that_ignores_ranges_is_asked_for_everything(published: Host) -> None:
    published.ranges = False
    downloads().mkdir(parents=True)
    partial().write_bytes(b"x" * 1000)
    fetch("tiny")
    assert published.asked == ["bytes=1000-"]
    assert (downloads() / "tiny.pth").read_bytes() == published.body


@pytest.mark.parametrize("extra", [b"", b"too much"])
def test_a_partial_file_that_is_whole_or_longer(published: Host, extra: bytes) -> None:
    downloads().mkdir(parents=True)
    partial().write_bytes(published.body + extra)
    fetch("tiny")
    assert len(published.asked) == (2 if extra else 1)


def test_lost_connections_are_taken_up_again(published: Host) -> None:
    published.cut = len(published.body) // 3
    fetch("tiny")
    assert published.asked[0] is None
    assert published.asked[1] == f"bytes={published.cut}-"


def test_a_connection_lost_for_good_keeps_what_came(published: Host) -> None:
    published.cut, published.ranges = 5000, False
    with pytest.raises(WbsiteError) as caught:
        fetch("tiny")
    assert "the connection ended after 5000 bytes" in caught.value.message
    assert partial().stat().st_size == 5000
    published.cut, published.ranges = None, True
    fetch("tiny")
    assert published.asked[-1] == "bytes=5000-"


def test_a_wrong_digest_is_never_opened(published: Host, tiny: Callable[..., None]) -> None:
    tiny(published.url, f"sha1:{'0' * 40}")
    with pytest.raises(WbsiteError) as caught:
        fetch("tiny")
    assert f"has the digest sha1:{hashlib.sha1(published.body).hexdigest()}" in caught.value.message
    assert f"expected sha1:{'0' * 40}. It was not opened" in caught.value.message
    assert list(downloads().iterdir()) == []
    assert not weights.weights_cache().exists()


def test_a_file_put_there_by_hand_needs_no_network_but_the_right_digest(
    published: Host, tiny_state: dict[str, torch.Tensor]
) -> None:
    published.status = 500
    downloads().mkdir(parents=True)
    by_hand = downloads() / "tiny.pth"
    by_hand.write_bytes(published.body[:-1])
    with pytest.raises(WbsiteError, match=r"tiny\.pth has the digest sha256:\w+; expected sha256:") as caught:
        fetch("tiny")
    assert "Delete it" in caught.value.hint
    assert by_hand.exists(), "the user's file is not ours to delete"
    by_hand.write_bytes(published.body)
    fetch("tiny")
    assert published.asked == []


def test_not_found_and_unreachable_say_what_to_do(published: Host, tiny: Callable[..., None]) -> None:
    published.status = 404
    with pytest.raises(WbsiteError, match="the server answered 404 Not Found") as caught:
        fetch("tiny")
    assert_tells_all(caught.value, published.url)
    nobody = "http://127.0.0.1:9/tiny.pth"
    tiny(nobody, "sha256:00")
    with pytest.raises(WbsiteError, match=r"could not be fetched: .*refused") as caught:
        fetch("tiny")
    assert_tells_all(caught.value, nobody)


def test_loading_what_is_not_here_says_the_same_and_does_not_download(published: Host) -> None:
    with pytest.raises(WbsiteError, match="the weights 'narrow' of tiny are not on this machine") as caught:
        load("tiny")
    assert_tells_all(caught.value, published.url)
    assert published.asked == []


def assert_tells_all(error: WbsiteError, url: str) -> None:
    assert url in error.message
    assert re.search(r"\(digest sha256:\w+\)", error.message)
    assert "`wbsite weights fetch tiny --weights narrow`" in error.hint
    assert str(downloads() / "tiny.pth") in error.hint
    assert "`wbsite weights convert FILE --model tiny --weights narrow --out DIR`" in error.hint
    assert "--weights-dir DIR" in error.hint
    for name in weights.bundled():
        assert name in error.hint


def test_nothing_published(tiny: Callable[..., None]) -> None:
    with pytest.raises(WbsiteError, match=r"the weights 'wide' of tiny .* are published nowhere") as caught:
        fetch("tiny", "wide")
    assert "`wbsite weights convert FILE --model tiny --weights wide --out DIR`" in caught.value.hint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_no_space_left(published: Host) -> None:
    downloads().mkdir(parents=True)
    partial().symlink_to("/dev/full")
    with pytest.raises(WbsiteError, match=r"no space left for .*tiny\.pth\.partial") as caught:
        fetch("tiny")
    assert "Free some space, or set WBSITE_CACHE" in caught.value.hint
    assert partial().is_symlink(), "what came so far stays, to be resumed"
