"""When results were computed, as the store says; a clock or a file's time is never asked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache

from wbsite.core.store import Store
from wbsite.results.site import Results, Site

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def computed(site: Site, subjects: Iterable[Results]) -> date | None:
    """Day of the latest result of these networks, suites and studies; None where the store has no days."""
    keys = (
        place["key"]
        for subject in subjects
        for layers in subject.record["results"].values()
        for place in layers.values()
        if "key" in place
    )
    days = [day for key in keys if (day := _day(site.store, key))]
    return date.fromisoformat(max(days)) if days else None


@cache  # what lies under a key never changes, and every article asks for the same ones
def _day(store: Store, key: str) -> str:
    entry = store.get(key)
    return "" if entry is None else str(entry.about.get("computed", ""))


def in_words(day: date) -> str:
    """A day as it is written in a sentence: "8 April 2021"."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
