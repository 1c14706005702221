"""How strongly photographs excite the units of all convolutions: one pass over the photographs for all of them."""

from __future__ import annotations

import math
from contextlib import suppress

from wbsite.analyses.base import Analysis, Context
from wbsite.core.errors import WbsiteError
from wbsite.featurevis import Target, photograph_responses
from wbsite.featurevis.objectives import locate
from wbsite.graph.recording import Recorded
from wbsite.results.network.photograph_responses import PhotographResponses
from wbsite.results.photographs import PhotographSet

from ._not_finite import why_not_finite


def run(context: Context) -> PhotographResponses:
    """The strongest response of each unit."""
    tape, targets = Recorded.of(context.model).tape, []
    for layer in context.layers.convs:
        with suppress(WbsiteError):  # no calls lead to it, which the layer's own analyses say on its page
            locate(tape, Target(layer.name, 0))
            targets += [Target(layer.name, channel) for channel in range(layer.out_channels)]
    photographs = context.photographs()
    strongest = photograph_responses(context.model, targets, photographs.inputs, context.device).amax(1).tolist()
    rows = [
        {"layer": target.layer, "unit": target.channel, "strongest": response if math.isfinite(response) else None}
        for target, response in zip(targets, strongest, strict=True)
    ]
    overflowing = list(dict.fromkeys(row["layer"] for row in rows if row["strongest"] is None))
    if overflowing:
        context.progress.line(
            f"responses to photographs are no finite numbers in {len(overflowing)} of {len(context.layers.convs)}"
            f" convolutions, of which the first is {overflowing[0]}: {why_not_finite(context)}"
        )
    return PhotographResponses(
        photographs=PhotographSet(**photographs.about), rows=PhotographResponses.frame("rows", rows)
    )


ANALYSES = (
    Analysis(
        scope="model",
        run=run,
        result=PhotographResponses,
        inputs=("photographs",),
    ),
)
