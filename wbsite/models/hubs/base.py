"""What a library of networks is to wbsite: a prefix of names, and how a name becomes a network."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wbsite.core.model_input import ModelInput
from wbsite.models.base import LoadedModel


@dataclass(frozen=True)
class Hub:
    """A library of networks.

    Attributes:
        name: what comes before the colon, as in `timm:resnet50.a1_in1k`.
        summary: one line for the reference.
        load: (the whole name, with what follows an @; what the user says of the input) → the network. It may download
            into the library's own cache, and raises WbsiteError where the library or the network is not there.
    """

    name: str
    summary: str
    load: Callable[[str, ModelInput | None], LoadedModel]


@contextmanager
def quiet() -> Iterator[None]:
    """Without a line for each attempt to reach a server: one message says that it failed."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
