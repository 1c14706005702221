"""Standard output for data alone, whatever else the process prints."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

from .errors import WbsiteError


def data_output() -> BinaryIO:
    """The command's standard output; from here on, everything else that is written there goes to standard error.

    That is also what compiled code, other processes and functions that run at exit print, for they write to the
    process's descriptor 1. Where Python's standard output is not that descriptor, as in a test, it is left alone.

    Raises:
        WbsiteError: standard output is closed.
    """
    if sys.stdout is None:
        raise WbsiteError("standard output is closed, and the result is written there.", "Redirect it to a file.")
    if sys.stdout is not sys.__stdout__:
        return sys.stdout.buffer
    sys.stdout.flush()
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    if sys.stderr is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output
