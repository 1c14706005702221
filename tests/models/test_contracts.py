"""What every network and every format of weights files keeps, whoever adds it: picked up from the registry."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

import wbsite
from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.graph.layers import discover
from wbsite.graph.tape import INPUT_NAME
from wbsite.models import formats
from wbsite.models.base import ModelSpec
from wbsite.models.formats import Format

SPECS = registry.entries("models")
BUILT = [spec for spec in SPECS if "regnet" not in spec.name or spec.name.endswith("400mf")]
"""torchvision computes a RegNet's widths with tensors and cannot build it without memory: the smallest are enough."""


@pytest.mark.parametrize("kind", ["models", "datasets"])
def test_listing_needs_neither_torch_nor_torchvision(kind: str, tmp_path: Path) -> None:
    """Or `wbsite list models` would take ten seconds."""
    code = (
        "import sys\nsys.modules['torch'] = sys.modules['torchvision'] = None\n"
        f"sys.argv = ['wbsite', 'list', {kind!r}]\nfrom wbsite.cli.app import main\nmain()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(wbsite.__file__).parents[1])}
    command = [sys.executable, "-c", code]
    listing = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert listing.returncode == 0, listing.stderr
    assert {line.partition("\t")[0].partition("@")[0] for line in listing.stdout.splitlines()} == {
        *registry.names(kind)
    }


def test_no_two_networks_have_one_title() -> None:
    assert max(Counter(spec.title for spec in SPECS).values()) == 1


@pytest.mark.parametrize("spec", BUILT, ids=lambda spec: f"{spec.name}@{spec.weights}")
def test_a_network_builds_and_its_layers_form_one_graph(spec: ModelSpec) -> None:
    """On the meta device, which has shapes and no numbers."""
    assert spec.title != spec.name
    assert spec.reference
    assert len(spec.preprocess.mean) == len(spec.preprocess.std)
    assert spec.preprocess.side >= max(spec.input_shape[1:])
    with torch.device("cpu" if "regnet" in spec.name else "meta"):
        network = spec.build()
    layers = discover(network, spec.input_shape)
    assert layers.notes == ()
    assert not layers.skipped
    assert layers.layers[0].inputs[0] == INPUT_NAME
    sources = {name for layer in layers.layers for name in layer.inputs}
    unread = [layer.name for layer in layers.layers if layer.name not in sources]
    assert unread == [layers.layers[-1].name], "only the classifier feeds no other layer"
    assert spec.blocks.keys() <= {layer.name for layer in layers.layers}
    units: dict[str, list[int]] = {}
    for layer in layers.layers:
        if layer.name in spec.blocks:
            block, first = spec.blocks[layer.name]
            assert network.get_submodule(block) is not None
            numbers = units.setdefault(block, [])
            assert first == len(numbers), f"the units of {layer.name} do not follow those before them in {block}"
            numbers += range(first, first + layer.out_channels)
    assert units.keys() == {block for block, _ in spec.blocks.values()}


def test_a_suffix_belongs_to_one_format() -> None:
    suffixes = [suffix for entry in registry.entries("formats") for suffix in entry.suffixes]
    assert len(set(suffixes)) == len(suffixes)


@pytest.mark.parametrize("entry", registry.entries("formats"), ids=lambda entry: entry.name)
def test_a_format_has_suffixes_and_refuses_what_is_not_of_it(entry: Format, tmp_path: Path) -> None:
    assert entry.summary
    assert entry.suffixes
    for suffix in entry.suffixes:
        assert suffix.startswith(".")
        assert suffix == suffix.lower()
        path = tmp_path / f"net{suffix.upper()}"
        for data in (b"", bytes(64), b"not weights but a line of text\n", bytes(range(255, 0, -1))):
            path.write_bytes(data)
            with pytest.raises(WbsiteError) as caught:
                formats.read(path)
            assert str(path) in caught.value.message
            assert caught.value.hint
