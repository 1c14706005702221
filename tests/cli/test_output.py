"""What `export` writes is data alone, however much the user's network prints: scripts read it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NET = """
import atexit, logging, os, subprocess, sys
import torch
from torch import nn

print("importing"); os.write(1, b"native"); subprocess.run(["echo", "another process"])
logging.basicConfig(stream=sys.stdout, level=logging.INFO)
atexit.register(print, "bye"); atexit.register(os.write, 1, b"native bye")

class Net(nn.Sequential):
    input_shape = (3, 16, 16)
    def forward(self, x):
        print("running"); os.write(1, b"native"); logging.info("logged")
        return super().forward(x)

def build():
    print("=> creating model"); torch.set_grad_enabled(False); torch.set_default_dtype(torch.float64)
    return Net(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))

def quiet(): return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
quiet.input_shape = (3, 16, 16)
"""


@pytest.mark.parametrize(("factory", "layers"), [("build", ["0", "2"]), ("quiet", ["0"])])
def test_export_writes_data_alone(tmp_path: Path, factory: str, layers: list[str]) -> None:
    (tmp_path / "loudnet.py").write_text(NET)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])}
    export = ["export", "banding", "--model", f"loudnet:{factory}", "--format", "json"]
    for _ in range(2):  # computed, then found in the store
        done = subprocess.run(
            [sys.executable, "-m", "wbsite.cli", *export],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        assert sorted({row["layer"] for row in rows if row["source"] == "weights"}) == layers
        for text in ("importing", "native", "another process", "bye", "native bye"):
            assert text in done.stderr
