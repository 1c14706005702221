"""All comparisons in one table: `python -m benchmarks`.

    python -m benchmarks                        everything that the machine has what it takes for
    python -m benchmarks nmf clusters           some of it
    python -m benchmarks --weights-dir DIR      with InceptionV1 and AlexNet, by the weights in this folder
    python -m benchmarks --page                 and writes performance.md

A file of this folder that names in `TABLE` the arguments with which it prints rows (`row.report`) is part of it. Each
runs in a process of its own, on one thread, and measures both in turns.
"""

from __future__ import annotations

import argparse
import ast
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.row import HEAD

HERE = Path(__file__).resolve().parent
PAGE = HERE / "performance.md"
PACKAGES = ("torch", "numpy", "scikit-learn", "scipy", "altair", "mkdocs-material")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def main() -> int:
    known = tables()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--page", action="store_true", help="write performance.md")
    options = parser.parse_args()
    if unknown := set(options.names) - set(known):
        parser.error(f"no benchmark {min(unknown)!r}; there are {', '.join(known)}")
    print(HEAD, flush=True)
    rows = []
    for name in options.names or known:
        for row in measured(name, known[name], options.turns, options.weights_dir):
            print(row, flush=True)
            rows.append(row)
    if options.page:
        PAGE.write_text(page(rows), encoding="utf-8")
    return 0


def tables() -> dict[str, tuple[str, ...]]:
    """Files of the table → their arguments."""
    found = {}
    for path in sorted(HERE.glob("[a-z]*.py")):
        if table := re.search(r"^TABLE = (\(.*\))$", path.read_text(encoding="utf-8"), re.M):
            found[path.stem] = ast.literal_eval(table[1])
    return found


def measured(name: str, arguments: tuple[str, ...], turns: int, weights_dir: Path | None) -> Iterator[str]:
    """The rows of one file, as it prints them."""
    if "{weights}" in arguments and weights_dir is None:
        yield f"| {name} | | left out: no --weights-dir with InceptionV1 | |"
        return
    filled = [argument.format(turns=turns, weights=weights_dir) for argument in arguments]
    done = subprocess.Popen(
        [sys.executable, HERE / f"{name}.py", *filled],
        env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    out, err = done.communicate()
    yield from (line for line in out.splitlines() if line.startswith("| "))
    if done.returncode:
        yield f"| {name} | | failed: {(err.strip().splitlines() or ['no word'])[-1]} | |"


def page(rows: list[str]) -> str:
    """The documentation's page about performance."""
    commit, seconds = subprocess.run(
        ["git", "-C", HERE, "log", "-1", "--format=%h %ct"], capture_output=True, text=True, check=True
    ).stdout.split()
    day = datetime.fromtimestamp(int(seconds), UTC).date().isoformat()
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"""# Performance

Written by `python -m benchmarks --page`. {processor()}, one thread; Python {platform.python_version()}, {packages};
commit {commit} of {day}. Each ratio is measured in turns, in one process.

{HEAD}
{chr(10).join(rows)}

Whole builds are compared with an earlier commit by `benchmarks/build.py`.
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
