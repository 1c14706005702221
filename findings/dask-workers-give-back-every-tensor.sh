#!/usr/bin/env bash
# distributed 2026.8.0 on Linux with glibc: in a worker with a nanny, which is the default, every array of two megabytes
# that is freed goes back to the system, and the next one comes again page by page.
#
# Seen: the nanny starts workers with MALLOC_TRIM_THRESHOLD_=65536, so that freed memory is not kept. That this also
# stops glibc from raising, by itself, the size from which a block is mapped alone is in glibc's manual (mallopt) and not
# in Dask's pages on memory. Making and freeing one array 200 times takes hundreds of page faults a time in such a
# worker, and next to none once mallopt has raised both limits there. Networks make and free
# such arrays all the time: a worker of wbsite spent half of its time in the kernel. wbsite therefore sets both limits
# while a task runs, and gives back what was kept after it (memory_kept in wbsite/core/processes.py).
#
# Fails if the faults of both are alike.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv
"$folder/venv/bin/uv" pip install -q -p "$folder/venv" distributed==2026.8.0 numpy==2.4.6
cat >"$folder/try.py" <<'PY'
import ctypes
import resource

import distributed
from distributed import Client, LocalCluster

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3


def faults(keep):
    """Page faults a time, of 200 arrays of two megabytes one after the other."""
    import numpy

    if keep:
        for limit in (TRIM_THRESHOLD, MMAP_THRESHOLD):
            assert ctypes.CDLL(None).mallopt(limit, 1 << 28)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(200):
        numpy.empty(1 << 18).fill(1)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 200


if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as client:
        usual, kept = (client.submit(faults, keep).result() for keep in (False, True))
    print(f"distributed {distributed.__version__}: page faults for an array of 2 MB: {usual:.0f} in a worker as it is,")
    print(f"{kept:.0f} where freed memory is kept")
    assert usual > 100 > kept
PY
cd "$folder"
"$folder/venv/bin/python" "$folder/try.py"
