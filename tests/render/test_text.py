"""Numbers as pages write them."""

from __future__ import annotations

import numpy as np
import pytest

from wbsite.core.markup import Markup
from wbsite.render.text import listing, p_value_text, tally


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (1.0, "1.0"),
        (0.463, "0.46"),
        (np.float64(0.0301), "0.03"),
        (0.00654, "0.0065"),
        (1e-4, "0.0001"),
        (9.9e-5, "9.9&nbsp;·&nbsp;10<sup>−5</sup>"),
        (1.71e-23, "1.7&nbsp;·&nbsp;10<sup>−23</sup>"),
        (0.0, "0.0"),
    ],
)
def test_a_p_value_in_prose(p: float | None, text: str) -> None:
    assert p_value_text(p) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (3, 3, "all three"),
        (2, 2, "both"),
        (1, 1, "the only one"),
        (0, 1, "none of one"),
        (0, 3, "none of three"),
        (2, 3, "two of three"),
        (13, 30, "13 of 30"),
        (12, 30, "twelve of 30"),
    ],
)
def test_so_many_of_so_many_in_words(part: int, whole: int, text: str) -> None:
    assert tally(part, whole) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, ""),
        (1, "a"),
        (2, "a and b"),
        (8, "a, b, c, d, e, f, g and h"),
        (9, "a, b, c, d, e and 4 more"),
        (26, "a, b, c, d, e and 21 more"),
    ],
)
def test_a_list_in_a_sentence_is_no_longer_than_one_reads(count: int, text: str) -> None:
    items = "abcdefghijklmnopqrstuvwxyz"[:count]
    assert listing(items) == text
    assert listing(map(Markup, items)) == text


def test_names_in_a_list_are_escaped_beside_markup() -> None:
    assert listing([Markup("<b>a</b>"), "<i>", *"bcdefgh"]) == "<b>a</b>, &#060;i&#062;, b, c, d and 4 more"
