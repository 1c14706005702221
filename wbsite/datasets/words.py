"""`words`: letters in rows or columns, drawn here, each picture with many labels.

Every picture has an ink and a ground of its own colours, one size of letters, and noise. Letters are capitals of the
font that comes with Pillow, drawn independently of each other, a pixel off their places at random. What differs between
the layouts is where the letters are and what is asked: which letter is at each place, which letters occur at all, or
which positions lie inside a word. `words:square_rows` and `words:presence_rows` are the same pictures. So are, turned
clockwise by 90°, `words:turned` and `words:rows`, and `words:detector_turned` and `words:detector_rows`.

The numbers come from `Stream` and are the same everywhere; the letters' outlines are Pillow's, so that another version
of it may draw a few pixels otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.progress import Progress

from .base import DatasetSpec, Pictures
from .textures import Stream

LETTERS = "ABCDEFGHKLNPRSTX"
"""Capitals that fit into a cell at every size."""

COUNTS = {"train": 12_000, "test": 2_000}
SEEDS = {"train": 7, "test": 11}
CELL = 12
"""Pixels from one letter's place to the next, in both directions."""
SIZES = (10, 11, 12, 13)
"""Of the font, for letters in cells; capitals are about 0.7 of it high."""
DENSE, PITCH = (8, 9), 7
"""Size of the font, and pixels from letter to letter, in pictures for detectors."""
WORDS, LENGTHS, MARGIN = (2, 4), (2, 4), 3
"""Words in a picture for detectors, letters in a word, and pixels between words."""
STRIDE = 2
"""Pixels of a position that detectors are asked about."""

Direction = Literal["rows", "columns"]
Answer = Literal["letters", "presence", "inside"]


@dataclass(frozen=True)
class Layout:
    """Where letters stand in a picture and what is asked of it.

    Attributes:
        direction: of the words.
        answer: the letter at each place in order, whether each letter of the alphabet occurs, or whether each position
            lies inside a word.
        long: whether the picture is four times as long in the words' direction as across, else it is square.
        turned: whether the finished picture is turned clockwise by 90°.
    """

    direction: Direction
    answer: Answer
    long: bool = False
    turned: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the labels."""
        names = {"letters": tuple(LETTERS), "presence": ("absent", "present"), "inside": ("outside", "inside")}
        return names[self.answer]

    def shape(self, size: int) -> tuple[int, int]:
        """(height, width) of a picture before it is turned, of size² pixels."""
        long, short = (2 * size, size // 2) if self.long else (size, size)
        return (short, long) if self.direction == "rows" else (long, short)


LAYOUTS = {
    "rows": Layout("rows", "letters", long=True),
    "turned": Layout("rows", "letters", long=True, turned=True),
    "columns": Layout("columns", "letters", long=True),
    "square_rows": Layout("rows", "letters"),
    "square_columns": Layout("columns", "letters"),
    "presence_rows": Layout("rows", "presence"),
    "presence_columns": Layout("columns", "presence"),
    "detector_rows": Layout("rows", "inside"),
    "detector_turned": Layout("rows", "inside", turned=True),
}


@lru_cache(maxsize=256)
def glyph(letter: str, size: int) -> np.ndarray:
    """How much of every pixel a letter covers, (height, width) in [0, 1], without empty rows and columns around it."""
    from PIL import Image, ImageDraw, ImageFont

    canvas = Image.new("L", (3 * size, 3 * size))
    ImageDraw.Draw(canvas).text((size, size), letter, fill=255, font=ImageFont.load_default(size))
    ink = np.asarray(canvas, np.float32) / 255
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def whole(stream: Stream, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
    """Whole numbers from low to high, both included."""
    return np.floor(stream.uniform(low, high + 1, shape)).astype(np.int64)


def stamp(cover: np.ndarray, letter: str, size: int, y: float, x: float) -> None:
    """Draws a letter with its middle at (y, x), rounded, as far as it lies inside `cover` (H, W)."""
    ink = glyph(letter, size)
    top, left = int(np.floor(y - len(ink) / 2 + 0.5)), int(np.floor(x - ink.shape[1] / 2 + 0.5))
    ink = ink[max(0, -top) :, max(0, -left) :]
    place = cover[max(0, top) : max(0, top) + len(ink), max(0, left) : max(0, left) + ink.shape[1]]
    np.maximum(place, ink[: len(place), : place.shape[1]], out=place)


def in_cells(layout: Layout, shape: tuple[int, int], count: int, stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    """Words of one letter a cell along the picture, at a random place across it.

    Returns:
        Cover (count, H, W) float32 in [0, 1], and letters (count, places) as indices into `LETTERS`.
    """
    along, across = shape[::-1] if layout.direction == "rows" else shape
    places = along // CELL
    letters = whole(stream, 0, len(LETTERS) - 1, (count, places))
    sizes = whole(stream, 0, len(SIZES) - 1, (count,))
    middles = stream.uniform(CELL / 2, across - CELL / 2, (count,))
    off = whole(stream, -1, 1, (count, places, 2))
    cover = np.zeros((count, *shape), np.float32)
    for i in range(count):
        for place, letter in enumerate(letters[i].tolist()):
            a, b = CELL * (place + 0.5) + off[i, place, 0], middles[i] + off[i, place, 1]
            y, x = (b, a) if layout.direction == "rows" else (a, b)
            stamp(cover[i], LETTERS[letter], SIZES[sizes[i]], y, x)
    return cover, letters


def scattered(shape: tuple[int, int], count: int, stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    """Several short words in rows, none near another; a word for which no place is found is left out.

    Returns:
        Cover (count, H, W) float32 in [0, 1], and whether the middle of each position lies inside the box of a word,
        int64 (count, H / STRIDE, W / STRIDE).
    """
    height, width = shape
    numbers = whole(stream, *WORDS, (count,))
    sizes = whole(stream, *DENSE, (count,))
    lengths = whole(stream, *LENGTHS, (count, WORDS[1]))
    letters = whole(stream, 0, len(LETTERS) - 1, (count, WORDS[1], LENGTHS[1]))
    spots = stream.uniform(0, 1, (count, WORDS[1], 8, 2))
    cover = np.zeros((count, height, width), np.float32)
    inside = np.zeros((count, height // STRIDE, width // STRIDE), np.int64)
    for i in range(count):
        taken = np.zeros(shape, bool)
        tall = len(glyph("H", sizes[i])) + 2
        for word in range(numbers[i]):
            long = PITCH * lengths[i, word]
            for down, right in spots[i, word]:
                top, left = int(down * (height - tall + 1)), int(right * (width - long + 1))
                around = (
                    slice(max(0, top - MARGIN), top + tall + MARGIN),
                    slice(max(0, left - MARGIN), left + long + MARGIN),
                )
                if taken[around].any():
                    continue
                taken[top : top + tall, left : left + long] = True
                for place in range(lengths[i, word]):
                    letter = LETTERS[letters[i, word, place]]
                    stamp(cover[i], letter, sizes[i], top + tall / 2, left + PITCH * (place + 0.5))
                break
        inside[i] = taken[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
    return cover, inside


def painted(cover: np.ndarray, stream: Stream) -> np.ndarray:
    """Cover (n, H, W) in colours of its own for each picture, with noise: uint8 (n, 3, H, W)."""
    n = len(cover)
    ground = stream.uniform(0.35, 0.65, (n, 1)) + stream.uniform(-0.1, 0.1, (n, 3))
    sign = np.where(stream.uniform(0, 1, (n, 1)) < 0.5, -1.0, 1.0)
    ink = sign * stream.uniform(0.15, 0.35, (n, 1)) * stream.uniform(0.6, 1.2, (n, 3))
    grain = stream.uniform(0.02, 0.1, (n, 1, 1, 1))
    picture = stream.white(3 * cover.size).reshape(n, 3, *cover.shape[1:]) * grain
    picture += ground[:, :, None, None] + ink[:, :, None, None] * cover[:, None]
    return np.clip(np.rint(255 * picture), 0, 255).astype(np.uint8)


def pictures(name: str, split: str, size: int, count: int, progress: Progress) -> Pictures:
    """The first `count` pictures of a split in one layout.

    Returns:
        Labels (count, places), (count, letters of the alphabet) or (count, rows of positions, columns), by the layout.
    """
    layout = LAYOUTS[name]
    shape = layout.shape(size)
    high, wide = shape[::-1] if layout.turned else shape
    images = np.empty((count, 3, high, wide), np.uint8)
    labels = []
    progress.step(f"words in {name.replace('_', ' ')}, {split}", count)
    for start in range(0, count, 500):
        stream = Stream(
            SEEDS[split], size, start, layout.direction == "columns", layout.long, layout.answer == "inside"
        )
        batch = min(500, count - start)
        if layout.answer == "inside":
            cover, marks = scattered(shape, 500, stream)
        else:
            cover, letters = in_cells(layout, shape, 500, stream)
            marks = letters if layout.answer == "letters" else _occurring(letters)
        picture = painted(cover, stream)[:batch]
        if layout.turned:
            picture = np.rot90(picture, -1, (2, 3))
            marks = np.rot90(marks, -1, (1, 2)) if layout.answer == "inside" else marks
        images[start : start + batch] = picture
        labels.append(marks[:batch])
        progress.advance(batch)
    return Pictures(images, np.ascontiguousarray(np.concatenate(labels)), layout.classes)


def _occurring(letters: np.ndarray) -> np.ndarray:
    """(N, places) → whether each letter of the alphabet is among them, int64 (N, letters)."""
    return (letters[:, :, None] == np.arange(len(LETTERS))).any(1).astype(np.int64)


def load(argument: str, split: str, size: int, progress: Progress) -> Pictures:
    """12 000 or 2000 pictures of size² pixels, labels and all, in the layout that the argument names.

    Raises:
        WbsiteError: no layout or an unknown one, or a size that cells do not fill.
    """
    if argument not in LAYOUTS:
        raise unknown("layout of words", argument, list(LAYOUTS), f"Write words:LAYOUT: {', '.join(LAYOUTS)}.")
    if size < 2 * CELL or size % (2 * CELL):
        raise WbsiteError(
            f"words are drawn at sizes that are multiples of {2 * CELL} pixels, and {size} were asked for.",
            f"Use {4 * CELL}, say.",
        )
    return pictures(argument, split, size, COUNTS[split], progress)


DATASETS = (
    DatasetSpec(
        "words", "drawn here: words:LAYOUT, capital letters in rows or columns with many labels a picture", load
    ),
)
