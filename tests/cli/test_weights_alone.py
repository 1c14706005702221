"""Files of weights without a network, from the command line to their pages."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file


@pytest.fixture
def weights(work: Path, speck_weights: Path) -> Path:
    """A checkpoint of speck's weights in the working folder, averaged ones beside those of the last step."""
    (path,) = speck_weights.glob("*.safetensors")
    state = load_file(path)
    raw = {name: value + 1 for name, value in state.items()}
    torch.save({"model": raw, "model_ema": state, "epoch": 3}, work / "last.ckpt")
    return work / "last.ckpt"


def rows(text: str) -> list[dict[str, str]]:
    return [{**row, "model": ""} for row in csv.DictReader(io.StringIO(text))]


def test_kernels_have_the_indices_that_they_have_in_their_network(
    cli: Callable[..., Any], weights: Path, speck_weights: Path
) -> None:
    alone = cli("export", "banding", "--model", weights.name)
    whole = cli("export", "banding", "--model", "speck", "--weights-dir", str(speck_weights))
    assert alone.status == whole.status == 0, alone.err
    one, other = ({row["layer"]: row for row in rows(ran.out) if row["source"] == "weights"} for ran in (alone, whole))
    assert one == other and len(one) > 1


def test_the_place_in_a_file_is_chosen_behind_a_number_sign(cli: Callable[..., Any], weights: Path) -> None:
    averaged, raw = (
        cli("export", "anatomy", "--model", "last.ckpt"),
        cli("export", "anatomy", "--model", "last.ckpt#model"),
    )
    assert (averaged.status, raw.status) == (0, 0), raw.err
    assert rows(averaged.out) != rows(raw.out)
    assert rows(averaged.out) == rows(cli("export", "anatomy", "--model", "last.ckpt#model_ema").out)
    refused = cli("export", "anatomy", "--model", "last.ckpt#mode")
    assert refused.status == 2
    assert "holds weights under model, model_ema" in refused.err


def test_its_pages_say_what_is_not_known(cli: Callable[..., Any], work: Path, weights: Path) -> None:
    (work / "wbsite.toml").write_text('models = ["last.ckpt"]\narticles = ["weight-banding"]\n')
    assert cli("compute").status == 0
    ran = cli("render")
    assert ran.status == 0, ran.err
    (page,) = (work / "build" / "docs" / "models").glob("*/index.md")
    text = html.unescape(page.read_text())
    assert "holds weights without the network that uses them" in text
    assert "averages over training steps (model_ema); those of the last step are last.ckpt#model" in text
    assert "<dt>Input</dt>" not in text and "## How it computes" not in text
    assert "the file's order, which need not be that of a forward pass" in text
    layer = html.unescape((page.parent / "conv2" / "index.md").read_text())
    assert "the file holds weights alone" in layer
    article = html.unescape((work / "build" / "docs" / "articles" / "weight-banding" / "index.md").read_text())
    assert "the last of the file" in article


def test_the_order_of_colours_is_what_the_user_says(cli: Callable[..., Any], work: Path) -> None:
    kernels = torch.randn(4, 3, 5, 5)
    torch.save({"conv.weight": kernels}, work / "net.pth")
    as_stored = cli("export", "filter_tuning", "--model", "net.pth")
    (work / "wbsite.toml").write_text('[models."net.pth"]\nchannels = "BGR"\n')
    said = cli("export", "filter_tuning", "--model", "net.pth")
    torch.save({"conv.weight": kernels.flip(1)}, work / "turned.pth")
    turned = cli("export", "filter_tuning", "--model", "turned.pth")
    assert as_stored.status == said.status == turned.status == 0, said.err
    assert rows(said.out) == rows(turned.out) != rows(as_stored.out)


def test_an_analysis_that_takes_a_network_says_so(cli: Callable[..., Any], weights: Path) -> None:
    ran = cli("export", "tuning", "--model", weights.name)
    assert ran.status == 2
    assert "tuning has no result for last.ckpt: it takes the network's forward pass" in ran.err
    page = cli("doctor", weights.name)
    assert page.status == 0, page.err
    assert "torch state dict" in page.out and "banding" in page.out and "not computation" in page.out
