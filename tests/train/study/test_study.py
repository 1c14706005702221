"""Studies: what they train, what they record, and files that describe them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.ops.information import estimator
from wbsite.train.study.study import Configuration, Study, name_of, product, title_of
from wbsite.train.study.study_file import chosen, read

TWO = product({"activation": ("tanh", "relu")})


@pytest.mark.parametrize("epochs", [1, 2, 7, 74, 75, 100, 1500, 30_000])
def test_moments_are_dense_early_and_sparse_late(epochs: int) -> None:
    study = Study(TWO, epochs=epochs)
    moments = study.moments
    assert moments[0] == 0
    assert moments[-1] == epochs
    assert len(moments) <= study.records
    assert list(moments) == sorted(set(moments))
    gaps = [b - a for a, b in itertools.pairwise(moments)]
    assert gaps[0] == 1
    assert all(later >= earlier - 1 for earlier, later in itertools.pairwise(gaps))
    if epochs >= 1500:
        assert len(moments) >= study.records - 2


def test_two_records_are_the_first_and_the_last() -> None:
    assert Study(TWO, epochs=30, records=2).moments == (0, 30)


def test_configurations_are_named_by_what_differs() -> None:
    study = Study(product({"activation": ("tanh", "relu"), "max_norm": (None, 0.8), "batch": (64,)}))
    assert list(study.named()) == ["tanh-none", "tanh-0.8", "relu-none", "relu-0.8"]
    assert [title_of(of, study.differing) for of in study.configurations][:2] == [
        "tanh, no max-norm", "tanh, max-norm 0.8",
    ]  # fmt: skip
    assert name_of(TWO[0], ()) == "tanh"
    widths = Study(product({"widths": ((3, 2), (5,)), "batch_norm": (False, True), "rate": (0.1,)}))
    assert list(widths.named()) == ["3x2-plain", "3x2-norm", "5-plain", "5-norm"]


def test_what_can_be_trained_as_one_is() -> None:
    study = Study(
        product({"activation": ("tanh", "relu"), "rate": (0.1, 0.2), "optimiser": ("adam", "sgd"), "batch": (32, 64)})
    )
    groups = list(study.ensembles())
    assert sorted(len(group) for group in groups) == [8, 8]
    assert {of for group in groups for of in group} == set(study.configurations)
    for group in groups:
        names = [of.activation for of in group]
        assert names == sorted(names), "those of one activation lie side by side"


def test_the_studies_that_come_with_wbsite() -> None:
    studies = {study.name: study for study in registry.entries("studies")}
    assert list(studies["quick"].named()) == ["tanh-none", "tanh-0.8", "relu-none", "relu-0.8", "relu-0.4"]
    assert studies["quick"].runs == 25
    assert studies["full"].runs == 15 * 20
    assert len({of.activation for of in studies["full"].configurations}) == 11
    for study in studies.values():
        assert study.epochs == 1500
        assert all(estimator(token).token == token for token in study.estimators)
    assert chosen("", "quick") is studies["quick"]
    assert chosen("full", "quick") is studies["full"]


def test_a_file_gives_every_combination(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'dataset = "digits"\nseeds = 3\nactivation = ["relu", "elu"]\nmax_norm = ["none", 1]\nwidths = [[8, 4], [6]]\n'
        'batch = 32\nrate = 0.01\nestimators = ["quantile:10"]\nsplit = "random"\n'
    )
    study = read(path)
    assert (study.name, study.dataset, study.seeds, study.split) == ("mine.toml", "digits", (0, 1, 2), "random")
    assert len(study.configurations) == 8
    assert Configuration("elu", (6,), rate=0.01, batch=32, max_norm=1.0) in study.configurations
    path.write_text("widths = [5]\nseeds = [4, 2]\n")
    assert read(path).configurations == (Configuration(widths=(5,)),)
    assert read(path).seeds == (4, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('activation = "tahn"', "Did you mean 'tanh'"),
        ('activation = ["tanh", "tanh"]', "twice"),
        ("activation = []", "empty list"),
        ("max_norm = 0", "max_norm is 0.0"),
        ("max_norm = nan", "max_norm is nan"),
        ('max_norm = "some"', "max_norm is 'some'"),
        ("rate = -1", "rate is -1.0"),
        ("batch = 0", "batch is 0"),
        ("batch = 2.5", "batch is 2.5"),
        ("widths = [0]", "widths is (0,)"),
        ("widths = []", "widths"),
        ('widths = "10"', "widths is '10'"),
        ("seeds = 0", "seeds is 0"),
        ("seeds = [-1]", "seeds has -1"),
        ("seeds = []", "without seeds"),
        ("epochs = 0", "epochs is 0"),
        ("records = 1", "records is 1"),
        ("samples = 1", "samples is 1"),
        ("max_norm = [0.8, 0.80]", "max_norm has 0.8 twice"),
        ("rate = 1e-50", "rate is 1e-50"),
        ("initial_bias = 1e300", "initial_bias is 1e+300"),
        ("seeds = [0, 4294967296]", "seeds has 4294967296"),
        ("seeds = 10000000000", "seeds is 10000000000"),
        ("epochs = 1" + 400 * "0", "epochs is 1000"),
        ("rate = 1" + 400 * "0", "rate is 1000"),
        ("epochs = " + 5000 * "1", "not valid TOML"),
        ("activation = " + 5000 * "[", "not valid TOML"),
        ('estimators = ["binning:0.07", "binning:0.070"]', "estimators has 'binning:0.07' twice"),
        ("batch_norm = 1", "batch_norm is 1"),
        ('split = "odd"', "split is 'odd'"),
        ('estimators = ["binning:0"]', "0.0 wide"),
        ('estimators = ["histogram"]', "no estimator 'histogram'"),
        ("estimators = []", "without estimators"),
        ('optimiser = "lion"', "optimiser is 'lion'"),
        ("initial_bias = inf", "initial_bias is inf"),
        ('learning_rate = "a"', "unknown key 'learning_rate'"),
        ('name = "x"', "unknown key 'name'"),
        ("configurations = []", "unknown key 'configurations'"),
        ("epochs = ", "not valid TOML"),
    ],
)
def test_a_file_that_is_no_study_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text + "\n")
    with pytest.raises(WbsiteError) as caught:
        read(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_names_that_are_no_study(tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="unknown study 'quik'"):
        chosen("quik", "quick")
    with pytest.raises(WbsiteError, match="there is no study"):
        chosen(str(tmp_path / "none.toml"), "quick")
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(WbsiteError, match="cannot be read"):
        chosen(str(tmp_path / "latin.toml"), "quick")


def test_data_lie_beside_the_file_that_names_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    for text, dataset, data in (
        ("npz:mine.npz", f"npz:{tmp_path / 'mine.npz'}", "npz:mine.npz"),
        ("harmonics:zero-mean", "harmonics:zero-mean", "harmonics:zero-mean"),
        ("harmonics:zero-mean:there.npz", f"harmonics:zero-mean:{tmp_path / 'there.npz'}", "harmonics:there.npz"),
        ("npz:", "npz:", "npz:"),
        ("npz:a <img> *b*.npz", f"npz:{tmp_path / 'a <img> *b*.npz'}", "npz:a-img-b-.npz"),
    ):
        path.write_text(f'dataset = "{text}"\n')
        assert (read(path).dataset, read(path).data) == (dataset, data)


def test_configurations_that_differ_by_little_have_names_of_their_own() -> None:
    study = Study(product({"rate": (0.0001, 0.00010000001)}))
    assert len(study.named()) == 2


def test_estimators_are_named_in_one_way(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('estimators = ["binning:0.070", "quantile:030"]\n', encoding="utf-8-sig")
    assert read(path).estimators == ("binning:0.07", "quantile:30")
