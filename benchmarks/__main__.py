"""All comparisons in one table: `python -m benchmarks`.

    python -m benchmarks                        everything that the machine has what it takes for
    python -m benchmarks nmf clusters           some of it
    python -m benchmarks --weights-dir DIR      with InceptionV1 and AlexNet, by the weights in this folder
    python -m benchmarks --page                 and writes performance.md

Each row is a ratio, measured in turns in one process; a file of this folder that has a function `rows(turns,
weights_dir)` adds some. What cannot be compared here (a library that is not installed, weights that are not there) is
left out with its reason. Each file runs in a process of its own, on one thread.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

from .row import HEAD, Row

HERE = Path(__file__).resolve().parent
PAGE = HERE / "performance.md"
PACKAGES = ("torch", "numpy", "scikit-learn", "scipy", "altair", "mkdocs-material")


class Left(Exception):
    """Why a comparison cannot be made here."""


def main() -> int:
    files = sorted(path.stem for path in HERE.glob("[a-z]*.py") if "\ndef rows(" in path.read_text(encoding="utf-8"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(files)}")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--page", action="store_true", help="write performance.md")
    options = parser.parse_args()
    if unknown := set(options.names) - set(files):
        parser.error(f"no benchmark {min(unknown)!r}; there are {', '.join(files)}")
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    print(HEAD, flush=True)
    lines = []
    for name in options.names or files:
        for line in measured(name, options.turns, options.weights_dir):
            print(line, flush=True)
            lines.append(line)
    if options.page:
        PAGE.write_text(page(lines), encoding="utf-8")
    return 0


def measured(name: str, turns: int, weights_dir: Path | None) -> Iterator[str]:
    """Lines of the table, of one file."""
    receiver, sender = get_context("spawn").Pipe(duplex=False)
    child = get_context("spawn").Process(target=_measure, args=(name, turns, weights_dir, sender))
    child.start()
    sender.close()
    try:
        while True:
            yield receiver.recv()
    except EOFError:
        child.join()
    if child.exitcode:
        yield f"| {name} | | failed with status {child.exitcode} | |"


def _measure(name: str, turns: int, weights_dir: Path | None, sender: object) -> None:
    import torch

    torch.set_num_threads(1)
    send = sender.send  # type: ignore[attr-defined]
    try:
        rows: Iterator[Row] = importlib.import_module(f"benchmarks.{name}").rows(turns, weights_dir)
        for row in rows:
            send(row.text)
    except Left as left:
        send(f"| {name} | | left out: {left} | |")


def page(lines: list[str]) -> str:
    """The documentation's page about performance."""
    commit, seconds = subprocess.run(
        ["git", "-C", HERE, "log", "-1", "--format=%h %ct"], capture_output=True, text=True, check=True
    ).stdout.split()
    day = datetime.fromtimestamp(int(seconds), UTC).date().isoformat()
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"""# Performance

Written by `python -m benchmarks --page`. {processor()}, one thread; Python {platform.python_version()}, {packages};
commit {commit} of {day}. Each ratio is measured in turns, in one process: how many times as fast wbsite is.

{HEAD}
{chr(10).join(lines)}
"""


def processor() -> str:
    """Its name, where the system says it."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
