"""What is fuzzed: every reader of files, with whole samples to spoil and the mutations that fit them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from wbsite.core import registry

from ..models.formats.samples import SAMPLES
from . import mutations as m
from . import structures

LOADED = 5
"""Every how many-th file of weights is also loaded as a model, which takes longer."""


@dataclass(frozen=True)
class Reader:
    """A reader of files.

    Attributes:
        name: as `python -m tests.fuzz NAME` names it.
        samples: each writes a whole file into a folder, and what belongs beside it, and returns the file.
        use: reads a file, the path and the number of the input given; may raise WbsiteError and nothing else.
        mutations: name of a file → those that fit it.
        packed: bytes → the file as it is read, where it is compressed as a whole, per sample.
    """

    name: str
    samples: tuple[Callable[[Path], Path], ...]
    use: Callable[[Path, int], object]
    mutations: Callable[[str], tuple[m.Mutation, ...]]
    packed: tuple[Callable[[bytes], bytes], ...] = ()


def spoiled(reader: Reader, seed: int, number: int, folder: Path) -> Path:
    """Writes the input of a number into an empty folder; the same arguments give the same files.

    Returns:
        The file to read.
    """
    generator = random.Random(f"{reader.name}/{seed}/{number}")
    choice = generator.randrange(len(reader.samples))
    file, contents = _whole(reader, choice)
    target = generator.choice((file, file, *contents))
    data = contents[target]
    for _ in range(generator.choice((1, 1, 1, 2, 4))):
        data = m.applied(generator.choice(reader.mutations(target)), data, generator)
    for name, whole in contents.items():
        written = data if name == target else whole
        if name == file and reader.packed:
            written = reader.packed[choice](written)
        (folder / name).write_bytes(written)
    return folder / file


def prepare(reader: Reader) -> None:
    """Makes all samples of a reader, so that no input has to wait for one."""
    for choice in range(len(reader.samples)):
        _whole(reader, choice)


@cache
def _whole(reader: Reader, choice: int) -> tuple[str, dict[str, bytes]]:
    """The name of a sample's file, and the files of its folder."""
    with TemporaryDirectory() as name:
        path = reader.samples[choice](Path(name))
        return path.name, {entry.name: entry.read_bytes() for entry in sorted(Path(name).iterdir()) if entry.is_file()}


# ---- weights

_ZIPPED = {"pytorch", "torchscript", "pt2", "npz", "keras"}


def _inside(name: str) -> tuple[m.Mutation, ...]:
    """For what lies in an archive."""
    if name.endswith(".json"):
        return (structures.in_json, structures.in_json, structures.in_json, *m.TEXT)
    if name.endswith(".npy"):
        return (structures.in_npy, structures.in_npy, *m.BYTES)
    if name.endswith((".py", ".debug_pkl", "version", "byteorder")):
        return m.TEXT
    return m.BYTES


def _weights_mutations(format: str) -> Callable[[str], tuple[m.Mutation, ...]]:
    structured: tuple[m.Mutation, ...] = ()
    if format in _ZIPPED:
        structured = (structures.in_archive(_inside),) * 6
    elif format in ("onnx", "caffemodel"):
        structured = (structures.in_message,) * 8
    elif format == "safetensors":
        structured = (*(structures.in_safetensors,) * 4, *(structures.in_record,) * 4)

    def chosen(name: str) -> tuple[m.Mutation, ...]:
        if name.endswith((".json", ".cfg")):
            return (*(structures.in_json,) * (5 if name.endswith(".json") else 0), *m.TEXT)
        if format == "sharded":
            return (structures.in_safetensors, structures.in_safetensors, *m.BYTES)
        if name.endswith((".bin", ".data")):  # of numbers alone, beside the file
            return m.BYTES
        return (*structured, *m.BYTES)

    return chosen


def _use_weights(path: Path, number: int) -> None:
    """Lists what is in a file, as `wbsite weights show`; of some the model is loaded, as `wbsite build` does."""
    from wbsite.models.contents import lines
    from wbsite.models.user import load_file

    if number % LOADED == 0:
        load_file(str(path))
    else:
        for _ in lines(path):
            pass


def _of_sample(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / SAMPLES[name].file
        SAMPLES[name].write(path)
        return path

    return write


def weights_readers() -> list[Reader]:
    """One for every registered format with samples."""
    readers = []
    for format in registry.names("formats"):
        names = [name for name, sample in SAMPLES.items() if sample.format == format]
        if names:
            samples, packed = tuple(map(_of_sample, names)), tuple(SAMPLES[name].packed for name in names)
            readers.append(Reader(format, samples, _use_weights, _weights_mutations(format), packed))
    return readers


# ---- text

CONFIGURATION = """
models = ["simplified_32", "inceptionv1_32"]
articles = ["weight-banding"]
profile = "full"
device = "cpu"
workers = 2
store = "build/store"
out = "site"
offline = false
keep_going = true
max_weights_memory = "8G"
input = [3, 32, 32]
photographs = "imagefolder:pictures"
categories = "mine.csv"
"""
TABLES = """
profile = "quick"

[models."simplified_32"]
input = [3, 60, 160]
mean = [0.5, 0.5, 0.5]
std = [0.2, 0.2, 0.2]
channels = "BGR"
range = [0, 255]

[models."mynet.py:make@weights.pth"]
input = [1, 28, 28]
"""
CATEGORIES = "layer,unit,category\nconv1,0,edge\nconv1,1,colour\nblock/conv2,12,curve\nblock/conv2,3,curve\n"
STUDY = """
dataset = "harmonics"
epochs = 20
seeds = 3
widths = [[10, 7, 5], [12, 6]]
activation = ["tanh", "relu"]
max_norm = [1.0, "none"]
"""
ARTICLE = """---
title: What the bands are
description: A note on *bands*, with a number.
authors:
  - name: Ada Lovelace
    affiliation: Somewhere
  - Charles Babbage
order: 7
doi: 10.1000/xyz
date: 2024-05-01
---
# Bands

{{ figure("banding-by-depth") }} and {{ value("banding/simplified_32/conv1/index") }}, as {{ cite("petrov2021") }}.
"""
REFERENCES = r"""
@string{distill = "Distill"}
@article{petrov2021weight,
  author = {Petrov, Michael and Voss, Chelsea and {van der Ladder}, Ludwig and others},
  title = {Weight {B}anding in \'Etudes, $\alpha$ and {\"o}},
  journal = distill, year = {2021}, doi = {10.23915/distill.00024.009}, url = {https://distill.pub/2020/circuits/},
}
@comment{nothing}
@inproceedings{he2016, author = "He, Kaiming", title = "Deep {ResNets}", year = 2016, booktitle = "CVPR"}
"""


def _text(name: str, *texts: str) -> tuple[Callable[[Path], Path], ...]:
    def writer(text: str) -> Callable[[Path], Path]:
        def write(folder: Path) -> Path:
            (folder / name).write_text(text, encoding="utf-8")
            return folder / name

        return write

    return tuple(map(writer, texts))


def _use_configuration(path: Path, number: int) -> None:
    from wbsite.core.config import load

    load({}, path)


def _use_categories(path: Path, number: int) -> None:
    from wbsite.datasets._categories import read

    read(str(path))


def _use_study(path: Path, number: int) -> None:
    from wbsite.train.study.study_file import read

    read(path)


def _use_article(path: Path, number: int) -> None:
    from wbsite.render.pages.articles import read

    read(path)


def _use_references(path: Path, number: int) -> None:
    from wbsite.render.citations import Bibliography

    bibliography = Bibliography.read(path)
    page = bibliography.for_page()
    for key in list(bibliography._publications)[:20]:
        page.cite(key)
    page.references()


# ---- pictures and samples


def _picture(name: str, mode: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        import numpy as np
        from PIL import Image

        random_bytes = np.random.default_rng(0).integers(0, 256, (24, 32, 4), np.uint8)
        picture = Image.fromarray(random_bytes, "RGBA")
        if mode == "I;16":
            picture = Image.fromarray(random_bytes[..., :2].copy().view(np.uint16)[..., 0])
        (picture.convert("L").convert(mode) if mode == "F" else picture.convert(mode)).save(folder / name)
        return folder / name

    return write


PICTURES = (
    _picture("a.png", "RGB"), _picture("a.png", "RGBA"), _picture("a.png", "P"), _picture("a.png", "I;16"),
    _picture("a.jpg", "RGB"), _picture("a.jpg", "CMYK"), _picture("a.webp", "RGB"), _picture("a.bmp", "RGB"),
    _picture("a.gif", "P"), _picture("a.tif", "RGB"), _picture("a.tif", "F"), _picture("a.ppm", "RGB"),
)  # fmt: skip


def _use_picture(path: Path, number: int) -> None:
    from wbsite.datasets._photographs import PictureFiles
    from wbsite.datasets.imagefolder import read_picture

    if number % 2:
        read_picture(path, 32)
    else:
        files = PictureFiles(path.parent, (path.name,))
        files.digest()
        files.picture(0)


def _samples(folder: Path) -> Path:
    import numpy as np

    inputs = np.random.default_rng(0).integers(0, 2, (20, 6)).astype(np.uint8)
    np.savez(folder / "data.npz", inputs=inputs, labels=np.arange(20) % 2, classes=np.array(["a", "b"]))
    return folder / "data.npz"


def _use_samples(path: Path, number: int) -> None:
    from wbsite.core.progress import Progress
    from wbsite.datasets.npz import samples

    samples(str(path), Progress())


def others() -> list[Reader]:
    """Readers of everything but weights."""

    def text(name: str) -> tuple[m.Mutation, ...]:
        return m.TEXT

    def bytes_alone(name: str) -> tuple[m.Mutation, ...]:
        return m.BYTES

    def archive(name: str) -> tuple[m.Mutation, ...]:
        return (*(structures.in_archive(_inside),) * 4, *m.BYTES)

    return [
        Reader("configuration", _text("wbsite.toml", CONFIGURATION, TABLES), _use_configuration, text),
        Reader("categories", _text("mine.csv", CATEGORIES), _use_categories, text),
        Reader("study", _text("mine.toml", STUDY), _use_study, text),
        Reader("article", _text("mine.md", ARTICLE), _use_article, text),
        Reader("bibliography", _text("refs.bib", REFERENCES), _use_references, text),
        Reader("pictures", PICTURES, _use_picture, bytes_alone),
        Reader("samples", (_samples,), _use_samples, archive),
    ]


@cache
def readers() -> dict[str, Reader]:
    """All, by name."""
    return {reader.name: reader for reader in (*weights_readers(), *others())}
