"""Models of one build are told apart by what differs, whatever their order; one that is named alone keeps its name."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from wbsite.core.errors import WbsiteError
from wbsite.core.naming import ModelName, is_file, is_user, model_id, model_names

CASES = [
    # Two runs; folders are added from the right, no more of them than it takes.
    {
        "net.py:make@runs/lr=0.1,wd=0.01/last.ckpt": (
            "net-py-make-lr-0-1-wd-0-01-last-ckpt", "net.py:make (lr=0.1,wd=0.01/last.ckpt)",
        ),
        "net.py:make@runs/lr=0.01,wd=0.01/last.ckpt": (
            "net-py-make-lr-0-01-wd-0-01-last-ckpt", "net.py:make (lr=0.01,wd=0.01/last.ckpt)",
        ),
    },
    {
        "r/a/last.ckpt": ("r-a-last-ckpt", "r/a/last.ckpt"),
        "r/b/last.ckpt": ("b-last-ckpt", "b/last.ckpt"),
        "x/a/last.ckpt": ("x-a-last-ckpt", "x/a/last.ckpt"),
        "r/c/best.ckpt": ("best-ckpt", "best.ckpt"),
    },
    # What a longer one would be called may be taken already.
    {
        "./r/a/last.ckpt": ("r-a-last-ckpt", "a/last.ckpt"),
        "./last.ckpt": ("last-ckpt", "last.ckpt"),
        "./a-last.ckpt": ("a-last-ckpt", "a-last.ckpt"),
    },
    # Weights beside none, places in a file, weights that are no file.
    {
        "m:f": ("m-f", ""), "m:f@w.pth": ("m-f-w-pth", "m:f (w.pth)"),
        "m:f@w.pth#ema": ("m-f-w-pth-ema", "m:f (w.pth#ema)"),
        "timm:resnet18": ("timm-resnet18", ""),
        "timm:resnet18@random": ("timm-resnet18-random", "timm:resnet18 (random)"),
    },
    # A public name is never changed, and has a title for each of its weights.
    {
        "inceptionv1": ("inceptionv1", ""), "inceptionv1@5h": ("inceptionv1-5h", ""),
        "./nets/inceptionv1.5h": ("nets-inceptionv1-5h", "inceptionv1.5h"),
    },
    {r"m:f@C:\runs\w.pth": ("m-f-C-runs-w-pth", r"m:f (C:\runs\w.pth)"), "m:f@w.pth": ("m-f-w-pth", "m:f (w.pth)")},
    {"m:f@r/a+b/w.pth": ("m-f-r-a-b-w-pth", "m:f (a+b/w.pth)"),
     "m:f@s/a-b/w.pth": ("m-f-s-a-b-w-pth", "m:f (a-b/w.pth)")},
]  # fmt: skip
"""Token → id and title."""


@pytest.mark.parametrize("expected", CASES, ids=lambda expected: next(iter(expected)))
def test_names_say_what_differs_in_any_order(expected: dict[str, tuple[str, str]]) -> None:
    for tokens in permutations(expected):
        names = model_names(tokens)
        assert {token: (name.id, name.title) for token, name in names.items()} == expected


@pytest.mark.parametrize(
    "tokens",
    [
        ("m:f@a+b.pth", "m:f@a-b.pth"),
        ("m:f@r/a+b/last.ckpt", "m:f@r/a-b/last.ckpt"),
        ("m:Net", "m:net"),  # one folder on many disks
        ("m.n:f", "m-n:f"),
        ("/a/w/net.onnx", "./a/w/net.onnx"),
        ("./日.x", "./本.x"),
        ("r/日本", "r/中国"),
    ],
)
def test_ids_that_differ_in_nothing_that_they_keep_get_a_digest(tokens: tuple[str, str]) -> None:
    names = model_names(tokens)
    one, other = (names[token].id for token in tokens)
    assert one.lower() != other.lower()
    assert model_names(tokens[::-1]) == names
    for token in tokens:
        assert model_id(names[token].id) == names[token].id, "it is its own id"
        with_another = model_names([*tokens, "speck"])
        assert with_another[token] == names[token]
    assert len({name.title for name in names.values() if name.title}) in (0, 2)


@pytest.mark.parametrize("token", ["m:f@r/w.pth#ema", "r/net.onnx", "inceptionv1@5h", "./net.py:make", "r/日本"])
def test_a_model_alone_keeps_its_id(token: str) -> None:
    (name,) = model_names([token]).values()
    assert name.id == model_id(token) != ""
    assert model_id(name.id) == name.id


def test_the_whole_path_of_a_file_is_on_no_page(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").touch()
    (name,) = model_names([str(tmp_path / "net.onnx")]).values()
    assert (name.id, name.title) == ("net-onnx", "net.onnx")


@pytest.mark.parametrize(
    "tokens", [("./r/net.onnx", "r/net.onnx"), ("./net.py:make", "net.py:make"), ("m:f@w.pth", "m:f@./w.pth")]
)
def test_one_model_that_is_written_in_two_ways_is_refused(tokens: tuple[str, str]) -> None:
    with pytest.raises(WbsiteError, match=f"{tokens[0]} and {tokens[1]} are the same model"):
        model_names(tokens)


def test_a_place_in_a_file_is_no_part_of_its_name(tmp_path: Path) -> None:
    for name in ("last.ckpt", "last#1.ckpt"):
        (tmp_path / name).touch()
        assert is_file(f"{tmp_path / name}")
        assert is_file(f"{tmp_path / name}#model.ema")
        assert not is_user(f"{tmp_path / name}#model:ema")
    assert not is_file(f"{tmp_path / 'none.ckpt'}#ema")


def test_of_a_factory_s_path_from_the_root_the_file_alone_is_shown() -> None:
    (alone,) = model_names(["/home/anna/nets.py:make"]).values()
    assert alone == ModelName("nets-py-make")
    two = model_names(["/home/anna/nets.py:make@w.pth", "/home/ben/nets.py:make@w.pth"]).values()
    assert len({name.id for name in two}) == len({name.title for name in two}) == 2
    assert all(name.id.startswith("nets-py-make-") and name.title.startswith("nets.py:make (") for name in two)
