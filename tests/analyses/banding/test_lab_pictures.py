"""Pictures of the laboratory's kernels: the ones shown must be the units they are said to be, fairly drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wbsite.analyses.banding import lab_pictures
from wbsite.analyses.banding.lab_pictures import evenly
from wbsite.ops.banding.index import banding_index
from wbsite.ops.nmf import one_sided_nmf
from wbsite.results.banding.lab_pictures import LabPictures
from wbsite.train.runs import Run

SHOWN = 10


@pytest.fixture(scope="module")
def runs(made_run: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """A banded baseline and a turned experiment, two seeds each, as they come back from their files."""
    folder, result = tmp_path_factory.mktemp("runs"), []
    for order, (name, h) in enumerate({"baseline": 1.0, "rotated": -1.0}.items()):
        for seed in (0, 1):
            run = made_run(name, seed, h, order=order)
            for layer, kernels in run.kernels.items():
                run.record["layers"][layer]["index"] = banding_index(kernels, resamples=1).index
            path: Path = folder / f"{name}-{seed}.npz"
            run.write(path)
            result.append(Run.read(path))
    return result


@pytest.fixture(scope="module")
def result(runs: list[Run], suite_context: Callable[..., lab_pictures.SuiteContext]) -> LabPictures:
    return lab_pictures.run(suite_context(runs, sample=SHOWN, resamples=50))


def test_bands_are_found_on_the_pictures_and_counted(result: LabPictures) -> None:
    summary = result.summary.set_index(["experiment", "place"])
    for place in ("last", "before"):
        assert summary.loc[("baseline", place), ["horizontal", "vertical", "none"]].tolist() == [2, 0, 0]
        assert summary.loc[("rotated", place), ["horizontal", "vertical", "none"]].tolist() == [0, 2, 0]
    one = result.runs.query("experiment == 'baseline' and place == 'last'")
    assert one["seed"].tolist() == [0, 1]
    assert summary.loc[("baseline", "last"), "index"] == pytest.approx(one["index"].mean())


def test_every_picture_shown_is_the_nmf_of_the_unit_it_is_said_to_be(result: LabPictures, runs: list[Run]) -> None:
    of = {(run.record["experiment"], run.record["seed"]): run for run in runs}
    assert set(result.pictures) == {
        f"cifar10-small/{e}/{p}" for e in ("baseline", "rotated") for p in ("last", "before")
    }
    for (experiment, place), rows in result.units.groupby(["experiment", "place"]):
        shown = result.pictures[f"cifar10-small/{experiment}/{place}"]
        assert shown.shape == (SHOWN, 5, 5, 3)
        assert shown.dtype == np.uint8
        assert rows["position"].tolist() == list(range(SHOWN))
        assert rows["seed"].nunique() == 2, "seeds are pooled"
        for row in rows.itertuples():
            run = of[experiment, row.seed]
            alone = one_sided_nmf(run.kernels[run.record[place]], 3)
            picture = alone.spatial[row.unit]
            np.testing.assert_allclose(shown[row.position] / 255, picture.numpy(), atol=0.01)
            assert row.index == pytest.approx(
                banding_index(picture.permute(2, 0, 1)[None], resamples=1).index, abs=0.02
            )


def test_all_units_are_shown_once_where_all_are_asked_for(
    runs: list[Run], suite_context: Callable[..., lab_pictures.SuiteContext]
) -> None:
    result = lab_pictures.run(suite_context(runs[:2], sample=1_000_000, resamples=1))
    last = result.units.query("place == 'last'")
    assert len(last) == 24
    assert not last.duplicated(["seed", "unit"]).any()


@pytest.mark.parametrize(("count", "wanted"), [(144, 48), (100, 7), (49, 48), (48, 48), (5, 48), (3, 1)])
def test_an_even_sample_is_never_the_head_of_the_order(count: int, wanted: int) -> None:
    places = evenly(count, wanted)
    assert len(set(places.tolist())) == min(count, wanted)
    steps = np.diff([-1, *places, count])
    inner = steps[1:-1]
    assert len(inner) < 2 or inner.max() - inner.min() <= 1
    assert abs(int(places[0]) - (count - 1 - int(places[-1]))) <= 1, "as far from one end as from the other"


def test_what_rounding_the_kernels_does_to_h_is_said(result: LabPictures, runs: list[Run]) -> None:
    """The pictures are made from fifteen levels; the article's H are not."""
    quantisation = result.quantisation
    assert (quantisation.levels, quantisation.layers) == (15, 8)
    moved = {
        f"{run.name} {layer}": abs(banding_index(kernels, resamples=1).index - run.record["layers"][layer]["index"])
        for run in runs
        for layer, kernels in run.kernels.items()
    }
    assert quantisation.largest_difference is not None and 0 < quantisation.largest_difference < 0.05
    assert quantisation.largest_difference == pytest.approx(max(moved.values()))
    assert moved[quantisation.largest_layer] == pytest.approx(quantisation.largest_difference)
    assert quantisation.mean_difference == pytest.approx(np.mean(list(moved.values())))
    assert quantisation.ratio is not None and 0.9 < quantisation.ratio < 1, "rounding adds variance without direction"


def test_a_layer_of_zeros_is_shown_and_not_averaged(
    made_run: Callable[..., Run], suite_context: Callable[..., lab_pictures.SuiteContext]
) -> None:
    run = made_run("baseline", 0, 1.0)
    run.record["layers"]["5b"]["index"] = None
    dead = Run(run.record, {**run.kernels, "5b": np.zeros_like(run.kernels["5b"])})
    result = lab_pictures.run(suite_context([dead], sample=4, resamples=5))
    row = result.summary.query("place == 'last'").iloc[0]
    assert row[["index", "low", "high"]].isna().all()
    assert row[["error", "seeds", "horizontal", "vertical", "none", "undefined"]].tolist() == [0.0, 1, 0, 0, 0, 1]
    assert not result.pictures["cifar10-small/baseline/last"].any()
    assert result.quantisation.layers == 1
