"""Configuration: a mistake in wbsite.toml or on the command line is named, not ignored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wbsite.core.config import BUNDLED, Config, load
from wbsite.core.errors import WbsiteError
from wbsite.core.model_input import Zeros


def write(folder: Path, text: str) -> Path:
    path = folder / "wbsite.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_build_the_bundled_networks(tmp_path: Path) -> None:
    config = load({}, tmp_path / "wbsite.toml")
    assert config == Config()
    assert config.models == BUNDLED


def test_the_command_line_wins_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, 'models = ["vgg19"]\nprofile = "full"\nworkers = 2\nkeep_going = true\n')
    config = load({"profile": "quick", "models": None}, path)
    assert (config.models, config.profile, config.workers, config.keep_going) == (("vgg19",), "quick", 2, True)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('model = ["vgg19"]', "unknown configuration key 'model'", "'models'"),
        ("wrokers = 2", "unknown configuration key 'wrokers'", "'workers'"),
        ("xyzzy = 2", "unknown configuration key 'xyzzy'", "Known: articles, categories, census"),
        ('models = "vgg19"', "models is 'vgg19'", 'models = ["a", "b"]'),
        ("models = [1]", "models is [1]", "list of names"),
        ('workers = "2"', "workers is '2'", "a whole number"),
        ("workers = true", "workers is True", "a whole number"),
        ("keep_going = 1", "keep_going is 1", "true or false"),
        ("workers = -1", "workers is -1", "0 (as many as there are processors) to 4096"),
        ('profile = "fast"', "profile is 'fast'", "Use quick or full."),
        ('profile = "ful"', "profile is 'ful'", "Use quick or full."),
        ('device = "gpu"', "device is 'gpu'", "Use auto, cpu or cuda."),
        ("models = 3", "models is 3", "list of names"),
        ("models.vgg19 = 3", "models.vgg19 is 3", "Expected a table"),
        ("input = [3, 60]", "input is [3, 60]", "--input 3,60,160"),
        ("models = []", "models is empty", "Leave --models out"),
        ('models = ["a", "b", "a"]', "'a' is named twice", "once"),
        ('store = ""', "store is empty", "--store"),
        ('photographs = ""', "photographs is empty", "imagefolder:PATH"),
        ("photographs = 3", "photographs is 3", "imagefolder:PATH"),
        ('out = " "', "out is empty", "--out"),
        ('workers = 2\nscheduler = "tcp://a:1"', "both workers and scheduler", "Give one"),
        ("runs = 3", "wbsite.toml: runs is 3", "a text in quotation marks"),
        ('articles = "a"', "articles is 'a'", '["a", "b"]'),
        ("out = 2000-01-01", "out is datetime.date(2000, 1, 1)", "Give a folder"),
        ('models = ["a"', "not valid TOML", "Repair that line"),
        ('models = ["a"]\nmodels = ["b"]', "not valid TOML", "Repair that line"),
        ('models = ["a"]\n[models.a]\ninput = [3, 9, 9]', "not valid TOML", "Leave the list `models` out"),
    ],
)
def test_a_mistake_is_named_with_what_was_expected(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(WbsiteError) as caught:
        load({}, write(tmp_path, text))
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_tables_of_models_name_them_and_say_what_their_inputs_are(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '[models."nets:make"]\ninput = [3, 60, 160]\nmean = [104, 117, 123]\nrange = [0, 255]\nchannels = "BGR"\n'
        'arguments = { age = [4], label = { shape = [], dtype = "int64" }, deep = true }\n[models.vgg19]\n',
    )
    config = load({}, path)
    assert config.models == ("nets:make", "vgg19")
    said = config.input_of("nets:make@mine.pth")
    assert (said.input, said.mean, said.range, said.channels) == ((3, 60, 160), (104, 117, 123), (0, 255), "BGR")
    assert said.arguments == (("age", Zeros((4,))), ("label", Zeros((), "int64")), ("deep", True))
    assert not config.input_of("vgg19")
    chosen = load({"models": ("nets:make",), "input": (3, 32, 64)}, path)
    assert chosen.models == ("nets:make",)
    assert chosen.input_of("nets:make") == replace(said, input=(3, 32, 64))


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        ("inptu = [3, 60, 160]", "unknown key 'inptu'", "'input'? (in [models.\"nets:make\"])"),
        ("input = [60, 160]", "input is [60, 160]", "channels, height and width"),
        ("input = [3, 60, 0]", "input is [3, 60, 0]", "input = [3, 60, 160]"),
        ("input = [3, 60, 160.5]", "input is [3, 60, 160.5]", "input = [3, 60, 160]"),
        ('channels = "BRG"', "channels is 'BRG'", '"BGR"'),
        ("mean = 0.5", "mean is 0.5", "a number for each channel"),
        ("mean = [123, 117, 104]", "mean is [123, 117, 104], beyond values of 0 to 1", "range = [0, 255]"),
        ("std = [0.2, 0, 0.2]", "std is [0.2, 0, 0.2]", "above 0"),
        ("range = [1, 0]", "range is [1, 0]", "black and white"),
        ("input = [1, 9, 9]\nmean = [0.5, 0.5, 0.5]", "input has 1, mean has 3", "the same channels"),
        ('input = [4, 9, 9]\nchannels = "BGR"', "input has 4, channels has 3", "the same channels"),
        ("arguments = 3", "arguments is 3", "without the batch axis"),
        ("arguments = { age = [-1] }", "has the shape [-1]", "without the batch axis"),
        ("arguments = { age = { size = [4] } }", "arguments is", "without the batch axis"),
    ],
)
def test_a_mistake_in_a_models_table_is_named_with_the_model(
    tmp_path: Path, table: str, message: str, hint: str
) -> None:
    with pytest.raises(WbsiteError) as caught:
        load({}, write(tmp_path, f'[models."nets:make"]\n{table}'))
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "nets:make" in str(caught.value)


@pytest.mark.parametrize("kind", ["folder", "binary"])
def test_a_file_that_is_no_text_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "wbsite.toml"
    path.mkdir() if kind == "folder" else path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WbsiteError, match=r"wbsite.toml cannot be read"):
        load({}, path)
