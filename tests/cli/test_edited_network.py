"""An edited forward pass is another network, with the same weights and layer names, in the same store."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.run.subjects.model import loaded

NET = """
import torch
import torch.nn.functional as F
from torch import nn

class Net(nn.Module):
    input_shape = (3, 16, 16)

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        x = {first}
        return self.fc({second}.mean((2, 3)))
"""

FORMER = {"first": "F.conv2d(x, self.conv.weight, self.conv.bias)", "second": "F.relu(x)"}


def exported(cli: Callable[..., Any], work: Path, analysis: str, **lines: str) -> tuple[list[dict[str, Any]], str]:
    """Rows of an analysis of the network with these lines, and what was said meanwhile."""
    (work / "edited_net.py").write_text(NET.format(**{**FORMER, **lines}))
    loaded.cache_clear()  # as in another process
    try:
        ran = cli("export", analysis, "--model", "edited_net:Net", "--format", "json")
    finally:
        sys.modules.pop("edited_net", None)
    assert ran.status == 0, ran.err
    return json.loads(ran.out), ran.err


def test_kernels_scaled_in_the_forward_pass_give_new_numbers(cli: Callable[..., Any], work: Path) -> None:
    store = work / "build/store/objects"
    (before, *_), _ = exported(cli, work, "anatomy")
    entries = sorted(store.rglob("manifest.json"))
    (again, *_), _ = exported(cli, work, "anatomy")
    assert again == before
    assert sorted(store.rglob("manifest.json")) == entries  # nothing was computed
    (after, *_), _ = exported(cli, work, "anatomy", first="F.conv2d(x, 100 * self.conv.weight, self.conv.bias)")
    assert after["layer"] == before["layer"] == "conv"
    assert after["std"] == pytest.approx(100 * before["std"], rel=1e-5)


def test_another_activation_is_measured_anew(cli: Callable[..., Any], work: Path) -> None:
    before, _ = exported(cli, work, "long_tail")
    after, _ = exported(cli, work, "long_tail", second="torch.tanh(x).square()")
    assert [row["median"] for row in before] == [
        row["median"] for row in after
    ]  # the kernel and what it reads are the same
    assert [row["after_median"] for row in before] != [row["after_median"] for row in after]
