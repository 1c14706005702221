"""Archives say what their files' bytes add up to, and a file that does not is never read as if it did."""

from __future__ import annotations

import random
import re
import zipfile
from pathlib import Path

import pytest
import torch

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import read

from .samples import SAMPLES

ARCHIVES = ("pytorch", "pytorch-module", "torchscript", "pt2", "npz", "npz-deflated", "keras", "keras-deflated")
WEIGHTS = re.compile(r"data/|weight|\.npy$|data\.pkl$")
MUTATIONS = 34


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ARCHIVES)
def test_no_change_of_a_number_is_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / SAMPLES[name].file
    SAMPLES[name].write(path)
    whole, before = path.read_bytes(), read(path).state
    generator = random.Random(name)
    with zipfile.ZipFile(path) as archive:
        named = [entry for entry in archive.infolist() if WEIGHTS.search(entry.filename) and entry.file_size]
        entries = sorted(named, key=lambda entry: -entry.file_size)
    refused = 0
    for _ in range(MUTATIONS):
        entry = entries[0] if generator.random() < 0.5 else generator.choice(entries)
        data = bytearray(whole)
        name_length, extra = (int.from_bytes(data[entry.header_offset + i :][:2], "little") for i in (26, 28))
        start = entry.header_offset + 30 + name_length + extra
        for place in {generator.randrange(entry.compress_size) for _ in range(generator.choice((1, 3)))}:
            data[start + place] ^= 1 << generator.randrange(8)
        path.write_bytes(data)
        try:
            after = read(path).state
        except WbsiteError:
            refused += 1
        else:  # what was changed holds no weights
            assert after.keys() == before.keys()
            assert all(torch.equal(after[key], before[key]) for key in before)
    assert refused > MUTATIONS // 2


def test_an_archive_without_checksums_is_read(tmp_path: Path) -> None:
    before = torch.serialization.get_crc32_options()
    try:
        torch.serialization.set_crc32_options(False)
        torch.save({"a.weight": torch.ones(2, 2)}, tmp_path / "net.pth")
    finally:
        torch.serialization.set_crc32_options(before)
    assert torch.equal(read(tmp_path / "net.pth").state["a.weight"], torch.ones(2, 2))
