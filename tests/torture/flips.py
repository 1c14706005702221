"""A file of the store damaged: a bit flipped, cut short, overwritten or taken away; then a render, or a build.

The site that comes out is the good one, or the damage is said and a build makes it good again.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from wbsite.core.filing.documents import opened
from wbsite.render.finished import OURS
from wbsite.results.site import Site

from .bench import Bench, Ran, ended_well, last, stale
from .problem import DIFFERENCE, LOSS, Problem

WORDS = ("damaged", "holds no models", "there is no store", "unknown model", "unknown suite", "cannot be read")
"""One of which is said where damage is found."""


def play(bench: Bench, chance: random.Random) -> Iterator[Problem]:
    """One round."""
    folder = bench.copy()
    path = chosen(folder / "build" / "store", chance)
    way = damage(path, chance)
    name = f"{way} {path.relative_to(folder / 'build' / 'store')}"
    stale(folder, touched(bench, path))
    if chance.random() < 0.5:
        for problem in judged(bench, folder, bench.run(folder, "render")):
            yield Problem(problem.kind, f"{name}, rendered: {problem.text}")
        stale(folder, touched(bench, path))
    ran = bench.run(folder, *bench.build)
    for problem in judged(bench, folder, ran):
        yield Problem(problem.kind, f"{name}, built: {problem.text}")
    if ran.status:
        yield Problem(LOSS, f"{name}: the build does not mend it, status {ran.status}: {last(ran.err)}")


def chosen(store: Path, chance: random.Random) -> Path:
    """A file of the store: of a random kind first, so that the few records come as often as the many objects."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(path for path in store.rglob("*") if path.is_file()):
        parts = path.relative_to(store).parts
        kind = "/".join(parts[:2]) if parts[0] == "records" else path.name if path.suffix == ".json" else path.suffix
        kinds.setdefault("locks" if parts[0] == "locks" else kind, []).append(path)
    return chance.choice(kinds[chance.choice(sorted(kinds))])


def damage(path: Path, chance: random.Random) -> str:
    """Damages a file, in a copy of its own; what was done."""
    data = bytearray(path.read_bytes())
    path.unlink()
    way = chance.choice(("flipped", "flipped", "flipped", "cut", "zeroed", "exchanged", "longer", "gone"))
    if way == "gone":
        return way
    if data:
        place, other = chance.randrange(len(data)), chance.randrange(len(data))
        if way == "flipped":
            data[place] ^= 1 << chance.randrange(8)
        elif way == "cut":
            del data[place:]
        elif way == "zeroed":
            data[place : place + 512] = bytes(len(data[place : place + 512]))
        elif way == "exchanged":
            data[place], data[other] = data[other], data[place]
        else:
            data += chance.randbytes(20)
    path.write_bytes(data)
    return way


def touched(bench: Bench, path: Path) -> set[str] | None:
    """Paths of the pages that read a file of the store; None for all, as for a record."""
    if "objects" not in path.parts:
        return None
    return bench.kept("readers", lambda: readers(bench)).get(path.parent.name, set())


def readers(bench: Bench) -> dict[str, set[str]]:
    """Key of an entry → pages that may be made from it: all but those of other layers."""
    site, found = Site(bench.store, None), dict[str, set[str]]()
    pages = set(opened((bench.good / "build" / "docs" / OURS).read_bytes())["pages"])
    for subject in (*site.models, *site.suites):
        for layers in subject.record["results"].values():
            for layer, about in layers.items():
                others = {page for page in pages if layer and re.fullmatch(f"models/{subject.id}/.+", page)}
                if "key" in about:
                    found.setdefault(about["key"], set()).update(pages - others | {f"models/{subject.id}/{layer}"})
    return found


def judged(bench: Bench, folder: Path, ran: Ran) -> Iterator[Problem]:
    """Problems of a command that met damage."""
    yield from ended_well(ran)
    said = any(word in ran.err for word in WORDS)
    if ran.status not in (0, 1) and not said:
        yield Problem(DIFFERENCE, f"status {ran.status} without a word of damage: {last(ran.err)}")
    if ran.status == 0:
        yield from bench.differences(folder)
