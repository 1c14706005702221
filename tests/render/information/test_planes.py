"""What figures of the information plane share: colours that tell layers apart, and runs that died are counted."""

from __future__ import annotations

import pytest
from planes import plane_site

from wbsite.render.figure import Gap, Scene
from wbsite.render.information._planes import layer_colours, runs_that_lived, study_result
from wbsite.results.information.trajectories import RunCount, Trajectories
from wbsite.results.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plane_site(tmp_path_factory.mktemp("planes"))


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb (WCAG 2.2)."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("count", [1, 2, 6, 12])
def test_layers_are_told_apart_on_light_and_dark_ground_and_in_grey(count: int) -> None:
    colours = layer_colours(count)
    assert len(set(colours)) == count
    light = [luminance(colour) for colour in colours]
    assert light == sorted(light)
    assert all((1.05 / (y + 0.05)) > 2.7 and (y + 0.05) / (luminance("#1e2129") + 0.05) > 2.7 for y in light)


def test_runs_that_died_are_counted(site: Site) -> None:
    trajectories = study_result(Scene(site), Trajectories)
    assert not isinstance(trajectories, Gap)
    assert trajectories.run_counts == {"tanh-none": (3, 3), "relu-0.8": (2, 3)}
    assert [runs_that_lived(RunCount(*pair)) for pair in ((3, 3), (2, 3), (0, 1), (1, 1))] == [
        "3 runs", "2 of 3 runs lived", "0 of 1 run lived", "1 run",
    ]  # fmt: skip
