"""Packages made here, with a small network inside, and manifests of them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from .small_packages import FACTS, INSIDE, Small, toml


@pytest.fixture(scope="session")
def network_file() -> bytes:
    torch.manual_seed(0)
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(Small().eval(), (torch.zeros(1, 3, 12, 20),)), buffer)
    return buffer.getvalue()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all that pip finds, and an empty cache."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("WBSITE_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def manifest(tmp_path: Path, network_file: bytes) -> Callable[..., Path]:
    """Writes a manifest of a wheel; what is given replaces what is right, None leaves it out."""

    def write(name: str = "small", task: str = "text", **changed: object) -> Path:
        facts = {
            **FACTS,
            "registry": "pypi",
            "archive": "small_net-1.2-py3-none-any.whl",
            "file": INSIDE,
            "sha256": hashlib.sha256(network_file).hexdigest(),
            **changed,
        }
        path = tmp_path / "manifests" / task / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{key} = {toml(value)}" for key, value in facts.items() if value is not None]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
