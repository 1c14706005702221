"""Processes that share the work: they keep freed memory while a task runs, and no longer."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

SCRIPT = """
from wbsite.core.processes import memory_kept

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

with memory_kept():
    held = [bytearray(b"x" * 2**20) for _ in range(300)]
    last = bytearray(b"x" * 2**20)  # nothing above it can be given back as it is freed
    del held
    kept = resident()
print(kept, resident())
"""


ENVIRONMENT = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}
"""As Dask starts its workers."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have no such setting")
def test_freed_memory_is_kept_until_it_is_given_back() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    kept, left = map(int, ran.stdout.split())
    assert kept > 300 * 2**20
    assert left < kept - 250 * 2**20
