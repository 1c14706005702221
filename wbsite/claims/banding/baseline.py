"""Whether the simplified network is banded at all, where most, and by how much chance moves it."""

from __future__ import annotations

from wbsite.claims.base import FAILS, HOLDS, UNDECIDED, Claim
from wbsite.claims.effect import Effect, estimated
from wbsite.claims.verdicts import optional
from wbsite.results.banding.experiments import Experiment
from wbsite.results.site import Gap, Site

from ._laboratory import ARTICLE, SUITE, Trial, change, laboratory, trial


def baseline(site: Site) -> Experiment | Gap:
    """The baseline of the laboratory."""
    setting = laboratory(site)
    return setting if isinstance(setting, Gap) else setting.experiments["baseline"]


def banded(e: Experiment) -> str:
    """Whether H of both layers is certainly positive."""
    if e.last.index.low is None or e.before.index.low is None:
        return UNDECIDED
    return HOLDS if e.last.index.positive and e.before.index.positive else FAILS


def most_banded(e: Experiment) -> str:
    """Whether the last layer is certainly more banded than the one before, or less."""
    last, before = e.last.index, e.before.index
    if last.low is None or last.high is None or before.low is None or before.high is None:
        return UNDECIDED
    return FAILS if before.low > last.high else HOLDS if last.low > before.high else UNDECIDED


def alike(e: Trial) -> str:
    """Whether the repetition's H of the last layer differs from the baseline's."""
    differs = e.experiment.last.difference.excludes_zero
    return UNDECIDED if differs is None else FAILS if differs else HOLDS


def weaker(e: Experiment) -> Effect | None:
    """H of the layer that decides whether both are banded: the one whose interval begins lower."""
    layers = [layer for layer in (e.last, e.before) if layer.index.low is not None]
    layer = min(layers or [e.last], key=lambda layer: layer.index.low or 0.0)
    return estimated(f"H of {layer.layer}, the weaker of both layers", layer.index, e.seeds)


def against_the_layer_before(e: Experiment) -> Effect | None:
    """H of the last layer, against that of the layer before."""
    what = f"H of {e.last.layer}, against that of {e.before.layer}"
    return estimated(what, e.last.index, e.seeds, null=e.before.index.mean)


NOT_BANDED = "With these seeds the simplified network is not clearly banded, and everything below has to be read with that in mind."
REPEATED = (
    'The second row of {{ ref("lab-rotated") }} is the baseline once more with other seeds, and says what an effect has to'
    " exceed: the two differ by"
)
CLAIMS = (
    Claim(
        name="simplified-network-is-banded",
        statement="The simplified network of the article grows bands in its last two layers.",
        source=ARTICLE,
        place="Figure 5 and the text before it",
        of=SUITE,
        rule="holds where the 95 % Student t interval of H over seeds lies above 0 in both layers; undecided with one"
        " seed",
        evidence=baseline,
        verdict=banded,
        effect=weaker,
        wording={
            HOLDS: "The simplified network grows bands: in both of its last two layers $H$ is positive beyond what seeds"
            " explain, {{ e.last.index.mean | fixed }} in the last.",
            FAILS: NOT_BANDED,
            UNDECIDED: NOT_BANDED,
        },
    ),
    Claim(
        name="last-layer-is-most-banded",
        statement="In the simplified network the last layer is the most strongly banded.",
        source=ARTICLE,
        place="text before Figure 5",
        of=SUITE,
        rule="holds where the 95 % Student t interval of the last layer's H over seeds lies wholly above that of the"
        " layer before it, fails where it lies wholly below; else undecided",
        evidence=baseline,
        verdict=most_banded,
        effect=against_the_layer_before,
        wording={
            HOLDS: "",
            FAILS: "In the original the last layer was the most strongly banded; here the one before it is.",
            UNDECIDED: "",
        },
    ),
    optional(
        Claim(
            name="other-seeds-agree",
            statement="The baseline with other seeds differs from itself by no more than seeds explain.",
            source="",
            of=SUITE,
            rule="fails where the 95 % Welch interval of the difference in the last layer's H excludes 0; undecided with"
            " one seed",
            evidence=trial("baseline_2"),
            verdict=alike,
            effect=change,
            wording={
                HOLDS: f"{REPEATED} no more than seeds explain.",
                FAILS: f"{REPEATED} more than seeds explain.",
                UNDECIDED: f"{REPEATED} an amount that one training cannot tell from chance.",
            },
        )
    ),
)
