"""Odd values of every option, in `wbsite.toml` and on the command line: one sentence, and nothing written anywhere."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wbsite.cli.app import main
from wbsite.core.config import options
from wbsite.core.errors import WbsiteError
from wbsite.core.filing.paths import expanded, folder, place

ODD_TEXTS = (
    *("", " ", "~nobody-of-this-name/x", "~nobody-of-this-name", "/", "//", "///tmp/..", "file:///", "a" * 300),
    *("/".join(["b" * 200] * 40), "a\\u0000b", "\\n", "\\u007f", "\\u0085", "s3:/bucket", "nothing://x", "a::b"),
    *("memory:", "S3://x", "http:", "://", "::", "../../..", "models", "-", "--", "[", "{", "$HOME", "%s", "{0}"),
    *("name@", "@", "#", "x:y", ":", "a,b", "timm:", "hf:", "hf:/", "é\\u0301", "\\U0001F600", "*", "?/[a]"),
)
"""Texts as TOML writes them."""

ODD_VALUES = (
    *("true", "nan", "-inf", "1e999", "-1", "9" * 5000, "0x" + "f" * 5000, "2020-01-01", "07:32:00", "[]", "{}"),
    *("[[]]", "[1, 2]", "[0, 0, 0]", "[3, 99999999999999999999, 2]", "[3, 1000000, 1000000]", '["a", 1]'),
    *('{ a = "b" }', "[" * 200 + "]" * 200, "[" * 3000 + "]" * 3000, "{a=" * 1500 + "1" + "}" * 1500),
    *('"""', "'''x'''", "0.1", "1_000", "-0", "01", "9" * 40),
)

COMMANDS = (
    *(("compute", "--models", "no-such-network", "--store"), ("render", "--out"), ("clean", "--store"), ("check",)),
    *(("weights", "show"), ("weights", "verify"), ("compute", "--models"), ("list", "layers")),
    *(("train", "alexnet_32", "--dataset"), ("train", "banding", "--seeds"), ("export", "banding", "--model")),
    *(("doctor",), ("new", "--model", "simplified_32"), ("census", "dnsmos-p808", "--manifests")),
    ("compute", "--articles", "information-plane", "--models", "no-such-network", "--study"),
)
"""All of which lack something, so that nothing is computed where the text after them is a good one."""

KEYS = [entry.name for entry in options()]

values = st.one_of(
    st.sampled_from(ODD_TEXTS).map(lambda text: f'"{text}"'),
    st.sampled_from(ODD_VALUES),
    st.text(max_size=40).map(lambda text: "".join(c if c.isalnum() else f"\\U{ord(c):08X}" for c in text).join('""')),
    st.lists(st.sampled_from([f'"{text}"' for text in ODD_TEXTS]), max_size=3).map(
        lambda texts: f"[{', '.join(texts)}]"
    ),
)

often = settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ended(*arguments: str) -> tuple[int, str]:
    """Runs `wbsite ARGUMENTS` in this process: its status and what it said. Any other exception is a failure."""
    err = io.StringIO()
    with (
        redirect_stderr(err),
        redirect_stdout(io.TextIOWrapper(io.BytesIO())),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("sys.argv", ["wbsite", *arguments])
        try:
            main()
        except SystemExit as end:
            return (end.code if isinstance(end.code, int) else int(bool(end.code))), err.getvalue()
    return 0, err.getvalue()


def is_one_message(said: str) -> bool:
    return "Traceback" not in said and 0 < len(said) < 3000


@settings(often, max_examples=400)
@given(key=st.sampled_from(KEYS), value=values, command=st.sampled_from(["clean", "render", "compute"]))
def test_any_value_in_the_configuration_is_one_sentence(work: Path, key: str, value: str, command: str) -> None:
    """The model does not exist, so that nothing is computed where the value is a good one."""
    if (key, value) == ("keep_going", "true"):  # which builds the rest
        return
    models = "" if key == "models" else 'models = ["no-such-network"]\n'
    (work / "wbsite.toml").write_text(f"{models}{key} = {value}\n", encoding="utf-8")
    status, said = ended(command)
    assert status == 2, said
    assert is_one_message(said), said
    assert [path.name for path in work.iterdir() if path.name not in ("wbsite.toml", "build")] == []
    assert not [path for path in work.rglob("*") if path.is_file() and path.name != "wbsite.toml"]


@settings(often, max_examples=200)
@given(arguments=st.sampled_from(COMMANDS), text=st.sampled_from(ODD_TEXTS))
def test_any_text_on_the_command_line_is_one_sentence(work: Path, arguments: tuple[str, ...], text: str) -> None:
    text = re.sub(r"\\(?:u....|U........|n)", lambda code: code[0].encode().decode("unicode_escape"), text)
    # Options; a new folder may be called anything; all of the machine would be checked.
    if text in ("-", "--") or (arguments[0] == "new" and is_path(text)) or (arguments[0] == "check" and ".." in text):
        return
    status, said = ended(*arguments, text)
    assert status == 2, (arguments, text, said)
    assert is_one_message(said), said
    assert not [path for path in work.rglob("*") if path.is_file()]


def is_path(text: str) -> bool:
    try:
        return bool(folder(text, "folder"))
    except WbsiteError:
        return False


def test_a_home_folder_is_the_one_that_is_meant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shell leaves `--out=~/site` as it is, and a file of configuration has no shell."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/a") == tmp_path / "a"
    assert folder("~", "out") == str(tmp_path)
    assert place("~/store", "store") == str(tmp_path / "store")
    assert place("s3://a/~", "store") == "s3://a/~"
    with pytest.raises(WbsiteError, match="there is no user 'nobody-of-this-name'"):
        expanded("~nobody-of-this-name/x")


@pytest.mark.parametrize("make", [folder, place])
@pytest.mark.parametrize("text", ["a\0b", "a\nb", "x" * 256, "x/" * 2100, "s3:/a", "http:", "\udc80", " "])
def test_what_can_be_no_path_is_refused(make: Callable[[str, str], str], text: str) -> None:
    with pytest.raises(WbsiteError, match=r"^out "):
        make(text, "out")


def test_a_folder_in_place_of_the_configuration_and_a_link_to_nothing(work: Path) -> None:
    (work / "wbsite.toml").symlink_to("nowhere")
    status, said = ended("clean")
    assert (status, "wbsite.toml cannot be read" in said) == (2, True)
    (work / "wbsite.toml").unlink()
    (work / "wbsite.toml").mkdir()
    assert ended("clean")[0] == 2


def test_a_working_folder_that_is_gone_is_said(work: Path) -> None:
    (work / "gone").mkdir()
    with chdir(work / "gone"):
        (work / "gone").rmdir()
        status, said = ended("clean")
    assert (status, "the working folder is gone" in said) == (2, True)
