"""A file of categories that cannot be meant so is refused in one message, before anything is computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wbsite.datasets import _categories as categories
from wbsite.datasets._categories import CategoriesError, Row, read

HEAD = "layer,unit,category\n"


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "mine.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n\n , \n", "is empty"),
        (HEAD, "holds no units"),
        ("layer,unit\nconv1,1\n", "has the columns 'layer, unit'"),
        ("layer;unit;category\nconv1;1;a\n", "has the columns 'layer;unit;category'"),
        ("layer,unit,categroy\nconv1,1,a\n", "unknown column 'categroy'.\nDid you mean 'category'?"),
        ("layer,unit,category,note\nconv1,1,a,b\n", "has the columns"),
        ("layer,layer,unit\nconv1,1,a\n", "has the columns"),
        ("conv1,1,a\n", "unknown column 'conv1'"),
        (HEAD + "conv1,1\n", "line 2: 2 fields instead of 3"),
        (HEAD + "conv1,1,a,b\n", "line 2: 4 fields instead of 3"),
        (HEAD + "conv1,one,a\n", "line 2: the unit is 'one'"),
        (HEAD + "conv1,1.0,a\n", "line 2: the unit is '1.0'"),
        (HEAD + "conv1,-1,a\n", "line 2: the unit is '-1'"),
        (HEAD + "conv1,,a\n", "line 2: the unit is ''"),
        (HEAD + "conv1," + "9" * 5000 + ",a\n", "line 2: the unit is '9"),
        (HEAD + ",1,a\n", "line 2: no layer is named"),
        (HEAD + "conv1,1, \n", "line 2: the category is empty"),
        (HEAD + f"conv1,1,{'a' * 81}\n", "at most 80 printable characters"),
        (HEAD + 'conv1,1,"a\nb"\n', "line 3: the category 'a\\nb' is not a name"),
        (HEAD + "conv1,1,a\nconv1,2,a\n\nconv1, 1,a\n", "that unit 1 of conv1 is 'a': in lines 2 and 5"),
        (HEAD + 'conv1,1,"a\n', "unexpected end of data"),
        ((HEAD + "conv1,1,häuser\n").encode("latin-1"), "is not UTF-8 text"),
        ((HEAD + "conv1,1,a\n").encode("utf-16"), "is not UTF-8 text"),
        (b"PK\x03\x04\x00\x00\xff\xfe", "is not UTF-8 text"),
        (HEAD + f"conv1,1,{'a' * 200_000}\n", "field larger than field limit"),
    ],
)
def test_what_is_no_table_of_units_is_named_with_its_line(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(CategoriesError) as error:
        read(str(written(tmp_path, content)))
    assert said in str(error.value)
    assert "mine.csv" in str(error.value)
    assert len(str(error.value)) < 700


def test_a_folder_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CategoriesError, match="is not a file"):
        read(str(tmp_path))
    with pytest.raises(CategoriesError, match=r"cannot be read \(No such file"):
        read(str(tmp_path / "none.csv"))


def test_what_spreadsheets_write_is_read(tmp_path: Path) -> None:
    text = '\ufeffcategory,layer,unit\r\n"curves, wide",conv1, 3\r\n\r\n"say ""a""",conv1,4\r\nGrün,b.0,0'
    found = read(str(written(tmp_path, text)))
    assert dict(found.rows) == {
        Row("conv1", 3, "curves, wide"): 2,
        Row("conv1", 4, 'say "a"'): 4,
        Row("b.0", 0, "Grün"): 5,
    }


def test_files_too_long_to_be_meant_are_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a machine without memory."""
    monkeypatch.setattr(categories, "MOST_ROWS", 10_000)
    lines = [f"conv{n % 50},{n // 50},c{n % 7}\n" for n in range(10_001)]
    path = written(tmp_path, HEAD + "".join(lines[:9_999]))
    assert len(read(str(path)).rows) == 9_999
    written(tmp_path, HEAD + "".join(lines))
    with pytest.raises(CategoriesError, match="more than 10,000 rows"):
        read(str(path))
    written(tmp_path, HEAD + "".join(f"conv1,1,c{n}\n" for n in range(300)))
    with pytest.raises(CategoriesError, match=r"more than 200 categories \(line 202\)"):
        read(str(path))


def test_a_huge_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(categories, "MOST_BYTES", 10)
    monkeypatch.setattr(categories, "_read", lambda *given: pytest.fail("read"))
    with pytest.raises(CategoriesError, match="categories may take"):
        read(str(written(tmp_path, HEAD)))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("conv1,6,a", "line 2: conv1 of speck has no unit 6, but 0 to 5"),
        ("conv11,1,a", "unknown layer 'conv11'.\nDid you mean 'conv1'"),
        ("conv1,1,a\nconv1,1,a", "says twice"),
    ],
)
@pytest.mark.parametrize("command", ["build", "compute", "export"])
def test_units_that_are_not_there_end_a_run_before_it_computes(
    cli: Callable[..., Any], work: Path, speck_weights: Path, rows: str, said: str, command: str
) -> None:
    path = written(work, HEAD + rows + "\n")
    models = ("enrichment", "--model") if command == "export" else ("--models",)
    ran = cli(command, *models, "speck", "--weights-dir", str(speck_weights), "--categories", str(path))
    assert ran.status == 2, ran.err
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert not (work / "build").exists()


def test_going_on_without_a_network_does_not_go_on_with_bad_categories(
    cli: Callable[..., Any], work: Path, speck_weights: Path
) -> None:
    written(work, HEAD + "conv1,6,a\n")
    (work / "wbsite.toml").write_text('categories = "mine.csv"\n')
    ran = cli("compute", "--models", "speck", "--weights-dir", str(speck_weights), "--keep-going")
    assert ran.status == 2
    assert "has no unit 6" in ran.err
