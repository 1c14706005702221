"""The diagram of layers: what feeds what, in as many lines as a reader can follow."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wbsite.render.network.architecture import Line, lines


def layers(**inputs: str) -> Any:
    """Layers by name, each with the names of those that feed it."""
    return [SimpleNamespace(name=name, inputs=tuple(read.split())) for name, read in inputs.items()]


def read(found: list[Line], name: str) -> set[str]:
    """What a layer reads, as the lines have it: those that end there, and what lies before the ones that go past."""
    ending = [line for line in found if line.end == name]
    return {line.start for line in ending if not line.past}.union(
        *(read(found, line.start) for line in ending if line.past)
    )


def test_a_chain_and_branches_that_are_joined_have_a_line_a_pair() -> None:
    found = lines(layers(a="input", b="a", c="a", d="b c", e="b c"))
    pairs = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("b", "e"), ("c", "e")]
    assert found == [Line(start, end) for start, end in pairs]


def test_a_shortcut_goes_past_what_reads_it() -> None:
    found = lines(layers(a="input", b="a", c="a b", d="a b c", e="d", f="b e"))
    past = [("b", "c"), ("c", "d")]
    assert [line for line in found if line.past] == [Line(start, end, past=True) for start, end in past]
    assert read(found, "d") == {"a", "b", "c"}
    assert Line("b", "f") in found, "which nothing reads alone"


@pytest.mark.parametrize("readers", [1, 3])
def test_lines_grow_with_the_layers_and_lose_no_pair(readers: int) -> None:
    """A sum of all before it is read by several layers at once, as queries, keys and values are."""
    inputs, before = {}, ["stem"]
    for block in range(40):
        for reader in range(readers):
            inputs[f"r{block}.{reader}"] = " ".join(before)
        inputs[f"o{block}"] = " ".join(f"r{block}.{reader}" for reader in range(readers))
        before.append(f"o{block}")
    made = layers(stem="input", **inputs)
    found = lines(made)
    assert all(read(found, layer.name) == set(layer.inputs) - {"input"} for layer in made)
    assert len(found) < 3 * len(made)
