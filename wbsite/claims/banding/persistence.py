"""Whether banding survives the changes of the head that it is said to survive."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import Effect, counted
from wbsite.claims.verdicts import optional
from wbsite.results.banding.experiments import Experiment
from wbsite.results.site import Gap, Site

from ._laboratory import ARTICLE, SUITE, laboratory

WEAKER, MIXED = "weaker", "mixed"
"""Some experiments are certainly less banded than the baseline, and none has lost its banding; some are, some have."""


@dataclass(frozen=True)
class Persistence:
    """Experiments that banding is said to survive, by their last layer; those with one seed are left out.

    Attributes:
        kept: it is as banded as the baseline's as far as seeds can tell, or more.
        weaker: it is certainly less banded, and has not lost its banding.
        lost: it has lost its banding.
    """

    kept: list[Experiment]
    weaker: list[Experiment]
    lost: list[Experiment]

    @property
    def titles(self) -> dict[str, list[str]]:
        """Titles in quotation marks of those that are weaker or lost."""
        groups = {"weaker": self.weaker, "lost": self.lost}
        return {name: [f"“{experiment.title}”" for experiment in group] for name, group in groups.items()}

    @property
    def count(self) -> int:
        """Of all of them."""
        return len(self.kept) + len(self.weaker) + len(self.lost)


def persistence(site: Site) -> Persistence | Gap | None:
    """The experiments of that group, None where none was run."""
    setting = laboratory(site)
    if isinstance(setting, Gap):
        return setting
    group = [e for name in setting.facts.experiments if (e := setting.experiments[name]).group == "persisted"]
    certain = [e for e in group if e.last.difference.excludes_zero is not None]
    lost = [e for e in certain if e.last.lost]
    weaker = [e for e in certain if not e.last.lost and e.last.difference.negative]
    kept = [e for e in certain if not e.last.lost and not e.last.difference.negative]
    return Persistence(kept, weaker, lost) if group else None


def persisted(e: Persistence) -> str:
    """Whether all keep their banding."""
    if not e.count:
        return UNDECIDED
    if e.lost:
        return MIXED if e.weaker else FAILS
    return WEAKER if e.weaker else HOLDS


def keeping(e: Persistence) -> Effect | None:
    """The share of experiments that keep their banding."""
    return counted("share of experiments that keep their banding", len(e.kept), e.count, "experiments")


HEADING = "Banding persisted in the article"
"""Of these experiments, in figures that list experiments by group."""

THERE = f'{{{{ ref("forest") }}}} has them under “{HEADING}”'
KEPT = (
    f"{THERE}. Of {{{{ e.count }}}} such changes, {{{{ e.kept | length }}}}"
    " {{ 'keeps' if e.kept | length == 1 else 'keep' }} the last layer's bands as far as seeds can tell"
)
LESS = (
    "; {{ e.weaker | length }} {{ 'weakens' if e.weaker | length == 1 else 'weaken' }} them"
    " ({{ e.titles.weaker | listing }})"
)
LOST = (
    "; {{ e.lost | length }} {{ 'takes' if e.lost | length == 1 else 'take' }} more than half of them away"
    " ({{ e.titles.lost | listing }}). There we could not repeat what the original found."
)
CLAIMS = (
    optional(
        Claim(
            name="bands-persist",
            statement="Banding survives masks over position, attention, coordinate channels, modulation by position, heads"
            " for groups of channels and global max pooling.",
            source=ARTICLE,
            place="text after Figure 8, on changes that left banding",
            of=SUITE,
            rule="holds where no such experiment's last layer is less banded than the baseline's with a 95 % Welch"
            " interval over seeds that excludes 0; fails where one has lost its banding, that is, has less than half of"
            " the baseline's H as well. Experiments with one seed are left out; undecided where all have one",
            evidence=persistence,
            verdict=persisted,
            effect=keeping,
            wording={
                HOLDS: f"{KEPT}.",
                WEAKER: f"{KEPT}{LESS}.",
                FAILS: f"{KEPT}{LOST}",
                MIXED: f"{KEPT}{LESS}{LOST}",
                UNDECIDED: f"{THERE}; with one training of each, it cannot be told which keep their bands.",
            },
            meaning={
                WEAKER: (UNDECIDED, "all keep their bands, and some have weaker ones"),
                MIXED: (FAILS, "some keep their bands"),
            },
        )
    ),
)
