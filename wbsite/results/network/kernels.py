"""Kernels without a shape of their own, and kernels that units share: counts, and the words for them."""

from __future__ import annotations

import math
from collections.abc import Iterator

from wbsite.results.base import Record, Result, Table, integer, number, table, text, value
from wbsite.results.kernel_words import MARKS, forms_text, only_form, shapeless_text

NEARLY = 0.99
"""Share of the squared weights from which a layer is nearly of one tap, constant, or of one profile."""


class Kinds(Record):
    """Kinds of kernels in a layer, defined in `ops/kernel_forms.py`, `kernel_profiles.py` and `kernel_copies.py`.

    Attributes:
        kernel: height and width; 1, 1 of a fully connected layer.
        units, channels: of the layer; channels that a unit reads.
        groups: of the layer; copies in different groups read different inputs.
        forms: zero, constant, middle, taps → units of that form.
        copies: units with the kernel of an earlier unit, up to a factor.
        identical: of these, with a factor of 1.
        one_profile: units whose channels' kernels are all multiples of one profile, the most that share one; 0 for
            kernels of one position.
        box: top, left, height, width of the box of taps that any unit uses; zeros for none.
        used_taps: taps that any unit uses.
        strongest: row and column, from 0, of the tap with the largest share of squared weights.
        tap_share: its share; None for a layer of zeros and for kernels of one
            position, as the other shares.
        constant_share: of the squared weights, what is constant over positions.
        profile_share: of the squared weights, what the profile holds that holds most.
    """

    kernel: tuple[int, int]
    units: int
    channels: int
    groups: int
    forms: dict[str, int]
    copies: int
    identical: int
    one_profile: int
    box: tuple[int, int, int, int]
    used_taps: int
    strongest: tuple[int, int]
    tap_share: float | None
    constant_share: float | None
    profile_share: float | None

    @property
    def live(self) -> int:
        """Units whose weights are not all zero."""
        return self.units - self.forms["zero"]

    @property
    def shapeless(self) -> str:
        """Why no kernel of the layer has a shape, as "only the middle tap is non-zero"; "" where any has."""
        return shapeless_text(self.forms, self.units)

    @property
    def all_of_one_profile(self) -> bool:
        """Whether all units share a profile, and it is that of a shape."""
        return not self._only and 1 < self.live == self.one_profile

    @property
    def mark(self) -> str:
        """What is notable, in a few words for a table; "" for most layers."""
        return ", ".join(self._marks())

    @property
    def remarks(self) -> list[str]:
        """What is notable, a sentence each; empty for most layers."""
        return [*self._form_remarks(), *self._shape_remarks(), *self._unit_remarks()]

    def _marks(self) -> Iterator[str]:
        if self._only:
            yield MARKS.get(self._only, "no shapes")
        elif self.all_of_one_profile:
            yield "one profile"
        elif nearly := self._nearly():
            share, what = nearly
            yield f"{share} {what}"
        if self._smaller:
            yield f"{self._smaller} in use"
        for form, count in self._partial.items():
            yield f"{count} unit{'s' if count > 1 else ''} {MARKS[form].removeprefix('all ')}"
        if self._notable_copies:
            yield "1 copy" if self.copies == 1 else f"{self.copies} copies"
        if self.units == 1:
            yield "one unit"

    def _form_remarks(self) -> Iterator[str]:
        kh, kw = self.kernel
        undefined = ", so that its banding is not defined" if self._planar else ""
        if self._only == "zero":
            yield "All weights of this layer are zero: its units give the same output whatever they are shown."
        elif self._only == "middle":
            yield (
                f"Only the middle tap of the {kh}×{kw} kernels is non-zero: the layer computes what a 1×1 convolution"
                f" does. It has no spatial shape{undefined}."
            )
        elif self._only == "constant":
            yield (
                f"Every kernel is constant over its {kh}×{kw} positions: units add up their surroundings. Centring"
                f" leaves nothing of them{undefined}."
            )
        elif self._only == "taps":
            yield (
                "Every channel's kernel has a single tap that differs from its others: there are places, and no"
                f" shapes{undefined}."
            )
        elif self._only:
            yield f"No kernel of this layer has a shape ({forms_text(self.forms)}){undefined}."
        elif set(self._partial) - {"zero"}:
            yield (
                f"{sum(self._partial.values())} of {self.units} units have kernels without a shape:"
                f" {forms_text(self._partial)}."
            )
        if set(self._partial) == {"zero"}:
            yield (
                f"{self.forms['zero']} of {self.units} units have weights of zero and give the same output whatever"
                " they are shown."
            )

    def _shape_remarks(self) -> Iterator[str]:
        kh, kw = self.kernel
        if self.all_of_one_profile:
            yield (
                f"All kernels of this layer are one {kh}×{kw} profile times a factor (rank one): a fixed filter before"
                " a 1×1 convolution." + (" Every unit has the same H." if self._planar else "")
            )
        elif nearly := self._nearly():
            share, what = nearly
            yield f"{share} of this layer's squared weights are {what}{self._consequence(what)}"
        if self._smaller:
            top, left, height, width = self.box
            if self.used_taps == height * width:
                yield (
                    f"Weights lie in {_span('row', top, height)} and {_span('column', left, width)} of the {kh}×{kw}"
                    f" kernels only: they are {height}×{width} kernels in the place of larger ones."
                )
            else:
                yield f"{self.used_taps} of {kh * kw} taps are in use; the others are zero in every unit."

    def _unit_remarks(self) -> Iterator[str]:
        if self._notable_copies:
            kernel = "kernel" if self._positions > 1 else "weights"
            exactly = f", {self.identical} of them exactly" if self.identical else ""
            yield (
                f"{self.copies} of {self.units} units have the {kernel} of an earlier unit up to a factor{exactly};"
                " intervals over units count them once."
                + (" In different groups they read different inputs." if self.groups > 1 else "")
            )
        if self.units == 1:
            yield "The layer has one unit, so that there is no interval over units."
        elif self.live == 1:
            yield "One unit alone has weights that are not zero, so that there is no interval over units."

    def _consequence(self, what: str) -> str:
        if not self._planar:
            return "."
        if what == "constant over positions":
            return ": R, C and H describe the little that is left."
        if what == "in one profile":
            return ", which units share up to factors: H is that of this profile."
        return ": whatever the others hold, R and C are close to those of independent weights, and H says little."

    def _nearly(self) -> tuple[str, str] | None:
        """The share of squared weights that are nearly all of one kind, and what these are."""
        if self._only or self._positions == 1 or self.tap_share is None or self.live < 1:
            return None
        assert self.constant_share is not None and self.profile_share is not None
        y, x = self.strongest
        kh, kw = self.kernel
        tap = "in the middle tap" if (2 * y + 1, 2 * x + 1) == (kh, kw) else f"in row {y + 1}, column {x + 1}"
        shares = {tap: self.tap_share, "constant over positions": self.constant_share}
        if self.live > 1:
            shares["in one profile"] = self.profile_share
        for what, share in shares.items():
            if share >= NEARLY:
                # Rounded down, so that nothing that is nearly so is called 100 %.
                return f"{math.floor(1000 * share + 1e-9) / 10:.1f} %", what
        return None

    @property
    def _positions(self) -> int:
        return math.prod(self.kernel)

    @property
    def _planar(self) -> bool:
        return min(self.kernel) > 1

    @property
    def _only(self) -> str:
        return only_form(self.forms, self.units)

    @property
    def _partial(self) -> dict[str, int]:
        """Forms of some of the units; in a layer without shapes, only zeros, which the layer's form leaves aside."""
        if self._only in ("zero", "several"):
            return {}
        return {form: n for form, n in self.forms.items() if n and (form == "zero" or not self._only)}

    @property
    def _smaller(self) -> str:
        """The part of the kernel that is in use, where that is not all of it, and the layer has shapes."""
        height, width = self.box[2:]
        if self._only or self.used_taps == self._positions:
            return ""
        return (
            f"{height}×{width}" if self.used_taps == height * width else f"{self.used_taps} of {self._positions} taps"
        )

    @property
    def _notable_copies(self) -> bool:
        """Whether copies are worth a word: kernels of one channel without a shape, or of one profile, all are."""
        return self.copies > 0 and not (self.channels == 1 and (self._only or self.all_of_one_profile))


def _span(noun: str, first: int, count: int) -> str:
    """As in "row 2" or "rows 1 to 3", counted from 1."""
    return f"{noun} {first + 1}" if count == 1 else f"{noun}s {first + 1} to {first + count}"


class Kernels(
    Result,
    analysis="kernels",
    summary="units whose kernels are zero, constant, of a single tap, of one profile, or copies of another's",
):
    """What kinds of kernels a layer has."""

    kinds: Kinds = value("counts of units, shares of squared weights, and the words for them")
    rows: Table = table(
        units=integer("of the layer"),
        zero=integer("units whose weights are all zero"),
        constant=integer("units whose kernels are constant over positions"),
        middle=integer("units of whose kernels only the middle tap is non-zero"),
        taps=integer("units whose channels' kernels have single taps"),
        copies=integer("units with the kernel of an earlier unit, up to a factor"),
        identical=integer("of these, with a factor of 1"),
        one_profile=integer("units that share one profile, the most that do"),
        used_taps=integer("taps that any unit uses"),
        tap_share=number("share of squared weights at the strongest tap", "0 to 1", missing=True),
        constant_share=number("share of squared weights that is constant over positions", "0 to 1", missing=True),
        profile_share=number("share of squared weights in one profile", "0 to 1", missing=True),
        mark=text("what is notable, in a few words; empty for most layers"),
    )


RESULTS = (Kernels,)
