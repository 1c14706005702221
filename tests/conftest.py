"""Fixtures shared by all tests."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import wbsite

from .fork_server import ForkServer

ROOT = Path(__file__).resolve().parents[1]
PACKAGE_ROOT = str(Path(wbsite.__file__).parents[1])
"""Folder of the package that the tests import."""

# Tests run side by side, each on one thread. Every process that a test starts inherits this, and a path on which the
# package under test comes first: otherwise it would run another one that is installed.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("KERAS_BACKEND", "torch")  # which is installed; Keras's own choice would not be
if os.environ.get("PYTHONPATH", "").split(os.pathsep)[0] != PACKAGE_ROOT:
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (PACKAGE_ROOT, os.environ.get("PYTHONPATH"))))


def pytest_configure(config: pytest.Config) -> None:
    """What processes that tests start inherit: Ctrl-C ends them, and bytecode has a place.

    A shell that starts the tests in the background has them ignore Ctrl-C. Where no bytecode is to be written beside
    its source, processes share it in pytest's cache; otherwise each would compile torch anew.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.dont_write_bytecode:
        sys.dont_write_bytecode = False
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(config.cache.mkdir("bytecode"))
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start processes come first, as they take longest: one begun last would be waited for."""
    slow = {item.path for item in items if {"environment", "process"} & set(getattr(item, "fixturenames", ()))}
    built = {item.path for item in items if "built" in getattr(item, "fixturenames", ())}
    # The site is built for the first that asks, and others wait for it: they do something else meanwhile.
    items.sort(key=lambda item: (item.path not in slow, item.path in built))


SPECK = """
from torch import nn
from wbsite.models.base import ModelSpec, Preprocess

class Speck(nn.Module):
    input_shape = (3, 16, 16)

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 8, 3, padding=1)
        self.squeeze = nn.Conv2d(8, 4, 1)
        self.conv3 = nn.Conv2d(4, 10, 3, padding=1, groups=2)
        self.point = nn.Conv2d(10, 4, 1)
        self.fc = nn.Linear(16, 2)

    def forward(self, x):
        x = self.squeeze(self.conv2(self.conv1(x).relu()).relu()).relu()
        x = self.conv3(x).relu()
        return self.fc(nn.functional.adaptive_avg_pool2d(self.point(x), 2).flatten(1))

MODELS = (ModelSpec("speck", "grey", "Speck", Speck, Preprocess(crop=16)),)
"""
"""A package with a network small enough to build a site of in a few seconds."""


@dataclass(frozen=True)
class Ran:
    """What a command ended with."""

    status: int
    out: str
    err: str


def install(folder: Path, name: str, entry_points: str, code: str) -> Path:
    """Makes a folder that holds an installed package of one module; returns the folder."""
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(entry_points)
    (folder / f"{name}.py").write_text(code)
    return folder


def made_up_run(folder: Path, experiment: str, seed: int, suite: str = "banding", **changes: Any) -> Path:
    """Writes the run of a network of three layers of 24 units: made-up kernels, stripes for the baseline.

    Args:
        folder: of all suites' runs.
        changes: of the record.
    """
    import numpy as np

    from wbsite.train.base import Recipe
    from wbsite.train.runs import Run

    rng = np.random.default_rng([seed, *experiment.encode()])
    stripes = rng.normal(size=(24, 6, 5, 1) if experiment == "baseline" else (24, 6, 1, 5))
    names, height = ("3a", "5a", "5b"), 0.3 if experiment == "baseline" else -0.25
    index = {name: round(height * (i + 1) / 3 + 0.02 * rng.normal(), 4) for i, name in enumerate(names)}
    share = {name: {"row_share": 0.3 + h / 2, "column_share": 0.3 - h / 2, "index": h} for name, h in index.items()}
    layers = {n: {"units": 24, **share[n], "low": index[n] - 0.05, "high": index[n] + 0.05} for n in names}
    record = {
        "suite": suite, "setting": "cifar10-small", "experiment": experiment, "seed": seed,
        "order": 0 if experiment == "baseline" else 2, "title": experiment, "group": "main", "summary": "",
        "parameters": {}, "network": "simplified", "baseline": "baseline", "accuracy": 0.5 + 0.01 * rng.normal(),
        "last": "5b", "before": "5a", "layers": layers, "head": {},
        "history": [
            {"epoch": e, "layer": n, **{k: v * e / 2 for k, v in share[n].items()}}
            for e in (0.0, 1.0, 2.0) for n in names[1:]
        ],
        "curve": [{"epoch": e, "loss": 2.0 / e, "accuracy": 0.25 * e} for e in (1, 2)],
        "preset": "small", "recipe": asdict(Recipe(epochs=2, batch=64)),
        "provenance": {
            "command": f"wbsite train {suite} --only {experiment} --seeds {seed} --preset small", "dataset": "cifar10",
            "dataset SHA-256": "00" * 32, "training pictures": 50000, "test pictures": 10000, "device": "cpu",
            "seconds": 1.0, "torch": "2.6.0", "wbsite": "0",
        },
        **changes,
    }  # fmt: skip
    kernels = {name: stripes + rng.normal(size=(24, 6, 5, 5)) for name in names[1:]}
    path = folder / suite / record["setting"] / f"{experiment}-seed{seed}.npz"
    Run(record, kernels).write(path)
    return path


def made_up_control(folder: Path, experiment: str, seed: int, order: int, index: float) -> Path:
    """Writes the run of a control with an H of about `index` in its last layer, and of half of it before that."""
    height = {"3a": 0.0, "5a": index / 2 + 0.01 * seed, "5b": index + 0.02 * seed}
    shares = {n: {"row_share": 0.3 + h / 2, "column_share": 0.3 - h / 2, "index": h} for n, h in height.items()}
    return made_up_run(
        folder, experiment, seed, suite="controls", setting="words-small", order=order, group="sequence",
        parameters={"pooled": "height", "words": "rows", "pictures": "square"}, accuracy=0.9 + 0.01 * seed, chance=0.06,
        title=experiment.replace("_", " "), baseline=experiment,
        layers={n: {"units": 24, **s, "low": height[n] - 0.05, "high": height[n] + 0.05} for n, s in shares.items()},
        history=[{"epoch": e, "layer": n, **shares[n]} for e in (0.0, 2.0) for n in height],
    )  # fmt: skip


def made_up_branch_run(
    experiment: str, seed: int, branches: int = 1, parting: float = 1.0, units: int = 24, **changes: Any
) -> Any:
    """A run of the branch laboratory: units of 7×7 kernels whose made-up chroma parts by branch while it is trained.

    Args:
        parting: how far branches' chroma ends apart, in deviations of one branch's.
        changes: of the record.
    """
    import numpy as np

    from wbsite.train.base import Recipe
    from wbsite.train.runs import Run

    rng = np.random.default_rng([seed, *experiment.encode()])
    where = np.arange(units) * branches // units - (branches - 1) / 2
    own, fine = rng.normal(size=(2, units))

    def rows(epoch: float) -> list[dict[str, float]]:
        chroma = 1 / (1 + np.exp(-(own + parting * epoch / 2 * where)))
        columns = {"chroma": chroma, "frequency": 0.2 + 0.02 * fine - 0.05 * chroma}
        measured = [{name: round(float(column[u]), 4) for name, column in columns.items()} for u in range(units)]
        return [{"epoch": epoch, "unit": u, **of, "oriented": 0.5, "strength": 1.0} for u, of in enumerate(measured)]

    record = {
        "suite": "branches", "setting": "cifar10-small", "experiment": experiment, "seed": seed,
        "order": {"undivided": 0, "two": 1, "four": 2}.get(experiment, 9), "title": experiment, "group": "kept",
        "summary": "", "parameters": {"branches": branches, "colours": "kept", "depth": 2}, "network": "divided",
        "baseline": "undivided", "accuracy": 0.7 + 0.01 * rng.normal(), "first": "conv1", "second": "conv2",
        "branches": branches, "levels": 127, "history": [row for epoch in (0.0, 0.5, 1.0, 2.0) for row in rows(epoch)],
        "curve": [{"epoch": e, "loss": 2.0 / e, "accuracy": 0.25 * e} for e in (1, 2)],
        "preset": "small", "recipe": asdict(Recipe(epochs=2, batch=64)),
        "provenance": {
            "command": f"wbsite train branches --only {experiment} --seeds {seed} --preset small", "dataset": "cifar10",
            "dataset SHA-256": "00" * 32, "training pictures": 50000, "test pictures": 10000, "device": "cpu",
            "seconds": 1.0, "parameters": 1234, "torch": "2.6.0", "wbsite": "0",
        },
        **changes,
    }  # fmt: skip
    strength = np.abs(rng.normal(size=(32, units // branches, 1, 1)))
    return Run(record, {"conv1": rng.normal(size=(units, 3, 7, 7)), "conv2": strength})


@pytest.fixture(scope="session")
def branch_run() -> Callable[..., Any]:
    """A run of the branch laboratory, made up: branch_run(experiment, seed, branches, parting, units, …)."""
    return made_up_branch_run


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """once(name, make): a folder filled by make(folder), once for all processes that share the tests. Look only."""
    own = tmp_path_factory.getbasetemp()
    base = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def find(name: str, make: Callable[[Path], object]) -> Path:
        folder, made = base / name, base / f"{name}.made"
        with FileLock(base / f"{name}.lock"):
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)  # another process failed to make it
                folder.mkdir()
                make(folder)
                made.touch()
        return folder

    return find


@pytest.fixture(scope="session")
def runs_folder(once: Callable[..., Path]) -> Path:
    """Folder with a few runs, in place of those that come with wbsite. Look only.

    Of banding, two experiments with two seeds; one whose head reads positions, and one of another network, with one. Of
    branches, an undivided network and two divided ones with two seeds, and one with one. Of the controls, two with two
    seeds.
    """
    return once("runs", write_runs)


def write_runs(folder: Path) -> None:
    """The runs of `runs_folder`."""
    for experiment in ("baseline", "rotated"):
        for seed in (0, 1):
            made_up_run(folder, experiment, seed)
    head = {"row_share": 0.4, "column_share": 0.1, "index": 0.3, "low": 0.2, "high": 0.4, "positions": 64}
    made_up_run(folder, "fc_only", 0, order=3, title="no pooling, fully connected head", head=head)
    made_up_run(
        folder, "inceptionv1_baseline", 0, order=9, title="InceptionV1, baseline", group="architecture",
        network="inceptionv1", baseline="inceptionv1_baseline",
    )  # fmt: skip
    for experiment, order, index in (("square_rows", 3, -0.3), ("square_columns", 4, 0.25)):
        for seed in (0, 1):
            made_up_control(folder, experiment, seed, order, index)
    for experiment, branches, seeds in (("undivided", 1, 2), ("two", 2, 2), ("four", 4, 2), ("alexnet_towers", 2, 1)):
        for seed in range(seeds):
            run = made_up_branch_run(experiment, seed, branches)
            run.write(folder / "branches" / f"{run.name}.npz")


@pytest.fixture(scope="session")
def write_run() -> Callable[..., Path]:
    """Writes the run of a small network, whose kernels are made up: write_run(folder, experiment, seed, …)."""
    return made_up_run


@pytest.fixture(scope="session")
def write_control() -> Callable[..., Path]:
    """Writes the run of a control, made up: write_control(folder, experiment, seed, order, index)."""
    return made_up_control


@pytest.fixture
def made_site() -> Callable[..., Any]:
    """A site of results that a test makes up: made_site(models={"net": {"banding": {"conv1": Banding(…)}}},
    suites={"banding": {"experiments": Experiments(…)}}), with "" for the layer of a model's own result, and
    facts={"banding": {…}} for what else a record says."""
    from wbsite.core.store import Store
    from wbsite.results.base import Result
    from wbsite.results.site import Site

    def make(models: Any = (), suites: Any = (), facts: Any = ()) -> Site:
        store = Store(f"memory://made-{uuid.uuid4().hex}")

        def keep(analysis: str, layer: str, result: Result) -> dict[str, str]:
            key = uuid.uuid4().hex
            store.put(key, result.contents(), {"analysis": analysis, "layer": layer})
            return {"key": key}

        about = dict(facts)
        for name, results in dict(models).items():
            places = {a: {layer: keep(a, layer, r) for layer, r in of.items()} for a, of in results.items()}
            store.put_record(f"models/{name}", {"id": name, "title": name, **about.get(name, {}), "results": places})
        for name, results in dict(suites).items():
            places = {a: {"": keep(a, "", result)} for a, result in results.items()}
            store.put_record(f"suites/{name}", {"id": name, "title": name, **about.get(name, {}), "results": places})
        names = list(dict(models)) or ["none"]
        if not dict(models):
            store.put_record("models/none", {"id": "none", "title": "none", "failed": "made up", "results": {}})
        store.put_record("last", {"models": names, "suites": list(dict(suites))})
        return Site(store, None)

    return make


@pytest.fixture(scope="session")
def plug_in() -> Callable[..., Path]:
    """Makes a folder that holds an installed package: plug_in(folder, name, entry points, code)."""
    return install


@pytest.fixture(scope="session")
def speck(once: Callable[..., Path]) -> Path:
    """Folder of an installed package that gives wbsite the network `speck`."""
    points = "[wbsite.models]\nspeck = speck_plugin:MODELS\n"
    return once("speck", lambda folder: install(folder, "speck_plugin", points, SPECK))


@pytest.fixture(scope="session")
def speck_weights(speck: Path, once: Callable[..., Path]) -> Path:
    """Folder of speck's weights, always the same."""
    return once("weights", lambda folder: write_weights(speck, folder))


def write_weights(speck: Path, folder: Path) -> None:
    """The weights of `speck_weights`."""
    import torch

    from wbsite.models.weights import file_name, write_checkpoint

    found = importlib.util.spec_from_file_location("speck_of_the_weights", speck / "speck_plugin.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        state = module.Speck().state_dict()
    write_checkpoint(state, module.MODELS[0], {}, folder / file_name(module.MODELS[0]))


@pytest.fixture(scope="session")
def study_file(once: Callable[..., Path]) -> Path:
    """An information-plane study that takes a second: six networks for eight epochs."""
    text = (
        'activation = ["tanh", "relu"]\nwidths = [4, 3]\nseeds = 3\nepochs = 8\n'
        'records = 5\nsamples = 512\nrate = 0.01\nestimators = ["binning:0.07", "fixed:30", "kde-upper:0.1"]\n'
    )
    return once("study", lambda folder: (folder / "brief.toml").write_text(text)) / "brief.toml"


@pytest.fixture(scope="session")
def environment(
    speck: Path, runs_folder: Path, study_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Environment of a wbsite process: speck installed, few runs, a brief study, an empty cache."""
    own = {"WBSITE_CACHE": str(tmp_path_factory.mktemp("cache")), "WBSITE_RUNS": str(runs_folder)}
    own["WBSITE_STUDY"] = str(study_file)
    return {**os.environ, "PYTHONPATH": os.pathsep.join((os.environ["PYTHONPATH"], str(speck))), **own}


@pytest.fixture(scope="session")
def process(environment: dict[str, str]) -> Iterator[Callable[..., Ran]]:
    """Runs `wbsite ARGUMENTS` in a process of its own: process(folder, "build", …). See `fork_server`."""
    with ForkServer(Path(PACKAGE_ROOT)) as server:
        yield lambda folder, *arguments, **variables: Ran(
            *server.run(folder, arguments, {**environment, **variables}, timeout=300)
        )


@pytest.fixture(scope="session")
def built(process: Callable[..., Ran], speck_weights: Path, once: Callable[..., Path]) -> Path:
    """A folder in which `wbsite build --models speck` was run once. Look only; `rebuilt` is a copy to change."""

    def build(folder: Path) -> None:
        ran = process(folder, "build", "--models", "speck", "--weights-dir", str(speck_weights), "--strict")
        assert ran.status == 0, ran.err

    return once("built", build)


@pytest.fixture(scope="session")
def copy_store(built: Path) -> Callable[[Path], None]:
    """copy_store(folder): the results of `built`, where those of its suites and study need not be computed again."""
    return lambda folder: shutil.copytree(built / "build" / "store", folder / "build" / "store")


@pytest.fixture(scope="session")
def recomputed(process: Callable[..., Ran], speck_weights: Path, once: Callable[..., Path]) -> Path:
    """A folder in which the results of `built` were computed anew, in two processes. Look only."""

    def compute(folder: Path) -> None:
        ran = process(folder, "compute", "--models", "speck", "--weights-dir", str(speck_weights), "--workers", "2")
        assert ran.status == 0, ran.err

    return once("recomputed", compute)


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that run in this process compute in it, unless they are told not to: with what a test has patched."""
    from wbsite.core import machine

    monkeypatch.setattr(machine, "processors", lambda: 1)


@pytest.fixture
def work(
    tmp_path: Path, speck: Path, runs_folder: Path, study_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """An empty working folder, with speck installed in this process, few runs, a brief study and an empty cache."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    # Not by setattr: with a path that the test prepends itself, undoing would leave speck on sys.path for good.
    monkeypatch.syspath_prepend(str(speck))
    monkeypatch.setenv("WBSITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WBSITE_RUNS", str(runs_folder))
    monkeypatch.setenv("WBSITE_STUDY", str(study_file))
    forget_plug_ins()
    yield folder
    forget_plug_ins()


def forget_plug_ins() -> None:
    """Makes this process look anew for entries, and for the code that the digests of analyses cover."""
    from wbsite.core import registry, source
    from wbsite.render import publish
    from wbsite.run import fingerprint

    digests = (source.digest, fingerprint.code_digest, publish.code_digest)
    for known in (registry.entries, source.declaring, source.file_of, *digests):
        known.cache_clear()


@pytest.fixture
def rebuilt(built: Path, work: Path) -> Path:
    """The working folder, with a copy of `built` in it."""
    shutil.copytree(built, work, dirs_exist_ok=True)
    return work


@pytest.fixture
def cli(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs `wbsite ARGUMENTS` in this process, in the working folder; a traceback fails the test."""
    from wbsite.cli.app import main

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["wbsite", *arguments])
        capsys.readouterr()
        try:
            main()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        return Ran(status, said.out, said.err)

    return run


@pytest.fixture
def build(cli: Callable[..., Ran], speck_weights: Path) -> Callable[..., Ran]:
    """Runs `wbsite build --models speck` with speck's weights and more arguments, in this process."""

    def run(*arguments: str) -> Ran:
        return cli("build", "--models", "speck", "--weights-dir", str(speck_weights), *arguments)

    return run


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Path of a reference file beside the checkout; the test skips where the file is not there."""

    def find(name: str) -> Path:
        path = ROOT.parent / "shared" / "data" / name
        if not path.exists():
            pytest.skip(f"reference file {name} is not in {path.parent}")
        return path

    return find


@pytest.fixture(scope="session")
def bvlc(shared_data: Callable[[str], Path], once: Callable[..., Path]) -> Any:
    """InceptionV1 with the BVLC weights, loaded; skips where the reference file is not there."""
    from wbsite.models import load
    from wbsite.models.convert import convert

    published = shared_data("weights/googlenet_bvlc_fp16.npz")
    folder = once("bvlc", lambda folder: convert(published, "inceptionv1", "bvlc", folder))
    return load("inceptionv1@bvlc", weights_dir=folder)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium through Playwright; where there is none the test skips, but fails in continuous integration."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no browser: none of {', '.join(names)} is installed")
        pytest.skip(f"no browser: none of {', '.join(names)} is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # No sandbox: containers run as root, and every page opened here is our own.
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield chromium
        chromium.close()
