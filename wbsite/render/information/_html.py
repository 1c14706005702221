"""Menus above figures, what captions say for their choices, and keys of colours, as HTML."""

from __future__ import annotations

from collections.abc import Mapping

from wbsite.core.markup import Markup, html, joined, script_data


def menu(label: str, options: Mapping[str, str], selected: str, **attributes: str) -> Markup:
    """A menu with its label.

    Args:
        options: value → text.
        selected: the value that is chosen at first.
        attributes: of the select element; an underscore stands for a hyphen.
    """
    marks = joined(html(' {}="{}"', name.replace("_", "-"), value) for name, value in attributes.items())
    items = joined(
        html('<option value="{}"{}>{}</option>', value, " selected" if value == selected else "", text)
        for value, text in options.items()
    )
    return html("<label>{} <select{}>{}</select></label>", label, marks, items)


def chart_menu(parameter: str, label: str, options: Mapping[str, str], selected: str) -> Markup:
    """A menu that sets a parameter of every chart in its figure; nothing where there is nothing to choose."""
    if len(options) < 2:
        return Markup()
    select = menu(label, options, selected, data_parameter=parameter, autocomplete="off")
    return html('<p class="wb-choice">{}</p>', select)


def findings(texts: Mapping[str, str]) -> Markup:
    """What the caption says for each choice of the figure's first menu, for the page's script; nothing for one choice.

    Args:
        texts: value of the menu → finding, plain text.
    """
    if len(texts) < 2:
        return Markup()
    return html('<script type="application/json" class="wb-findings">{}</script>', script_data(dict(texts)))


def colour_key(colours: Mapping[str, str]) -> Markup:
    """Names in their colours."""
    items = joined(html('<span style="--wb-key:{}">{}</span>', colour, name) for name, colour in colours.items())
    return html('<p class="wb-keys" aria-hidden="true">{}</p>', items)
