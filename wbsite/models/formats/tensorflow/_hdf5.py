"""Takes arrays and attributes out of HDF5 files that may be damaged or made to do harm.

HDF5 can say "the numbers lie in that other file", "this group is that one", "a billion zeros, not stored" and "decode
this with the plug-in of that number". Here only what lies in the file itself is followed, arrays are checked against
the bytes that they take up before there is memory for them, and only the filters that are part of HDF5 are run.
"""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError, optional
from wbsite.models import memory
from wbsite.models.formats.base import DAMAGED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUPERBLOCK = 48
"""Bytes of the shortest head of a file."""
EXPANSION = 100
"""How many times its bytes in the file an array may be in memory. Trained weights shrink by a quarter at most, networks
of which one weight in a hundred is left by less than this."""
ATTRIBUTE = 1 << 16
"""Bytes of a list of names: HDF5 keeps larger attributes elsewhere, and Keras splits what is larger."""


class Reader:
    """An open file. Groups and arrays in it are h5py's objects, `Any` here since h5py declares no types."""

    def __init__(self, h5py: Any, root: Any, path: Path, data: Any) -> None:
        self._h5py = h5py
        self.root = root
        self.path = path
        self._left = len(data)
        self._texts = Texts(data)

    @contextmanager
    def _damage(self) -> Iterator[None]:
        # h5py raises whichever of these lies nearest to HDF5's own message; around its calls alone they mean damage.
        try:
            yield
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise self.refusal(f"is truncated or damaged ({error})") from error

    def refusal(self, problem: str) -> WbsiteError:
        """The error that says what is wrong with the file."""
        return WbsiteError(f"{self.path} {problem}.", DAMAGED)

    def is_group(self, entry: Any) -> bool:
        return isinstance(entry, self._h5py.Group)

    def is_array(self, entry: Any) -> bool:
        return isinstance(entry, self._h5py.Dataset)

    def address(self, entry: Any) -> int:
        """Where in the file a group or an array begins; what was written later lies later."""
        with self._damage():
            return int(self._h5py.h5o.get_info(entry.id).addr)

    def entries(self, group: Any) -> dict[str, Any]:
        """What lies in a group by name, in the order in which it was written."""
        with self._damage():
            names = list(group)
        if any(isinstance(name, bytes) for name in names):  # so h5py gives them
            raise self.refusal("has names that are no text")
        entries = {name: self.find(group, name) for name in names}
        return dict(sorted(entries.items(), key=lambda pair: self.address(pair[1])))

    def get(self, group: Any, name: str) -> Any:
        """What lies in a group under a name; None where there is nothing."""
        with self._damage():
            there = name in group
        return self.find(group, name) if there else None

    def find(self, group: Any, name: str) -> Any:
        """What lies in a group under a name, or under several with slashes between.

        Raises:
            WbsiteError: there is nothing, or only a reference to another file or place.
        """
        for part in name.split("/"):
            with self._damage():
                link = group.get(part, getlink=True) if self.is_group(group) else None
                if link is None:
                    raise self.refusal(f"lacks {name}, which it lists")
                if not isinstance(link, self._h5py.HardLink):
                    raise self.refusal(f"refers to another place for {name}")
                group = group[part]
        return group

    def array(self, entry: Any) -> tuple[NDArray[np.number[Any]], str]:
        """An array of numbers and the type it is stored in; bfloat16, which NumPy lacks, comes as float32.

        Raises:
            WbsiteError: it is no array, not of numbers, not wholly in this file, or larger than what is stored of it.
        """
        import numpy as np

        if not self.is_array(entry):
            raise self.refusal("holds a group where an array of numbers belongs")
        with self._damage():
            name, dtype, shape, stored = entry.name, entry.dtype, entry.shape, entry.id.get_storage_size()
            layout = entry.id.get_create_plist()
            filters = [layout.get_filter(i)[0] for i in range(layout.get_nfilters())]
            elsewhere = entry.is_virtual or bool(entry.external)
        # Of opaque types Keras writes one, bfloat16, in whole files without saying so.
        bfloat16 = dtype.kind == "V" and dtype.itemsize == 2 and dtype.names is None and dtype.subdtype is None
        if shape is None or not (bfloat16 or (dtype.kind in "fiu" and dtype.itemsize <= 8)):
            raise self.refusal(f"holds {name} of type {dtype}; expected numbers")
        if elsewhere:
            raise self.refusal(f"keeps the numbers of {name} in another file")
        h5z = self._h5py.h5z
        if not {*filters} <= {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32, h5z.FILTER_LZF}:
            raise self.refusal(f"stores {name} by a filter that is not part of HDF5")
        needed = dtype.itemsize * int(np.prod([int(side) for side in shape], dtype=object))
        self._left -= stored
        if needed > stored * (EXPANSION if filters else 1) or self._left < 0:
            raise self.refusal(f"has {stored} bytes of {name}, whose shape {shape} needs {needed}")
        memory.take(needed, str(name))
        with self._damage():
            values = entry[()]
        if bfloat16:
            return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(shape), "bfloat16"
        return values, str(dtype.newbyteorder("="))

    def text(self, entry: Any, name: str) -> str | None:
        """An attribute that is one text; None where there is none of this name."""
        with self._damage():
            if name not in entry.attrs:
                return None
            if entry.attrs.get_id(name).shape != ():
                raise self.refusal(f"has an attribute {name} that is no text")
            value = self._attribute(entry, name, 1)[0]
        return _text(value) if isinstance(value, (str, bytes)) else None

    def texts(self, entry: Any, name: str) -> list[str] | None:
        """An attribute that is a list of texts, whole or in the parts NAME0, NAME1, …; None where there is none."""
        with self._damage():
            parts = [name] if name in entry.attrs else []
            while not parts or parts[-1] != name:
                part = f"{name}{len(parts)}"
                if part not in entry.attrs:
                    break
                parts.append(part)
            if not parts:
                return None
            texts: list[str] = []
            for part in parts:
                attribute = entry.attrs.get_id(part)
                if len(attribute.shape) != 1 or attribute.shape[0] * attribute.dtype.itemsize > ATTRIBUTE:
                    raise self.refusal(f"has an attribute {part} that is no list of names")
                texts += [_text(value) for value in self._attribute(entry, part, attribute.shape[0])]
        return texts

    def _attribute(self, entry: Any, name: str, count: int) -> list[Any]:
        """The values of an attribute of so many."""
        text = self._h5py.check_string_dtype(entry.attrs.get_id(name).dtype)
        if count == 0:  # of numbers, where Keras had nothing to list
            return []
        if text is None:
            raise self.refusal(f"has an attribute {name} that is no text")
        if text.length is not None:
            value = entry.attrs[name]
            return value.tolist() if getattr(value, "shape", ()) else [value]
        try:
            return list(self._texts.read(self.address(entry), name.encode(), count))
        except (IndexError, struct.error) as error:
            raise self.refusal(f"has an attribute {name} whose text is not in it") from error


def _text(value: Any) -> str:
    """As text, whichever way it was stored; bytes that are no UTF-8 become question marks."""
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class Texts:
    """Takes texts of variable length out of a file by hand.

    HDF5 2.0 trusts where a file says that they are. What is read here is the first version of the heads of groups and
    arrays, with addresses and lengths of 8 bytes: the only one that Keras has had written. HDF5's specification of its
    file format gives the fields.

    Raises IndexError or struct.error where something is not as it should be.
    """

    HEAD, CONTINUED, ATTRIBUTE = 1, 0x10, 0x0C

    def __init__(self, data: Any) -> None:
        self._data = data
        self._left = len(data)
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}

    def read(self, address: int, name: bytes, count: int) -> Iterator[bytes]:
        """The texts of an attribute of so many.

        Args:
            address: of the group or array that has it.
        """
        values = self._attribute(address, name)
        for i in range(count):
            length, heap, number = struct.unpack_from("<IQI", values, 16 * i)
            begin, held = self._heap(heap).get(number, (0, 0)) if length else (0, 0)
            self._left -= length
            if length > held or self._left < 0:
                raise IndexError(number)
            yield self._data[begin : begin + length]

    def _attribute(self, address: int, name: bytes) -> bytes:
        """The bytes of an attribute's values."""
        version, count, size = struct.unpack_from("<BxHxxxxI", self._data, address)
        blocks = [(address + 16, size)]
        if version != self.HEAD:
            raise IndexError(address)
        for begin, length in blocks:
            end = begin + length
            while begin + 8 <= end and count > 0:
                kind, size = struct.unpack_from("<HH", self._data, begin)
                message = self._data[begin + 8 : begin + 8 + size]
                if kind == self.CONTINUED:
                    blocks.append(struct.unpack_from("<QQ", message))
                elif kind == self.ATTRIBUTE:
                    values = _values(message, name)
                    if values is not None:
                        return values
                begin += 8 + size
                count -= 1
        raise IndexError(name)

    def _heap(self, address: int) -> dict[int, tuple[int, int]]:
        """Where the texts of a collection begin and how long they are, by their numbers."""
        if address not in self._heaps:
            if self._data[address : address + 4] != b"GCOL":
                raise IndexError(address)
            texts: dict[int, tuple[int, int]] = {}
            begin = address + 16
            end = min(address + struct.unpack_from("<Q", self._data, address + 8)[0], len(self._data))
            while begin + 16 <= end:
                number, size = struct.unpack_from("<H6xQ", self._data, begin)
                if number == 0 or begin + 16 + size > end:  # the rest is free
                    break
                texts[number] = (begin + 16, size)
                begin += 16 + (size + 7) // 8 * 8
            self._heaps[address] = texts
        return self._heaps[address]


def _values(message: bytes, name: bytes) -> bytes | None:
    """The values in a message of an attribute; None where it is of another name."""
    version, named, typed, spaced = struct.unpack_from("<BxHHH", message)
    begin = 9 if version == 3 else 8
    if message[begin : begin + named].rstrip(b"\0") != name:
        return None
    sizes = [(size + 7) // 8 * 8 if version == 1 else size for size in (named, typed, spaced)]
    return message[begin + sum(sizes) :]


@contextmanager
def opened(path: Path, image: bytes | None = None) -> Iterator[Reader]:
    """Opens a file, or an image of one in memory.

    Args:
        path: of the file, also for messages.
        image: the bytes instead, of a file in an archive.

    Raises:
        WbsiteError: it is no HDF5 file, or cut short, or h5py is not installed.
    """
    with ExitStack() as stack:
        if image is None:
            file = stack.enter_context(path.open("rb"))
            size = path.stat().st_size
            data: Any = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if size else b""
        else:
            data, size = image, len(image)
        if data[: len(SIGNATURE)] != SIGNATURE or size < SUPERBLOCK:
            raise WbsiteError(f"{path} is truncated or is not an HDF5 file.", DAMAGED)
        with optional(f"reading {path}", "formats"):
            import h5py
        if (data[13:15] if data[8] < 2 else data[9:11]) != b"\x08\x08":
            raise WbsiteError(f"{path} is damaged, or not of Keras: its addresses are not of 8 bytes.", DAMAGED)
        try:
            root = h5py.File(path if image is None else io.BytesIO(image), "r", locking=False)
        except (OSError, RuntimeError, ValueError, OverflowError) as error:
            raise WbsiteError(f"{path} is truncated or damaged ({error}).", DAMAGED) from error
        yield Reader(h5py, stack.enter_context(root), path, data)
