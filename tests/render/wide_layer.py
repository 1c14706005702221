"""A network with a layer of 512 units, its site with made-up pictures, and what a browser shows of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from wbsite.core.store import Store, result_key
from wbsite.featurevis import sheet
from wbsite.results.network.architecture import Architecture
from wbsite.results.network.unit_pictures import PictureSettings, QuickPictures, UnitPictures
from wbsite.results.photographs import PhotographSet

WIDE = """
from torch import nn

class Wide(nn.Sequential):
    input_shape = (3, 32, 32)

def wide():
    net = Wide(
        nn.Conv2d(3, 48, 5, padding=2), nn.ReLU(), nn.Conv2d(48, 24, 1), nn.ReLU(), nn.Conv2d(24, 512, 3, padding=1),
        nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(512, 40, 3, padding=1), nn.ReLU(),
    )
    nn.init.zeros_(net[4].weight[7:8].detach())
    return net
"""
"""A layer of 512 units that reads through a bottleneck; its unit 7 has no weights."""

DEAD, RESEEDED, UNPICTURED, DIFFERING, QUICK = 11, 12, 13, 14, 130
"""Of unit QUICK and those behind it there are small pictures alone."""


def picture(seed: int) -> bytes:
    """An encoded picture as feature visualization leaves it, of about the usual size."""
    noise = Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 16, 3), np.uint8)).resize((128, 128))
    held = io.BytesIO()
    noise.save(held, "WEBP", quality=85)
    return held.getvalue()


def tiles(first: int, last: int) -> bytes:
    """A sheet of small pictures: that of unit i is as red as i, modulo 251."""
    red = torch.arange(first, last, dtype=torch.float32) % 251 / 255
    return sheet([torch.stack([red[i], *torch.zeros(2)])[:, None, None].expand(3, 32, 32) for i in range(len(red))], 16)


def put_pictures(store: Store, layer: str, units: int, first: int = 0) -> str:
    """Stores made-up pictures of a layer's units; returns the key."""
    shown = [channel for channel in range(units) if channel != UNPICTURED]
    rows = pd.DataFrame(
        {
            "unit": shown,
            "activation": [float("nan") if channel == DEAD else 6.0 for channel in shown],
            "photo_max": [0.0 if channel == DEAD else 4.0 for channel in shown],
            "ratio": [float("nan") if channel == DEAD else 1.5 for channel in shown],
            "own": [float("nan") if channel == DEAD else 2.5 if channel == DIFFERING else 6.0 for channel in shown],
            "agrees": [channel != DIFFERING for channel in shown],
            "dead": [channel == DEAD for channel in shown],
            "reseeded": [int(channel in (DEAD, RESEEDED)) for channel in shown],
            "quick": [channel >= QUICK for channel in shown],
        }
    )
    rows.loc[rows["unit"] == DIFFERING, "ratio"] = float("nan")
    files = {f"unit-{channel}.webp": picture(first + channel % 20) for channel in shown if channel < QUICK}
    small = PictureSettings(height=32, width=32, steps=8, parameterisation="fourier", seed=0)
    quick = QuickPictures(settings=small, count=units, checked=2, per_sheet=128, columns=16)
    if units > QUICK:
        files |= {name: tiles(i * 128, min(units, (i + 1) * 128)) for i, name in enumerate(quick.sheets)}
    key = result_key({"pictures": layer, "first": first})
    result = UnitPictures(
        units=units,
        shown=len(shown),
        settings=PictureSettings(height=128, width=128, steps=256, parameterisation="fourier", seed=0),
        quick=quick if units > QUICK else None,
        photographs=PhotographSet(name="made up", count=9, what="9 crops of a made-up photograph"),
        remark="The network is shown one picture at a time.",
        differing=(DIFFERING,) if DIFFERING in shown else (),
        rows=rows,
        files=files,
    )
    store.put(key, result.contents(), {"analysis": "unit_pictures"})
    return key


def make(folder: Path, process: Callable[..., Any]) -> None:
    """Fills a folder with the store and the site of the wide network, pictures made up."""
    from wbsite.run.plan import plan
    from wbsite.run.subjects.model import ModelSubject
    from wbsite.run.worker import run_task

    (folder / "wide_network.py").write_text(WIDE)
    store = Store(folder / "build" / "store")
    store.prepare()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        planned = plan(
            ModelSubject("wide_network:wide"), "quick", only=["architecture", "connections", "nmf", "filters"]
        )
        results: dict[str, dict[str, Any]] = {}
        for task in planned.tasks:
            outcome = run_task(task, store.url, "cpu")
            assert not outcome.failed, outcome.failed
            results.setdefault(task.analysis, {})[task.layer] = {"key": task.key}
    for (analysis, layer), reason in planned.skipped.items():
        results.setdefault(analysis, {})[layer] = {"skipped": reason}
    entry = store.get(results["architecture"][""]["key"])
    assert entry is not None
    units = {layer.name: layer.out_channels for layer in Architecture.read(entry).layers}
    results["unit_pictures"] = {name: {"key": put_pictures(store, name, count)} for name, count in units.items()}
    about = {"id": planned.subject.id, "token": planned.subject.token, "profile": "full", "digest": planned.digest}
    store.put_record(planned.subject.record, {**about, **planned.facts, "results": results})
    store.put_record("last", {"models": [planned.subject.id], "suites": [], "articles": []})
    ran = process(folder, "render", "--strict")
    assert ran.status == 0, ran.err


def shown(view: Any, unit: int) -> str:
    """What the panel of a unit says, as soon as it is there."""
    view.wait_for_selector(f'.wb-unitpanel[data-shown="{unit}"]')
    return view.locator(".wb-unitpanel").inner_text()
