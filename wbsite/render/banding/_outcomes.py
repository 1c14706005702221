"""What became of the last layer's banding in experiments, as findings of figures say it."""

from __future__ import annotations

from collections.abc import Sequence

from wbsite.core.markup import Markup, html
from wbsite.render.text import counted, listing, percent_text

from ._laboratory import Laboratory

TURNED, LOST, WEAKER, SAME, STRONGER, OPEN = "turned", "lost", "weaker", "same", "stronger", "open"
"""The bands turned; most went; some went; no difference beyond what seeds explain; more came; seeds or the baseline
cannot tell."""


TITLE_WORDS = 17
"""Titles of experiments with more words than these are counted and not named, so that a finding stays short."""


def outcome(laboratory: Laboratory, name: str, place: str = "last") -> str:
    """Of an experiment's layer, held against its baseline's."""
    layer = laboratory.experiments[name].layer(place)
    if layer.difference.excludes_zero is None or layer.lost is None:
        return OPEN
    if state := laboratory.banding(name, place):
        return state
    return STRONGER if layer.difference.positive else WEAKER if layer.difference.negative else SAME


def outcomes(laboratory: Laboratory, names: Sequence[str]) -> dict[str, list[str]]:
    """Outcome → names of the experiments that have it, in the order of the list; baselines are passed over."""
    groups: dict[str, list[str]] = {}
    for name in names:
        if laboratory.experiments[name].baseline != name:
            groups.setdefault(outcome(laboratory, name), []).append(name)
    return groups


def finding(laboratory: Laboratory, names: Sequence[str]) -> str:
    """One sentence about the last layer of a few experiments (HTML); "" where none has a baseline beside it."""
    left = percent_text(laboratory.result.lost_below)
    verbs = {
        TURNED: ("turns its bands vertical", "turn its bands vertical"),
        LOST: (f"leaves less than {left} of its banding", f"leave less than {left} of its banding"),
        WEAKER: ("weakens its bands", "weaken its bands"),
        SAME: ("has no clear effect", "have no clear effect"),
        STRONGER: ("strengthens its bands", "strengthen its bands"),
        OPEN: ("allows no verdict", "allow no verdict"),
    }
    groups = outcomes(laboratory, names)
    named = sum(len(laboratory.experiments[name].title.split()) for group in groups.values() for name in group)
    parts = []
    for state, group in groups.items():
        titles = [Markup("“{}”").format(laboratory.experiments[name].title) for name in group]
        subject = listing(titles) if named <= TITLE_WORDS else counted(len(group), "experiment")
        parts.append(html("{} {}", subject, verbs[state][len(group) > 1]))
    return html("In the last layer, {}.", listing(parts)) if parts else Markup()


def before_text(laboratory: Laboratory, names: Sequence[str]) -> str:
    """A sentence on how the layer before the last compares with it in these experiments (HTML); "" without a baseline."""
    compared = [name for name in names if laboratory.experiments[name].baseline != name]
    if not compared:
        return ""
    other = sum(outcome(laboratory, name, "before") != outcome(laboratory, name) for name in compared)
    layers = listing(
        dict.fromkeys(html("<code>{}</code>", laboratory.experiments[name].before.layer) for name in compared)
    )
    if not other:
        return html("The layer before, {}, comes out alike.", layers)
    return html(
        "In the layer before, {}, {} of {} {}.", layers, other, len(compared), "differ" if other > 1 else "differs"
    )
