"""Photographs: exactly what the network expects, named in the record, and noticed when they change."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from wbsite.analyses.base import Analysis
from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.core.store import Entry, Store
from wbsite.datasets import _photographs
from wbsite.datasets._photographs import PHOTOGRAPHS, caption, evenly_spaced, files_of, public_name
from wbsite.models.base import ModelSpec, Preprocess
from wbsite.results.base import Result
from wbsite.run import inputs as reading
from wbsite.run import plan as planning
from wbsite.run.executors import outcomes
from wbsite.run.inputs import collection, photographs
from wbsite.run.subjects.model import ModelSubject, Network


class Nothing(Result, analysis="nothing", summary=""):
    """A result without fields."""


def spec(**changes: Any) -> ModelSpec:
    return ModelSpec("net", "w", "Net", torch.nn.Module, Preprocess(**{"crop": 16, "resize": 20, **changes}))


def brightness(folder: str = "build/store") -> Entry:
    store = Store(folder)
    entry = store.get((store.record("models/speck") or {})["results"]["brightness"][""]["key"])
    assert entry is not None
    return entry


def test_without_a_choice_they_are_crops_of_two_photographs_and_the_record_says_so(bench: Any) -> None:
    ran = bench.compute()
    assert ran.status == 0, ran.err
    assert brightness().values["shape"] == [64, 3, 16, 16]
    assert brightness().about["photographs"] == {
        "name": "sample_photographs",
        "count": 64,
        "what": "64 crops of the two photographs that come with scikit-learn",
    }
    store = Store("build/store")
    others = [entry for entry in map(store.get, store.keys()) if entry and entry.about["analysis"] != "brightness"]
    assert all("photographs" not in entry.about for entry in others)


def test_other_photographs_and_changed_ones_are_other_results_of_what_reads_them_alone(
    bench: Any, picture_folder: Callable[..., Path]
) -> None:
    bench.compute()
    pets = picture_folder("pets", 3, 2)
    of = ("--photographs", f"imagefolder:{pets}")
    first = bench.compute(*of)
    assert "compute 1 of " in first.err, first.err
    seen = brightness()
    assert seen.about["photographs"] == {
        "name": "imagefolder:pets", "count": 5, "what": "5 pictures of imagefolder:pets",
    }  # fmt: skip
    assert bench.compute(*of).err == ""
    Image.new("RGB", (30, 30), (9, 9, 9)).save(pets / "val" / "class0" / "000.png")
    assert "compute 1 of " in bench.compute(*of).err
    assert brightness().key != seen.key
    assert brightness().values["mean"] != seen.values["mean"]


def test_changes_are_noticed_without_torch(
    picture_folder: Callable[..., Path], tmp_path: Path, environment: dict[str, str]
) -> None:
    """Or a second build with nothing to do would take seconds."""
    pets = picture_folder("pets", 2)
    code = (
        "import sys\nfrom wbsite.run.subjects.model import ModelSubject\n"
        "from wbsite.run.fingerprint import fingerprint\n"
        f"found = fingerprint(ModelSubject('speck', '', 'imagefolder:{pets}'))\n"
        "print(len(found['photographs']['files']), 'torch' in sys.modules, 'sklearn' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2", "False", "False"]


def test_a_folder_is_shown_exactly_as_the_network_preprocesses_its_files(picture_folder: Callable[..., Path]) -> None:
    pets = picture_folder("pets", 2, 1)
    shown = photographs(f"imagefolder:{pets}", spec(), Progress())
    paths = sorted((pets / "val").rglob("*.png"))
    assert shown.count == len(paths) == 3
    assert shown.inputs.dtype == torch.float32
    for path, x in zip(paths, shown.inputs, strict=True):
        with Image.open(path) as image:
            torch.testing.assert_close(x, spec().preprocess(image), rtol=0, atol=0)


@pytest.mark.parametrize("source", ["sample_photographs", "textures"])
def test_pictures_that_are_drawn_come_at_the_size_that_needs_no_resizing(source: str) -> None:
    shown = photographs(source, spec(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), scale=255.0), Progress())
    assert shown.inputs.shape == (shown.count, 3, 16, 16)
    assert torch.equal(shown.inputs, shown.inputs.round())
    assert shown.count == (64 if source == "sample_photographs" else PHOTOGRAPHS)


def test_a_grey_network_sees_them_in_grey() -> None:
    shown = photographs("sample_photographs", spec(mean=(0.5,), std=(0.5,)), Progress())
    assert shown.inputs.shape == (64, 1, 16, 16)
    assert shown.digest != photographs("sample_photographs", spec(), Progress()).digest


def test_a_network_that_takes_no_pictures_is_told_so_and_its_page_too(work: Path, speck_weights: Path) -> None:
    two = spec(mean=(0.5, 0.5), std=(0.5, 0.5))
    with pytest.raises(WbsiteError, match="3 channels, or 1 in grey; the network takes 2"):
        photographs("sample_photographs", two, Progress())
    subject = ModelSubject("speck", str(speck_weights))
    whole = subject.load("quick")
    analysis = Analysis(Nothing, "model", lambda context: None, inputs=("photographs",))  # type: ignore[arg-type,return-value]
    [(_, reason)] = Network(subject, replace(whole.model, spec=two), whole.layers).layers_for(analysis)
    assert "the network takes 2" in reason
    assert list(whole.layers_for(analysis)) == [("", "")]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("imagefoler:pets", "unknown data set 'imagefoler'"),
        ("imagefolder:nowhere", "nowhere is not a folder"),
        ("imagefolder:empty", "holds no pictures"),
        ("imagefolder:bare", "has no val/ or test/"),
        ("imagefolder:spoilt", "cannot be read"),
        ("sample_photographs:x", "takes nothing after the colon"),
    ],
)
@pytest.mark.parametrize("command", ["compute", "export"])
def test_photographs_that_cannot_be_had_are_refused_before_anything_is_computed(
    bench: Any, work: Path, source: str, said: str, command: str
) -> None:
    (work / "empty" / "val").mkdir(parents=True)
    (work / "bare").mkdir()
    (work / "spoilt" / "val" / "a").mkdir(parents=True)
    (work / "spoilt" / "val" / "a" / "b.png").write_text("no picture")
    if command == "compute":
        ran = bench.compute("--photographs", source)
    else:
        ran = bench.export("brightness", "--photographs", source)
    assert ran.status == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert not (work / "build").exists()


def test_an_analysis_cannot_see_them_without_saying_so(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or its results would stay when the photographs change."""
    monkeypatch.setenv("PIECES_DEFECT", "1")
    ran = bench.compute()
    assert ran.status == 3
    assert "undeclared speck failed: an analysis asks for photographs that are no part" in ran.err


def test_of_many_some_of_every_class_are_chosen() -> None:
    labels = np.tile(np.arange(10), 100)
    found = evenly_spaced(labels)
    assert len(set(found.tolist())) == PHOTOGRAPHS
    assert np.bincount(labels[found]).tolist() == [PHOTOGRAPHS // 10] * 10
    assert evenly_spaced(np.array([1, 0, 1])).tolist() == [1, 0, 2]
    assert evenly_spaced(np.array([], np.int64)).tolist() == []


def test_what_is_published_names_no_folder_of_the_machine() -> None:
    assert public_name("imagefolder:/home/someone/pets") == "imagefolder:pets"
    assert caption("imagefolder:/home/someone/pets", 7) == "7 pictures of imagefolder:pets"
    assert caption("cifar10", 200) == "200 pictures of cifar10"


def test_workers_compute_what_one_process_computes(bench: Any) -> None:
    """A result of the model for its layers, photographs and parts, in two processes."""
    assert bench.compute().status == 0
    inline, workers = Store("build/store"), Store("workers")
    workers.prepare()
    tasks = planning.plan(ModelSubject("speck", str(bench.weights)), "quick").tasks
    done = list(outcomes(tasks, Config(store=workers.url, workers=2), Progress()))
    assert [outcome.failed for outcome in done] == [""] * len(tasks)
    assert workers.keys() == inline.keys()
    for key in inline.keys():  # noqa: SIM118
        one, other = inline.get(key), workers.get(key)
        assert one is not None
        assert other is not None
        assert one.values == other.values
        assert one.about.get("photographs") == other.about.get("photographs")


def test_more_photographs_than_memory_holds_are_read_from_their_files_when_asked_for(
    picture_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pets = picture_folder("pets", 30, 10)
    monkeypatch.setattr(reading, "PHOTOGRAPHS", 5)
    monkeypatch.setattr(_photographs, "COLLECTION", 20)
    shown = collection(f"imagefolder:{pets}", spec(), Progress())
    assert (shown.about["count"], shown.about["what"]) == (20, "20 pictures of imagefolder:pets")
    assert [name.partition("/")[0] for name in shown.names].count("class1") == 5, "evenly over the classes"
    for number, x in zip((17, 3), shown.read([17, 3]), strict=True):
        with Image.open(pets / "val" / shown.names[number]) as image:
            torch.testing.assert_close(x, spec().preprocess(image), rtol=0, atol=0)


def test_a_collection_of_few_is_what_is_in_memory_with_names() -> None:
    shown, held = (read("sample_photographs", spec(), Progress()) for read in (collection, photographs))
    assert torch.equal(shown.read([3, 0]), held.inputs[[3, 0]])
    assert (len(shown.names), shown.names[0], shown.names[-1]) == (64, "china", "flower")


def test_a_collection_is_another_when_any_of_its_files_changes(
    picture_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PHOTOGRAPHS", 2)
    pets = picture_folder("pets", 6)
    source = f"imagefolder:{pets}"
    before, stamps = collection(source, spec(), Progress()).digest, files_of(source)
    assert len(stamps) == 6
    Image.new("RGB", (40, 24), "red").save(pets / "val" / "class0" / "004.png")
    assert files_of(source) != stamps
    assert collection(source, spec(), Progress()).digest != before
    (pets / "val" / "class0" / "003.png").write_text("no picture")
    with pytest.raises(WbsiteError, match=r"003\.png cannot be read"):
        collection(source, spec(), Progress())
