"""Canonical weights files: what is written is what is read, and nothing else is ever taken for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from wbsite.core.errors import WbsiteError
from wbsite.models import load, resolve, weights
from wbsite.models.convert import convert
from wbsite.models.verify import targets, verify_file

State = dict[str, torch.Tensor]


def npz(path: Path, state: State, dtype: type = np.float16, **changed: np.ndarray | None) -> Path:
    """A state with Caffe-like names as .npz, with some arrays replaced (None: left out)."""
    arrays = {key: value.numpy().astype(dtype) for key, value in state.items() if value.is_floating_point()}
    arrays |= {key.replace("__", "."): value for key, value in changed.items() if value is not None}
    for key in (key.replace("__", ".") for key, value in changed.items() if value is None):
        del arrays[key]
    np.savez(path, **arrays)
    return path


def test_conversion_keeps_every_value_and_turns_bgr_to_rgb(tmp_path: Path, tiny_state: State) -> None:
    path = convert(npz(tmp_path / "net.npz", tiny_state), "tiny", None, tmp_path / "out")
    assert path.name == "tiny-narrow.safetensors"
    stored = load_file(path)
    assert {value.dtype for value in stored.values()} == {torch.float16}
    assert "norm.num_batches_tracked" not in stored
    np.testing.assert_array_equal(stored["conv1.weight"].numpy(), tiny_state["conv1.weight"].half().numpy()[:, ::-1])
    np.testing.assert_array_equal(stored["conv2.weight"].numpy(), tiny_state["conv2.weight"].half().numpy())
    record = weights.read_provenance(path)
    assert (record["model"], record["weights"]) == ("tiny", "narrow")
    assert (record["channel_order"], record["flipped"]) == ("BGR", "conv1.weight")
    assert (record["source_file"], record["source_format"], record["source_url"]) == (
        "net.npz",
        "npz (Caffe names)",
        None,
    )
    assert record["source_digest"].startswith("sha256:")
    assert record["missing"] == []
    model = load("tiny", weights_dir=tmp_path / "out")
    assert not model.module.training
    assert not any(parameter.requires_grad for parameter in model.module.parameters())
    assert {parameter.dtype for parameter in model.module.parameters()} == {torch.float32}
    assert torch.equal(model.module.get_parameter("conv1.weight"), stored["conv1.weight"].float())
    assert model.digest == weights.digest(path)


def test_float32_that_half_precision_would_change_stays_float32(tmp_path: Path, tiny_state: State) -> None:
    torch.save(tiny_state, tmp_path / "net.pth")
    path = convert(tmp_path / "net.pth", "tiny", "narrow", tmp_path)
    stored = load_file(path)
    assert stored["conv1.weight"].dtype == torch.float32
    assert torch.equal(stored["conv1.weight"], tiny_state["conv1.weight"])
    assert weights.read_provenance(path)["channel_order"] == "RGB"
    assert weights.read_provenance(path)["flipped"] is None


def test_the_same_conversion_gives_the_same_bytes(tmp_path: Path, tiny_state: State) -> None:
    source = npz(tmp_path / "net.npz", tiny_state)
    first = convert(source, "tiny", "narrow", tmp_path / "a").read_bytes()
    assert convert(source, "tiny", "narrow", tmp_path / "b").read_bytes() == first
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "tiny-narrow.safetensors"]


def test_a_canonical_file_converts_to_itself(tmp_path: Path, tiny_state: State) -> None:
    first = convert(npz(tmp_path / "net.npz", tiny_state), "tiny", "narrow", tmp_path / "a")
    second = convert(first, "tiny", None, tmp_path / "b")
    assert second.read_bytes() == first.read_bytes()
    with pytest.raises(WbsiteError, match="holds the weights 'narrow' of tiny; expected 'wide' of tiny") as caught:
        convert(first, "tiny", "wide", tmp_path / "b")
    assert caught.value.hint == "Give --model tiny --weights narrow."


def test_the_label_is_found_from_the_shapes(tmp_path: Path, tiny: Callable[..., None]) -> None:
    wide = weights.candidates("tiny", "wide")[0].build().state_dict()
    assert convert(npz(tmp_path / "net.npz", wide), "tiny", None, tmp_path).name == "tiny-wide.safetensors"
    model = load("tiny", weights_dir=tmp_path)
    assert model.spec.weights == "wide", "the only file there is must be taken, though another label is the default"


def test_a_source_without_head_loads_with_the_head_unknown(tmp_path: Path, tiny_state: State) -> None:
    source = npz(tmp_path / "net.npz", tiny_state, fc__weight=None, fc__bias=None)
    convert(source, "tiny", "narrow", tmp_path)
    model = load("tiny", weights_dir=tmp_path)
    assert model.missing == ("fc.weight", "fc.bias")
    assert torch.isnan(model.module.get_parameter("fc.weight")).all()
    assert torch.isfinite(model.module.get_parameter("conv2.weight")).all()
    assert torch.isnan(model.module(torch.zeros(1, 3, 8, 8))).all()


def test_too_little_of_a_network_is_another_network(tmp_path: Path, tiny_state: State) -> None:
    source = npz(tmp_path / "net.npz", tiny_state, conv1__weight=None)
    with pytest.raises(WbsiteError) as caught:
        convert(source, "tiny", "narrow", tmp_path)
    assert "holds weights of another network than tiny@narrow, or too little of it" in caught.value.message
    assert "1 of 2 convolutions, without the first" in caught.value.message
    assert "--model" in caught.value.hint
    assert not (tmp_path / "tiny-narrow.safetensors").exists()


def test_unexpected_parameters_are_named(tmp_path: Path, tiny_state: State) -> None:
    source = npz(tmp_path / "net.npz", tiny_state, extra__weight=np.ones(3, np.float32))
    with pytest.raises(WbsiteError, match=r"another network than tiny@narrow.*unexpected: extra\.weight"):
        convert(source, "tiny", None, tmp_path)


def test_a_wrong_shape_names_the_parameter_and_both_shapes(tmp_path: Path, tiny_state: State) -> None:
    source = npz(tmp_path / "net.npz", tiny_state, conv2__weight=np.ones((4, 4, 5, 5), np.float32))
    with pytest.raises(WbsiteError) as caught:
        convert(source, "tiny", "narrow", tmp_path)
    assert "conv2.weight in " in caught.value.message
    assert "has the shape (4, 4, 5, 5); tiny@narrow has (4, 4, 3, 3)" in caught.value.message
    assert "--model" in caught.value.hint


def test_nan_and_infinity_are_refused_at_conversion(tmp_path: Path, tiny_state: State) -> None:
    source = npz(tmp_path / "net.npz", tiny_state, conv2__bias=np.array([0, np.nan, np.inf, 0], np.float32))
    with pytest.raises(WbsiteError) as caught:
        convert(source, "tiny", "narrow", tmp_path)
    assert "conv2.bias in " in caught.value.message
    assert "has 2 of 4 values that are NaN or infinite" in caught.value.message
    assert "earlier checkpoint" in caught.value.hint


@pytest.fixture
def canonical(tmp_path: Path, tiny_state: State) -> Path:
    """A good canonical file of tiny@narrow, alone in its folder."""
    return convert(npz(tmp_path / "net.npz", tiny_state), "tiny", "narrow", tmp_path / "weights")


def refused(path: Path) -> WbsiteError:
    """What loading tiny from this file's folder says."""
    with pytest.raises(WbsiteError) as caught:
        load("tiny", weights_dir=path.parent)
    return caught.value


@pytest.mark.parametrize("keep", [0, 5, 40, 900, -1])
def test_a_truncated_file_is_refused(canonical: Path, keep: int) -> None:
    canonical.write_bytes(canonical.read_bytes()[:keep])
    error = refused(canonical)
    assert "is truncated" in error.message
    assert "`wbsite weights convert`" in error.hint


def test_a_flipped_bit_is_noticed(canonical: Path) -> None:
    damaged = bytearray(canonical.read_bytes())
    damaged[-1] ^= 1
    canonical.write_bytes(damaged)
    assert "is damaged: its weights have the digest sha256:" in refused(canonical).message
    with pytest.raises(WbsiteError, match="is damaged"):
        verify_file(canonical)


def test_no_damage_is_laundered_by_converting(canonical: Path, tmp_path: Path) -> None:
    """What verify refuses is not written anew with a right digest: bits all over the header, some of the data."""
    whole, state = canonical.read_bytes(), load_file(canonical)
    data = 8 + int.from_bytes(whole[:8], "little")
    for place in (*range(8, data), data, (data + len(whole)) // 2, len(whole) - 1):
        canonical.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        try:
            verify_file(canonical)
        except WbsiteError:
            pass
        else:  # spaces beside the header's text, or the name of a digest, which then is not there
            assert load_file(canonical).keys() == state.keys()
            continue
        try:
            made = convert(canonical, "tiny", "narrow", tmp_path / "out")
        except WbsiteError:
            continue
        # The record is gone, with the name under which it lies; what is written says nothing of it.
        assert b"wbsite" not in canonical.read_bytes()[:data] or b"metadata" not in canonical.read_bytes()[:data]
        assert all(torch.equal(value, state[name]) for name, value in load_file(made).items())


def rewrite(path: Path, keep_record: bool = True, **changed: torch.Tensor | None) -> None:
    """Replaces tensors of a canonical file behind wbsite's back, as another program would."""
    state = load_file(path) | {key.replace("__", "."): value for key, value in changed.items() if value is not None}
    for key in (key.replace("__", ".") for key, value in changed.items() if value is None):
        del state[key]
    record = {key: value for key, value in weights.read_provenance(path).items() if key != "data_digest"}
    save_file(state, path, {"wbsite": json.dumps(record)} if keep_record else None)


@pytest.mark.parametrize("keep_record", [True, False])
def test_what_does_not_fit_the_network_is_refused_on_loading(canonical: Path, keep_record: bool) -> None:
    good = canonical.read_bytes()
    for change, message in (
        ({"conv2__weight": torch.ones(4, 4, 1, 1)}, "has the shape (4, 4, 1, 1); tiny has (4, 4, 3, 3)"),
        ({"conv2__bias": torch.full((4,), torch.nan)}, "has 4 of 4 values that are NaN or infinite"),
        ({"other__weight": torch.ones(2)}, "not every parameter in it belongs there (unexpected: other.weight)"),
        ({"fc__weight": None, "fc__bias": None}, "lacks 2 parameters of tiny (fc.weight, fc.bias)"),
    ):
        canonical.write_bytes(good)
        rewrite(canonical, keep_record, **change)
        error = refused(canonical)
        assert message in error.message
        assert str(canonical) in error.message
        assert error.hint


def test_a_file_of_another_network_is_refused_by_its_record(canonical: Path) -> None:
    other = canonical.with_name("simplified_32-cifar10.safetensors")
    canonical.rename(other)
    with pytest.raises(WbsiteError) as caught:
        load("simplified_32", weights_dir=other.parent)
    assert "holds the weights 'narrow' of tiny; expected 'cifar10' of simplified_32" in caught.value.message
    assert "call it tiny-narrow.safetensors again" in caught.value.hint


def test_half_precision_on_request_for_trained_checkpoints(tmp_path: Path, tiny_state: State) -> None:
    (spec,) = weights.candidates("tiny", "narrow")
    path = tmp_path / weights.file_name(spec)
    training = {"command": "wbsite train tiny", "seed": 3}
    digest = weights.write_checkpoint(tiny_state, spec, {"training": training}, path, torch.float16)
    assert weights.digest(path) == digest
    assert weights.read_provenance(path)["training"] == training
    model = load("tiny@narrow", weights_dir=tmp_path)
    assert model.provenance["training"] == training
    assert torch.equal(model.module.get_parameter("conv1.weight"), tiny_state["conv1.weight"].half().float())
    with safe_open(path, "pt") as file:
        assert set(file.metadata()) == {"wbsite"}


def test_where_weights_are_looked_for(
    canonical: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny: Callable[..., None]
) -> None:
    assert weights.cache_folder() == tmp_path / "cache"
    with pytest.raises(WbsiteError, match="the weights 'narrow' of tiny are not on this machine"):
        resolve("tiny")
    cached = weights.weights_cache() / canonical.name
    cached.parent.mkdir(parents=True)
    cached.write_bytes(canonical.read_bytes())
    assert resolve("tiny")[1] == cached
    assert resolve("tiny", weights_dir=canonical.parent)[1] == canonical
    assert resolve("tiny@narrow")[0].weights == "narrow"
    assert targets("tiny") == [cached]
    assert cached in targets(None)
    assert "tiny@narrow, 10 tensors, sha256 " in verify_file(cached)
    monkeypatch.delenv("WBSITE_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weights.cache_folder() == tmp_path / "xdg" / "wbsite"


def test_unknown_names_get_the_nearest(tmp_path: Path, tiny: Callable[..., None]) -> None:
    with pytest.raises(WbsiteError) as caught:
        load("inceptionv2")
    assert caught.value.message == "unknown model 'inceptionv2'."
    assert "'inceptionv1'" in caught.value.hint
    with pytest.raises(WbsiteError, match="unknown weights of tiny 'narow'") as caught:
        load("tiny", "narow")
    assert "'narrow'" in caught.value.hint
    with pytest.raises(WbsiteError, match="'narrow' and 'wide' are both asked for"):
        load("tiny@narrow", "wide")
    with pytest.raises(WbsiteError, match="there is no folder of weights") as caught:
        load("tiny", weights_dir=tmp_path / "absent")
    assert "--out DIR" in caught.value.hint


def test_a_full_disk_or_forbidden_folder_is_one_message(tmp_path: Path, tiny_state: State) -> None:
    source = npz(tmp_path / "net.npz", tiny_state)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WbsiteError, match="cannot be written") as caught:
        convert(source, "tiny", "narrow", tmp_path / "file" / "out")
    assert caught.value.hint == "Give a folder you may write to."


def test_provenance_and_digest_are_read_without_torch(canonical: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from wbsite.models import weights; p = Path(sys.argv[1]); "
        "print(weights.read_provenance(p)['model'], weights.digest(p)); assert 'torch' not in sys.modules"
    )
    out = subprocess.run([sys.executable, "-c", program, str(canonical)], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["tiny", weights.digest(canonical)]
