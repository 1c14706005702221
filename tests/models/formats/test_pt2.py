"""Files of torch.export give the tensors of the module that was exported, in each layout that torch has written."""

from __future__ import annotations

import io
import json
import random
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.models.formats import NoForwardPass, format_of, pt2, read
from wbsite.models.user import load_weights

pytestmark = pytest.mark.filterwarnings("ignore")

SIZE = (1, 3, 9, 9)


class Net(nn.Module):
    """With a depthwise convolution, a buffer that is not saved in state dicts, and two constants."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.second = nn.Conv2d(4, 4, 3, groups=4)
        self.register_buffer("scale", torch.tensor([2.0, 3.0]), persistent=False)
        self.table = torch.arange(4.0)
        self.fc = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.second(self.first(x).relu()).mean((2, 3))
        return self.fc(y.view(1, -1) * self.scale.sum() + self.table) + torch.tensor([1.0, 2, 3, 4, 5])


@pytest.fixture
def net() -> Net:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Net().eval()


def graph_of(path: Path) -> tuple[dict[str, Any], str]:
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if "/models/" in name)
        return json.loads(archive.read(name)), name


def pickled(tensors: dict[str, torch.Tensor]) -> bytes:
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    return buffer.getvalue()


def written(net: Net, layout: str, folder: Path) -> Path:
    """A file as the torch that is installed writes it, or as older ones did: their names and pickles, and arguments of
    the graph's calls without kinds."""
    path = folder / "net.pt2"
    program = torch.export.export(net, (torch.zeros(SIZE),))
    torch.export.save(program, path)
    if layout == "raw":
        return path
    graph, name = graph_of(path)
    state = {key: value.detach() for key, value in program.state_dict.items()}
    constants = {key: value for key, value in program.constants.items() if isinstance(value, torch.Tensor)}
    with zipfile.ZipFile(path) as archive:
        kept = {file: archive.read(file) for file in archive.namelist() if "/data/" not in file and file != name}
    with zipfile.ZipFile(path, "w") as archive:
        if layout == "2.8":
            for file, data in kept.items():
                archive.writestr(file, data)
            archive.writestr(name, json.dumps(graph))
            archive.writestr("net/data/weights/model.pt", pickled(state))
            archive.writestr("net/data/constants/model.pt", pickled(constants))
        else:
            for node in graph["graph_module"]["graph"]["nodes"]:
                for entry in node["inputs"]:
                    del entry["kind"]
            graph["torch_version"] = "2.6.0"
            archive.writestr("serialized_exported_program.json", json.dumps(graph))
            archive.writestr("serialized_state_dict.pt", pickled(state))
            archive.writestr("serialized_constants.pt", pickled(constants))
            archive.writestr("version", "8.2")
    return path


@pytest.mark.parametrize("layout", ["raw", "2.8", "2.6"])
def test_names_and_numbers_are_the_modules(net: Net, layout: str, tmp_path: Path) -> None:
    path = written(net, layout, tmp_path)
    assert format_of(path).name == "pt2"
    contents = read(path)
    version = "2.6.0" if layout == "2.6" else torch.__version__
    assert contents.format == f"torch.export (from torch {version})"
    assert contents.types == "float32"
    expected = {name: value for name, value in net.state_dict().items() if value.is_floating_point()}
    assert contents.state.keys() == expected.keys()
    assert all(torch.equal(contents.state[name], value) for name, value in expected.items())
    constants = sorted(value.tolist() for value in contents.tables["constants"].values())
    assert constants == [[0, 1, 2, 3], [1, 2, 3, 4, 5], [2, 3]]


@pytest.mark.parametrize("layout", ["raw", "2.8", "2.6"])
def test_a_network_of_each_layout(net: Net, layout: str, tmp_path: Path) -> None:
    made = pt2.network(written(net, layout, tmp_path)).eval()
    x = torch.randn(SIZE)
    with torch.no_grad():
        torch.testing.assert_close(made(x), net(x))
    assert made.input_shape == SIZE[1:]
    assert [key for key, _ in made.named_parameters()] == [key for key, _ in net.named_parameters()]


def test_a_users_network_takes_them(net: Net, tmp_path: Path) -> None:
    other = Net().eval()
    load_weights(other, "mynet:build", written(net, "raw", tmp_path))
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in other.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_number_types(net: Net, dtype: torch.dtype, tmp_path: Path) -> None:
    path, half = tmp_path / "net.pt2", Net().to(dtype).eval()
    torch.export.save(torch.export.export(half.first[0], (torch.zeros(SIZE, dtype=dtype),)), path)
    contents = read(path)
    assert contents.types == str(dtype).removeprefix("torch.")
    assert torch.equal(contents.state["weight"], half.first[0].weight.float())


def changed(path: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(target, "w") as after:
        for name in before.namelist():
            data = change(name, before.read(name))
            if data is not None:
                after.writestr(name, data)
    return target


def with_json(edit: Callable[[Any], Any], part: str) -> Callable[[str, bytes], bytes]:
    def change(name: str, data: bytes) -> bytes:
        if not name.endswith(part):
            return data
        entries = json.loads(data)
        edit(entries)
        return json.dumps(entries).encode()

    return change


def _graph(entries: Any) -> Any:
    return entries["graph_module"]["graph"]


def _meta(entries: Any) -> Any:
    return entries["config"]["second.weight"]["tensor_meta"]


CHANGES: dict[str, tuple[Callable[[str, bytes], bytes | None], str]] = {
    "too large": (with_json(lambda e: _meta(e).update(sizes=[{"as_int": 1 << 40}] * 4), "weights_config.json"),
                  "does not fit into the 36 numbers"),
    "negative": (with_json(lambda e: _meta(e).update(storage_offset={"as_int": -1}), "weights_config.json"),
                 "does not fit"),
    "repeated": (with_json(lambda e: _meta(e).update(sizes=[{"as_int": 1 << 10}] * 4, strides=[{"as_int": 0}] * 4),
                           "weights_config.json"), "more than it holds"),
    "type": (with_json(lambda e: _meta(e).update(dtype=99), "weights_config.json"), "numbers of type 99"),
    "no weights": (lambda name, data: None if name.endswith("weights_config.json") else data, "no item named"),
    "no bytes": (lambda name, data: b"" if name.endswith("weight_4") else data, "does not fit"),
    "order": (lambda name, data: {"little": b"big", "big": b"little"}[sys.byteorder]
              if name.endswith("byteorder") else data, "other order of bytes"),
    "no json": (lambda name, data: b"{" if "/models/" in name else data, "truncated or damaged"),
    "deep": (lambda name, data: b"[" * 20_000 if "/models/" in name else data, "truncated or damaged"),
    "list": (lambda name, data: b"[]" if "/models/" in name else data, "is no object"),
    "bomb": (lambda name, data: bytes(1 << 28) if name.endswith("weight_0") else data, ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_claims_that_the_file_does_not_bear_out_are_refused(net: Net, kind: str, tmp_path: Path) -> None:
    change, reason = CHANGES[kind]
    path = written(net, "raw", tmp_path)
    if kind == "bomb":
        with zipfile.ZipFile(path) as before, zipfile.ZipFile(tmp_path / "b.pt2", "w", zipfile.ZIP_DEFLATED) as after:
            for name in before.namelist():
                after.writestr(name, change(name, before.read(name)) or b"")
        path, reason = tmp_path / "b.pt2", "in .* compressed ones"
    else:
        path = changed(path, tmp_path / "changed.pt2", change)
    for refused in (read, pt2.network):
        with pytest.raises(WbsiteError, match=reason) as caught:
            refused(path)
        assert str(path) in caught.value.message
        assert caught.value.hint


def _first_call(target: str) -> Callable[[str, bytes], bytes]:
    return with_json(lambda e: _graph(e)["nodes"][0].update(target=target), "model.json")


@pytest.mark.parametrize("target", ["torch.ops.aten.sort.default", "torch.ops.mylib.conv2d.default", "os.getcwd",
                                    "torch.ops.higher_order.cond", "torch.ops.aten.conv2d.default.more.parts",
                                    "builtins.print"])  # fmt: skip
def test_other_operators_are_refused_by_name(net: Net, target: str, tmp_path: Path) -> None:
    path = changed(written(net, "raw", tmp_path), tmp_path / "changed.pt2", _first_call(target))
    name = target.removeprefix("torch.ops.").removeprefix("aten.")
    with pytest.raises(NoForwardPass, match=f"not interpreted: {name} \\(1 times\\)"):
        pt2.network(path)
    assert read(path).state  # weights alone


@pytest.mark.parametrize(("edit", "reason"), [
    (lambda g: g["nodes"].reverse(), "nothing in the file makes"),
    (lambda g: g["nodes"][0]["inputs"][0].update(name="nothing"), "has no argument nothing"),
    (lambda g: g["nodes"][0]["inputs"][0].update(arg={"as_graphs": []}), "damaged"),
    (lambda g: g["nodes"][0]["inputs"][0].update(arg={"as_string": "x"}), "the operator conv2d fails"),
    (lambda g: g["nodes"].pop(), "nothing in the file makes"),
    (lambda g: g.pop("nodes"), "damaged"),
    (lambda g: g.update(nodes=[1]), "damaged"),
    (lambda g: g.update(outputs=[]), "damaged"),
])  # fmt: skip
def test_graphs_that_do_not_fit_are_refused(net: Net, edit: Any, reason: str, tmp_path: Path) -> None:
    change = with_json(lambda entries: edit(_graph(entries)), "model.json")
    path = changed(written(net, "raw", tmp_path), tmp_path / "changed.pt2", change)
    with pytest.raises(WbsiteError, match=reason) as caught:
        pt2.network(path)(torch.zeros(SIZE))
    assert caught.value.hint


@pytest.mark.parametrize("layout", ["2.8", "2.6"])
def test_pickles_run_nothing(net: Net, layout: str, malicious: Callable[[Path], Any], tmp_path: Path) -> None:
    path = written(net, layout, tmp_path)
    made = tmp_path / "made"

    def change(name: str, data: bytes) -> bytes:
        return pickled({"a": malicious(made)}) if name.endswith(("weights/model.pt", "state_dict.pt")) else data

    with pytest.raises(WbsiteError, match=r"its weights call for .*mkdir"):
        read(changed(path, tmp_path / "changed.pt2", change))
    assert not made.exists()


def test_several_programs_and_none(net: Net, tmp_path: Path) -> None:
    path = written(net, "raw", tmp_path)
    graph, _ = graph_of(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("net/models/other.json", json.dumps(graph))
    with pytest.raises(WbsiteError, match="holds 2 programs"):
        read(path)


def test_two_inputs_are_refused(tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x + y

    path = tmp_path / "net.pt2"
    torch.export.save(torch.export.export(Two(), (torch.zeros(SIZE), torch.zeros(SIZE))), path)
    with pytest.raises(WbsiteError, match=r"takes 2 inputs \(x, y\)"):
        pt2.network(path)
    with pytest.raises(WbsiteError, match="no floating-point tensors"):
        read(path)


def mutated(data: bytes, generator: random.Random) -> bytes:
    """With a few bytes changed, moved or lost."""
    changed = bytearray(data)
    kind = generator.randrange(3)
    if kind == 0:
        del changed[generator.randrange(len(changed)) :]
    for _ in range(generator.randrange(1, 8) if kind else 0):
        place = generator.randrange(len(changed))
        if kind == 1:
            changed[place] ^= 1 << generator.randrange(8)
        else:
            other = generator.randrange(len(changed))
            changed[place], changed[other] = changed[other], changed[place]
    return bytes(changed)


def refusal(path: Path) -> WbsiteError | None:
    """Why a file is refused, or its network on a picture; any other exception is a failure."""
    try:
        read(path)
        pt2.network(path)(torch.zeros(SIZE))
    except WbsiteError as error:
        return error
    return None


def test_two_hundred_damaged_files_are_read_or_refused(net: Net, tmp_path: Path) -> None:
    """Half of them in the archive, half in one of its files, whose sum of the archive is then right."""
    generator = random.Random(0)
    wholes = []
    for layout in ("raw", "2.8", "2.6"):
        (tmp_path / layout).mkdir()
        wholes.append(written(net, layout, tmp_path / layout))
    path, refused = tmp_path / "damaged.pt2", 0
    for i in range(200):
        whole = wholes[i % 3]
        if i % 2:
            path.write_bytes(mutated(whole.read_bytes(), generator))
        else:
            with zipfile.ZipFile(whole) as archive:
                victim = generator.choice([n for n in archive.namelist() if n.endswith((".json", ".pt", "_1"))])
            changed(whole, path, lambda name, data, v=victim: mutated(data, generator) if name == v else data)
        error = refusal(path)
        refused += error is not None
        assert error is None or error.hint
    assert 40 < refused < 200
