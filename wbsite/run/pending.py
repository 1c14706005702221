"""What each model and suite still has to be computed, noted in the store for `wbsite clean`.

A run that is killed leaves finished results that no record names yet, and finished parts of a result that is not
there. The next run goes on with both, so the note of what was planned keeps them from being cleaned away; the next
plan of the same model takes its place, so that what only an older plan could use does not stay for ever.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from wbsite.core.store import Store

if TYPE_CHECKING:
    from .plan import Task
    from .subjects.base import Subject

FOLDER = "unfinished"


def name(subject: Subject) -> str:
    """The name of the record in which it is noted for a subject."""
    return f"{FOLDER}/{subject.record}"


def note(store: Store, tasks: Sequence[Task], missing: Container[str]) -> None:
    """Notes all results of a plan, and the parts of those with these keys, in place of what was noted before."""
    for record, planned in _by_record(tasks).items():
        parts = sorted({task.parts for task in planned if task.key in missing and task.parts})
        store.put_record(record, {"keys": sorted(task.key for task in planned), "parts": parts})


def note_parts(store: Store, tasks: Sequence[Task], done: bool) -> None:
    """Adds the parts of a few results to what is noted, or takes them out once the results are there."""
    for record, planned in _by_record(tasks).items():
        noted = store.record(record) or {"keys": [], "parts": []}
        parts, new = set(noted["parts"]), {task.parts for task in planned if task.parts}
        store.put_record(record, {**noted, "parts": sorted(parts - new if done else parts | new)})


def keys(store: Store) -> set[str]:
    """Keys of the results that were planned."""
    return {key for record in store.records(FOLDER) for key in (store.record(record) or {}).get("keys", ())}


def parts(store: Store) -> set[str]:
    """What has unfinished parts, as they name it in their records under "part_of"."""
    return {part for record in store.records(FOLDER) for part in (store.record(record) or {}).get("parts", ())}


def _by_record(tasks: Sequence[Task]) -> dict[str, list[Task]]:
    records: dict[str, list[Task]] = {}
    for task in tasks:
        records.setdefault(name(task.subject), []).append(task)
    return records
