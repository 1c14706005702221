"""Results as moving pictures for talks: the information plane of every configuration, a frame a recorded epoch."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping

from wbsite.core.errors import WbsiteError
from wbsite.core.markup import Markup, html, joined
from wbsite.core.progress import Progress
from wbsite.core.store import Entry
from wbsite.render.text import number_text
from wbsite.results.information.information_plane import InformationPlane
from wbsite.results.information.trajectories import Trajectories

from ._plane_data import Planes
from ._plane_drawing import Frame, key_of, plane_svg

FORMATS = ("webp",)

ANIMATED = ("information_plane",)
"""Analyses that can be shown moving."""

WIDTH = 1280
"""Pixels of a frame from left to right."""

MILLISECONDS, HELD = 90, 2500
"""How long a frame is shown, and the last one."""

STYLE = """
text{font-family:sans-serif;fill:#2c313a}
.wb-plane path,.wb-paths circle{fill:none}
.wb-axes{stroke:#c3c8d0}
.wb-caps{stroke:#8a8f98;stroke-dasharray:3 2.5}
.wb-numbers text{font-size:9.5px;fill:#5b6270;text-anchor:middle}
.wb-numbers .wb-beside,.wb-name.wb-beside{text-anchor:end}
.wb-name{font-size:10px;font-weight:bold}
.wb-paths{stroke-width:1.4}
.wb-said{fill:#5b6270}
"""


def refuse(analysis: str, format: str) -> None:
    """Refuses what cannot be shown moving.

    Raises:
        WbsiteError: of this format nothing is written, or the analysis has no animation.
    """
    if format == "mp4":
        raise WbsiteError("format 'mp4' is not written: it would need ffmpeg.", "Use webp, which browsers play.")
    if format in FORMATS and analysis.replace("-", "_") not in ANIMATED:
        raise WbsiteError(
            f"{analysis} has no animation, and {format} is one.",
            f"Animated: {', '.join(ANIMATED)}. Everything else is a table: csv, json or parquet.",
        )


def animation(entries: Mapping[str, Entry], progress: Progress) -> bytes:
    """WebP of `information_plane` under its first estimator: a frame a recorded epoch, the last one held, for ever.

    Args:
        entries: the results `trajectories` and `information_plane` of one study.
    """
    import vl_convert
    from PIL import Image

    trajectories = Trajectories.read(entries["trajectories"])
    p = Planes(trajectories, InformationPlane.read(entries["information_plane"]))
    progress.step("draw frames", len(p.epochs))
    frames = []
    for epoch in p.epochs:
        png = vl_convert.svg_to_png(frame_svg(p, epoch))
        frames.append(Image.open(io.BytesIO(png)).convert("RGB"))
        progress.advance()
    buffer = io.BytesIO()
    durations = [*[MILLISECONDS] * (len(frames) - 1), HELD]
    frames[0].save(
        buffer, "WEBP", save_all=True, append_images=frames[1:], duration=durations, loop=0, lossless=True, quality=50,
        method=2,
    )  # fmt: skip
    return buffer.getvalue()


def frame_svg(p: Planes, epoch: int) -> Markup:
    """All configurations at one recorded epoch."""
    columns = max(1, round(math.sqrt(4 / 3 * len(p.titles))))
    rows = math.ceil(len(p.titles) / columns)
    wide, head, title = WIDTH / columns, 64, 26
    scale = 1.2 + 1 / columns  # letters are read from afar
    tall = 0.68 * wide
    key = key_of(p)
    frame = Frame(round(wide / scale), round((tall - title) / scale), *p.limits)
    parts = [
        html('<text x="16" y="40" font-size="28" font-weight="bold">epoch {}</text>', number_text(epoch)),
        html(
            '<text class="wb-said" x="{}" y="40" font-size="17" text-anchor="end">'
            "I(X;T) across, I(T;Y) upwards, bits; {}, mean of runs that lived</text>",
            WIDTH - 16,
            p.measurement(p.plane.default),
        ),
    ]
    for position, (name, text) in enumerate(p.titles.items()):
        left, top = position % columns * wide, head + position // columns * tall
        inside = plane_svg(p.paths(name, p.plane.default), frame, key, p.caps, until=epoch)
        size = min(17.0, 1.9 * wide / (len(text) + len(p.lived[name]) + 2))
        parts.append(
            html(
                '<text x="{:.1f}" y="{:.1f}" font-size="{:.1f}">'
                '<tspan font-weight="bold">{}</tspan>'
                '<tspan class="wb-said" dx="8">{}</tspan></text>'
                '<svg class="wb-plane" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"'
                ' viewBox="0 0 {} {}">{}</svg>',
                left + 16,
                top + 18,
                size,
                text,
                p.lived[name],
                left,
                top + title,
                wide,
                tall - title,
                frame.width,
                frame.height,
                inside,
            )
        )
    height = round(head + rows * tall)
    return html(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}" viewBox="0 0 {} {}">'
        '<style>{}</style><rect width="{}" height="{}" fill="#fff"/>{}</svg>',
        WIDTH,
        height,
        WIDTH,
        height,
        STYLE,
        WIDTH,
        height,
        joined(parts),
    )
