"""A small network, and packages around it."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import torch
from torch import nn

FACTS = {
    "title": "Small net",
    "task": "text",
    "about": "reads nothing in particular",
    "package": "small-net",
    "version": "1.2",
    "bytes": 1000,
    "licence": "MIT",
    "licence_source": "METADATA",
    "derived": True,
    "architecture": "small",
    "training": "small",
    "data": "not declared",
    "input": [3, 12, 20],
    "input_source": "README",
    "pooled": "both",
    "pooled_source": "graph",
    "task_axis": "none",
    "upright": True,
}
"""Of a manifest, without what tells where the file is."""

INSIDE = "small_net/net.pt2"


class Small(nn.Module):
    """Two convolutions, a pool between them, and an average at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 6, 3, padding=1)
        self.answer = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.max_pool2d(torch.relu(self.first(x)), 2)
        return self.answer(torch.relu(self.second(x)).mean((2, 3)))


def wheel(folder: Path, content: bytes, version: str = "1.2", inside: str = INSIDE) -> Path:
    path = folder / f"small_net-{version}-py3-none-any.whl"
    about = f"small_net-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(inside, content)
        file.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: small-net\nVersion: {version}\n")
        file.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: here\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{about}/RECORD", "")
    return path


def tgz(path: Path, content: bytes, inside: str) -> Path:
    with tarfile.open(path, "w:gz") as file:
        member = tarfile.TarInfo(inside)
        member.size = len(content)
        file.addfile(member, io.BytesIO(content))
    return path


def toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value).replace("'", '"')
