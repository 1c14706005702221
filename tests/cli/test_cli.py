"""The command line: every mistake ends with status 2, one message and what to do, and with nothing written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from wbsite import __version__

HEAVY = ("torch", "torchvision", "pandas", "altair", "sklearn", "numpy")


@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        ("build --models spek", "unknown model 'spek'", "'speck'"),
        ("build --models speck@gray", "unknown weights of speck 'gray'", "'grey'"),
        (
            "build --models runs/last.ckpt",
            "there is no weights file runs/last.ckpt: there is no folder",
            "Check the path",
        ),
        ("build --models no_module:net", "no Python module 'no_module'", "the folder the module is in"),
        ("build --models speck,speck", "'speck' is named twice", "once"),
        ("build --models m:f@a/w.pth,m:f@./a/w.pth", "m:f@a/w.pth and m:f@./a/w.pth are the same model", "once"),
        ("build --models ,", "models is empty", "Leave --models out"),
        ("build --articles weight-bandign", "unknown article 'weight-bandign'", "'weight-banding'"),
        ("build --profile fulll", "profile is 'fulll'", "quick or full"),
        ("build --device gpu", "device is 'gpu'", "Use auto, cpu or cuda"),
        ("build --workers -2", "workers is -2", "0"),
        ("build --workers 1 --scheduler tcp://127.0.0.1:1", "both workers and scheduler", "Give one"),
        ("build --weights-dir nowhere", "'nowhere' does not exist", "weights convert"),
        ("build --photographs imagefoler:pets", "unknown data set 'imagefoler'", "'imagefolder'"),
        ("compute --photographs imagefolder:nowhere", "nowhere is not a folder", "imagefolder:PATH"),
        ("build --store foo://x", "cannot be opened", "Give a folder"),
        ("build --out build/docs", "overlaps with build/docs", "--out"),
        ("build --out .", "overlaps with", "--out"),
        ("build --out build/store/site", "overlaps with the store", "--out"),
        ("compute --models spek", "unknown model 'spek'", "'speck'"),
        ("render", "there is no store at build/store", "wbsite compute"),
        ("train simplified_3", "unknown experiment 'simplified_3'", "'simplified_32'"),
        ("train simplified_32 --dataset cifra10", "unknown data set 'cifra10'", "'cifar10'"),
        ("train simplified_32 --seeds 0,x", "seeds is '0,x'", "0,1,2"),
        ("list modles", "unknown listing 'modles'", "'models'"),
        ("list layers", "takes a model", "wbsite list layers MODEL"),
        ("list models speck", "takes no model", "wbsite list models"),
        ("list layers spek", "unknown model 'spek'", "'speck'"),
        ("export bandign --model speck", "unknown analysis 'bandign'", "'banding'"),
        ("export banding --model spek", "unknown model 'spek'", "'speck'"),
        ("export banding --model speck --format cvs", "unknown format 'cvs'", "'csv'"),
        ("export banding --model speck,vgg19", "export takes one model", "once for each"),
        ("check nowhere", "nowhere", "Build"),
        ("clean --store nowhere", "there is no store at nowhere", "--store"),
    ],
)
def test_a_mistake_ends_with_one_message_and_writes_nothing(
    cli: Callable[..., Any], work: Path, command: str, message: str, hint: str
) -> None:
    ran = cli(*command.split())
    assert ran.status == 2, ran
    assert ran.err.startswith("wbsite: ")
    assert message in ran.err
    assert hint in ran.err.replace(message, "")
    assert "Traceback" not in ran.err
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("bulid", "No such command 'bulid'"),
        ("build --modles a", "--modles"),
        ("build --workers two", "--workers"),
        ("build --models", "--models"),
        ("export banding", "--model"),
        ("train", "NAMES"),
    ],
)
def test_a_mistyped_command_or_option_is_status_2(
    cli: Callable[..., Any], work: Path, command: str, message: str
) -> None:
    ran = cli(*command.split())
    assert ran.status == 2
    assert message.lower() in ran.err.lower()
    assert list(work.iterdir()) == []


def test_a_mistake_in_the_configuration_file_is_status_2(cli: Callable[..., Any], work: Path) -> None:
    (work / "wbsite.toml").write_text('modles = ["speck"]\n')
    ran = cli("build")
    assert ran.status == 2
    assert "Did you mean 'models'? (wbsite.toml)" in ran.err
    assert [path.name for path in work.iterdir()] == ["wbsite.toml"]


def test_a_layer_that_does_not_exist_and_one_without_a_result(cli: Callable[..., Any], speck_weights: Path) -> None:
    of = ("--model", "speck", "--weights-dir", str(speck_weights))
    ran = cli("export", "banding", *of, "--layer", "conv9")
    assert ran.status == 2
    assert "unknown layer 'conv9'" in ran.err
    assert "'conv3'" in ran.err
    ran = cli("export", "banding", *of, "--layer", "point")
    assert ran.status == 2
    assert "1×1 kernel has no rows and columns" in ran.err
    ran = cli("export", "architecture", *of)
    assert ran.status == 2
    assert "architecture has no table to export" in ran.err


def test_weights_that_are_not_there_are_named_with_what_to_do(cli: Callable[..., Any]) -> None:
    ran = cli("build", "--models", "speck")
    assert ran.status == 2
    assert "speck" in ran.err
    assert "--weights-dir" in ran.err


def test_a_gpu_that_is_not_there_is_said_before_anything_is_computed(build: Callable[..., Any], work: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    ran = build("--device", "cuda")
    assert ran.status == 2
    assert "torch finds no GPU here" in ran.err
    assert list(work.iterdir()) == []


def commands() -> Iterator[tuple[str, Any]]:
    from wbsite.cli.app import app

    def walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
        yield path, command
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, f"{path} {name}")

    yield from walk(typer.main.get_command(app), "wbsite")


@pytest.mark.parametrize(("path", "command"), [pytest.param(*found, id=found[0]) for found in commands()])
def test_every_command_and_option_says_what_it_does(path: str, command: Any) -> None:
    assert command.help, path
    for parameter in command.params:
        assert parameter.help or parameter.name == "help", f"{path} {parameter.name}"


def test_every_option_of_build_can_stand_in_the_file() -> None:
    from wbsite.core.config import options

    build = dict(commands())["wbsite build"]
    assert {parameter.name for parameter in build.params} - {"strict", "help"} == {option.name for option in options()}


def test_version(cli: Callable[..., Any]) -> None:
    ran = cli("--version")
    assert (ran.status, ran.out) == (0, f"wbsite {__version__}\n")


@pytest.mark.parametrize("arguments", ["--help", "build --help", "weights convert --help", "--version"])
def test_help_comes_without_loading_anything_heavy(tmp_path: Path, environment: dict[str, str], arguments: str) -> None:
    heavy = (*HEAVY, "pydantic") if arguments == "--help" else HEAVY  # Typer reads options with pydantic
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['wbsite', *{arguments.split()!r}]\n"
        "try:\n    runpy.run_module('wbsite.cli', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        f"print('loaded:', [name for name in {heavy!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "loaded: []" in done.stdout


def test_listings(cli: Callable[..., Any], speck_weights: Path) -> None:
    assert "speck@grey\tSpeck" in cli("list", "models").out
    assert "banding\t" in cli("list", "analyses").out
    assert "cifar10\t" in cli("list", "datasets").out
    assert "simplified_32\t" in cli("list", "experiments").out
    layers = cli("list", "layers", "speck", "--weights-dir", str(speck_weights)).out.splitlines()
    assert [line.split("\t")[0] for line in layers] == ["input", "conv1", "conv2", "squeeze", "conv3", "point", "fc"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_no_space_left_keeps_what_is_done(cli: Callable[..., Any], speck_weights: Path, work: Path) -> None:
    """The record of the model is on a full device; the results are there when there is room again."""
    records = work / "build" / "store" / "records" / "models"
    records.mkdir(parents=True)
    (records / f".speck.json.{os.getpid()}.partial").symlink_to("/dev/full")
    command = ("compute", "--models", "speck", "--weights-dir", str(speck_weights))
    ran = cli(*command)
    assert ran.status == 2
    assert "no space left for the store" in ran.err
    assert "--store" in ran.err
    ran = cli(*command)
    assert ran.status == 0, ran.err
    assert "compute" not in ran.err


@pytest.mark.parametrize("inherited", [False, True])
def test_processes_run_the_very_package_that_the_tests_import(
    environment: dict[str, str], tmp_path: Path, inherited: bool
) -> None:
    """A checkout's tests must not pass or fail by what another installed wbsite does."""
    import wbsite

    code = "import wbsite; print(wbsite.__file__)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=None if inherited else environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.strip() == wbsite.__file__
