"""How a command's process ends: soon, with its own status, and with nothing left undone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

ENDINGS = {
    "pass": (0, ""),
    "raise SystemExit(3)": (3, ""),
    "raise SystemExit(None)": (0, ""),
    "raise ValueError('seen')": (1, "ValueError: seen"),
}


def _ended(command: str, more: str = "") -> subprocess.CompletedProcess[str]:
    code = (
        "import atexit, sys, threading, time\n"
        "from wbsite.cli import app, process\n"
        f"def command():\n    {more or 'pass'}\n    print('said', end='')\n    {command}\n"
        "app.main = command\nprocess.main()\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("command", ENDINGS)
def test_the_status_is_the_commands_own(command: str) -> None:
    status, error = ENDINGS[command]
    done = _ended(command)
    assert (done.returncode, done.stdout) == (status, "said")
    assert error in done.stderr and bool(done.stderr) == bool(error)


def test_threads_and_what_is_registered_for_the_end_still_run() -> None:
    done = _ended(
        "pass",
        "atexit.register(print, ' registered', end=''); "
        "threading.Thread(target=lambda: (time.sleep(0.2), print(' thread', end=''))).start()",
    )
    assert (done.returncode, done.stdout) == (0, "said thread registered")


def test_python_does_not_take_its_modules_apart() -> None:
    """Which is what the second of a command that loaded torch went into."""
    done = _ended("pass", "sys.modules['apart'] = type('Apart', (), {'__del__': lambda self: print(' apart')})()")
    assert done.stdout == "said"


SIGNALS = {"SIGINT": (130, "interrupted"), "SIGTERM": (143, "terminated"), "SIGHUP": (129, "terminal was closed")}
PLACES = {
    "as the command's own code runs": "app.app.command('wait')(signal_itself); sys.argv.append('wait')",
    "as it reads its command line": (
        "option = app.typer.Option('', callback=lambda value: signal_itself()); "
        "app.app.command('wait')(lambda word=option: None); sys.argv.append('wait')"
    ),
    "before it is there": "app.main = signal_itself",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_that_asks_to_end_is_answered_in_words(name: str, place: str) -> None:
    code = (
        "import os, signal, sys, time\n"
        f"signal.signal(signal.{name}, signal.SIG_DFL)  # whatever those who run the tests ignore\n"
        "from wbsite.cli import app, process\n"
        f"def signal_itself():\n    os.kill(os.getpid(), signal.{name})\n    time.sleep(20)\n"
        f"sys.argv = ['wbsite']\n{PLACES[place]}\nprocess.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    status, words = SIGNALS[name]
    assert done.returncode == status
    assert done.stderr.strip().startswith("wbsite: ") and words in done.stderr and "\n" not in done.stderr.strip()
    assert "the same command again" in done.stderr


def test_what_is_ignored_stays_ignored() -> None:
    """As `nohup` has it."""
    code = (
        "import os, signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from wbsite.cli import app, process\n"
        "app.main = lambda: (os.kill(os.getpid(), signal.SIGHUP), print('went on'))\nprocess.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "went on\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_job_ends_with_all_its_processes(
    name: str, tmp_path: Path, environment: dict[str, str], speck_weights: Path
) -> None:
    """Slurm and terminals signal each of them: those that compute leave it to the one that started them."""
    command = ["-m", "wbsite.cli", "compute", "--models", "speck", "--weights-dir", str(speck_weights)]
    child = subprocess.Popen(
        [sys.executable, *command, "--workers", "2"], cwd=tmp_path, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = []
    with child.stderr or nullcontext(()) as lines:
        for line in lines:
            said.append(line)
            if line.startswith("compute"):
                time.sleep(0.5)
                os.killpg(child.pid, getattr(signal, name))
    assert child.wait() == SIGNALS[name][0]
    assert SIGNALS[name][1] in said[-1] and not [line for line in said if "killed" in line or "Traceback" in line]
    if Path("/proc").is_dir():
        for _ in range(50):
            if not (left := _living(child.pid)):
                break
            time.sleep(0.1)
        assert not left


def _living(group: int) -> list[str]:
    """Command lines of a process group's processes that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append((folder / "cmdline").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
