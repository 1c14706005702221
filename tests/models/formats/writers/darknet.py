"""Writes Darknet's files."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NET = "[net]\n# a comment\nwidth = 16\nheight=12\nchannels=3\n\n"


CONV = "[convolutional]\nfilters={}\nsize={}\nstride=1\npad=1\n"


class Writer:
    """Writes what Darknet would, and keeps what it wrote by the names it should be read under."""

    def __init__(self) -> None:
        self.generator = np.random.default_rng(0)
        self.pieces: list[NDArray[np.float32]] = []
        self.expected: dict[str, NDArray[np.float32]] = {}

    def array(self, name: str, *shape: int) -> None:
        values = self.generator.normal(size=shape).astype(np.float32)
        self.pieces.append(values.ravel())
        if name:
            self.expected[name] = values

    def norm(self, name: str, channels: int) -> None:
        for part in ("weight", "running_mean", "running_var"):
            self.array(f"{name}.{part}", channels)

    def conv(self, number: int, *shape: int, norm: bool = False, kind: str = "convolutional") -> None:
        channels = shape[1] if kind == "deconvolutional" else shape[0]
        self.array(f"batch_norm_{number}.bias" if norm else f"{kind}_{number}.bias", channels)
        if norm:
            self.norm(f"batch_norm_{number}", channels)
        self.array(f"{kind}_{number}.weight", *shape)

    def connected(self, number: int, outputs: int, inputs: int, norm: bool = False) -> None:
        name = f"batch_norm_{number}" if norm else f"connected_{number}"
        self.array(f"{name}.bias", outputs)
        self.array(f"connected_{number}.weight", outputs, inputs)
        if norm:
            self.norm(name, outputs)

    def save(self, path: Path, cfg: str, version: tuple[int, int, int] = (0, 2, 5)) -> Path:
        path.with_suffix(".cfg").write_text(cfg)
        seen = struct.pack("<Q" if version[1] >= 2 and version[1] < 1000 else "<I", 32013312)
        path.write_bytes(struct.pack("<3i", *version) + seen + b"".join(piece.tobytes() for piece in self.pieces))
        return path


def detector(path: Path) -> Writer:
    """Layers of the kinds of YOLO 2 to 4, among which channels are joined, split, added, stacked and moved."""
    cfg = NET + "".join(
        [
            CONV.format(8, 3) + "batch_normalize=1\nactivation=leaky\n",  # 0: 8 × 12 × 16
            "[maxpool]\nsize=2\nstride=2\n",  # 1: 8 × 6 × 8
            CONV.format(8, 3) + "groups=8\n",  # 2
            "[shortcut]\nfrom=-2\nactivation=linear\n",  # 3
            "[route]\nlayers=-1\ngroups=2\ngroup_id=1\n",  # 4: 4
            CONV.format(6, 1).replace("pad=1", "padding=0") + "batch_normalize=1\n",  # 5: 6
            "[route]\nlayers = -1, 3\n",  # 6: 14
            "[upsample]\nstride=2\n",  # 7: 14 × 12 × 16
            "[route]\nlayers=-1,0\n",  # 8: 22
            "[reorg]\nstride=2\n",  # 9: 88 × 6 × 8
            CONV.format(5, 1),  # 10
            "[deconvolutional]\nfilters=4\nsize=3\nstride=2\npadding=1\nbatch_normalize=1\n",  # 11: 4 × 11 × 15
            "[yolo]\nmask = 0,1\n",  # 12
            "[avgpool]\n",  # 13
            CONV.format(16, 1),  # 14: 16 × 1 × 1
            "[scale_channels]\nfrom=11\n",  # 15: 4 × 11 × 15
            "[batchnorm]\n",  # 16
            "[dropout]\nprobability=.5\n",  # 17
            "[connected]\noutput=9\n",  # 18
            "[connected]\noutput=7\nbatch_normalize=1\n",  # 19
            "[softmax]\n",
        ]
    )
    writer = Writer()
    writer.conv(0, 8, 3, 3, 3, norm=True)
    writer.conv(2, 8, 1, 3, 3)
    writer.conv(5, 6, 4, 1, 1, norm=True)
    writer.conv(10, 5, 88, 1, 1)
    writer.conv(11, 5, 4, 3, 3, norm=True, kind="deconvolutional")
    writer.conv(14, 16, 4, 1, 1)
    writer.array("batchnorm_16.bias", 4)
    writer.norm("batchnorm_16", 4)
    writer.connected(18, 9, 4 * 11 * 15)
    writer.connected(19, 7, 9, norm=True)
    writer.save(path, cfg)
    return writer
