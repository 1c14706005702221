"""Menus above figures, what captions say for their choices, and keys of colours, as HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping

from markupsafe import Markup

ATTRIBUTE = Markup(' {}="{}"')
OPTION = Markup('<option value="{}"{}>{}</option>')
SELECTED = Markup(" selected")


def menu(label: str, options: Mapping[str, str], selected: str, **attributes: str) -> Markup:
    """A menu with its label.

    Args:
        options: value → text.
        selected: the value that is chosen at first.
        attributes: of the select element; an underscore stands for a hyphen.
    """
    marks = (ATTRIBUTE.format(name.replace("_", "-"), value) for name, value in attributes.items())
    items = (OPTION.format(value, SELECTED if value == selected else "", text) for value, text in options.items())
    return Markup("<label>{} <select{}>{}</select></label>").format(
        label, Markup("").join(marks), Markup("").join(items)
    )


def chart_menu(parameter: str, label: str, options: Mapping[str, str], selected: str) -> str:
    """A menu that sets a parameter of every chart in its figure; "" where there is nothing to choose."""
    if len(options) < 2:
        return ""
    select = menu(label, options, selected, data_parameter=parameter, autocomplete="off")
    return str(Markup('<p class="wb-choice">{}</p>').format(select))


def findings(texts: Mapping[str, str]) -> str:
    """What the caption says for each choice of the figure's first menu, for the page's script; "" for one choice.

    Args:
        texts: value of the menu → finding, plain text.
    """
    if len(texts) < 2:
        return ""
    content = json.dumps(dict(texts), ensure_ascii=False).replace("</", "<\\/")
    return f'<script type="application/json" class="wb-findings">{content}</script>'


def colour_key(colours: Mapping[str, str]) -> str:
    """Names in their colours."""
    items = (Markup('<span style="--wb-key:{}">{}</span>').format(colour, name) for name, colour in colours.items())
    return str(Markup('<p class="wb-keys" aria-hidden="true">{}</p>').format(Markup("").join(items)))
