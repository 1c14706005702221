"""Whatever a server does, a download ends: with the file, or with one sentence, and never with more than the file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.models import counted
from wbsite.models import download as downloading
from wbsite.models.download import Full, Unobtainable, download, printable
from wbsite.models.fetch import downloads, fetch, largest
from wbsite.models.weights import candidates

from .servers import Host, behaviours

BODY = bytes(range(256)) * 4500  # over a mebibyte


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of time that a test can wait for."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(downloading, "TIMEOUT", 0.5)
    monkeypatch.setattr(downloading, "PAUSE", 0.0)
    monkeypatch.setattr(counted, "WINDOW", 0.6)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", behaviours())
def test_every_server_gives_the_file_or_a_sentence(
    name: str, tiny: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviour, start = behaviours()[name], time.monotonic()
    monkeypatch.setattr("wbsite.models.convert.convert", lambda source, *_: source)
    with Host(BODY, behaviour.answer) as host:
        tiny(host.url, f"sha256:{hashlib.sha256(BODY).hexdigest()}")
        partial = downloads() / "net.pth.partial"
        if behaviour.whole:
            assert fetch("tiny").read_bytes() == BODY
            assert not partial.exists()
        else:
            with pytest.raises(WbsiteError) as caught:
                fetch("tiny")
            assert caught.value.message.isprintable()
            assert host.url in caught.value.message
            assert not (downloads() / "net.pth").exists()
            kept = [path.name for path in downloads().iterdir()]
            assert kept == (["net.pth.partial"] if behaviour.keeps else []) or not partial.stat().st_size
            if partial.exists():
                assert partial.stat().st_size <= largest(candidates("tiny")[0])
    assert time.monotonic() - start < 10


@pytest.mark.usefixtures("impatient")
def test_a_line_that_breaks_is_taken_up_where_it_broke(tmp_path: Path) -> None:
    with Host(BODY, behaviours()["breaks within every first mebibyte"].answer) as host:
        download(host.url, tmp_path / "net", len(BODY), Progress())
    assert (tmp_path / "net").read_bytes() == BODY
    assert [asked.start for asked in host.asked] == [None, *range(200_000, len(BODY), 200_000)]


@pytest.mark.usefixtures("impatient")
def test_an_endless_answer_stops_at_the_size_that_the_file_can_have(tmp_path: Path) -> None:
    with Host(BODY, behaviours()["never ends"].answer) as host, pytest.raises(Unobtainable, match="more than the file"):
        download(host.url, tmp_path / "net", 3_000_000, Progress())
    assert not (tmp_path / "net").exists()


@pytest.mark.usefixtures("impatient")
def test_what_dripped_in_is_kept_and_gone_on_with(tmp_path: Path) -> None:
    path, slow = tmp_path / "net", behaviours()["falls silent midway"].answer
    with Host(BODY, slow) as host, pytest.raises(Unobtainable):
        download(host.url, path, len(BODY), Progress())
    assert 0 < path.stat().st_size < len(BODY)
    with Host(BODY, behaviours()["well"].answer) as host:
        download(host.url, path, len(BODY), Progress())
        assert host.asked[0].start
    assert path.read_bytes() == BODY


@pytest.mark.usefixtures("impatient")
def test_a_partial_file_larger_than_the_file_can_be_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(b"x" * (len(BODY) + 1))
    with Host(BODY, behaviours()["well"].answer) as host:
        download(host.url, tmp_path / "net", len(BODY), Progress())
    assert (tmp_path / "net").read_bytes() == BODY


@pytest.mark.usefixtures("impatient")
def test_a_file_for_which_there_is_no_space_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage: Any = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with Host(BODY, behaviours()["well"].answer) as host, pytest.raises(Full):
        download(host.url, tmp_path / "net", len(BODY), Progress())
    assert not (tmp_path / "net").exists()


def test_what_a_server_says_moves_no_terminal() -> None:
    assert printable("a\x1b[31m\r\n\tb\u009b\u202e") == "a\ufffd[31m b\ufffd\ufffd"
    assert len(printable("x" * 10_000)) < 210


def test_there_are_thirty_behaviours() -> None:
    assert len(behaviours()) >= 30
