"""Runs `wbsite` commands, each in a process forked from one that has imported everything they import.

Importing torch takes longer than most commands that tests run. A forked process has its own folder, environment,
arguments and streams, reads `sys.path` and entry points anew, dies of a signal by itself, and ends as any process does.
What it shares with the others are the modules and the seed of Python's hashes, so what concerns starting up, being
killed at any moment, or the lack of torch is tested with processes started from nothing.

Run as a script it is the server: a line of JSON on standard input is a request, and each is answered with two lines,
the process's id and its exit status.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import runpy
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any


class ForkServer:
    """A server for as long as the context lasts.

    Args:
        root: folder that holds the package `wbsite`.
    """

    def __init__(self, root: Path) -> None:
        variables = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, str(root)]
        pipe = subprocess.PIPE
        self.server = subprocess.Popen(command, env=variables, stdin=pipe, stdout=pipe, text=True, bufsize=1)

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self.server.stdin and self.server.stdout
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()

    def run(
        self, folder: Path, arguments: tuple[str, ...], variables: dict[str, str], timeout: float
    ) -> tuple[int, str, str]:
        """Runs `wbsite ARGUMENTS` in a folder with these environment variables and no others.

        Returns:
            exit status, negative for a signal; standard output; standard error.

        Raises:
            TimeoutError: it did not end in time, and was killed.
        """
        assert self.server.stdin and self.server.stdout
        with tempfile.TemporaryDirectory() as streams:
            out, err = Path(streams, "out"), Path(streams, "err")
            request = {
                "folder": str(folder), "arguments": arguments, "variables": variables,
                "streams": [os.devnull, str(out), str(err)],
            }  # fmt: skip
            print(json.dumps(request), file=self.server.stdin)
            process = int(self.server.stdout.readline())
            ready, _, _ = select.select([self.server.stdout], [], [], timeout)
            if not ready:
                os.kill(process, 9)
            status = int(self.server.stdout.readline())
            if not ready:
                raise TimeoutError(f"wbsite {' '.join(arguments)} took more than {timeout} s: {err.read_text()}")
            return status, out.read_text(), err.read_text()


SELDOM = ("wbsite.cli.__main__", "wbsite.models.networks.torchvision_cnns")
"""Not imported by most commands: it runs one, or takes as long as everything else."""


def preload(package: str) -> None:
    """Imports the modules of a package, and with them what they import."""
    root = importlib.import_module(package)
    for module in pkgutil.walk_packages(root.__path__, f"{package}."):
        if module.name not in SELDOM:
            importlib.import_module(module.name)


def serve() -> dict[str, Any] | None:
    """Answers requests. Returns each in the process forked for it, and None in the server when there are no more."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            return dict(json.loads(line))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def become(folder: str, arguments: list[str], variables: dict[str, str], streams: list[str], path: list[str]) -> None:
    """Makes this process what `python -m wbsite.cli ARGUMENTS` would be, and runs it.

    Args:
        streams: files of standard input, output and error.
        path: the part of `sys.path` that is Python's own.
    """
    for number, name in enumerate(streams):
        opened = os.open(name, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.path[:] = [folder, *filter(None, variables.get("PYTHONPATH", "").split(os.pathsep)), *path]
    importlib.invalidate_caches()
    sys.argv = ["wbsite", *arguments]
    runpy.run_module("wbsite.cli", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    own = [place for place in sys.path if place not in (str(Path(__file__).parent), sys.argv[1])]
    sys.path[:] = [sys.argv[1], *own]
    preload("wbsite")
    request = serve()
    if request is None:
        os._exit(0)  # there is nothing to tidy up, and taking torch down takes seconds
    become(path=own, **request)
