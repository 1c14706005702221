"""When the mean of the gradient is largest against its spread, and when a layer's information is largest."""

from __future__ import annotations

from dataclasses import dataclass

from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import Trajectories
from wbsite.results.site import Gap, Site

from ._study import description, read


@dataclass(frozen=True)
class Ratio:
    """Signal-to-noise ratio of the gradient of the last hidden layer of the study's first configuration.

    Attributes:
        layer, title: of the layer and its configuration.
        epoch: at which the ratio, mean over seeds, is largest; None where the layer has no gradient.
        largest, last: ratio there and at the end.
        peak_epoch: median epoch of the largest I(X;T); None where no run lived.
    """

    layer: str
    title: str
    epoch: int | None = None
    largest: float = 0.0
    last: float = 0.0
    peak_epoch: float | None = None


def ratio(site: Site) -> Ratio | Gap:
    """Of a site's study."""
    results = read(site, Trajectories, InformationPlane)
    if isinstance(results, Gap):
        return results
    trajectories, plane = results
    first = trajectories.configurations[0]
    layer = first.hidden[-1]
    gradients = trajectories.gradients
    gradients = gradients[(gradients["configuration"] == first.name) & (gradients["layer"] == layer)].dropna()
    if gradients.empty:
        return Ratio(layer, first.title)
    course = gradients.groupby("epoch")["snr"].mean()
    peak = plane.compression.query(
        "configuration == @first.name and layer == @layer and estimator == @plane.default"
    )["peak_epoch"]  # fmt: skip
    return Ratio(
        layer=layer,
        title=first.title,
        epoch=int(course.idxmax()),
        largest=float(course.max()),
        last=float(course.iloc[-1]),
        peak_epoch=float(peak.iloc[0]) if len(peak) else None,
    )


CLAIMS = (
    description(
        "gradient-phases",
        "When the mean gradient of a layer is largest against its spread, and when its information is.",
        ratio,
        lambda e: "no gradient" if e.epoch is None else "measured",
        {
            "measured": "In {{ e.layer }} of “{{ e.title }}” the ratio is largest at epoch {{ e.epoch }}, and"
            " {{ 'less' if e.last < e.largest else 'as large' }} at the end ({{ e.largest | fixed }} and"
            " {{ e.last | fixed }}, means over seeds).{% if e.peak_epoch is not none %} $I(X;T)$ of that layer is largest"
            " at a median epoch of {{ e.peak_epoch | fixed(0) }}.{% endif %}",
            "no gradient": "",
        },
    ),
)
