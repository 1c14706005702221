"""Seconds until a command answers: `wbsite --help` and listings against Python itself and `import torch`.

    python benchmarks/startup.py
    python benchmarks/startup.py --repeats 20

Each is a process of its own, started in turns. Processor time is reported beside the wall, since other processes on the
machine disturb it less, and as a ratio to an interpreter that does nothing. One turn comes first and is not counted: it
reads files from the disk and compiles what is not compiled yet.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "wbsite --help": ["-m", "wbsite.cli", "--help"],
    "wbsite list models": ["-m", "wbsite.cli", "list", "models"],
    "wbsite list analyses": ["-m", "wbsite.cli", "list", "analyses"],
    "import torch": ["-c", "import torch"],
}
BASELINE = "python -c pass"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {options.repeats} starts of each")
    wall: dict[str, list[float]] = {name: [] for name in COMMANDS}
    processor: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(options.repeats + 1):
        for name, arguments in COMMANDS.items():
            seconds, used = start(arguments)
            if turn:
                wall[name].append(seconds)
                processor[name].append(used)
    for name in COMMANDS:
        ratios = sorted(own / base for own, base in zip(processor[name], processor[BASELINE], strict=True))
        print(
            f"{name:22}{spread(wall[name])} wall   {spread(processor[name])} processor"
            f"   {statistics.median(ratios):6.1f} times Python's ({ratios[0]:.1f} to {ratios[-1]:.1f})"
        )
    return 0


def start(arguments: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of a process from its start to its end.

    Raises:
        subprocess.CalledProcessError: it ends with an error.
    """
    before, began = children(), time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began, children() - before


def children() -> float:
    """Processor seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):6.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"


if __name__ == "__main__":
    sys.exit(main())
