"""How a command's process ends: soon, with its own status, and with nothing left undone."""

from __future__ import annotations

import subprocess
import sys

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
