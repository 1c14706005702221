"""Spoils files in two hundred ways, and asks that whatever reads them reads them or refuses them in words."""

from __future__ import annotations

import random
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from wbsite.core.errors import WbsiteError

FILES = 200
HEAD = 2000
"""Bytes at the beginning of a file in which half of the damage is done, as what follows may be numbers only."""
MEMORY = 2 << 30


def assert_damage_is_survived(
    path: Path, use: Callable[[Path], object], packed: Callable[[bytes], bytes] = bytes
) -> None:
    """Uses a file as it is, then spoiled: it, and what lies beside it in its folder, each in turn.

    It may raise WbsiteError, with the file's path and a hint, and nothing else; at least a tenth of the spoiled files
    must be refused, and none may take more than MEMORY.

    Args:
        path: of a file that is whole.
        packed: bytes → the file as it is to be used, where it is compressed as a whole: damage is done before.
    """
    whole = {file: file.read_bytes() for file in sorted(path.parent.iterdir())}
    path.write_bytes(packed(whole[path]))
    use(path)
    generator, refused, before = random.Random(0), 0, most_memory()
    for i in range(FILES):
        spoiled = [*whole][i % len(whole)]
        for file, data in whole.items():
            data = damaged(data, generator) if file == spoiled else data
            file.write_bytes(packed(data) if file == path else data)
        error = refusal(path, use)
        if error is not None:
            refused += 1
            assert any(str(file) in error.message for file in whole)
            assert error.hint
    assert refused > FILES // 10
    assert most_memory() - before < MEMORY


def damaged(data: bytes, generator: random.Random) -> bytes:
    """The bytes cut off, with bits flipped, or with bytes exchanged."""
    changed = bytearray(data)
    way = generator.randrange(3)
    if way == 0:
        del changed[generator.randrange(len(changed)) :]
        return bytes(changed)
    end = min(HEAD, len(changed)) if generator.random() < 0.5 else len(changed)
    for _ in range(generator.choice((1, 4, 40))):
        here, there = generator.randrange(end), generator.randrange(end)
        if way == 1:
            changed[here] ^= 1 << generator.randrange(8)
        else:
            changed[here], changed[there] = changed[there], changed[here]
    return bytes(changed)


def most_memory() -> int:
    """The most bytes that this process has had in memory."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def refusal(path: Path, use: Callable[[Path], object]) -> WbsiteError | None:
    """Why a file is refused; None where it is not. Any other exception is a failure."""
    try:
        use(path)
    except WbsiteError as error:
        return error
    return None
