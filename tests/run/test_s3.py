"""A store on object storage: what is computed there is what a folder would hold, and a second run asks for little."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("s3fs", reason="wbsite[s3] is not installed")
pytest.importorskip("moto", reason="moto is not installed")

ACCOUNT = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_DEFAULT_REGION": "us-east-1"}


class Server:
    """moto's S3 in a process of its own, with one bucket."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address, self._log = f"http://127.0.0.1:{port}", folder / "requests.log"
        with open(self._log, "wb") as log:
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def ready(self) -> None:
        for _ in range(300):
            try:
                urllib.request.urlopen(self.address, timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        request = urllib.request.Request(f"{self.address}/results", method="PUT")
        urllib.request.urlopen(request, timeout=10).close()

    @property
    def requests(self) -> int:
        """To the bucket, so far."""
        return len(re.findall(rb'"(GET|PUT|HEAD|POST|DELETE) /results', self._log.read_bytes()))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    found = Server(tmp_path)
    try:
        found.ready()
        for name, value in {**ACCOUNT, "AWS_ENDPOINT_URL": found.address}.items():
            monkeypatch.setenv(name, value)
        yield found
    finally:
        found.process.kill()
        found.process.wait()


def test_object_storage_holds_what_a_folder_holds(
    server: Server, tmp_path: Path, process: Callable[..., Any], speck_weights: Path
) -> None:
    """Computed there in several processes."""
    variables = {**ACCOUNT, "AWS_ENDPOINT_URL": server.address}
    command = ("export", "nmf", "--model", "speck", "--weights-dir", str(speck_weights))
    (tmp_path / "wbsite.toml").write_text("workers = 2\n")
    remote = process(tmp_path, *command, "--store", "s3://results/store", **variables)
    assert remote.status == 0, remote.err
    local = process(tmp_path, *command, "--store", "folder")
    assert local.status == 0, local.err
    assert remote.out == local.out
    first = server.requests
    again = process(tmp_path, *command, "--store", "s3://results/store", **variables)
    assert (again.status, again.out) == (0, local.out)
    assert 0 < server.requests - first < first / 2, "it asks whether its results are there, and computes none"
    assert again.err == "" or "compute" not in again.err


def test_a_bucket_that_cannot_be_is_said(
    server: Server, tmp_path: Path, process: Callable[..., Any], speck_weights: Path
) -> None:
    variables = {**ACCOUNT, "AWS_ENDPOINT_URL": server.address}
    ran = process(
        tmp_path, "compute", "--models", "speck", "--weights-dir", str(speck_weights),
        "--store", "s3://B/store", **variables,
    )  # fmt: skip
    assert ran.status == 2
    assert "s3://B/store" in ran.err and "Traceback" not in ran.err
