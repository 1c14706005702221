"""The controls' tables and contrasts: the right layers, the right signs, and what is missing is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wbsite.analyses.base import SuiteContext
from wbsite.analyses.census.controls import QUESTIONS, run
from wbsite.stats.intervals import t_interval, welch_difference
from wbsite.train.runs import Run

H = {
    "rows": (-0.4, -0.5),
    "turned": (0.5, 0.4, 0.6),
    "square_rows": (-0.2, -0.3),
    "square_columns": (0.3, 0.2),
    "presence_rows": (0.1, 0.0),
}


@pytest.fixture
def context(made_run: Callable[..., Run], suite_context: Callable[..., SuiteContext]) -> SuiteContext:
    def control(name: str, seed: int, h: float) -> Run:
        about: dict[str, Any] = {"suite": "controls", "setting": "words-small", "accuracy": 0.8 + 0.1 * seed}
        return made_run(name, seed, h, -h, side=3, order=list(H).index(name), chance=0.2, **about)

    return suite_context([control(name, seed, h) for name, values in H.items() for seed, h in enumerate(values)])


def test_a_control_has_its_last_two_layers_and_how_well_it_learned(context: SuiteContext) -> None:
    control = run(context).settings["words-small"].controls["turned"]
    assert (control.before_layer, control.last_layer, control.seeds) == ("5a", "5b", 3)
    expected = t_interval(H["turned"])
    assert (control.last.mean, control.last.low, control.last.high) == pytest.approx(tuple(expected))
    assert control.before.mean == pytest.approx(-0.5)
    assert (control.accuracy_low, control.accuracy_high) == pytest.approx((0.8, 1.0))
    assert control.skill == pytest.approx((0.9 - 0.2) / 0.8)


def test_contrasts_have_the_signs_that_the_questions_ask_for(context: SuiteContext) -> None:
    contrasts = run(context).settings["words-small"].contrasts
    assert contrasts.keys() == {"task", "map", "mirror"}, "the others lack a control"
    assert contrasts["task"].effect.mean == pytest.approx(0.25)
    task = welch_difference(H["square_columns"], H["square_rows"])
    assert contrasts["task"].effect.low == pytest.approx(task.low / 2)
    assert contrasts["map"].effect.mean == pytest.approx(-0.25 + 0.45)
    assert contrasts["mirror"].effect.mean == pytest.approx(-0.45 + 0.5)
    assert contrasts["mirror"].seeds == 2
    assert contrasts["mirror"].skill == pytest.approx((0.85 - 0.2) / 0.8)


def test_tables_have_a_row_a_run_and_layer_and_a_row_a_control(context: SuiteContext) -> None:
    found = run(context)
    assert len(found.runs) == 2 * sum(map(len, H.values()))
    assert found.runs.loc[found.runs["last"], "layer"].unique().tolist() == ["5b"]
    assert found.summary["experiment"].tolist() == list(H)
    assert found.summary["last_index"].tolist() == pytest.approx([sum(h) / len(h) for h in H.values()])
    assert found.pictures["words-small/turned"].shape == (36, 3, 3, 3)


def test_every_question_is_about_controls_of_the_suite() -> None:
    from wbsite.core import registry

    names = {trial.name for trial in registry.named("suites", "controls", "suite").trials}
    assert {name for question in QUESTIONS.values() for name in (question.first, question.second)} <= names
