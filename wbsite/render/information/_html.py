"""Menus above figures, keys of their colours, and tables, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup

ATTRIBUTE = Markup(' {}="{}"')
OPTION = Markup('<option value="{}"{}>{}</option>')
SELECTED = Markup(" selected")
TABLE = Markup(
    '<p class="wb-scroll-hint" aria-hidden="true">The table scrolls sideways →</p>'
    '<div class="wb-scroll wb-lab-scroll wb-study" tabindex="0"><table class="wb-experiments{}">'
    "<thead>{}</thead><tbody>{}</tbody></table></div>"
)


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


def colour_key(colours: Mapping[str, str]) -> str:
    """Names in their colours."""
    items = (Markup('<span style="--wb-key:{}">{}</span>').format(colour, name) for name, colour in colours.items())
    return str(Markup('<p class="wb-keys" aria-hidden="true">{}</p>').format(Markup("").join(items)))


def scrolling_table(classes: str, head: Markup, rows: Iterable[tuple[str, Sequence[str]]]) -> Markup:
    """A table that scrolls sideways where the page is narrow.

    Args:
        classes: of the table, besides the usual.
        head: rows of the table's head.
        rows: title and cells of each; what is not `Markup` is escaped.
    """
    lines = (
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            title, Markup("").join(Markup("<td>{}</td>").format(cell) for cell in cells)
        )
        for title, cells in rows
    )
    return TABLE.format(f" {classes}" if classes else "", head, Markup("").join(lines))
