"""A study with its data, refused where it cannot be trained."""

from __future__ import annotations

from wbsite import datasets
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets.base import Samples, split

from .replay import split_of
from .study import Study
from .study_file import chosen

LARGEST = 8 << 30
"""Bytes of recorded parameters that a study may have."""


def load_study(name: str, profile: str) -> tuple[Study, Samples]:
    """A study by name or file ("" is the profile's own), and the data it is trained on.

    Raises:
        WbsiteError: there is no such study or data set, or it cannot be trained on.
    """
    study = chosen(name, profile)
    samples = datasets.samples(study.dataset, Progress())
    split(samples, split_of(study, samples), study.seeds[0])  # refused here rather than when it is trained on
    features, classes = samples.inputs.shape[1], len(samples.classes)
    sizes = [configuration.architecture(features, classes).size for configuration in study.configurations]
    kept = 4 * sum(sizes) * len(study.seeds) * len(study.moments)
    if kept > LARGEST:
        raise WbsiteError(
            f"{study.name}: {study.runs} networks at {len(study.moments)} epochs have {kept / 2**30:.3g} GiB of"
            f" parameters; {LARGEST >> 30} are the most that is kept.",
            "Take fewer units, seeds, configurations or records.",
        )
    return study, samples
