"""Numbers, intervals and lists as pages write them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wbsite.core.markup import Markup, html


def number_text(value: Any) -> str:
    """A number as tables show it: three decimals at most, a proper minus sign, a dash for none."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if value != value:
        return "–"
    if float(value).is_integer():
        text = f"{int(value):,}".replace(",", "\u202f")
    elif abs(value) < 5e-4:
        text = f"{value:.1e}"
    else:
        text = f"{value:.3f}"
    return text.replace("-", "−")


def share_text(value: float | None) -> str:
    """A share or an index with three decimals, however small, and a proper minus sign."""
    if value is None or value != value:
        return "–"
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "−")


def fixed_text(value: float | None, digits: int = 2) -> str:
    """A number with so many decimals and a proper minus sign; a dash for none."""
    if value is None or value != value:
        return "–"
    # As a float of Python: numpy's numbers round in other ways.
    return f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")


def percent_text(value: float | None, digits: int = 0) -> str:
    """A share of 1 in per cent."""
    return "–" if value is None or value != value else f"{fixed_text(100 * value, digits)}\u00a0%"


def p_value_text(p: float | None) -> Markup:
    """A p-value in prose: two decimals, four below 0.01, a power of ten below 0.0001; a dash for none."""
    if p is None or p != p:
        return Markup("–")
    if p >= 1e-4 or p == 0:
        return Markup.escape(round(float(p), 4 if p < 0.01 else 2))
    mantissa, _, exponent = f"{p:.1e}".partition("e-")
    return html("{}&nbsp;·&nbsp;10<sup>−{}</sup>", mantissa, int(exponent))


def interval_text(interval: Any, digits: int = 2, scale: float = 1.0) -> str:
    """An estimate with its bounds, as in "0.12 (0.05 to 0.19)"; without bounds, the estimate alone.

    Args:
        interval: has `mean`, `low` and `high`, as an `Interval` has.
        scale: factor on all three, as 100 for percentage points.
    """
    mean, low, high = (
        fixed_text(None if number is None else scale * number, digits)
        for number in (interval.mean, interval.low, interval.high)
    )
    return mean if "–" in (low, high) else f"{mean} ({low} to {high})"


def index_text(index: Any) -> str:
    """A banding index with three decimals and its interval where it has one, as in "0.123 (0.050 to 0.190)"; in its
    place why it is not defined, as in "not defined: all weights are zero".

    Args:
        index: has `index`, `low`, `high` and, where `index` may be None, `not_defined`.
    """
    if index.index is None:
        return f"not defined: {index.not_defined}"
    if index.low is None or index.high is None:
        return share_text(index.index)
    return f"{share_text(index.index)} ({share_text(index.low)} to {share_text(index.high)})"


LISTED, BEGUN = 8, 5
"""Items that a list in a sentence has at most, and those that a longer one begins with."""


def listing(items: Iterable[object], word: str = "and") -> str:
    """ "a", "a and b", "a, b and c"; of more than eight the first five, as in "a, b, c, d, e and 45 more". Markup where
    an item is Markup."""
    parts = list(items)
    if len(parts) > LISTED:
        parts[BEGUN:] = [f"{number_text(len(parts) - BEGUN)} more"]
    marked = any(hasattr(part, "__html__") for part in parts)
    texts = [Markup.escape(part) if marked else str(part) for part in parts]
    comma, last = (Markup(", "), html(" {} ", word)) if marked else (", ", f" {word} ")
    return texts[0] if len(texts) == 1 else last.join(filter(None, (comma.join(texts[:-1]), *texts[-1:])))


NUMBER_WORDS = (
    "none",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


def tally(part: int, whole: int) -> str:
    """ "all three", "both", "two of three", "none of three"; numbers above twelve in digits."""
    words = [NUMBER_WORDS[n] if n < len(NUMBER_WORDS) else number_text(n) for n in (part, whole)]
    if part == whole > 0:
        return {1: "the only one", 2: "both"}.get(whole, f"all {words[1]}")
    return f"{words[0]} of {words[1]}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """ "1 seed", "3 seeds"."""
    return f"{number_text(count)} {noun if count == 1 else plural or noun + 's'}"
