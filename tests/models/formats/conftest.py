"""An object that would run code when it is unpickled."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Malicious:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def malicious() -> Callable[[Path], Malicious]:
    """Makes an object whose unpickling makes a folder: malicious(path of the folder)."""
    return Malicious
