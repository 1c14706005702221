"""What to compute: from the models asked for to a list of tasks with their keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .. import registry
from ..analyses.base import Analysis
from ..errors import WbsiteError
from ..models import LoadedModel, load
from ..models.layers import Layer, Layers, discover
from ..store import canonical, result_key
from .request import ModelRequest

ARCHITECTURE = "architecture"


@dataclass(frozen=True)
class Task:
    """One analysis of one model or layer. Picklable: a worker loads the model itself."""

    model: ModelRequest
    digest: str
    analysis: str
    layer: str
    profile: str
    key: str
    needs: Mapping[str, str] = field(default_factory=dict)

