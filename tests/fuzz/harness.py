"""Runs a reader on many inputs in a process of its own, and sums up what came of them."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
SLOWEST, MOST = 10.0, 2 << 30
"""Seconds and bytes that no input may take."""
STOPPED = 60.0
"""Seconds by the clock after which an input is stopped; `SLOWEST` are seconds of the processor."""
FAULTS = ("unforeseen", "traceback", "stopped", "died")


@dataclass
class Report:
    """What came of a reader's inputs.

    Attributes:
        counts: outcome → inputs.
        peak: most bytes of memory during one input.
        slowest: seconds.
        faults: records of inputs that ended in one of `FAULTS`, took too long or too much memory.
    """

    reader: str
    counts: dict[str, int] = field(default_factory=dict)
    peak: int = 0
    slowest: float = 0.0
    seconds: float = 0.0
    faults: list[dict[str, object]] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        return sum(self.counts.values())

    def add(self, record: dict[str, object]) -> None:
        """Counts an input."""
        outcome, seconds, peak = str(record["outcome"]), float(str(record["seconds"])), int(str(record["peak"]))
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        self.peak, self.slowest = max(self.peak, peak), max(self.slowest, seconds)
        if outcome in FAULTS or seconds > SLOWEST or peak > MOST:
            self.faults.append(record)

    def row(self) -> str:
        """A line of the table."""
        kinds = ("read", "refused", *FAULTS)
        counts = " ".join(f"{self.counts.get(kind, 0):>10}" for kind in kinds)
        return f"{self.reader:<15} {self.inputs:>8} {counts} {self.peak / 1e9:>8.2f} {self.slowest:>8.2f}"


HEADER = (
    f"{'reader':<15} {'inputs':>8} "
    + " ".join(f"{kind:>10}" for kind in ("read", "refused", *FAULTS))
    + f" {'peak GB':>8} {'slowest':>8}"
)


def fuzz(
    reader: str,
    seed: int,
    seconds: float | None,
    most: int | None = None,
    say: Callable[[dict[str, object]], None] = lambda _: None,
) -> Report:
    """Reads inputs until the time is over or enough were read; first those made on purpose, then random ones.

    Args:
        reader: its name.
        seed: of the random ones.
        seconds: for all; None for no limit.
        most: inputs; None for no limit.
        say: is told of every fault.
    """
    report, number = Report(reader), 0
    with TemporaryFile() as errors:
        process = _started(reader, seed, number, errors)
        begun = time.monotonic()
        try:
            while (most is None or number < most) and (seconds is None or time.monotonic() - begun < seconds):
                start = time.monotonic()
                record = _answer(process)
                if record is None:
                    record = _lost(process, number, time.monotonic() - start, errors)
                    process = _started(reader, seed, number + 1, errors)
                faults = len(report.faults)
                report.add(record)
                if len(report.faults) > faults:
                    say(record)
                number += 1
        finally:
            process.kill()
            process.wait()
    report.seconds = time.monotonic() - begun
    return report


def _lost(process: subprocess.Popen[bytes], number: int, seconds: float, errors: IO[bytes]) -> dict[str, object]:
    """The record of an input whose process was stopped, or has ended by itself."""
    outcome = "died" if _ended(process) else "stopped"
    process.kill()
    process.wait()
    errors.seek(0)
    said = errors.read().decode(errors="replace")[-1500:]
    errors.truncate(0)
    message = f"status {process.returncode}\n{said}"
    return {"number": number, "kind": "", "outcome": outcome, "message": message, "seconds": seconds, "peak": 0}


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(5 if select.select([process.stdout], [], [], 0)[0] else 0)
    except subprocess.TimeoutExpired:
        return False
    return True


def _started(reader: str, seed: int, first: int, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "KERAS_BACKEND": "torch"}
    command = [sys.executable, "-m", "tests.fuzz.worker", reader, str(seed), str(first)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
    )
    assert process.stdout
    if process.stdout.readline() != b"ready\n":
        errors.seek(0)
        raise RuntimeError(f"the process of {reader} does not start: {errors.read().decode(errors='replace')}")
    return process


def _answer(process: subprocess.Popen[bytes]) -> dict[str, object] | None:
    """What the process says of its next input; None where it says nothing in time, or has ended."""
    assert process.stdin and process.stdout
    try:
        process.stdin.write(b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return None
    ready, _, _ = select.select([process.stdout], [], [], STOPPED)
    line = process.stdout.readline() if ready else b""
    return json.loads(line) if line.endswith(b"\n") else None
