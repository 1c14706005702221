"""The process of a command: what makes any of them start and end soon."""

from __future__ import annotations

import atexit
import gc
import os
import sys

from wbsite.core import signals

COLLECTED_AFTER = 10_000
"""New objects after which Python looks for cycles. With its own 700 it searches torch's million objects over and over
while they are imported, a sixth of the time that takes."""


def main() -> None:
    """Entry point of the `wbsite` command.

    What ends the process is registered first, so that it runs last, after all threads and whatever else is registered:
    Python does not take its modules apart, which takes a second where torch is among them.
    """
    ending = _Ending()
    atexit.register(ending)
    gc.set_threshold(COLLECTED_AFTER)
    try:
        signals.heed()
        from .app import main as command

        command()
        ending.status = 0
    except SystemExit as end:
        ending.status = end.code if isinstance(end.code, int) else int(bool(end.code))
        raise
    except signals.Stopped as stopped:  # before the command had begun
        print(f"\nwbsite: {stopped}", file=sys.stderr)
        ending.status = stopped.status
        raise SystemExit(stopped.status) from None


class _Ending:
    """Leaves the process with a status, which is that of a traceback unless something else is said."""

    status = 1

    def __call__(self) -> None:
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:  # closed by whoever started the process
                    stream.flush()
        except OSError:
            return  # Python reports it when it closes them
        os._exit(self.status)
