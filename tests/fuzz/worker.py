"""The process in which inputs are read: says of each what came of it, how long it took and the most memory it had.

`python -m tests.fuzz.worker` is started by `harness`, and writes a line of JSON an input.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from wbsite.core.errors import WbsiteError
from wbsite.models.memory import Unforeseen

WALL = 4 << 30
"""Bytes beyond which the system refuses memory to the process, so that no input takes the machine down."""


def outcome(use: Callable[[Path, int], object], path: Path, number: int) -> tuple[str, str]:
    """What came of an input: "read", "refused", "unforeseen" (by the last net of all: a fault), or "traceback"."""
    try:
        use(path, number)
    except Unforeseen as error:
        return "unforeseen", "".join(traceback.format_exception(error.__cause__))[-1500:]
    except WbsiteError as error:
        return "refused", error.message[:300]
    except Exception:
        return "traceback", traceback.format_exc()[-1500:]
    return "read", ""


def forget_peak() -> None:
    """From now on `peak` is that of what follows, where the system can do that."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """The most bytes that this process has had in memory."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def main(name: str, seed: int, first: int) -> None:
    """Reads inputs from a number on, one a line that comes in on standard input."""
    import torch

    from .hostile import inputs
    from .readers import prepare, readers, spoiled

    torch.set_num_threads(1)
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no result
    warnings.simplefilter("ignore")
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (WALL, WALL))
    made = inputs(name)
    reader = readers()[name]
    number = first
    prepare(reader)
    print("ready", file=output, flush=True)
    for _ in sys.stdin:
        with tempfile.TemporaryDirectory() as folder:
            if number < len(made):
                path, use, kind = made[number].write(Path(folder)), made[number].use or reader.use, made[number].name
            else:
                path, use, kind = spoiled(reader, seed, number, Path(folder)), reader.use, ""
            forget_peak()
            start = time.process_time()  # other work on the machine is no fault of the reader
            word, message = outcome(use, path, number)
            seconds = time.process_time() - start
        record = {
            "number": number,
            "kind": kind,
            "outcome": word,
            "message": message,
            "seconds": seconds,
            "peak": peak(),
        }
        print(json.dumps(record), file=output, flush=True)
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
