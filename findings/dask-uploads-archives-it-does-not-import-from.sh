#!/usr/bin/env bash
# distributed 2026.8.0: a package that Client.upload_file sends as a .zip cannot be imported on the workers unless it is
# imported while it is sent, which runs its code on the scheduler as well.
#
# Seen: the documentation of upload_file says that the workers' folder is added to Python's path, so that .py, .egg and
# .zip files are importable; load says whether the module is imported as part of the upload. A module sent as .py with
# load=False is importable afterwards. A package sent as .zip with load=False is not: the archive lies in that folder,
# but only importing it at once adds the archive itself to the path. wbsite therefore sends files as they are
# (wbsite/run/cluster/modules.py).
#
# Fails if the package is importable, or the module is not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv
"$folder/venv/bin/uv" pip install -q -p "$folder/venv" distributed==2026.8.0
mkdir "$folder/sent" "$folder/elsewhere"
cat >"$folder/try.py" <<'PY'
import importlib
import os
import sys
import zipfile

import distributed
from distributed import Client, LocalCluster


def importable(name):
    try:
        return importlib.import_module(name).ANSWER
    except ModuleNotFoundError:
        return None


if __name__ == "__main__":
    sent = sys.argv[1]
    with open(f"{sent}/one_module.py", "w") as file:
        file.write("ANSWER = 1\n")
    with zipfile.ZipFile(f"{sent}/one_package.zip", "w") as archive:
        archive.writestr("one_package/__init__.py", "ANSWER = 2\n")
    os.chdir(sys.argv[2])
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster, Client(cluster) as client:
        client.upload_file(f"{sent}/one_module.py", load=False)
        client.upload_file(f"{sent}/one_package.zip", load=False)
        module = client.submit(importable, "one_module").result()
        package = client.submit(importable, "one_package").result()
    print(f"distributed {distributed.__version__}, load=False: module sent as .py importable: {module is not None};")
    print(f"package sent as .zip importable: {package is not None}")
    assert (module, package) == (1, None)
PY
cd "$folder/elsewhere"
"$folder/venv/bin/python" "$folder/try.py" "$folder/sent" "$folder/elsewhere"
