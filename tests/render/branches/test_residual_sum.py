"""The diagram of a residual network rewritten as branches: the same blocks in both forms, and in words."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from wbsite.core import registry
from wbsite.render.figure import Drawing, Scene


def test_both_forms_show_the_same_blocks_and_the_sum_is_written_out() -> None:
    drawing = registry.named("figures", "residual-sum", "figure").draw(Scene(site=None))  # of no network at all
    assert isinstance(drawing, Drawing)
    series, parallel = map(ElementTree.fromstring, re.findall(r"<svg.*?</svg>", drawing.body))
    words = [[element.text for element in half.iter("text")] for half in (series, parallel)]
    blocks = list(drawing.data["block"])
    assert all(word in words[half] for half in (0, 1) for word in blocks)
    assert words[0].count("+") == len(blocks), "a sum behind every block"
    assert words[1].count("+") == 1, "one sum of all"
    assert "y = x + " + " + ".join(blocks) in words[1]
    assert [text for text in words[1] if text in set(drawing.data["reads"])][1:] == list(drawing.data["reads"])
    assert "x + f₁ + f₂ + f₃" in drawing.alt
