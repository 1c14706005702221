"""Long analyses: a killed run goes on without doing a finished part again, and finished parts do not pile up."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wbsite.analyses.base import Analysis, Parts
from wbsite.core.config import Config
from wbsite.core.progress import Progress
from wbsite.core.store import Contents, Store
from wbsite.run.compute import compute

STORE = "build/store"


def results(analysis: str, store: str = STORE) -> dict[str, Any]:
    """Values by layer."""
    opened = Store(store)
    places = (opened.record("models/speck") or {})["results"][analysis]
    found = {layer: opened.get(place["key"]) for layer, place in places.items() if "key" in place}
    return {layer: entry.values for layer, entry in found.items() if entry is not None}


def stored_parts() -> list[str]:
    entries = map(Store(STORE).get, Store(STORE).keys())
    return [entry.key for entry in entries if entry is not None and "part" in entry.about]


def test_a_run_killed_between_two_parts_goes_on_after_the_finished_one(bench: Any) -> None:
    """Clean, in between, keeps what it goes on with; afterwards nothing but results is left."""
    killed = bench.process(*bench.exporting("pieces"), PIECES_KILL="conv2 5")
    assert killed.status == -signal.SIGKILL
    assert "compute 6 of 6 results" in killed.err  # five layers, and the survey of the model that they need
    assert bench.computed == ["conv2 5"]
    assert bench.command("clean").status == 0
    assert len(stored_parts()) == 1
    ran = bench.export("pieces")
    assert ran.status == 0, ran.err
    assert bench.computed == ["conv2 5", "conv2 1", "conv3 2"]
    undisturbed = bench.export("pieces", "--store", "another")
    assert undisturbed.out == ran.out
    assert [line.split(",")[:3] for line in ran.out.splitlines()[1:]] == [
        ["speck", "conv2", "5"], ["speck", "conv2", "1"], ["speck", "conv3", "2"],
    ]  # fmt: skip
    bench.command("clean")
    assert stored_parts() == []


def test_an_interrupted_build_keeps_results_and_parts_until_it_is_finished(bench: Any) -> None:
    assert bench.stopped_after("conv2 5").status == 130
    before = Store(STORE).keys()
    assert "0 entries removed" in bench.command("clean").out
    assert Store(STORE).keys() == before
    assert bench.compute().status == 0
    assert bench.computed == ["conv2 5", "conv2 1", "conv3 2"]
    found = results("pieces")
    assert {layer: len(values["sums"]) for layer, values in found.items()} == {
        "conv1": 0, "conv2": 2, "squeeze": 0, "conv3": 1, "point": 0,
    }  # fmt: skip
    assert "3 entries removed, 0 of them damaged" in bench.command("clean").out
    assert stored_parts() == []
    assert results("pieces") == found
    assert bench.compute().err == ""


def test_profiles_that_differ_in_what_is_wanted_share_their_parts(bench: Any) -> None:
    assert bench.compute().status == 0
    assert bench.compute("--profile", "full").status == 0
    units = {"conv1": 6, "conv2": 8, "squeeze": 4, "conv3": 10, "point": 4}
    assert sorted(bench.computed) == sorted(f"{layer} {i}" for layer, n in units.items() for i in range(n))


def test_what_an_analysis_needs_decides_its_parts_only_where_it_says_so(bench: Any) -> None:
    bench.compute()
    with bench.edited("survey"):
        assert "compute 6 of 8 results" in bench.compute().err
    assert len(bench.computed) == 3
    with bench.changed("pieces", decides_parts=None):
        bench.compute("--profile", "full")
        with bench.edited("survey"):
            bench.compute("--profile", "full")
    assert len(bench.computed) == 3 + 32 + 32


@pytest.mark.parametrize("what", ["power", "code"])
def test_what_decides_a_part_is_in_its_key(bench: Any, what: str) -> None:
    bench.compute()
    cubes = {"quick": {"units": "wanted", "power": 3}}
    with bench.changed("pieces", params=cubes) if what == "power" else bench.edited("pieces"):
        assert bench.compute().status == 0
    assert len(bench.computed) == 6
    assert len(stored_parts()) == 6


def test_parts_that_only_an_older_plan_could_use_do_not_stay(bench: Any) -> None:
    """The older code never finished: its parts would wait for it for ever."""
    assert bench.stopped_after("conv2 1").status == 130
    assert len(stored_parts()) == 2
    with bench.edited("pieces"):
        assert bench.stopped_after("conv2 5").status == 130
    bench.command("clean")
    assert len(stored_parts()) == 1


def test_parts_of_an_analysis_that_failed_are_kept(bench: Any) -> None:
    def stumbles(context: Any) -> Contents:
        context.parts.put({"unit": 0}, Contents())
        if context.layer.name == "conv3":
            raise RuntimeError("out of memory")
        return Contents()

    with bench.changed("pieces", run=stumbles):
        assert bench.compute().status == 3
    bench.command("clean")
    [part] = map(Store(STORE).get, stored_parts())
    assert part is not None
    assert part.about["layer"] == "conv3"


@pytest.mark.parametrize("what", ["values.json", "manifest.json"])
def test_a_damaged_part_is_computed_again_and_said(bench: Any, work: Path, what: str) -> None:
    assert bench.stopped_after("conv2 5").status == 130
    [key] = stored_parts()
    (work / STORE / "objects" / key[:2] / key / what).write_text('{"sum": 1}')
    ran = bench.compute()
    assert ran.status == 0
    assert "pieces speck conv2: damaged in the store: part {'unit': 5}; computed again" in ran.err
    assert bench.computed[:2] == ["conv2 5", "conv2 5"]
    assert results("pieces")["conv2"]["sums"][0] != 1


def test_a_context_of_no_store_keeps_parts_in_memory() -> None:
    parts, others = Parts.forgotten(), Parts.forgotten()
    entry = parts.put({"unit": 1}, Contents(arrays={"picture": np.arange(3)}))
    again = parts.get({"unit": 1})
    assert again is not None
    np.testing.assert_array_equal(again.arrays["picture"], entry.arrays["picture"])
    assert parts.get({"unit": 2}) is None
    assert others.get({"unit": 1}) is None


def test_a_name_that_decides_parts_but_does_not_exist_is_refused() -> None:
    """A typing mistake would make results of other parameters share their parts."""
    with pytest.raises(ValueError, match=r"decides_parts names \['pwoer'\]"):
        Analysis("a", "layer", "", lambda context: Contents(), params={"quick": {"power": 2}}, decides_parts=("pwoer",))


class Heard(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_inner_steps_of_an_analysis_are_notes_on_the_runs_step(bench: Any) -> None:
    heard = Heard()
    compute(Config(models=("speck",), weights_dir=str(bench.weights)), heard)
    assert "pieces speck conv2 · units" in heard.notes
    assert any(note.startswith("pieces speck conv2 · units: 1 of 2, about ") for note in heard.notes)
