"""Standard output for data alone, whatever else the process prints."""

from __future__ import annotations

import os
import sys
from typing import IO

from .errors import WbsiteError


def data_output() -> IO[bytes]:
    """The command's standard output; from here on, everything else that is written there goes to standard error.

    That is also what compiled code, other processes and functions that run at exit print, for they write to the
    process's descriptor 1. Where Python's standard output is not that descriptor, as in a test, it is left alone.

    Raises:
        WbsiteError: standard output or standard error is closed.
    """
    if sys.stdout is None or sys.__stdout__ is None or sys.__stderr__ is None:
        raise WbsiteError("standard output or standard error is closed.", "Redirect them to files or to /dev/null.")
    if sys.stdout is not sys.__stdout__:
        return sys.stdout.buffer
    sys.__stdout__.flush()
    descriptor = sys.__stdout__.fileno()
    output = os.fdopen(os.dup(descriptor), "wb")
    os.dup2(sys.__stderr__.fileno(), descriptor)
    return output
