"""torchvision's convolutional classification networks under their own names, with torchvision's weights.

What torchvision publishes is listed here once more, since importing torchvision takes seconds; a test compares the
two. Transformers (ViT, Swin, MaxViT) are not convolutional, or only in part, and are left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from wbsite.models.base import ModelSpec, Preprocess, Source, lazily

if TYPE_CHECKING:
    import torch

ADDRESS = "https://download.pytorch.org/models"
NETWORK = "wbsite.models.networks.torchvision_cnns:build"


class Published(NamedTuple):
    """A network with the first weights that torchvision published of it, those the literature analyses.

    Attributes:
        name: torchvision's.
        file: of the weights; its name ends with the first digits of its SHA-256.
        resize, crop: shorter side of the resized picture and side of the square cut out of it, in pixels.
        interpolation: of the resizing.
        mean, std: of red, green and blue, in values of 0 to 1.
        label: torchvision's name of the weights.
    """

    name: str
    file: str
    resize: int = 256
    crop: int = 224
    interpolation: str = "bilinear"
    mean: tuple[float, ...] = Preprocess.mean
    std: tuple[float, ...] = Preprocess.std
    label: str = "IMAGENET1K_V1"


PUBLISHED = (
    Published("alexnet", "alexnet-owt-7be5be79.pth"),
    Published("convnext_base", "convnext_base-6075fbad.pth", 232),
    Published("convnext_large", "convnext_large-ea097f82.pth", 232),
    Published("convnext_small", "convnext_small-0c510722.pth", 230),
    Published("convnext_tiny", "convnext_tiny-983f1562.pth", 236),
    Published("densenet121", "densenet121-a639ec97.pth"),
    Published("densenet161", "densenet161-8d451a50.pth"),
    Published("densenet169", "densenet169-b2777c0a.pth"),
    Published("densenet201", "densenet201-c1103571.pth"),
    Published("efficientnet_b0", "efficientnet_b0_rwightman-7f5810bc.pth", interpolation="bicubic"),
    Published("efficientnet_b1", "efficientnet_b1_rwightman-bac287d4.pth", 256, 240, interpolation="bicubic"),
    Published("efficientnet_b2", "efficientnet_b2_rwightman-c35c1473.pth", 288, 288, interpolation="bicubic"),
    Published("efficientnet_b3", "efficientnet_b3_rwightman-b3899882.pth", 320, 300, interpolation="bicubic"),
    Published("efficientnet_b4", "efficientnet_b4_rwightman-23ab8bcd.pth", 384, 380, interpolation="bicubic"),
    Published("efficientnet_b5", "efficientnet_b5_lukemelas-1a07897c.pth", 456, 456, interpolation="bicubic"),
    Published("efficientnet_b6", "efficientnet_b6_lukemelas-24a108a5.pth", 528, 528, interpolation="bicubic"),
    Published("efficientnet_b7", "efficientnet_b7_lukemelas-c5b4e57e.pth", 600, 600, interpolation="bicubic"),
    Published(
        "efficientnet_v2_l",
        "efficientnet_v2_l-59c71312.pth",
        480,
        480,
        interpolation="bicubic",
        mean=(0.5,) * 3,
        std=(0.5,) * 3,
    ),
    Published("efficientnet_v2_m", "efficientnet_v2_m-dc08266a.pth", 480, 480),
    Published("efficientnet_v2_s", "efficientnet_v2_s-dd5fe13b.pth", 384, 384),
    Published("googlenet", "googlenet-1378be20.pth"),
    Published("inception_v3", "inception_v3_google-0cc3c7bd.pth", 342, 299),
    Published("mnasnet0_5", "mnasnet0.5_top1_67.823-3ffadce67e.pth"),
    Published("mnasnet0_75", "mnasnet0_75-7090bc5f.pth", 232),
    Published("mnasnet1_0", "mnasnet1.0_top1_73.512-f206786ef8.pth"),
    Published("mnasnet1_3", "mnasnet1_3-a4c69d6f.pth", 232),
    Published("mobilenet_v2", "mobilenet_v2-b0353104.pth"),
    Published("mobilenet_v3_large", "mobilenet_v3_large-8738ca79.pth"),
    Published("mobilenet_v3_small", "mobilenet_v3_small-047dcff4.pth"),
    Published("regnet_x_16gf", "regnet_x_16gf-2007eb11.pth"),
    Published("regnet_x_1_6gf", "regnet_x_1_6gf-e3633e7f.pth"),
    Published("regnet_x_32gf", "regnet_x_32gf-9d47f8d0.pth"),
    Published("regnet_x_3_2gf", "regnet_x_3_2gf-f342aeae.pth"),
    Published("regnet_x_400mf", "regnet_x_400mf-adf1edd5.pth"),
    Published("regnet_x_800mf", "regnet_x_800mf-ad17e45c.pth"),
    Published("regnet_x_8gf", "regnet_x_8gf-03ceed89.pth"),
    Published(
        "regnet_y_128gf",
        "regnet_y_128gf_swag-c8ce3e52.pth",
        384,
        384,
        interpolation="bicubic",
        label="IMAGENET1K_SWAG_E2E_V1",
    ),
    Published("regnet_y_16gf", "regnet_y_16gf-9e6ed7dd.pth"),
    Published("regnet_y_1_6gf", "regnet_y_1_6gf-b11a554e.pth"),
    Published("regnet_y_32gf", "regnet_y_32gf-4dee3f7a.pth"),
    Published("regnet_y_3_2gf", "regnet_y_3_2gf-b5a9779c.pth"),
    Published("regnet_y_400mf", "regnet_y_400mf-c65dace8.pth"),
    Published("regnet_y_800mf", "regnet_y_800mf-1b27b58c.pth"),
    Published("regnet_y_8gf", "regnet_y_8gf-d0d0e4a8.pth"),
    Published("resnet101", "resnet101-63fe2227.pth"),
    Published("resnet152", "resnet152-394f9c45.pth"),
    Published("resnet18", "resnet18-f37072fd.pth"),
    Published("resnet34", "resnet34-b627a593.pth"),
    Published("resnet50", "resnet50-0676ba61.pth"),
    Published("resnext101_32x8d", "resnext101_32x8d-8ba56ff5.pth"),
    Published("resnext101_64x4d", "resnext101_64x4d-173b62eb.pth", 232),
    Published("resnext50_32x4d", "resnext50_32x4d-7cdf4587.pth"),
    Published("shufflenet_v2_x0_5", "shufflenetv2_x0.5-f707e7126e.pth"),
    Published("shufflenet_v2_x1_0", "shufflenetv2_x1-5666bf0f80.pth"),
    Published("shufflenet_v2_x1_5", "shufflenetv2_x1_5-3c479a10.pth", 232),
    Published("shufflenet_v2_x2_0", "shufflenetv2_x2_0-8be3c8ee.pth", 232),
    Published("squeezenet1_0", "squeezenet1_0-b66bff10.pth"),
    Published("squeezenet1_1", "squeezenet1_1-b8a52dc0.pth"),
    Published("vgg11", "vgg11-8a719046.pth"),
    Published("vgg11_bn", "vgg11_bn-6002323d.pth"),
    Published("vgg13", "vgg13-19584684.pth"),
    Published("vgg13_bn", "vgg13_bn-abd245e5.pth"),
    Published("vgg16", "vgg16-397923af.pth"),
    Published("vgg16_bn", "vgg16_bn-6c64b313.pth"),
    Published("vgg19", "vgg19-dcbb9e9d.pth"),
    Published("vgg19_bn", "vgg19_bn-c79401a0.pth"),
    Published("wide_resnet101_2", "wide_resnet101_2-32ee1156.pth"),
    Published("wide_resnet50_2", "wide_resnet50_2-95faca4d.pth"),
)
"""In torchvision's order."""

FAMILIES = (
    (r"alexnet", "AlexNet (one tower)", "krizhevsky2014one"),
    (r"convnext_(\w+)", "ConvNeXt-{}", "liu2022convnet"),
    (r"densenet(\d+)", "DenseNet-{}", "huang2017densely"),
    (r"efficientnet_(b\d)", "EfficientNet-{}", "tan2019efficientnet"),
    (r"efficientnet_v2_(\w)", "EfficientNetV2-{}", "tan2021efficientnetv2"),
    (r"googlenet", "GoogLeNet (torchvision)", "szegedy2015going"),
    (r"inception_v3", "InceptionV3", "szegedy2016rethinking"),
    (r"mnasnet([\d_]+)", "MNASNet {}", "tan2019mnasnet"),
    (r"mobilenet_v2", "MobileNetV2", "sandler2018mobilenetv2"),
    (r"mobilenet_v3_(\w+)", "MobileNetV3-{}", "howard2019searching"),
    (r"regnet_(\w)_([\d_]+)(\w)f", "RegNet{}-{}{}F", "radosavovic2020designing"),
    (r"resnet(\d+)", "ResNet-{}", "he2016deep"),
    (r"resnext(\d+)_(\w+)", "ResNeXt-{} ({})", "xie2017aggregated"),
    (r"shufflenet_v2_x([\d_]+)", "ShuffleNetV2 ×{}", "ma2018shufflenet"),
    (r"squeezenet([\d_]+)", "SqueezeNet {}", "iandola2016squeezenet"),
    (r"vgg(\d+)", "VGG-{}", "simonyan2015very"),
    (r"vgg(\d+)_bn", "VGG-{} (batch norm)", "simonyan2015very"),
    (r"wide_resnet(\d+)_(\d)", "Wide ResNet-{}-{}", "zagoruyko2016wide"),
)
"""torchvision's name (a pattern), the title its parts are put into, and the key of the paper."""

NOTES = {
    "alexnet": "The variant with a single tower; the two-tower network is called alexnet.",
    "googlenet": (
        "Ported from TensorFlow: batch norm after every convolution, its own preprocessing inside the network, "
        "and 3×3 kernels in the branches called 5×5. The network of the articles is called inceptionv1."
    ),
    "inception_v3": "Ported from TensorFlow, with its own preprocessing inside the network.",
}


def title_and_reference(name: str) -> tuple[str, str]:
    """("ResNet-50", "he2016deep") for "resnet50".

    Raises:
        ValueError: the name is of none of `FAMILIES`.
    """
    for pattern, title, reference in FAMILIES:
        match = re.fullmatch(pattern, name)
        if match:
            parts = (part.replace("_", ".") for part in match.groups())
            return title.format(*(part.capitalize() for part in parts)), reference
    raise ValueError(f"{name} is of no family listed in FAMILIES")


def without_auxiliary_heads(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Leaves out the classifiers half-way up GoogLeNet (aux1, aux2) and InceptionV3 (AuxLogits)."""
    return {key: value for key, value in state.items() if not key.startswith(("aux1.", "aux2.", "AuxLogits."))}


def dense_layers_renamed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """DenseNet's files say denselayer1.norm.1.weight where today's module says denselayer1.norm1.weight."""
    return {re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2", key): value for key, value in state.items()}


def _spec(network: Published) -> ModelSpec:
    title, reference = title_and_reference(network.name)
    digest = network.file.removesuffix(".pth").rpartition("-")[2]
    convert = None
    if network.name in ("googlenet", "inception_v3"):
        convert = without_auxiliary_heads
    elif network.name.startswith("densenet"):
        convert = dense_layers_renamed
    notes = [NOTES.get(network.name, ""), f"torchvision's {network.label} weights."]
    return ModelSpec(
        name="alexnet_torchvision" if network.name == "alexnet" else network.name,
        weights="torchvision",
        title=title,
        build=lazily(NETWORK, network.name),
        preprocess=Preprocess(
            network.crop, network.resize, mean=network.mean, std=network.std, interpolation=network.interpolation
        ),
        source=Source(f"{ADDRESS}/{network.file}", f"sha256-prefix:{digest}"),
        convert=convert,
        reference=reference,
        note=" ".join(filter(None, notes)),
    )


MODELS = tuple(map(_spec, PUBLISHED))
