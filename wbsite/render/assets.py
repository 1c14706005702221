"""The chart library as one script of our own: Vega, Vega-Lite and Vega-Embed, matched to the Altair that wrote the
charts, so that a page draws without asking another host for anything.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

from wbsite.core.errors import WbsiteError

# The licences ask that their notices travel with the code.
_NOTICE = """/* Vega {vega}, Vega-Lite {vegalite}, Vega-Embed {embed}, bundled by vl-convert {convert}.
   Copyright University of Washington Interactive Data Lab and contributors, BSD 3-Clause License.
   Contains D3 and TopoJSON (ISC), lodash.debounce and fast-json-patch (MIT). */
"""

# vl-convert's own ending also sets window.vega and window.vegaLite, but to null: those modules have no default export.
_ENDING = "window.vegaEmbed = vegaEmbed;"

# Names inside the bundle are one letter long: kept in a function, they cannot clash with another script's.
_WRAPPER = '{notice}(function () {{\n"use strict";\n{code}\n}})();\n'


def vega_bundle(cache: Path | None = None) -> str:
    """A classic script that sets `window.vegaEmbed`, and no other name.

    About 0.9 MB, the same bytes for the same versions of Altair and vl-convert. Making it takes a second or two,
    so it is made once a process; with a folder `cache` it is also kept there, for the next process, under a name
    with both versions, and checked against its own digest when read. Load it when a chart nears the view.

    Raises:
        WbsiteError: the installed vl-convert has no Vega-Lite of the major version that Altair writes.
    """
    if cache is None:
        return _made()
    ours = _digest(_NOTICE + _ENDING + _WRAPPER)[:8]
    kept = cache / f"vega-bundle-altair{version('altair')}-vlconvert{version('vl-convert-python')}-{ours}.js"
    if kept.is_file():
        digest, _, script = kept.read_text(encoding="utf-8").partition("\n")
        if digest == f"// {_digest(script)}":
            return script
    script = _made()
    cache.mkdir(parents=True, exist_ok=True)
    # Under a name of its own first: a build killed here, or two at once, leave no half-written script behind.
    handle, temporary = tempfile.mkstemp(dir=cache, prefix=kept.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(f"// {_digest(script)}\n{script}")
        os.replace(temporary, kept)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return script


@functools.cache
def vega_lite() -> str:
    """Version of Vega-Lite, as vl-convert names it, for the charts that Altair writes.

    Raises:
        WbsiteError: the installed vl-convert has none of its major version.
    """
    # Imported here: both take their time, and a page without a changed chart needs neither.
    import altair
    import vl_convert

    return _closest(altair.SCHEMA_VERSION.removeprefix("v"), vl_convert.get_vegalite_versions())


@functools.cache
def _made() -> str:
    import vl_convert  # here: it takes its time

    chosen = vega_lite()
    notice = _NOTICE.format(
        vega=vl_convert.get_vega_version(),
        vegalite=chosen,
        embed=vl_convert.get_vega_embed_version(),
        convert=version("vl-convert-python"),
    )
    return _WRAPPER.format(notice=notice, code=vl_convert.javascript_bundle(_ENDING, vl_version=chosen).strip())


def _closest(wanted: str, known: list[str]) -> str:
    """The bundled Vega-Lite ("6.4") for a version such as "6.4.1": its minor version, else its major's newest."""
    major, minor = (int(part) for part in wanted.split(".")[:2])
    of_major = sorted(int(name.split(".")[1]) for name in known if name.split(".")[0] == str(major))
    if not of_major:
        raise WbsiteError(
            f"Altair writes Vega-Lite {wanted}, and vl-convert bundles only {', '.join(known)}.",
            "Install matching versions: altair>=6,<7 and vl-convert-python>=1.9,<2.",
        )
    return f"{major}.{minor if minor in of_major else of_major[-1]}"


def _digest(script: str) -> str:
    return hashlib.sha256(script.encode("utf-8")).hexdigest()
