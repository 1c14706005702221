"""Networks of the Hugging Face Hub: out of a cache in its layout, or from a server that answers as the Hub does."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from wbsite.core.errors import WbsiteError
from wbsite.core.model_input import parse
from wbsite.core.naming import is_user, library_of, model_id
from wbsite.models import load

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OLDER = "fedcba9876543210fedcba9876543210fedcba98"

Files = dict[str, bytes]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library's settings, with an empty cache of the test's own, and offline."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="wbsite[hub] is not installed")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return constants


@pytest.fixture
def cached(hub: Any, tmp_path: Path) -> Callable[..., None]:
    """Puts a repository into the cache, as huggingface_hub lays it out: cached(name, files, revision, commit)."""

    def put(name: str, files: Files, revision: str = "main", commit: str = COMMIT) -> None:
        folder = tmp_path / "hub" / f"models--{name.replace('/', '--')}"
        for number, (file, data) in enumerate(files.items()):
            blob, link = folder / "blobs" / f"{commit[:8]}{number}", folder / "snapshots" / commit / file
            for path in (blob, link):
                path.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(data)
            link.symlink_to(blob)
        (folder / "refs").mkdir(exist_ok=True)
        (folder / "refs" / revision).write_text(commit)

    return put


def state_of(net: nn.Module, seed: int = 0) -> dict[str, torch.Tensor]:
    """The network's state with random numbers for its kernels."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(value.shape, generator=generator) if value.is_floating_point() else value
        for name, value in net.state_dict().items()
    }


def saved(state: dict[str, torch.Tensor], suffix: str, folder: Path) -> bytes:
    """A file of weights."""
    from safetensors.torch import save

    if suffix == "safetensors":
        return save({name: value.contiguous() for name, value in state.items()})
    torch.save(state, folder / "saved")
    return (folder / "saved").read_bytes()


def timm_configuration(**changes: Any) -> bytes:
    """As timm's `push_to_hf_hub` writes it."""
    pretrained = {
        "input_size": [3, 96, 96], "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.1], "crop_pct": 0.75,
        "interpolation": "bicubic", "num_classes": 7, "first_conv": "conv1", "classifier": "fc",
    }  # fmt: skip
    about = {"architecture": "resnet10t", "num_classes": 7, "num_features": 512, "pretrained_cfg": pretrained}
    return json.dumps({**about, **changes}).encode()


@pytest.fixture
def small() -> nn.Module:
    timm = pytest.importorskip("timm", reason="wbsite[timm] is not installed")
    return timm.create_model("resnet10t", num_classes=7)


def test_a_name_of_the_hub_is_no_factory_of_the_users() -> None:
    assert library_of("hf:timm/resnet18.a1_in1k") == "hf"
    assert not is_user("hf:timm/resnet18.a1_in1k@main")
    assert model_id("hf:timm/resnet18.a1_in1k") == "hf-timm-resnet18-a1_in1k"


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_a_network_of_timm_out_of_the_cache(
    cached: Callable[..., None], small: nn.Module, tmp_path: Path, file: str
) -> None:
    state = state_of(small)
    weights = saved(state, file.rpartition(".")[2], tmp_path)
    cached("some/net.v1", {"config.json": timm_configuration(), file: weights, "README.md": b"#", "optimizer.bin": b""})
    model = load("hf:some/net.v1")
    for name, value in model.module.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert model.spec.title == "hf:some/net.v1"
    assert model.provenance["commit"] == COMMIT
    assert model.provenance["library"].startswith("timm ")
    assert model.provenance["source_file"] == file
    assert model.spec.note.startswith(f"Weights of the Hub, {file}. ")
    preprocess = model.spec.preprocess
    assert model.spec.input_shape == (3, 96, 96)
    assert (preprocess.resize, preprocess.mean, preprocess.interpolation) == (128, (0.5, 0.4, 0.3), "bicubic")
    assert not model.spec.assumed
    assert model.spec.build().state_dict().keys() == state.keys()
    assert load("hf:some/net.v1").digest == model.digest


def test_a_revision_is_a_branch_or_a_commit(cached: Callable[..., None], small: nn.Module, tmp_path: Path) -> None:
    states = {"main": state_of(small, 0), "older": state_of(small, 1)}
    for (revision, state), commit in zip(states.items(), (COMMIT, OLDER), strict=True):
        files = {"config.json": timm_configuration(), "model.safetensors": saved(state, "safetensors", tmp_path)}
        cached("some/net", files, revision, commit)
    for revision, name in (("", "main"), ("@older", "older"), (f"@{OLDER}", "older"), (f"@{COMMIT[:7]}", "main")):
        model = load(f"hf:some/net{revision}")
        assert torch.equal(model.module.get_parameter("fc.weight"), states[name]["fc.weight"])
        assert model.spec.title == "hf:some/net"
    with pytest.raises(WbsiteError, match="hf:some/net cannot be downloaded and is not in the Hub's cache"):
        load("hf:some/net@newer")


def test_what_the_user_says_of_the_input_counts(cached: Callable[..., None], small: nn.Module, tmp_path: Path) -> None:
    weights = saved(state_of(small), "safetensors", tmp_path)
    cached("some/net", {"config.json": timm_configuration(), "model.safetensors": weights})
    said = parse("hf:some/net", {"input": [3, 64, 80], "mean": [0.5] * 3})
    assert load("hf:some/net", said=said).spec.input_shape == (3, 64, 80)


def test_weights_that_are_not_the_networks_are_compared_with_it(cached: Callable[..., None], tmp_path: Path) -> None:
    pytest.importorskip("timm", reason="wbsite[timm] is not installed")
    weights = saved({"conv1.weight": torch.ones(2, 3, 3, 3)}, "safetensors", tmp_path)
    cached("some/net", {"config.json": timm_configuration(), "model.safetensors": weights})
    with pytest.raises(WbsiteError, match="of another network than hf:some/net"):
        load("hf:some/net")


def test_a_network_of_transformers(cached: Callable[..., None], tmp_path: Path, capsys: Any) -> None:
    """With what lies beside it about pictures, and without a word of the library's own."""
    transformers = pytest.importorskip("transformers", reason="wbsite[transformers] is not installed")
    config = transformers.ResNetConfig(
        embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], layer_type="basic", num_labels=3
    )
    config.architectures = ["ResNetForImageClassification"]
    state = state_of(transformers.ResNetForImageClassification(config))
    processor = {
        "size": {"shortest_edge": 80}, "crop_pct": 0.8, "image_mean": [0.5] * 3, "image_std": [0.25] * 3, "resample": 3,
        "do_normalize": True, "do_resize": True,
    }  # fmt: skip
    files = {
        "config.json": config.to_json_string().encode(),
        "preprocessor_config.json": json.dumps(processor).encode(),
        "model.safetensors": saved(state, "safetensors", tmp_path),
        "pytorch_model.bin": b"never opened",
        "onnx/model.onnx": b"never opened",
    }
    cached("some/resnet", files)
    model = load("hf:some/resnet")
    name = "resnet.embedder.embedder.convolution.weight"
    assert torch.equal(model.module.get_parameter(name), state[name])
    preprocess = model.spec.preprocess
    assert model.spec.input_shape == (3, 80, 80)
    assert (preprocess.resize, preprocess.mean, preprocess.std) == (100, (0.5,) * 3, (0.25,) * 3)
    assert preprocess.interpolation == "bicubic"
    assert "from its preprocessor_config.json" in model.spec.note


def test_a_network_whose_parts_transformers_renamed(cached: Callable[..., None], tmp_path: Path) -> None:
    """Files have the names that a network had when it was published."""
    transformers = pytest.importorskip("transformers", reason="wbsite[transformers] is not installed")
    config = transformers.SegformerConfig(
        num_labels=3, depths=[1, 1], hidden_sizes=[4, 8], num_attention_heads=[1, 1], num_encoder_blocks=2,
        sr_ratios=[2, 1], patch_sizes=[7, 3], strides=[4, 2], mlp_ratios=[2, 2], image_size=32,
    )  # fmt: skip
    net = transformers.SegformerForImageClassification(config)
    net.save_pretrained(tmp_path / "saved")
    files = {path.name: path.read_bytes() for path in (tmp_path / "saved").iterdir()}
    cached("some/segformer", files)
    model = load("hf:some/segformer")
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in model.module.state_dict().items())
    if "segformer.encoder.patch_embeddings.0.proj.weight" in str(files["model.safetensors"]):
        assert "under the names that transformers" in model.spec.note
    from safetensors.torch import load as read
    from safetensors.torch import save

    less = read(files["model.safetensors"])
    del less["classifier.bias"]
    cached("some/less", {**files, "model.safetensors": save(less, metadata={"format": "pt"})}, commit=OLDER)
    with pytest.raises(WbsiteError, match=r"does not hold the weights of hf:some/less|no parameter in it belongs"):
        load("hf:some/less")


CALLED = """
import pathlib
pathlib.Path("called").touch()
"""


@pytest.mark.parametrize("known", ["transformers", ""])
def test_code_in_a_repository_is_not_run(
    cached: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    if known:
        pytest.importorskip("transformers", reason="wbsite[transformers] is not installed")
    else:
        monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.chdir(tmp_path)
    config = {"architectures": ["OwnNet"], "auto_map": {"AutoModel": "modeling.OwnNet"}, "model_type": "own"}
    weights = saved({"conv.weight": torch.ones(2, 3, 3, 3)}, "safetensors", tmp_path)
    files = {"config.json": json.dumps(config).encode(), "modeling.py": CALLED.encode(), "model.safetensors": weights}
    cached("some/own", files)
    with pytest.raises(WbsiteError) as caught:
        load("hf:some/own")
    if known:
        assert "is a OwnNet, which transformers" in caught.value.message
        assert "its code lies in the repository and is not run" in caught.value.message
        assert "hf:some/own/FILE" in caught.value.hint
    else:
        expected = "transformers is not installed, which hf:some/own, a network of transformers (OwnNet), needs."
        assert caught.value.message == expected
        assert caught.value.hint == "Run pip install 'wbsite[transformers]'."
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize("name", ["Trainer", "torch", "PreTrainedModel", "", 3])
def test_a_name_that_is_no_network_of_transformers(cached: Callable[..., None], tmp_path: Path, name: object) -> None:
    pytest.importorskip("transformers", reason="wbsite[transformers] is not installed")
    weights = saved({"conv.weight": torch.ones(2, 3, 3, 3)}, "safetensors", tmp_path)
    cached("some/own", {"config.json": json.dumps({"architectures": [name]}).encode(), "model.safetensors": weights})
    with pytest.raises(WbsiteError, match=r"some/own (is a .*does not have|names cannot be made)"):
        load("hf:some/own")


def test_a_pickle_that_calls_for_code_is_refused(cached: Callable[..., None], small: nn.Module, tmp_path: Path) -> None:
    class Caller:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "called",))

    torch.save({**small.state_dict(), "x": Caller()}, tmp_path / "bad.bin")
    cached("some/net", {"config.json": timm_configuration(), "pytorch_model.bin": (tmp_path / "bad.bin").read_bytes()})
    with pytest.raises(WbsiteError, match="refused"):
        load("hf:some/net")
    assert not (tmp_path / "called").exists()


@pytest.fixture
def onnx_file(tmp_path: Path) -> bytes:
    onnx = pytest.importorskip("onnx", reason="wbsite[formats] is not installed")
    make, tensor = onnx.helper, onnx.TensorProto.FLOAT
    kernel = make.make_tensor("w", tensor, (4, 3, 3, 3), torch.rand(108).tolist())
    graph = make.make_graph(
        [make.make_node("Conv", ["x", "w"], ["y"], name="conv")], "net",
        [make.make_tensor_value_info("x", tensor, (1, 3, 16, 16))],
        [make.make_tensor_value_info("y", tensor, (1, 4, 14, 14))], [kernel],
    )  # fmt: skip
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def test_a_file_of_onnx_is_a_network(cached: Callable[..., None], onnx_file: bytes, tmp_path: Path) -> None:
    weights = saved({"conv.weight": torch.ones(2, 3, 3, 3)}, "pth", tmp_path)
    cached("some/exported", {"sub/model.onnx": onnx_file, "sub/model_int8.onnx": b"", "checkpoint.pth": weights})
    for token in ("hf:some/exported", "hf:some/exported/sub/model.onnx"):
        model = load(token)
        assert model.spec.title == token
        assert model.spec.input_shape == (3, 16, 16)
        assert model.provenance["repository"] == "hf:some/exported"
        assert model.provenance["source_file"] == "model.onnx"


def test_weights_in_several_files_are_joined(cached: Callable[..., None], small: nn.Module, tmp_path: Path) -> None:
    state = state_of(small)
    names = list(state)
    pieces = {"model-00001-of-00002.safetensors": names[:9], "model-00002-of-00002.safetensors": names[9:]}
    places = {name: file for file, held in pieces.items() for name in held}
    files = {
        file: saved({name: state[name] for name in held}, "safetensors", tmp_path) for file, held in pieces.items()
    }
    files["model.safetensors.index.json"] = json.dumps({"weight_map": places}).encode()
    cached("some/large", {"config.json": timm_configuration(), **files})
    model = load("hf:some/large")
    for name, value in model.module.state_dict().items():
        assert torch.equal(value, state[name]), name
    cached("some/alone", files)
    alone = load("hf:some/alone")
    assert alone.alone
    assert torch.equal(alone.module.kernels["conv1.0"].weight, state["conv1.0.weight"])  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        (["README.md", "config.json"], "holds no weights that wbsite reads; it holds README.md, config.json", "FILE"),
        (["a.pth", "b.pth"], "holds several files of weights: a.pth, b.pth.", "hf:u/r/a.pth"),
    ],
)
def test_what_cannot_be_chosen_is_listed(
    cached: Callable[..., None], files: list[str], message: str, hint: str
) -> None:
    cached("u/r", dict.fromkeys(files, b"{}"))
    with pytest.raises(WbsiteError) as caught:
        load("hf:u/r")
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_file_that_is_not_there_and_names_that_are_none(
    cached: Callable[..., None], hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached("u/r", {"model.pth": b"", "config.json": b"{}"})
    with pytest.raises(WbsiteError, match=r"unknown file in hf:u/r 'modle.pth'") as caught:
        load("hf:u/r/modle.pth")
    assert "'model.pth'" in caught.value.hint
    for token in ("hf:", "hf:resnet", "hf:/r", "hf:u/r/", "hf:u r/x"):
        with pytest.raises(WbsiteError, match="names no repository of the Hub") as caught:
            load(token)
        assert "hf:USER/REPO" in caught.value.hint
    for text in (b"{", b"[]", b"\xff"):
        cached("u/bad", {"config.json": text, "model.pth": b""}, commit=OLDER.replace("f", f"{text[0] % 10}"))
        with pytest.raises(WbsiteError, match=r"config.json (is no JSON|holds a list)"):
            load("hf:u/bad")


def test_an_unknown_architecture_of_timm(cached: Callable[..., None], small: nn.Module, tmp_path: Path) -> None:
    weights = saved(state_of(small), "safetensors", tmp_path)
    cached("u/r", {"config.json": timm_configuration(architecture="resnet10tt"), "model.safetensors": weights})
    with pytest.raises(WbsiteError, match=r"unknown network of timm in config\.json of hf:u/r 'resnet10tt'") as caught:
        load("hf:u/r")
    assert "'resnet10t'" in caught.value.hint
    changed = timm_configuration(model_args={"no_such_option": 1})
    cached("u/s", {"config.json": changed, "model.safetensors": weights})
    with pytest.raises(WbsiteError, match=r"config.json of hf:u/s names cannot be made: .*no_such_option") as caught:
        load("hf:u/s")
    assert "hf:u/s/model.safetensors" in caught.value.hint


def test_without_the_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(WbsiteError, match="huggingface_hub is not installed") as caught:
        load("hf:timm/resnet18.a1_in1k")
    assert caught.value.hint == "Run pip install 'wbsite[hub]'."


@pytest.fixture
def server(hub: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Files]:
    """The files of `u/r` on a server that answers as the Hub does; `u/gated` and others are refused."""
    files: Files = {}

    class Answers(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            path = self.path.partition("?")[0]
            headers, data, status = {}, b"", 200
            if path.startswith("/api/models/u/r"):
                if path.endswith("/revision/none"):
                    headers, status = {"X-Error-Code": "RevisionNotFound"}, 404
                names = [{"rfilename": name} for name in files]
                data = json.dumps({"id": "u/r", "modelId": "u/r", "sha": COMMIT, "siblings": names}).encode()
            elif path.startswith("/u/r/resolve/main/"):
                data = files[path.removeprefix("/u/r/resolve/main/")]
                headers = {"ETag": f'"{hash(data):x}"', "X-Repo-Commit": COMMIT}
            elif "/u/gated" in path:
                headers, status = {"X-Error-Code": "GatedRepo"}, 403
            else:
                headers, status = {"X-Error-Code": "RepoNotFound"}, 401
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(data)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        do_GET = do_HEAD = _answer

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        monkeypatch.setattr(hub, "HF_HUB_OFFLINE", False)
        address = f"http://127.0.0.1:{served.server_port}"
        monkeypatch.setattr(
            hub, "HUGGINGFACE_CO_URL_TEMPLATE", hub.HUGGINGFACE_CO_URL_TEMPLATE.replace(hub.ENDPOINT, address)
        )
        monkeypatch.setattr(hub, "ENDPOINT", address)
        yield files
        served.shutdown()


def test_what_the_cache_lacks_is_downloaded_and_found_there_afterwards(
    server: Files, hub: Any, small: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = state_of(small)
    server |= {"config.json": timm_configuration(), "model.safetensors": saved(state, "safetensors", tmp_path)}
    server |= {"large.msgpack": b"not asked for"}
    model = load("hf:u/r")
    assert torch.equal(model.module.get_parameter("fc.weight"), state["fc.weight"])
    assert model.provenance["commit"] == COMMIT
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    server.clear()
    assert load("hf:u/r").digest == model.digest
    assert not list(tmp_path.rglob("large.msgpack"))


@pytest.mark.parametrize(
    ("token", "message", "hint"),
    [
        ("hf:u/gated", "hf:u/gated is given only to those who accept its conditions", "hf auth login"),
        ("hf:u/unknown", "the Hub has no repository u/unknown, or keeps it private", "hf auth login"),
        ("hf:u/r@none", "hf:u/r has no revision 'none'", "branch"),
        ("hf:u/r", "hf:u/r holds no weights that wbsite reads; it holds nothing.", "hf:USER/REPO/FILE"),
    ],
)
def test_what_the_hub_refuses(server: Files, token: str, message: str, hint: str) -> None:
    with pytest.raises(WbsiteError) as caught:
        load(token)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_the_hub_cannot_be_reached(cached: Callable[..., None], small: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(WbsiteError, match="hf:u/r cannot be downloaded and is not in the Hub's cache: ") as caught:
        load("hf:u/r")
    assert "where there is a network" in caught.value.hint
    cached("u/r", {"config.json": timm_configuration()})
    with pytest.raises(WbsiteError, match=r"it holds config.json in the Hub's cache, and the Hub cannot be reached \("):
        load("hf:u/r")


def test_its_layers_are_listed(
    cached: Callable[..., None], small: nn.Module, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    weights = saved(state_of(small), "safetensors", tmp_path)
    cached("u/r", {"config.json": timm_configuration(), "model.safetensors": weights})
    ran = cli("list", "layers", "hf:u/r@main")
    assert ran.status == 0, ran.err
    assert "×3×3×3\tfrom input" in ran.out
    assert "No such file" not in ran.err
