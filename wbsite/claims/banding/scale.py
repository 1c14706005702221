"""What the laboratory's experiments are: how large, how trained, and how many intervals chance alone would mislead."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wbsite.claims.verdicts import description
from wbsite.results.banding.experiments import Setting
from wbsite.results.banding.simplified_network import SimplifiedNetwork
from wbsite.results.site import Gap, Site

from ._laboratory import SUITE, laboratory

MISSES = 0.05
"""Share of 95 % intervals that miss what they are of."""


@dataclass(frozen=True)
class Scale:
    """The experiments of the first setting.

    Attributes:
        setting: their facts and results.
        size: side of the pictures in pixels; None where it is not known.
    """

    setting: Setting
    size: int | None

    @property
    def bundled_data(self) -> bool:
        """Whether the pictures are those of CIFAR-10."""
        return self.setting.facts.dataset == "cifar10"

    @property
    def seeds(self) -> str:
        """ "3", or "1 to 3" where experiments differ."""
        facts = self.setting.facts
        return " to ".join(map(str, dict.fromkeys((facts.seeds_low, facts.seeds_high))))

    @property
    def comparisons(self) -> int:
        """Differences from a baseline that have an interval."""
        layers = [layer for e in self.setting.experiments.values() for layer in (e.last, e.before)]
        return sum(layer.difference.low is not None for layer in layers)

    @property
    def by_chance(self) -> str:
        """How many of these exclude zero by chance alone where nothing has an effect: "3 or 4"."""
        expected = MISSES * self.comparisons
        return " or ".join(map(str, dict.fromkeys((math.floor(expected), math.ceil(expected)))))


def scale(site: Site) -> Scale | Gap:
    """Of the laboratory."""
    setting = laboratory(site)
    if isinstance(setting, Gap):
        return setting
    networks = site.suite(SUITE).result(SimplifiedNetwork)
    network = networks.settings.get(min(networks.settings, default="")) if networks else None
    return Scale(setting, network.size if network else None)


def compared(site: Site) -> Scale | Gap | None:
    """The same; None where no difference has an interval."""
    e = scale(site)
    return e if isinstance(e, Gap) or e.comparisons else None


CLAIMS = (
    description(
        "size-of-the-laboratory",
        "How small the networks, pictures and trainings of the laboratory are.",
        scale,
        "It is far smaller, since {{ e.setting.facts.runs }} trainings had to fit on {{ e.setting.facts.devices | join(' and')"
        " | replace('cpu', 'ordinary processors') }}: its pictures{{ ' are ' ~ e.size ~ ' pixels wide,' if e.size }} come from"
        " {% if e.bundled_data %}CIFAR-10{{ cite('krizhevsky2009learning') }}{% else %}{{ e.setting.facts.dataset }}{% endif %},"
        " and a training takes {{ e.setting.facts.epochs | join(' or ') }} epochs.{% if e.bundled_data %}{{ note('The copy of"
        " CIFAR-10 used here was compressed once more (WebP, lossy), so accuracies cannot be compared with those reported for"
        " the original pictures. That matters little here: every experiment is compared with a baseline trained on the same"
        " pictures.') }}{% endif %}",
    ),
    description(
        "intervals-by-chance",
        "How many differences from a baseline would exclude zero by chance alone.",
        compared,
        " Nothing is corrected for the number of comparisons: were no change to have any effect, about {{ e.by_chance }} of the"
        " {{ e.comparisons }} intervals of differences would exclude zero by chance alone.",
    ),
    description(
        "training-of-the-laboratory",
        "The recipe, data and machines of the laboratory's trainings.",
        scale,
        "{% set facts = e.setting.facts %}{% set recipe = facts.recipe %}"
        'AdamW{{ cite("loshchilov2019decoupled") }} with weight decay {{ recipe.decay }} under a one-cycle learning rate up to'
        " {{ recipe.rate }}, {{ recipe.epochs }} epochs in batches of {{ recipe.batch }}, cross-entropy with label smoothing"
        " {{ recipe.smoothing }}; each picture is shifted by up to {{ recipe.shift }} pixels and mirrored left to right at"
        " random. Arithmetic in bfloat16 where PyTorch's automatic casting"
        '{{ cite("paszke2019pytorch") }} deems it safe. {{ facts.training_pictures | number }} pictures to train on,'
        " {{ facts.test_pictures | number }} to test on; {{ e.seeds }} seeds an experiment. Fixed turns are applied after"
        " mirroring, so that they turn what the baseline sees; random rotations are bilinear, with the border reflected. Test"
        " pictures are turned as the training pictures are. The times of all {{ facts.runs }} runs add up to"
        " {{ (facts.seconds / 3600) | round(1) }} hours (device: {{ facts.devices | join(', ') }}, one thread each on a"
        " processor; PyTorch {{ facts.torch | join(', ') }}).",
    ),
)
