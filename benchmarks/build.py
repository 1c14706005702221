"""A whole build against that of an earlier commit: wall time, processor time, memory, and what it says is left.

    python benchmarks/build.py --base COMMIT                                   the default build, three turns of both
    python benchmarks/build.py --base COMMIT --turns 1 --models inceptionv1@bvlc,alexnet@bvlc --weights-dir DIR
    python benchmarks/build.py --turns 1                                       this commit alone

Each build starts in an empty folder from an empty store, in turn. The earlier commit is checked out beside a temporary
folder and run with the same Python and packages. Memory is the sum over all of a build's processes, pages that they
share counted once (PSS), read once a second, since reading it takes a tenth of one; Linux only. The time left is what
the build itself printed last before 10, 50 and 90 % of the time it took.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARES = (0.1, 0.5, 0.9)

GAPS = 3
"""Status of a build whose site lacks some results, which is measured all the same and said."""


@dataclass
class Build:
    """What one build took.

    Attributes:
        wall, processor: seconds.
        memory: bytes at the peak, all processes together.
        said: (seconds since the start, seconds that are left) as the build printed them.
        lines: (seconds since the start, line) of all that it printed.
    """

    wall: float = 0.0
    processor: float = 0.0
    memory: int = 0
    said: list[tuple[float, float]] = field(default_factory=list)
    lines: list[tuple[float, str]] = field(default_factory=list)

    def left_at(self, share: float) -> float | None:
        """What it last said was left before this share of its time, over what was left."""
        now = share * self.wall
        before = [(then, left) for then, left in self.said if then <= now]
        if not before:
            return None
        then, left = before[-1]
        return (left - (now - then)) / (self.wall - now)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", help="an earlier commit")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("options", nargs="*", help="of `wbsite build`, after --")
    options = parser.parse_args()
    with checkout(options.base) as base:
        places = {"base": base, "this": ROOT} if base else {"this": ROOT}
        builds: dict[str, list[Build]] = {name: [] for name in places}
        for turn in range(options.turns):
            for name, place in places.items():
                builds[name].append(build(place, options.options))
                print(turn, name, described(builds[name][-1]), flush=True)
    for name, ours in builds.items():
        print(f"{name}: median wall {statistics.median(b.wall for b in ours):.1f} s")
    if base:
        ratios = [b.wall / a.wall for a, b in zip(builds["base"], builds["this"], strict=True)]
        print(f"wall, this / base: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")
    return 0


def described(build: Build) -> str:
    shares = [build.left_at(share) for share in SHARES]
    left = ", ".join("–" if share is None else f"{share:.2f}" for share in shares)
    return (
        f"wall {build.wall:.1f} s, processor {build.processor:.1f} s, peak {build.memory / 1e9:.2f} GB,"
        f" time left as said / as it was, at 10, 50, 90 %: {left}"
    )


@contextmanager
def checkout(commit: str | None) -> Iterator[Path | None]:
    if commit is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "base"
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", "--quiet", place, commit], check=True)
        try:
            yield place
        finally:
            subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", place], check=True)


def build(place: Path, options: Sequence[str], folder: Path | None = None) -> Build:
    """One build by the package at a place, in a folder; without one, in an empty one that is removed.

    Raises:
        SystemExit: it failed.
    """
    if folder is None:
        with tempfile.TemporaryDirectory() as empty:
            return build(place, options, Path(empty))
    took = Build()
    started = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "wbsite.cli", "build", *options],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(place)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    watch = threading.Thread(target=_watch, args=(child, took))
    watch.start()
    assert child.stderr is not None
    for line in child.stderr:
        now = time.monotonic() - started
        took.lines.append((now, line))
        if found := re.search(r"about (\d+) s left", line):
            took.said.append((now, float(found[1])))
    status = child.wait()
    took.wall = time.monotonic() - started
    watch.join()
    if status == GAPS:
        print(next(line.strip() for _, line in reversed(took.lines) if line.strip()), flush=True)
    if status not in (0, GAPS):
        raise SystemExit(
            f"the build at {place} ended with status {status}:\n{''.join(line for _, line in took.lines[-20:])}"
        )
    return took


def _watch(child: subprocess.Popen[str], took: Build) -> None:
    seconds: dict[int, float] = {}  # of each process so far, those that have ended too
    while child.poll() is None:
        processes = list(_tree(child.pid))
        took.memory = max(took.memory, sum(map(_share, processes)))
        seconds.update({process: _processor(process) or seconds.get(process, 0.0) for process in processes})
        took.processor = sum(seconds.values())
        time.sleep(1.0)


def _tree(process: int) -> Iterator[int]:
    yield process
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return  # it has ended
    for child in children:
        yield from _tree(int(child))


def _processor(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _share(process: int) -> int:
    """Bytes of memory, those that it shares with others by its share of them."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.M)
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    sys.exit(main())
