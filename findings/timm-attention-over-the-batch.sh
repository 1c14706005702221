#!/usr/bin/env bash
# timm 1.0.31, csatv2: the block that is meant to attend over positions multiplies pictures of the batch with one
# another, and adds the same numbers to every picture.
#
# Seen: SpatialTransformerBlock takes a map of one channel on a grid of 7 x 7 and has queries, keys and values of shape
# (pictures, positions), so that queries times transposed keys are (pictures, pictures), not (positions, positions). That
# this does no harm is because its layer norm over a single channel returns its bias whatever it is given: with any
# weights, what the block adds to its input is the same for every picture. As spatial attention it does nothing.
#
# wbsite finds it by comparing a batch with its pictures alone: the product has other shapes (wbsite/graph/agreement.py).
# Fails if the product no longer mixes pictures, or what is added depends on the picture.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q uv
"$folder/venv/bin/uv" pip install -q -p "$folder/venv" timm==1.0.31 torch==2.15.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import timm
import torch
from timm.models.csatv2 import SpatialTransformerBlock
from torch.overrides import TorchFunctionMode

assert timm.__version__ == "1.0.31", timm.__version__


class Products(TorchFunctionMode):
    shapes: list[tuple[int, ...]] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func.__name__ in ("matmul", "__matmul__"):
            self.shapes.append(tuple(result.shape))
        return result


torch.manual_seed(0)
block = SpatialTransformerBlock().eval()
with torch.no_grad():
    for parameter in block.parameters():
        parameter.normal_()
    pictures = torch.randn(3, 1, 7, 7)
    with Products() as products:
        added = block(pictures) - pictures
assert products.shapes[0] == (3, 3), products.shapes
assert added.abs().max() > 0.01
assert torch.allclose(added, added[:1].expand_as(added), atol=1e-5)
print(f"queries times keys of 3 pictures: {products.shapes[0]};")
print(f"added to each picture up to {added.abs().max():.2f}, the same to all within {(added - added[:1]).abs().max():.1e}")
PY
