"""Imported by the process that others are forked from, before all else: it is killed when its parent ends.

By itself it would first import what it was told to, for seconds, with the terminal's or pipe's other end held open.
"""

from __future__ import annotations

import ctypes
import signal
import sys

_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl; processes that are forked from this one do not inherit it."""

if sys.platform == "linux":
    ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
