"""Files beside an ONNX model that hold its larger tensors, and how many numbers may be read of all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wbsite.models import memory

from ._messages import Malformed

if TYPE_CHECKING:
    from onnx import TensorProto

SMALLEST = 1 << 20
"""Numbers that a file of any size may hold."""


class External:
    """Files beside a model that hold its larger tensors.

    Args:
        path: of the model.
    """

    def __init__(self, path: Path) -> None:
        # Hubs' caches keep a model and its data as links to files that lie side by side elsewhere.
        self.folder = path.parent
        self.allowed = {path.parent.resolve(), path.resolve().parent}
        self.sizes: dict[Path, int] = {}

    def read(self, tensor: TensorProto, size: int) -> bytes:
        """The tensor's bytes.

        Args:
            size: how many there have to be.

        Raises:
            Malformed: the file lies outside the model's folder, is not there, or is too short.
        """
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        if not all(isinstance(text, str) for text in (tensor.name, *entries, *entries.values())):
            raise Malformed("a name of its external data is no text")
        try:
            path = (self.folder / location).resolve()
            inside = any(path.is_relative_to(folder) for folder in self.allowed)
            if not location or Path(location).is_absolute() or ".." in Path(location).parts or not inside:
                raise Malformed(f"{tensor.name} lies in {location!r}, outside the model's folder")
            if not path.is_file():
                raise Malformed(f"{tensor.name} lies in {location}, which is not beside the model")
            offset = int(entries.get("offset", 0))
            length = int(entries.get("length", size))
            total = self.sizes.setdefault(path, path.stat().st_size)
            memory.include(path)
            if length != size or not 0 <= offset <= total - size:
                raise Malformed(f"{tensor.name} is said to be bytes {offset} to {offset + length} of {location}, which "
                                f"has {total}; its shape needs {size}")  # fmt: skip
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(size)
        except (OSError, ValueError) as error:
            raise Malformed(f"{tensor.name} cannot be read from {location[:80]!r}: {error}") from error


class Allowance:
    """Numbers that may be read in all, so that many layers that share a tensor do not fill the memory.

    Args:
        size: bytes of the model.
        external: its files, which count too.
    """

    def __init__(self, size: int, external: External) -> None:
        self.size, self.external, self.used = size, external, 0

    def take(self, count: int) -> None:
        """Counts numbers.

        Raises:
            Malformed: there cannot be as many.
        """
        self.used += count
        if self.used > SMALLEST + 8 * (self.size + sum(self.external.sizes.values())):
            raise Malformed("it claims more numbers than it holds")
