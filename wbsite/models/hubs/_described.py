"""Networks of timm and of transformers as a `config.json` describes them; no code that lies beside it is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.errors import WbsiteError, optional, unknown
from wbsite.core.isolation import isolated

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class DescribedNetwork:
    """What a configuration describes.

    Attributes:
        library: whose network it is, and its version.
        make: makes it, with fresh parameters.
        renamed: file of weights → the network's state, where the library knows under which names it was saved before;
            None where that gives no whole state either.
    """

    library: str
    make: Callable[[], nn.Module]
    renamed: Callable[[Path], Mapping[str, torch.Tensor] | None]


def described_network(config: Mapping[str, Any], folder: Path, target: str) -> DescribedNetwork | None:
    """The network that a configuration names; None where it names none.

    Args:
        folder: of the configuration's file.
        target: for messages.

    Raises:
        WbsiteError: the library is not installed, or does not have the network.
    """
    if isinstance(architecture := config.get("architecture"), str):
        return _of_timm(architecture, folder, target)
    names = config.get("architectures")
    return _of_transformers(str(names[0]), config, folder, target) if isinstance(names, list) and names else None


def _of_timm(architecture: str, folder: Path, target: str) -> DescribedNetwork:
    with optional(f"{target}, a network of timm,", "timm"):
        import timm
    if not timm.is_model(architecture.partition(".")[0]):
        raise unknown(f"network of timm in config.json of {target}", architecture, timm.list_models())
    return DescribedNetwork(
        f"timm {timm.__version__}",
        lambda: timm.create_model(f"local-dir:{folder}", pretrained=False),
        lambda path: None,
    )


def _of_transformers(name: str, config: Mapping[str, Any], folder: Path, target: str) -> DescribedNetwork:
    with optional(f"{target}, a network of transformers ({name}),", "transformers"):
        import transformers
    made: Any = getattr(transformers, name, None)
    if not isinstance(made, type) or not issubclass(made, transformers.PreTrainedModel):
        code = "; its code lies in the repository and is not run" if "auto_map" in config else ""
        raise WbsiteError(
            f"{target} is a {name}, which transformers {transformers.__version__} does not have{code}.",
            f"Write a function that makes the network, ./mynet.py:make@FILE; or name the weights alone, {target}/FILE.",
        )
    network: Any = made

    def renamed(path: Path) -> Mapping[str, torch.Tensor] | None:
        if path.parent != folder or path.name != "model.safetensors":  # of others it would unpickle them
            return None
        words = transformers.logging
        verbosity, bars = words.get_verbosity(), words.is_progress_bar_enabled()
        words.set_verbosity_error()
        words.disable_progress_bar()
        try:
            with isolated():
                net, report = network.from_pretrained(
                    folder, local_files_only=True, use_safetensors=True, trust_remote_code=False,
                    output_loading_info=True,
                )  # fmt: skip
        except Exception:  # whatever it says: what differs is said already
            return None
        finally:
            words.set_verbosity(verbosity)
            if bars:
                words.enable_progress_bar()
        whole = not any(report[kind] for kind in ("missing_keys", "mismatched_keys", "error_msgs"))
        state: Mapping[str, torch.Tensor] = net.state_dict()
        return {key: value for key, value in state.items() if value.is_floating_point()} if whole else None

    configuration = network.config_class
    return DescribedNetwork(
        f"transformers {transformers.__version__}", lambda: network(configuration.from_dict(dict(config))), renamed
    )
