"""Formulas in the text of a page, from LaTeX to MathML, before mkdocs sees them.

`$…$` stands in a line, `$$…$$` by itself. A dollar sign begins no formula before a space, and ends none behind one or
before a digit; `\\$` is a dollar sign. Code, front matter and what stands inside of tags are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html import escape, unescape
from xml.etree import ElementTree

from latex2mathml.converter import convert

from wbsite.core.errors import WbsiteError

_FORMULA = re.compile(
    r"""(?P<other>
          \A---\n.*?^---$                                            # front matter
        | ^\ *(?P<fence>`{3,}|~{3,}).*?^\ *(?P=fence)\ *$             # a block of code
        | <!--.*?-->
        | <(?P<tag>script|style|pre|code|svg|math)\b.*?</(?P=tag)>
        | (?P<ticks>`+)(?:(?!\n\s*\n).)+?(?<!`)(?P=ticks)(?!`)        # code in a line
        | </?[a-zA-Z][^<>]*>
    )
    | (?P<dollar>\\\$)
    | \$\$(?P<block>[^$]+)\$\$
    | (?<!\$)\$(?P<line>[^\s$](?:[^$\n]*[^\s$\\])?)\$(?![\d$])
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_PARTS = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2, "munderover": 3}
_UNKNOWN = re.compile(r"<m\w+>(\\\w+)")
_ENTITY = re.compile(r"&#x([0-9A-F]+);")
_TEXT = re.compile(r">([^<]+)<")
_OPENING = r"<math[^>]*>|<m(?:row|sqrt|style)>|<mo(?: [^>]*)?>(?:[=,;:(\[∈≤≥≈∼→]|&\w+;)</mo>"
_SIGN = re.compile(rf"((?:{_OPENING})(?:<mspace[^>]*>)*)<mo>([−+])</mo>")


def with_formulas(text: str, failed: Callable[[str, str], None]) -> str:
    """A page's Markdown with MathML in place of its formulas.

    Args:
        failed: told each formula that is no LaTeX, and why; it is shown as it is written.
    """

    def replaced(match: re.Match[str]) -> str:
        if match["other"]:
            return match[0]
        if match["dollar"]:
            return "$"
        block = match["block"]
        try:
            made = mathml(unescape(block or match["line"]), block=bool(block))
            return f'<span class="wb-formula-block">{made}</span>' if block else f"<span>{made}</span>"
        except WbsiteError as error:
            failed(f"formula {match[0]}", error.message)
            return f"<code>{escape(match[0]).replace('$', '&#36;')}</code>"

    return _FORMULA.sub(replaced, text) if "$" in text else text


@cache
def mathml(latex: str, block: bool = False) -> str:
    """A formula as MathML that may stand in Markdown.

    Raises:
        WbsiteError: it is no LaTeX, or has a command that is not known.
    """
    try:
        made = convert(" ".join(latex.split()), display="block" if block else "inline")
    except Exception as error:  # of a dozen kinds, which share no other base
        raise WbsiteError(f"{latex!r} is no LaTeX ({error or type(error).__name__}).") from error
    if unknown := _UNKNOWN.search(made):
        raise WbsiteError(f"{latex!r} has an unknown command, {unknown[1]}.")
    made = made.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "").replace(' display="inline"', "")
    made = _TEXT.sub(lambda match: f">{escape(_ENTITY.sub(_character, match[1]), quote=False)}<", made)
    for part in ElementTree.fromstring(made).iter():
        if len(part) != _PARTS.get(part.tag, len(part)):
            raise WbsiteError(f"{latex!r} lacks an argument.")
    made = re.sub(r"^(<math[^>]*>)<mrow>(.*)</mrow></math>$", r"\1\2</math>", made)  # <math> is a row itself
    # Where latex2mathml leaves to the browser what it cannot know: signs, slashes of fractions, names of functions.
    made = _SIGN.sub(r'\1<mo form="prefix">\2</mo>', made)
    made = made.replace("<mo>/</mo>", '<mo lspace="0" rspace="0">/</mo>')
    made = re.sub(r"<mo>([A-Za-z]{2,})</mo>", r"<mi>\1</mi>", made)
    return _TEXT.sub(lambda match: ">" + re.sub(r"[][*_`\\!#|~$(){}]", _reference, match[1]) + "<", made)


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def _reference(match: re.Match[str]) -> str:
    """What Markdown would take for its own."""
    return f"&#{ord(match[0])};"
