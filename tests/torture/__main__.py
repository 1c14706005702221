"""`python -m tests.torture --rounds N [--only KIND]`: rounds of every kind, and what was lost; 1 if anything was.

A round is repeated by its number and the seed: `--only KIND --seed SEED --first NUMBER --rounds 1`.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from . import clocks, flips, full_disks, kills, lost_workers, read_only, servers, two_builds
from .bench import Bench, say
from .problem import KINDS, Problem

PLAYS: dict[str, Callable[[Bench, random.Random], Iterator[Problem]]] = {
    "kills": kills.play,
    "flips": flips.play,
    "full-disks": full_disks.play,
    "read-only": read_only.play,
    "clocks": clocks.play,
    "two-builds": two_builds.play,
    "lost-workers": lost_workers.play,
    "servers": servers.play,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays the rounds that were asked for; the number of problems."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of every kind")
    parser.add_argument("--only", action="append", choices=sorted(PLAYS), help="this kind; may be given several times")
    parser.add_argument("--seed", default="0", help="of what happens in the rounds")
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    chosen = parser.parse_args(arguments)
    totals: Counter[str] = Counter()
    print(
        f"{'kind':<14}{'rounds':>8}{'losses':>10}{'silent differences':>20}{'tracebacks':>12}{'seconds':>10}",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="torture-") as folder, Bench(Path(folder)) as bench:
        for kind in chosen.only or PLAYS:
            found, began = Counter[str](), time.monotonic()
            for number in range(chosen.first, chosen.first + chosen.rounds):
                chance = random.Random(f"{chosen.seed}/{kind}/{number}")
                if number > chosen.first and not number % 50:
                    say(f"{kind}: {number - chosen.first} of {chosen.rounds} rounds, {found.total()} problems")
                for problem in PLAYS[kind](bench, chance):
                    found[problem.kind] += 1
                    say(f"{kind} {number} (--seed {chosen.seed} --first {number}): {problem.kind}: {problem.text}")
            losses, differences, tracebacks = (found[name] for name in KINDS)
            spent = time.monotonic() - began
            print(
                f"{kind:<14}{chosen.rounds:>8}{losses:>10}{differences:>20}{tracebacks:>12}{spent:>10.0f}", flush=True
            )
            totals += found
    return totals.total()


if __name__ == "__main__":
    raise SystemExit(min(1, main()))
