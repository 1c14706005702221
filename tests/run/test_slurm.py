"""The Slurm script of CLUSTER.md, on Debian's Slurm with this machine as its one node; and the manifest beside it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from wbsite.core.store import Store

ROOT = Path(__file__).parents[2]
CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} RealMemory=8000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def example(language: str) -> str:
    """The longest example in a language."""
    text = (ROOT / "CLUSTER.md").read_text(encoding="utf-8")
    return max(re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL), key=len)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What its clients need in their environment."""
    programs = ("munged", "slurmctld", "slurmd", "sbatch")
    if not all(shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in programs):
        pytest.skip("Slurm is not installed")
    if os.geteuid():
        pytest.skip("its daemons want to be root")
    pytest.importorskip("dask_jobqueue")
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("spool", "state"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    values = {"folder": folder, "host": socket.gethostname().split(".")[0], "processors": os.cpu_count()}
    settings = CONFIGURATION.format(controller=free_port(), node=free_port(), **values)
    (folder / "slurm.conf").write_text(settings)
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    files = {"key": key, "socket": folder / "munge.socket", "pid": folder / "munge.pid", "seed": folder / "seed"}
    options = [f"--{name}{'' if name == 'socket' else '-file'}={path}" for name, path in files.items()]
    commands = [
        ["munged", "-F", "--force", *options, f"--log-file={folder / 'munge.log'}"],
        ["slurmctld", "-D"],
        ["slurmd", "-D"],
    ]
    daemons = []
    try:
        for command in commands:
            with open(folder / f"{command[0]}.out", "wb") as out:
                daemons.append(subprocess.Popen(command, env=environment, stdout=out, stderr=out))
            time.sleep(1)
        for _ in range(60):
            said = subprocess.run(["sinfo", "-h", "-o", "%T"], env=environment, capture_output=True, text=True).stdout
            if said.strip() == "idle":
                break
            time.sleep(0.5)
        else:
            pytest.fail("".join(path.read_text() for path in folder.glob("*.out")))
        yield environment
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()


def test_the_script_computes_on_slurm(
    slurm: dict[str, str], tmp_path: Path, environment: dict[str, str], speck_weights: Path
) -> None:
    script = example("python").replace("sys.exit(", "command[1] = 'compute'\n        sys.exit(")
    (tmp_path / "on_slurm.py").write_text(script)
    bin_folder = Path(sys.executable).parent
    (tmp_path / "wbsite").write_text(f'#!/bin/sh\nexec {sys.executable} -m wbsite.cli "$@"\n')
    (tmp_path / "wbsite").chmod(0o755)
    variables = {**environment, **{name: slurm[name] for name in ("SLURM_CONF",)}}
    variables["PATH"] = f"{tmp_path}:{bin_folder}:{slurm['PATH']}"
    ran = subprocess.run(
        [sys.executable, "on_slurm.py", "--models", "speck", "--weights-dir", str(speck_weights), "--store", "store"],
        cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert len(re.findall(r"^worker tcp://\S+ fits$", ran.stderr, flags=re.MULTILINE)) >= 1
    record = Store(tmp_path / "store").record("models/speck")
    assert record is not None
    keys = [place["key"] for places in record["results"].values() for place in places.values() if "key" in place]
    assert keys and all(Store(tmp_path / "store").get(key) is not None for key in keys)


def test_the_manifest_is_whole() -> None:
    parts = list(yaml.safe_load_all(example("yaml")))
    assert [part["kind"] for part in parts] == ["Service", "Deployment", "Deployment", "Job"]
    job = parts[-1]["spec"]["template"]["spec"]["containers"][0]["args"]
    from typer.testing import CliRunner

    from wbsite.cli.app import app

    said = CliRunner().invoke(app, [job[1], "--help"], env={"COLUMNS": "200"}).output
    assert all(option in said for option in job if option.startswith("--"))
