"""Reads what Keras writes: `.h5` of its first two generations, `.weights.h5` and `.keras` of the third.

`.h5` (HDF5): the attribute `layer_names`, at the root or in the group `model_weights`, lists groups, whose
`weight_names` list arrays by name. The attribute `model_config`, in whole networks only, is the configuration.
`.weights.h5` (HDF5): arrays `vars/0`, `vars/1`, … in a group for each layer, which is addressed by its class and its
number among those of its class (`layers/conv2d_3`), or by the attribute of a class of the user's own (`stem`).
`.keras` (zip): such a file `model.weights.h5`, with the configuration `config.json`.

Names: a layer in a layer is OUTER/INNER. Layers addressed by class have the names that Keras notes beside their arrays;
versions that do not note them leave the configuration's, and in a lone `.weights.h5` the group's own.

Axes: see `_keras`.

Order: that of `layer_names` or of the configuration; in a lone `.weights.h5` that in which the arrays were written,
which is the network's. HDF5 lists groups by the alphabet, so only the places of the arrays tell it. The attributes of a
class of the user's own were written by the alphabet.

Not in the files, and so not here:
- The order of colours. Keras's applications that were converted from Caffe read blue, green, red, others do not.
- Whether a dense layer reads a flattened map. If it does, its inputs are in the order rows, columns, channels, where
  torch's would be channels, rows, columns; they are left as they are.
- Where there is no configuration, the class of a layer. A depthwise kernel is known by its name in `.h5` of Keras 2,
  and by its group or noted name in `.weights.h5`; elsewhere by the length of the bias, and without a bias it is taken
  for an ordinary one. A batch normalization of three vectors in a lone `.weights.h5` is taken to lack gamma, not beta,
  another normalization of one vector to lack beta.

The configuration has more than is kept: strides, paddings, the epsilon of batch normalizations (0.001 by default).

Types: float16, bfloat16 and float64 become float32. int8 kernels of Dense layers are divided by their scales, where
the configuration says that they are such; int4, GPTQ and quantised layers of other classes are refused. Not read: files
of Keras 1, whose axes depend on a setting that is not in them, and shards (`.weights.json`). Keras on Theano convolved
in the mathematical sense: kernels of its `.h5` files are turned by half a turn, as Keras 2 does on loading them.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError
from wbsite.models.formats._archive import member as archived
from wbsite.models.formats._archive import names_in
from wbsite.models.formats.base import DAMAGED, Contents, Convolution, Format, number_types

from . import _keras
from ._hdf5 import EXPANSION, SIGNATURE, Reader, opened
from ._keras import Layer, Unreadable

if TYPE_CHECKING:
    import torch

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""Groups whose members are addressed by class and number; the second is that of Keras 2.12."""
TRAINING = {"optimizer", "_loss_tracker", "loss_tracker", "_compile_metrics", "compile_metrics", "_metrics", "metrics"}
"""Groups at the root that are not the network's."""
DEPTH = 64


class Tensors:
    """Collects the tensors of a file, and the types of its kernels."""

    def __init__(self, reader: Reader, flip: bool = False) -> None:
        self.reader = reader
        self.state: dict[str, torch.Tensor] = {}
        self.types: set[str] = set()
        self.convolutions: dict[str, Convolution] = {}
        self._flip = flip

    def add(self, layer: Layer, inside: Layer, name: str, entries: dict[str, Any], are_numbered: bool) -> None:
        """One layer's arrays, by name or by number.

        Raises:
            WbsiteError: one of them is damaged, quantised in an unknown way, or of a name that is there already.
        """
        import numpy as np
        import torch

        arrays = {}
        for key, entry in entries.items():
            arrays[key], stored = self.reader.array(entry)
            if arrays[key].ndim > 1:
                self.types.add(stored)
        variables = _keras.numbered(layer, list(arrays.values())) if are_numbered else arrays
        for key, array, convolution in _keras.tensors(layer, inside, name, variables, self._flip):
            if key in self.state:
                raise self.reader.refusal(f"holds two arrays for {key}")
            with np.errstate(over="ignore"):  # of float64
                self.state[key] = torch.from_numpy(np.asarray(array, dtype=np.float32, order="C"))
            if convolution is not None:
                self.convolutions[key] = convolution

    def contents(self, kind: str) -> Contents:
        return Contents(self.state, kind, types=number_types(self.types), convolutions=self.convolutions)


def claims_hdf5(path: Path, head: bytes) -> bool:
    """Any HDF5 file: what lies in it is known only with h5py."""
    return head.startswith(SIGNATURE)


def claims_archive(path: Path, head: bytes) -> bool:
    """An archive of a configuration and a `.weights.h5` file."""
    return {CONFIG, WEIGHTS} <= {*names_in(path, head)}


def read_hdf5(path: Path) -> Contents:
    """The layers of an `.h5` or a `.weights.h5` file.

    Raises:
        WbsiteError: the file is cut short, damaged, of Keras 1, or of something else than Keras; h5py is not installed.
    """
    with opened(path) as reader, _named(path):
        root = reader.root
        for group in (root, reader.get(root, "model_weights")):
            names = reader.texts(group, "layer_names") if reader.is_group(group) else None
            if names is not None:
                config = reader.text(root, "model_config")
                network = Layer() if config is None else _keras.described(config)
                kind = "Keras HDF5 (weights alone)" if config is None else "Keras HDF5 (whole network)"
                return _listed(reader, group, names, network).contents(kind)
        return _addressed(reader, Layer()).contents("Keras 3 weights")


def read_archive(path: Path) -> Contents:
    """The layers of a `.keras` file.

    Raises:
        WbsiteError: the file is cut short, damaged, or no such archive; h5py is not installed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config, weights = (_member(path, archive, name) for name in (CONFIG, WEIGHTS))
    except (WbsiteError, MemoryError):
        raise
    except Exception as error:  # zipfile and the decompressors raise many kinds for damaged files; all mean the same
        raise WbsiteError(f"{path} is truncated or is not a .keras archive: {error}.", DAMAGED) from error
    with _named(path):
        network = _keras.described(config)
        with opened(path, weights) as reader:
            return _addressed(reader, network).contents("Keras 3 archive")


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    entry = archive.getinfo(name)
    if entry.file_size > EXPANSION * entry.compress_size or entry.compress_size > path.stat().st_size:
        raise WbsiteError(f"{path} is damaged: {name} claims {entry.file_size} bytes.", DAMAGED)
    return archived(archive, name)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Says of which file it is that it cannot be read."""
    try:
        yield
    except Unreadable as error:
        raise WbsiteError(
            f"{path} cannot be read: {error}.", "Save the network with Keras 2 or 3, in float32."
        ) from error


def _listed(reader: Reader, group: Any, names: list[str], network: Layer) -> Tensors:
    """An `.h5` file: layers as their names are listed, then what belongs to no layer."""
    tensors = Tensors(reader, flip=reader.text(group, "backend") == "theano")
    first = (reader.text(group, "keras_version") or "1").startswith("1")
    alone = "top_level_model_weights"
    if alone not in names and reader.get(group, alone) is not None:
        names = [*names, alone]
    for outer in names:
        layer_group = reader.find(group, outer)
        weights = reader.texts(layer_group, "weight_names") or []
        if first and any(re.search(r"_(W|running_std)(:0)?$", weight) for weight in weights):
            raise Unreadable("Keras 1 wrote it, whose kernels have axes that the file does not tell")
        layers: dict[str, dict[str, Any]] = {}
        parents = {weight.rpartition("/")[0] for weight in weights}
        for weight in weights:
            parent, _, variable = weight.rpartition("/")
            variables = layers.setdefault(_layer_name(outer, parent, alone=len(parents) == 1), {})
            variables[_variable(variable, variables)] = reader.find(layer_group, weight)
        for name, variables in layers.items():
            layer, inside = _by_name(network, outer, name)
            tensors.add(layer, inside, name, variables, are_numbered=False)
    return tensors


def _layer_name(outer: str, parent: str, alone: bool) -> str:
    """The name of the layer of an array.

    Args:
        outer: of the group in which it is listed.
        parent: its own name without the last part. From the group's name on it is the layer's place; Keras 3 has the
            name of the network before that, Keras 2 only that of the innermost layer.
        alone: all arrays of the group have this parent.
    """
    _, found, rest = f"/{parent}/".partition(f"/{outer}/")
    if found:
        return f"{outer}/{rest}".rstrip("/")
    return outer if alone or not parent else f"{outer}/{parent}"


def _variable(name: str, others: dict[str, Any]) -> str:
    """The name of an array without TensorFlow's output number and the count that it adds to a name used before."""
    name = name.partition(":")[0]
    base = re.sub(r"_\d+$", "", name)
    known = base in {*_keras.NAMES, *_keras.SEPARABLE}
    return base if known and base not in others else name if name not in others else f"{name}_{len(others)}"


def _by_name(network: Layer, outer: str, name: str) -> tuple[Layer, Layer]:
    """The layer of a name, and that in which it is."""
    layer, inside = network.parts.get(outer, Layer(_keras.kind_of(outer), outer)), network
    for part in name.removeprefix(outer).strip("/").split("/"):
        if part:
            layer, inside = layer.parts.get(part, Layer(_keras.kind_of(part), part)), layer
    return layer.bare, inside


def _addressed(reader: Reader, network: Layer) -> Tensors:
    """A `.weights.h5` file: groups with arrays `vars/0`, `vars/1`, …"""
    tensors = Tensors(reader)
    layers = _layers(reader, reader.root, network, Layer(), "", set(), 0)
    if not layers:
        raise WbsiteError(
            f"{reader.path} is an HDF5 file of another program than Keras; expected layer_names or groups with vars.",
            "Give a file that Keras saved: .h5, .weights.h5 or .keras.",
        )
    for found in layers:
        if found.arrays:
            are_numbered = all(key.isdecimal() for key in found.arrays)
            tensors.add(found.layer, found.inside, found.name, found.arrays, are_numbered)
    return tensors


@dataclass(frozen=True)
class Found:
    """A layer in a `.weights.h5` file, the layer in which it is, and its arrays."""

    layer: Layer
    inside: Layer
    name: str
    arrays: dict[str, Any]
    end: int
    """The highest address of its groups and arrays. HDF5 uses space again that was given back, so that some of a layer
    may lie before older ones, but hardly the whole of it."""


def _layers(
    reader: Reader, group: Any, layer: Layer, inside: Layer, prefix: str, seen: set[int], depth: int
) -> list[Found]:
    """The layers in a group, in the network's order: that of the configuration, else that of writing."""
    address = reader.address(group)
    if address in seen or depth > DEPTH:
        raise reader.refusal("has groups in each other without end")
    seen.add(address)
    entries = reader.entries(group)
    layers = []
    own = entries.pop("vars", None)
    if reader.is_group(own):
        arrays = reader.entries(own)
        if all(key.isdecimal() for key in arrays):
            arrays = {key: arrays[key] for key in sorted(arrays, key=int)}
        name = prefix or layer.name or reader.text(own, "name") or "network"
        end = max(address, *map(reader.address, (own, *arrays.values())))
        layers.append(Found(layer, inside, name, arrays, end))
    members: list[tuple[int, int, list[Found]]] = []
    taken: set[str] = set()
    order = {id(part): i for i, part in enumerate(layer.parts.values())}
    for key, member, listed in _members(reader, entries):
        if depth == 0 and key in TRAINING:
            continue
        part, noted = _part(reader, member, layer, key, listed)
        # Names are unique in a network of Keras's own, but need not be in a list of a user's class.
        name = _joined(prefix, noted)
        if name in taken:
            name = _joined(prefix, key)
        taken.add(name)
        below = _layers(reader, member, part, layer, name, seen, depth + 1)
        members.append((order.get(id(part), len(order)), max((found.end for found in below), default=0), below))
    return layers + [found for _, _, below in sorted(members, key=lambda member: member[:2]) for found in below]


def _members(reader: Reader, entries: dict[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """Groups of layers in a layer's group: (key, group, whether it is addressed by class and number)."""
    for key, entry in entries.items():
        if not reader.is_group(entry):
            continue
        if key in CONTAINERS:
            for inner, member in reader.entries(entry).items():
                if reader.is_group(member):
                    yield inner, member, True
        else:
            yield key, entry, False


def _part(reader: Reader, group: Any, layer: Layer, key: str, listed: bool) -> tuple[Layer, str]:
    """What is known of the layer in a group: from the configuration, else from the names; and its own name."""
    own = reader.get(group, "vars")
    noted = (reader.text(own, "name") if reader.is_group(own) else None) or ""
    part = (layer.parts.get(noted) if listed else None) or layer.paths.get(key)
    if part is None:
        kinds = [_keras.kind_of(key), _keras.kind_of(noted)]
        part = Layer(next(filter(None, kinds if listed else kinds[::-1]), ""), noted)
    return part, (noted or part.name or key) if listed else key


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name


def network(path: Path) -> torch.nn.Module:
    """The network of a `.keras` file, where keras is installed; raises as the format's `network`."""
    read_archive(path)  # refuses what is damaged before Keras sees it
    from wbsite.models.file_networks.keras_network import network

    return network(path)


FORMATS = (
    Format("keras-h5", "Keras, HDF5 files", (".h5", ".hdf5"), claims_hdf5, read_hdf5),
    Format("keras", "Keras 3, archives", (".keras",), claims_archive, read_archive, network=network),
)
