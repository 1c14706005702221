"""`textures`: pictures without a preferred direction, drawn here; the control for the banding experiments.

Every picture is a piece of an isotropic Gaussian random field: white noise whose spectrum is multiplied by a gain that
depends on the radius alone. All gains end inside the Nyquist circle, so that the corners of the square pixel grid hold
nothing of the texture, and the periodic field is larger than the picture, so that neither edges nor the period are
seen. Point functions (bright or dark blobs, labyrinths, webs) and white pixel noise have no direction either. What
tells the classes apart is the spectrum and the distribution of the values; brightness, contrast, colours and noise are
drawn anew for each picture and tell nothing.

The random numbers are the raw stream of PCG64, which numpy keeps the same for all versions and machines, turned into
integers and doubles without rounding. The Fourier transforms and `exp` differ between machines by about 1e-15, and the
result is rounded to 1/255: the bytes are the same everywhere but for a pixel within about 1e-13 of a boundary, which
is not to be expected in one data set of a hundred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress

from .base import DatasetSpec, Pictures

COUNTS = {"train": 50_000, "test": 10_000}
SEEDS = {"train": 7, "test": 11}
FIELD = 256
"""Smallest side of a periodic field, in pixels."""
LOWEST, TAPER, HIGHEST = 1 / 64, 0.36, 0.46
"""Cycles a pixel: below LOWEST power laws are flat, from TAPER to HIGHEST every gain falls to zero."""


def plain(field: np.ndarray) -> np.ndarray:
    """The Gaussian field itself."""
    return field


def bright(field: np.ndarray) -> np.ndarray:
    """Bright blobs on a dark ground: a long upper tail."""
    return np.exp(0.5 * field)


def dark(field: np.ndarray) -> np.ndarray:
    """Dark blobs on a bright ground: a long lower tail."""
    return -np.exp(-0.5 * field)


def labyrinth(field: np.ndarray) -> np.ndarray:
    """Two grey levels with soft borders, a sharp one would alias."""
    return field / np.sqrt(field * field + 0.2)


def web(field: np.ndarray) -> np.ndarray:
    """Bright lines where the field crosses zero."""
    return -np.sqrt(field * field + 0.1)


@dataclass(frozen=True)
class Texture:
    """One class.

    Attributes:
        name: of the class.
        centre: cycles a pixel where the gain is highest; 0 for a power law without a band.
        width: of the band, standard deviation of the natural logarithm of the radius.
        slope: the amplitude falls with radius to this power.
        shape: point function of a field of unit variance.
    """

    name: str
    centre: float
    width: float = 0.25
    slope: float = 0.0
    shape: Callable[[np.ndarray], np.ndarray] = plain

    def gain(self, side: int) -> np.ndarray:
        """(side, side) gain by frequency in the order of numpy's FFT; the field it gives has unit variance."""
        frequency = np.fft.fftfreq(side)
        radius = np.maximum(np.hypot(frequency[:, None], frequency[None, :]), LOWEST)
        gain = radius**-self.slope
        if self.centre:
            gain *= np.exp(-0.5 * (np.log(radius / self.centre) / self.width) ** 2)
        gain *= 0.5 + 0.5 * np.cos(np.pi * np.clip((radius - TAPER) / (HIGHEST - TAPER), 0, 1))
        gain[0, 0] = 0
        return gain / np.sqrt((gain * gain).sum())


TEXTURES = (
    Texture("haze", 0.0, slope=1.8),
    Texture("cloud", 0.0, slope=1.5),
    Texture("grit", 0.0, slope=1.2),
    Texture("swell", 0.075, width=0.35),
    Texture("ripple", 0.095, width=0.35),
    Texture("mixed grain", 0.085, width=0.6),
    Texture("bright blobs", 0.085, width=0.35, shape=bright),
    Texture("dark blobs", 0.085, width=0.35, shape=dark),
    Texture("labyrinth", 0.08, width=0.35, shape=labyrinth),
    Texture("web", 0.05, width=0.35, shape=web),
)


class Stream:
    """Random numbers that are the same wherever numpy runs."""

    def __init__(self, *seeds: int) -> None:
        self.raw = np.random.PCG64(np.random.SeedSequence(seeds)).random_raw

    def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
        """Doubles in [low, high)."""
        words = np.asarray(self.raw(int(np.prod(shape)))).reshape(shape)
        return low + (high - low) * ((words >> np.uint64(11)) * 2.0**-53)

    def white(self, count: int) -> np.ndarray:
        """(count,) sums of two 16-bit numbers, with mean 0 and variance 1: a triangular distribution."""
        words = np.asarray(self.raw(-(-count // 2))).astype("<u8").view("<u2").reshape(-1, 2)
        sums = words.sum(axis=1, dtype=np.int64)[:count] - 65535
        return sums / np.sqrt((2.0**32 - 1) / 6)


def tiles(texture: Texture, gain: np.ndarray, size: int, stream: Stream) -> np.ndarray:
    """(2, n, size, size): two independent fields of one texture, cut into pieces that do not overlap.

    Real and imaginary part of one transform of independent complex noise are the two fields.
    """
    from scipy import fft

    side = len(gain)
    noise = stream.white(2 * side * side).view(np.complex128).reshape(side, side)
    field = fft.ifft2(noise * gain, norm="forward", overwrite_x=True)
    n = side // size
    pieces = np.empty((2, n * n, size, size))
    for piece, part in zip(pieces, (field.real, field.imag), strict=True):
        values = texture.shape(part)
        values = (values - values.mean()) / values.std()
        grid = values[: n * size, : n * size].reshape(n, size, n, size).swapaxes(1, 2)
        piece[:] = grid.reshape(n * n, size, size)
    return pieces


def paint(fields: np.ndarray, stream: Stream) -> np.ndarray:
    """Colours for two fields (2, n, size, size): uint8 (n, 3, size, size).

    The first field moves all three colours, unequally; the second moves them against each other. How much, the mean
    colour, the contrast and the noise are drawn for each picture.
    """
    _, n, size, _ = fields.shape
    contrast = stream.uniform(0.04, 0.15, (n, 1))
    first = contrast * stream.uniform(0.5, 1.2, (n, 3))
    second = contrast * stream.uniform(-0.7, 0.7, (n, 3))
    ground = stream.uniform(0.4, 0.6, (n, 1)) + stream.uniform(-0.08, 0.08, (n, 3))
    grain = stream.uniform(0.06, 0.22, (n, 1, 1, 1))
    picture = stream.white(n * 3 * size * size).reshape(n, 3, size, size)
    picture *= grain
    for colour in range(3):
        picture[:, colour] += fields[0] * first[:, colour, None, None]
        picture[:, colour] += fields[1] * second[:, colour, None, None]
    picture += ground[:, :, None, None]
    picture *= 255
    return np.clip(np.rint(picture, out=picture), 0, 255, out=picture).astype(np.uint8)


def pictures(split: str, size: int, count: int, progress: Progress) -> Pictures:
    """The first `count` pictures of a split; picture i is of class i modulo 10.

    Pictures of one class and split that are cut from one field are neighbours and depend on each other as far as their
    texture reaches; those of the two splits never are of one field.
    """
    from scipy import fft

    side = fft.next_fast_len(max(FIELD, 2 * size))
    pieces = (side // size) ** 2
    images = np.empty((count, 3, size, size), np.uint8)
    progress.step(f"textures, {split}", count)
    for label, texture in enumerate(TEXTURES):
        gain = texture.gain(side)
        textured = images[label :: len(TEXTURES)]
        for start in range(0, len(textured), pieces):
            stream = Stream(SEEDS[split], size, label, start)
            batch = textured[start : start + pieces]
            batch[:] = paint(tiles(texture, gain, size, stream), stream)[: len(batch)]
            progress.advance(len(batch))
    labels = np.arange(count, dtype=np.int64) % len(TEXTURES)
    return Pictures(images, labels, tuple(texture.name for texture in TEXTURES))


def load(argument: str, split: str, size: int, progress: Progress) -> Pictures:
    """50 000 or 10 000 isotropic textures at any size; a larger picture shows more of the texture, not larger grain.

    Raises:
        WbsiteError: there is something after the colon.
    """
    return excerpt(argument, split, size, COUNTS[split], progress)


def excerpt(argument: str, split: str, size: int, count: int, progress: Progress) -> Pictures:
    """The first `count` pictures of a split, of all classes equally many.

    Raises:
        WbsiteError: there is something after the colon.
    """
    if argument:
        raise WbsiteError(
            f"textures takes nothing after the colon, and was given {argument!r}.",
            "Write textures; the pictures are drawn, not read. Your own pictures are imagefolder:PATH.",
        )
    return pictures(split, size, count, progress)


DATASETS = (
    DatasetSpec(
        "textures",
        "drawn here: 10 classes of random textures without a preferred direction, any size",
        load,
        excerpt=excerpt,
    ),
)
