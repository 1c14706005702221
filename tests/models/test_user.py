"""A user's own network must build from any folder, and every mistake on the way must say what to do."""

from __future__ import annotations

import itertools
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from wbsite.core.errors import WbsiteError
from wbsite.core.naming import is_user
from wbsite.graph.layers import discover
from wbsite.models import load
from wbsite.models.user import load_user

ODD = Path(__file__).with_name("odd_network.py")
COUNTER = itertools.count()
HEAD = "import torch\nfrom torch import nn\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder of the user's, away from the checkout; what is imported from it is forgotten."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def written(folder):
    """Writes a module of the user's and returns its name."""

    def write(code):
        name = f"mynet{next(COUNTER)}"
        (folder / f"{name}.py").write_text(HEAD + code)
        return name

    return write


def test_an_odd_network_from_another_folder(folder):
    (folder / "package").mkdir()
    shutil.copy(ODD, folder / "package" / "odd.py")
    loaded = load_user("package.odd:build")
    assert (loaded.spec.name, loaded.spec.weights, loaded.spec.title) == (
        "package-odd-build",
        "own",
        "package.odd:build",
    )
    assert loaded.spec.input_shape == (1, 28, 28)
    assert len(discover(loaded.module, loaded.spec.input_shape).layers) == 8
    assert not loaded.module.training
    assert not any(p.requires_grad for p in loaded.module.parameters())
    assert loaded.provenance["module"] == "package.odd"
    assert loaded.provenance["source_file"] is None
    assert load("package.odd:build").digest == loaded.digest


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_weights_files_are_loaded_and_recorded(folder, suffix):
    shutil.copy(ODD, folder / "odd_weights.py")
    fresh = load_user("odd_weights:build")
    torch.manual_seed(3)
    state = {k: v + torch.rand_like(v) for k, v in fresh.module.state_dict().items() if v.is_floating_point()}
    path = folder / f"own{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    loaded = load_user(f"odd_weights:build@own{suffix}")
    assert torch.equal(loaded.module.get_parameter("row.weight"), state["row.weight"])
    assert loaded.provenance["source_file"] == path.name
    assert loaded.provenance["source_digest"].startswith("sha256:")
    assert loaded.digest != fresh.digest
    assert load_user("odd_weights:build", path).digest == loaded.digest
    with pytest.raises(WbsiteError, match="two weights files"):
        load_user(f"odd_weights:build@own{suffix}", path)


def test_the_digest_tells_architectures_with_the_same_weights_apart(written):
    code = "def build():\n    return nn.Sequential(nn.Conv2d(3, 4, 3, stride={}))\n"
    one, two = (load_user(f"{written(code.format(stride))}:build") for stride in (1, 2))
    assert torch.equal(one.module[0].weight, two.module[0].weight)
    assert one.digest != two.digest


def test_the_record_says_how_the_input_was_found(written):
    body = "nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 26 * 26, 2))"
    loaded = load_user(f"{written(f'def build(): return {body}')}:build")
    assert loaded.spec.input_shape == (1, 28, 28)
    assert loaded.spec.assumed
    assert "28×28, guessed" in loaded.provenance["input"]
    assert loaded.provenance["input"] in loaded.spec.note


def test_input_shape_on_the_factory(written):
    code = "def build(): return nn.Sequential(nn.Conv2d(2, 4, 3))\nbuild.input_shape = (2, 40, 40)"
    assert load_user(f"{written(code)}:build").spec.input_shape == (2, 40, 40)


CONV = "nn.Sequential(nn.Conv2d(3, 4, 3))"


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        ("def built(): ...", "unknown factory in .* 'build'", "Did you mean 'built'"),
        ("build = 3", "is of type int; expected a function", "without arguments"),
        (f"build = {CONV}", "is of type Sequential; expected a function", "without arguments"),
        ("def build(n): ...", "fails: TypeError: .*missing 1 required", "without arguments"),
        ("def build(): raise KeyError('path')", "fails: KeyError: 'path'", "without arguments"),
        ("def build(): return {}", "returns an object of type dict; expected a torch.nn.Module", "not its weights"),
        ("def build(): return nn.Conv2d", "returns the class Conv2d", "not its class"),
        ("def build(): return nn.Linear(2, 2)", "no two-dimensional convolutions", "Conv2d"),
        ("def build(): return nn.Sequential(nn.Conv3d(3, 4, 3))", "but 1 three-dimensional;", "Conv2d"),
        ("def build(): return nn.Conv2d(3, 4, 3)", "bare convolution", "Sequential"),
        (
            "def build(): return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(7, 2, 3))",
            "fails on every input",
            "input_shape",
        ),
        (f"def build(): return {CONV}\nbuild.input_shape = (3, 32)", r"input_shape is \(3, 32\)", "attribute"),
        (f"def build(): return {CONV}\nbuild.input_shape = (3, 32, 1.5)", "expected .*height, width", "whole numbers"),
        (
            f"def build(): return {CONV}\nbuild.input_shape = (1, 9, 9)",
            r"fails on an input of shape \(1, 1, 9, 9\)",
            "",
        ),
        ("import no_such_thing", "importing mynet.* fails: ModuleNotFoundError", "python -c"),
        ("1 / 0", "importing mynet.* fails: ZeroDivisionError", "python -c"),
        ("raise SystemExit(2)", r"importing mynet.* fails: .*sys.exit\(2\)", "python -c"),
        ("def build(:", "importing mynet.* fails: SyntaxError", "python -c"),
        (
            f"def build():\n    net = {CONV}\n    net[0].bias.data[1] = float('nan')\n    return net",
            "0.bias of",
            "diverged",
        ),
        (
            f"class Cut(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.net = {CONV}\n"
            "    def forward(self, x): return x\nbuild = Cut",
            "reaches none of its 1 convolutions",
            "evaluation mode",
        ),
    ],
)
def test_mistakes_in_the_users_module_are_explained(written, code, message, hint):
    name = written(code)
    with pytest.raises(WbsiteError, match=message) as raised:
        load_user(f"{name}:build")
    assert hint in raised.value.hint


RUDE = """
import os, pathlib, sys, warnings
torch.set_grad_enabled(False); torch.set_default_dtype(torch.float64); warnings.simplefilter("error")
os.chdir({folder!r}); print("=> importing"); sys.argv.append("--rude")
def build():
    assert pathlib.Path("size").read_text() == "4"  # beside where the import went
    torch.set_default_device("cpu"); torch.set_grad_enabled(False); torch.manual_seed(9); print("=> creating")
    return nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4))
"""


def test_rude_modules_leave_no_trace(written, tmp_path_factory, capsys):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "size").write_text("4")
    name, here = written(RUDE.format(folder=str(elsewhere))), Path.cwd()
    arguments, generator = list(sys.argv), torch.get_rng_state()
    loaded = [load_user(f"{name}:build") for _ in range(2)]
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert (Path.cwd(), sys.argv) == (here, arguments)
    assert torch.equal(torch.get_rng_state(), generator)
    assert loaded[0].digest == loaded[1].digest
    assert loaded[0].module[0].weight.dtype == torch.float32
    x = torch.rand(1, 3, 8, 8, requires_grad=True)
    loaded[0].module(x).sum().backward()
    out, err = capsys.readouterr()
    assert not out
    assert err.count("=> importing") == 1
    assert err.count("=> creating") == 2


def test_a_script_that_reads_options_finds_none(written):
    code = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=6)
options = parser.parse_args()
def build(): return nn.Sequential(nn.Conv2d(3, options.width, 3))
"""
    assert load_user(f"{written(code)}:build").module[0].out_channels == 6


@pytest.mark.parametrize("wrapper", ["nn.DataParallel", "torch.compile"])
def test_files_of_wrapped_networks_fit(folder, written, wrapper):
    name = written(f"def build(): return {wrapper}(nn.Sequential(nn.Conv2d(3, 4, 3)))")
    prefix = "module." if "Data" in wrapper else "_orig_mod."
    state = {"0.weight": torch.rand(4, 3, 3, 3), "0.bias": torch.rand(4)}
    torch.save({prefix + key: value for key, value in state.items()}, folder / "own.pth")
    loaded = load_user(f"{name}:build@own.pth")
    assert all(torch.equal(value, state[key]) for key, value in loaded.module.state_dict().items())


def test_masks_in_a_weights_file_are_no_alarm(folder, written):
    code = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.unused = nn.Conv2d(3, 4, 3), nn.Linear(2, 2)
        self.register_buffer("mask", torch.zeros(4, 1, 1))
    def forward(self, x): return torch.exp(self.conv(x) + self.mask)
"""
    name = written(code)
    state = load_user(f"{name}:Net").module.state_dict()
    state["mask"][1] = -torch.inf
    state["unused.weight"][:] = torch.nan
    torch.save(state, folder / "own.pth")
    loaded = load_user(f"{name}:Net@own.pth")
    assert loaded.module.mask[1] == -torch.inf
    assert "never read by the forward pass: unused.weight" in loaded.spec.note


@pytest.mark.filterwarnings("ignore:Lazy modules")  # said by older versions of torch
def test_lazy_parameters_are_refused(written):
    with pytest.raises(WbsiteError, match="without a shape") as raised:
        load_user(f"{written('def build(): return nn.Sequential(nn.LazyConv2d(4, 3))')}:build")
    assert "Call the network once" in raised.value.hint


def test_a_module_that_is_not_there(folder):
    (folder / "mynetwork.py").write_text("")
    with pytest.raises(WbsiteError, match="no Python module 'mynetwrok'") as raised:
        load_user("mynetwrok:build")
    assert "'mynetwork'" in raised.value.hint
    for token in (":build", "mynetwork:"):
        with pytest.raises(WbsiteError, match="does not name a network"):
            load_user(token)


def test_unfit_weights_are_refused(folder, written):
    name = written("def build(): return nn.Sequential(nn.Conv2d(3, 4, 3))")
    good = load_user(f"{name}:build").module.state_dict()
    cases = {
        "missing": (
            {k: v for k, v in good.items() if k == "0.bias"},
            r"of its 2 parameters 1 are there.*\n  0.weight: \(4, 3, 3, 3\) in the network, not in",
        ),
        "unexpected": ({**good, "1.bias": torch.ones(2)}, "1.bias: not in the network"),
        "shape": ({**good, "0.bias": torch.ones(5)}, r"0.bias: \(4,\) in the network, \(5,\) in the file"),
        "nan": ({**good, "0.bias": torch.full((4,), torch.nan)}, "0.bias of .* NaN"),
    }
    for case, (state, message) in cases.items():
        torch.save(state, folder / f"{case}.pth")
        with pytest.raises(WbsiteError, match=message):
            load_user(f"{name}:build@{case}.pth")
    with pytest.raises(WbsiteError, match="no weights file"):
        load_user(f"{name}:build@absent.pth")
    np.savez(folder / "own.npz", **{"0.weight": np.ones((4, 3, 3, 3))})
    with pytest.raises(WbsiteError, match="npz files do not hold the names") as raised:
        load_user(f"{name}:build@own.npz")
    assert "pytorch, safetensors" in raised.value.hint


def test_only_tokens_with_a_colon_are_the_users():
    assert is_user("mynet:build")
    assert is_user("package.net:build@weights/a.pth")
    assert not is_user("inceptionv1")
    assert not is_user("inceptionv1@bvlc")


def test_a_factory_in_a_file_anywhere(folder):
    """Files of one name in two folders, each of which imports what lies beside it."""
    for name, width in (("one", 4), ("two", 6)):
        place = folder / "runs, old" / name
        place.mkdir(parents=True)
        (place / f"{name}_sizes.py").write_text(f"WIDTH = {width}\n")
        imports = f"from torch import nn\nfrom {name}_sizes import WIDTH\n"
        (place / "model.py").write_text(f"{imports}def build(): return nn.Sequential(nn.Conv2d(3, WIDTH, 3))\n")
        loaded = load_user(f"./runs, old/{name}/model.py:build")
        assert loaded.module.get_submodule("0").out_channels == width
        torch.save({"state_dict": loaded.module.state_dict()}, place / "lr=0.1,wd=0.01.ckpt")
        again = load_user(f"{place}/model.py:build@runs, old/{name}/lr=0.1,wd=0.01.ckpt#state_dict")
        assert again.provenance["source_file"] == "lr=0.1,wd=0.01.ckpt"
        assert "under state_dict" in again.spec.note
    with pytest.raises(WbsiteError, match=r"there is no file .*absent\.py"):
        load_user("./absent.py:build")
    (folder / "broken.py").write_text("import package_that_is_not_there\n")
    with pytest.raises(WbsiteError, match=r"importing \./broken\.py fails: ModuleNotFoundError") as caught:
        load_user("./broken.py:build")
    assert "python ./broken.py" in caught.value.hint
