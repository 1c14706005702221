"""`python -m tests.fuzz [READER…] [--minutes 10] [--seed N]`: every reader of files on files that are spoiled.

Files made on purpose, each of a kind that once broke a reader (`hostile`), come first, then whole samples that are
changed at random (`mutations`). Each input is read in a process with a limit of memory and time. It prints a row a
reader, and of every fault the input's number, by which `--reader … --seed … --first` makes it again. Its status is 1
where an input ended in a traceback, had to be stopped, or took more than 2 GB or 10 seconds.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from .harness import FAULTS, HEADER, fuzz
from .readers import readers


def main() -> int:
    """Runs what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"of {', '.join(readers())}; all if left out")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each reader")
    parser.add_argument("--seed", type=int, default=None, help="of the random inputs; another each time if left out")
    parser.add_argument("--inputs", type=int, default=None, help="at most so many of each reader")
    parser.add_argument("--jobs", type=int, default=1, help="readers at once")
    given = parser.parse_args()
    if unknown := [name for name in given.readers if name not in readers()]:
        parser.error(f"there is no reader {unknown[0]}; there are {', '.join(readers())}")
    seed = int(time.time()) if given.seed is None else given.seed
    os.nice(10)
    print(f"seed {seed}, {given.minutes:g} minutes a reader\n{HEADER}", flush=True)
    with ThreadPoolExecutor(given.jobs) as pool:

        def run(name: str) -> bool:
            known: set[str] = set()

            def say(record: dict[str, object]) -> None:
                """A fault, if none before it came from the same place."""
                place = "\n".join(str(record["message"]).splitlines()[-4:]) if record["outcome"] in FAULTS else ""
                if not place or place not in known:
                    known.add(place)
                    text = f"{name}, seed {seed}, input {record['number']} {record['kind']}: {record['outcome']}, "
                    text += f"{record['seconds']:.1f} s, {int(str(record['peak'])) / 1e9:.2f} GB\n{record['message']}"
                    print(text, flush=True)

            report = fuzz(name, seed, 60 * given.minutes, given.inputs, say)
            print(report.row(), flush=True)
            return not report.faults

        results = list(pool.map(run, given.readers or readers()))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
