"""An analysis that does to its process what files say, and an observer that keeps what it is told."""

from __future__ import annotations

from wbsite.core.progress import Progress

PERILOUS = """
import os, signal, time
import pandas as pd
from pathlib import Path
from wbsite.analyses.base import Analysis
from wbsite.results.base import Result, Table, integer, table

class Perilous(Result, analysis="perilous", summary="does to its process what files in its folder say"):
    rows: Table = table("where it ran", process=integer("its number"))

def run(context):
    with open("ran", "a") as ran:
        ran.write(f"{os.getpid()} {context.layer.name}\\n")
    context.progress.step("looks for files", 2)
    if context.layer.name == "conv2":
        if Path("kill once").exists():
            Path("kill once").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        if Path("kill").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        if Path("leave").exists():
            os._exit(5)
    if Path("wait").exists():
        time.sleep(120)
    context.progress.line("looked")
    return Perilous(rows=pd.DataFrame({"process": [os.getpid()]}))

ANALYSES = (Analysis(Perilous, "layer", run),)
"""


class Heard(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []
        self.rest: list[float] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def left(self, seconds: float) -> None:
        self.rest.append(seconds)
