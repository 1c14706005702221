"""The figures of the controls: a row a control, a mark a run, and words for what came out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from wbsite.analyses.base import SuiteContext
from wbsite.analyses.census.controls import run
from wbsite.claims.base import HOLDS
from wbsite.claims.census.controls import CLAIMS
from wbsite.core import registry
from wbsite.render.figure import Drawing, Scene
from wbsite.results.site import Gap
from wbsite.train.runs import Run

SQUARE = (("square_rows", 3, -0.3), ("square_columns", 4, 0.25))


@pytest.fixture
def draw(
    tmp_path: Path, write_control: Callable[..., Path], made_site: Callable[..., Any]
) -> Callable[..., Drawing | Gap]:
    """draw(figure, seeds, …options): of a site with the two controls on square pictures."""

    def drawn(name: str, seeds: int = 5, **options: str) -> Drawing | Gap:
        paths = [write_control(tmp_path, control, seed, *rest) for seed in range(seeds) for control, *rest in SQUARE]
        context = SuiteContext([Run.read(path) for path in paths], torch.device("cpu"), {}, {})
        site = made_site(suites={"controls": {"controls": run(context)}} if seeds else {})
        return registry.named("figures", name, "figure").draw(Scene(site, options=options))

    return drawn


def test_a_dot_is_a_run_and_the_finding_is_the_claim_s(draw: Callable[..., Drawing | Gap]) -> None:
    drawn = draw("wild-controls")
    assert isinstance(drawn, Drawing)
    assert drawn.data["kind"].value_counts().to_dict() == {"seed": 10, "mean": 2}
    means = drawn.data[drawn.data["kind"] == "mean"].set_index("experiment")
    assert means["index"].to_dict() == pytest.approx({"square_rows": -0.26, "square_columns": 0.29})
    assert (means["low"] < means["index"]).all() and (means["index"] < means["high"]).all()
    assert drawn.finding == CLAIMS[0].wording[HOLDS]
    assert "90.0" in drawn.method, "the least accuracy of any run"


def test_with_too_few_seeds_the_finding_is_what_is_seen(draw: Callable[..., Drawing | Gap]) -> None:
    drawn = draw("wild-controls", seeds=1)
    assert isinstance(drawn, Drawing)
    assert drawn.finding == "Mean H of the last layer lies from −0.30 to 0.25 over these controls."
    assert drawn.data["low"].isna().all()


def test_kernels_of_every_control_are_shown(draw: Callable[..., Drawing | Gap]) -> None:
    drawn = draw("wild-control-kernels", seeds=2)
    assert isinstance(drawn, Drawing)
    assert len(drawn.files) == 2
    for control, _, _ in SQUARE:
        assert f"wild-controls-words-small-{control}.png" in drawn.body
    assert drawn.data["shown"].tolist() == [40, 40]


@pytest.mark.parametrize("name", ["wild-controls", "wild-control-kernels"])
def test_without_runs_or_with_a_setting_that_is_not_there_a_gap_says_so(
    draw: Callable[..., Drawing | Gap], name: str
) -> None:
    assert isinstance(draw(name, seeds=0), Gap)
    other = draw(name, seeds=1, setting="words-large")
    assert isinstance(other, Gap)
    assert "words-large" in other.reason and "words-small" in other.reason
