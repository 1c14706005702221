"""A tiny network, registered as an installed package registers its own, with an address to fetch it from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from wbsite.core import registry

PLUGIN = """
from collections import OrderedDict
from torch import nn
from wbsite.models.base import ModelSpec, Preprocess, Source

def build(width):
    layers = OrderedDict(conv1=nn.Conv2d(3, width, 3), norm=nn.BatchNorm2d(width), conv2=nn.Conv2d(width, 4, 3))
    return nn.Sequential(layers | OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), fc=nn.Linear(4, 2)))

SOURCE = Source({url!r}, {digest!r}) if {url!r} else None
MODELS = (
    ModelSpec("tiny", "narrow", "Tiny", lambda: build(4), Preprocess(crop=8), source=SOURCE),
    ModelSpec("tiny", "wide", "Tiny", lambda: build(6), Preprocess(crop=8)),
)
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Registers the model `tiny` (weights `narrow` and `wide`); call it to give `narrow` an address.

    The cache is an empty folder of the test's own.
    """
    monkeypatch.setenv("WBSITE_CACHE", str(tmp_path / "cache"))
    site = tmp_path / "installed"
    about = site / "tiny_wbsite_plugin-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-wbsite-plugin\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[wbsite.models]\ntiny = tiny_wbsite_plugin:MODELS\n")
    monkeypatch.syspath_prepend(str(site))

    def publish(url: str = "", digest: str = "") -> None:
        (site / "tiny_wbsite_plugin.py").write_text(PLUGIN.format(url=url, digest=digest))
        sys.modules.pop("tiny_wbsite_plugin", None)
        registry.entries.cache_clear()

    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    publish()
    yield publish
    sys.dont_write_bytecode = before
    sys.modules.pop("tiny_wbsite_plugin", None)
    registry.entries.cache_clear()


@pytest.fixture
def tiny_state(tiny: Callable[..., None]) -> dict[str, torch.Tensor]:
    """A state dict of `tiny@narrow`, different from the one any `build()` draws."""
    from wbsite.models.weights import candidates

    torch.manual_seed(5)
    return candidates("tiny", "narrow")[0].build().state_dict()
