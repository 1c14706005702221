"""Networks in files whose calls make values of gigabytes, or never end."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from .base import kind


def _loaded(path: Path, number: int) -> None:
    from wbsite.models.user import load_file

    load_file(str(path))


def _scripted(path: Path, body: str) -> None:
    import torch
    from torch import nn

    scripted = torch.jit.script(nn.Conv2d(3, 4, 3).eval())
    torch.jit.save(scripted, path)
    with zipfile.ZipFile(path) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist()]
    with zipfile.ZipFile(path, "w") as archive:
        for entry, data in entries:
            if entry.filename.endswith("modules/conv.py"):
                text = data.decode()
                start = text.index("def forward")
                begin = text.index("\n", text.index("-> Tensor", start)) + 1
                data = (text[:begin] + body).encode()
            if not entry.filename.endswith(".debug_pkl"):
                archive.writestr(entry.filename, data)


SCRIPTS = {
    "repeat": "    return torch.repeat(input, [100000, 100, 100, 1])\n",
    "repeat_often": "    x = torch.repeat(input, [1, 40, 8, 8])\n    return torch.repeat(x, [1, 40, 8, 8])\n",
    "expand": "    x = torch.expand(torch.zeros([1, 1]), [100000, 100000])\n    return torch.add(x, x)\n",
    "pad": "    return torch.constant_pad_nd(input, [100000, 100000, 100000, 100000], 0)\n",
    "zeros": "    return torch.zeros([100000, 100000])\n",
    "upsample": "    return torch.upsample_nearest2d(input, [100000, 100000], None)\n",
    "calls_itself": "    return (self).forward(input, )\n",
}


def _script_kinds() -> None:
    for name, body in SCRIPTS.items():

        def write(path: Path, body: str = body) -> None:
            _scripted(path, body)

        write.__name__ = f"a_script_that_{name}"
        kind("torchscript", "net.ts", _loaded)(write)


_script_kinds()


def _onnx(path: Path, *nodes: Any, **constants: Any) -> None:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    weight = np.zeros((4, 3, 3, 3), np.float32)
    conv = helper.make_node("Conv", ["x", "w"], ["c"], name="conv")
    arrays = [numpy_helper.from_array(np.asarray(value), name) for name, value in {"w": weight, **constants}.items()]
    graph = helper.make_graph(
        [conv, *nodes],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        arrays,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    path.write_bytes(model.SerializeToString())


@kind("onnx", "net.onnx", _loaded)
def a_tile_of_gigabytes(path: Path) -> None:
    import numpy as np
    from onnx import helper

    _onnx(path, helper.make_node("Tile", ["c", "r"], ["y"]), r=np.array([1, 1000, 1000, 10]))


@kind("onnx", "net.onnx", _loaded)
def a_constant_of_gigabytes(path: Path) -> None:
    import numpy as np
    from onnx import helper

    shaped = helper.make_node("ConstantOfShape", ["r"], ["z"])
    _onnx(path, shaped, helper.make_node("Add", ["c", "z"], ["y"]), r=np.array([1, 4, 60_000, 60_000]))


@kind("onnx", "net.onnx", _loaded)
def a_range_of_gigabytes(path: Path) -> None:
    import numpy as np
    from onnx import helper

    ranged = helper.make_node("Range", ["a", "b", "d"], ["y"])
    _onnx(path, ranged, a=np.int64(0), b=np.int64(1 << 40), d=np.int64(1))


@kind("onnx", "net.onnx", _loaded)
def a_resize_to_gigabytes(path: Path) -> None:
    import numpy as np
    from onnx import helper

    resized = helper.make_node("Resize", ["c", "", "", "r"], ["y"], mode="nearest")
    _onnx(path, resized, r=np.array([1, 4, 100_000, 100_000]))


@kind("onnx", "net.onnx")
def a_tensor_of_a_shape_of_terabytes(path: Path) -> None:
    from onnx import TensorProto, helper

    _onnx(path)
    import onnx

    model = onnx.ModelProto.FromString(path.read_bytes())
    model.graph.initializer[0].CopyFrom(TensorProto(name="w", dims=[1 << 20, 1 << 20, 3, 3], data_type=1, raw_data=b""))
    path.write_bytes(model.SerializeToString())
    del helper
