"""Words for kernels without a shape (`ops/kernel_forms.py`), and for those that are not as they are stored."""

from __future__ import annotations

from collections.abc import Mapping

ALL = {
    "zero": "all weights are zero",
    "constant": "every kernel is constant over its positions",
    "middle": "only the middle tap is non-zero",
    "taps": "no channel has more than a single tap",
}
"""Form → what is said of a layer whose units all have it, those of zeros aside."""

SOME = {"zero": "of zeros", "constant": "constant", "middle": "of the middle tap alone", "taps": "of single taps"}
"""Form → what is said of the units of a layer of several forms."""

MARKS = {"zero": "all zero", "constant": "constant", "middle": "middle tap only", "taps": "single taps"}
"""Form → a mark in a table, for a layer whose units all have it, those of zeros aside."""

ROUNDING = 1e-5
"""Differences of kernels, in shares of their norm, that rounding is taken to make."""


def only_form(counts: Mapping[str, int], units: int) -> str:
    """The form of all units of a layer, those of zeros aside; "several" for several forms, "" where any has a shape.

    Args:
        counts: form → units that have it.
        units: of the layer.
    """
    forms = [form for form, count in counts.items() if count and form != "zero"]
    if sum(counts.values()) < units:
        return ""
    return "several" if len(forms) > 1 else forms[0] if forms else "zero"


def shapeless_text(counts: Mapping[str, int], units: int) -> str:
    """Why a layer's banding is not defined, "" where any unit has a shape; arguments as of `only_form`."""
    form = only_form(counts, units)
    if form != "several":
        return ALL.get(form, "")
    return f"no kernel has a shape: {forms_text(counts)}"


def forms_text(counts: Mapping[str, int]) -> str:
    """As in "3 of zeros, 4 of the middle tap alone"."""
    return ", ".join(f"{count} {SOME[form]}" for form, count in counts.items() if count)


def kernel_difference(scale: float, changed: float) -> str:
    """How kernels in use differ from those that are stored; "" where they do not.

    Args:
        scale: factor between them.
        changed: how far they differ beyond it, as a share of their norm, 0 to 1.
    """
    factor = "" if abs(scale - 1) < ROUNDING else f"{scale:.3g} times "
    if changed < ROUNDING:
        return f"{factor}those that are stored" if factor else ""
    return f"{factor}those that are stored, but for {changed:.1%} of their norm"
