"""What a page is, and the words its template may use: figure, ref, value, claim, term, suite, cite, note, gap."""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import jinja2

from wbsite import __version__
from wbsite.claims.base import NOTHING
from wbsite.core import registry
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.markup import Markup, html, with_code_shown
from wbsite.core.store import DamagedEntry
from wbsite.results.site import Gap, LayerInfo, Model, Site

from . import cards, sources
from .citations import Bibliography
from .figure import Scene, figure_html, gap_card
from .mathematics import with_formulas
from .templating.environment import PageEnvironment
from .templating.sandbox import ArticleEnvironment
from .text import (
    counted,
    fixed_text,
    index_text,
    interval_text,
    listing,
    number_text,
    p_value_text,
    percent_text,
    share_text,
    tally,
)

Files = dict[str, bytes]

LABEL = re.compile(r"\w[\w.-]*", re.ASCII)
"""What a figure may be called: its files and its place on the page have that name."""


class Incomplete(Files):
    """Files of a page on which cards stand for figures that a defect in their code kept from being drawn, or formulas
    stand as they are written, since they are no LaTeX.

    Attributes:
        defects: figure or formula → what went wrong.
    """

    def __init__(self, files: Files, defects: Mapping[str, str]) -> None:
        super().__init__(files)
        self.defects = dict(defects)


@dataclass(frozen=True)
class Page:
    """One page to be made.

    Attributes:
        path: its folder below the site's root, "" for the landing page.
        inputs: JSON of everything it is made from besides templates and code; when that has not
            changed, the page is not made again.
        make: makes its files (index.md and what lies beside it), by path below its folder.
        listed: title under which the site's navigation lists it; "" for pages reached by links.
        section: navigation section.
    """

    path: str
    inputs: Any
    make: Callable[[], Files]
    listed: str = ""
    section: str = ""


@dataclass(frozen=True)
class PageKind:
    """What a file of render/pages contributes: the pages of one kind."""

    name: str
    pages: Callable[[Site], Iterable[Page]]
    order: int = 0


FILE = re.compile(r"(\.(csv|html?|js|json|md|png|svg|webp|xml)|\.|^)$", re.IGNORECASE)


def slug(name: str) -> str:
    """A layer's or model's name as a folder name.

    A name that cannot be one as it is keeps its first letters and gets a digest, so that no two
    names share a folder, no folder is hidden, above, or called like a page's own files.
    """
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:80].lstrip(".")
    return (
        plain
        if plain == name and not FILE.search(plain)
        else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    )


def need_text(what: str, *given: object) -> None:
    """Refuses anything but text where an article must give a name.

    Raises:
        WbsiteError: says what was given.
    """
    for value in given:
        if not isinstance(value, str):
            raise WbsiteError(f"{what} takes a name in quotes, not {value!r}.", f'Write {what}("…").')


Versions = tuple[tuple[Path, int], ...]
"""Files, and when each was last changed."""


def _versions(paths: Iterable[Path]) -> Versions:
    return tuple((path, path.stat().st_mtime_ns) for path in paths)


def bibliography() -> Bibliography:
    """The works that can be cited."""
    return _bibliography(_versions(sources.bibliographies()))


@cache  # hundreds of pages share it
def _bibliography(versions: Versions) -> Bibliography:
    return Bibliography.read(*(path for path, _ in versions))


def glossary() -> dict[str, cards.Term]:
    """The terms that can be explained."""
    return _glossary(_versions(sources.glossaries()))


@cache
def _glossary(versions: Versions) -> dict[str, cards.Term]:
    return {name: term for path, _ in versions for name, term in cards.read_terms(path).items()}


def environment() -> jinja2.Environment:
    """Jinja over the templates folder; a template the working folder lacks comes from the package."""
    return _environment(tuple(sources.roots()))


def article_environment() -> jinja2.Environment:
    """The same for an article, which may come from anyone: see `templating.sandbox`."""
    return _environment(tuple(sources.roots()), ArticleEnvironment)


@cache  # with its compiled templates, which hundreds of pages share
def _environment(roots: tuple[Path, ...], kind: type[PageEnvironment] = PageEnvironment) -> jinja2.Environment:
    env = kind(loader=jinja2.ChoiceLoader([jinja2.FileSystemLoader(root / "templates") for root in roots]))
    env.filters |= {
        "number": number_text, "share": share_text, "fixed": fixed_text, "percent": percent_text,
        "p_value": p_value_text, "interval": interval_text, "listing": listing, "counted": counted,
        "index": index_text, "tally": tally,
    }  # fmt: skip
    env.filters["slug"] = slug
    env.globals["version"] = __version__
    return env


@dataclass
class Writing:
    """One page while it is written: numbers its figures, citations and notes, collects its files."""

    site: Site
    path: str
    model: Model | None = None
    layer: LayerInfo | None = None
    files: Files = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    drawn: dict[str, Files] = field(default_factory=dict)
    """Figure → its files."""
    gaps: set[str] = field(default_factory=set)
    defects: dict[str, str] = field(default_factory=dict)
    notes: int = 0
    cards: int = 0

    def __post_init__(self) -> None:
        self.bibliography = bibliography().for_page()

    @property
    def up(self) -> str:
        """Relative path from this page to the site's root, with a trailing slash, or ""."""
        return "../" * len([part for part in self.path.split("/") if part])

    def figure(
        self,
        name: str,
        model: str | Model | None = None,
        layer: str | LayerInfo | None = None,
        as_: str = "",
        **options: Any,
    ) -> Markup:
        """Draws a figure here; `as_` renames it where a page shows the same one twice.

        A defect in the figure's code leaves a card, and the rest of the site stands.
        """
        need_text("figure", name, as_)
        if as_ and not LABEL.fullmatch(as_):
            raise WbsiteError(f"a figure is called {as_!r}.", "In as_=… stand letters, digits and any of _ . -.")
        figure, label, number = registry.named("figures", name, "figure"), as_ or name, len(self.numbers) + 1
        drawn_of = self.site.model(model) if isinstance(model, str) else model or self.model
        if drawn_of is None and figure.example is not None:
            example = figure.example(self.site)
            if isinstance(example, Gap):
                self.gaps.add(label)
                return gap_card(name, example)
            drawn_of = example
        if isinstance(layer, str):
            if drawn_of is None:
                raise WbsiteError(f"figure {name!r}: a layer is given without a model.")
            layer = drawn_of.layer(layer)
        scene = Scene(self.site, drawn_of, layer or self.layer, self.up, options)
        figure.check(scene)
        try:
            drawing = figure.draw(scene)
            folder = sources.PAGES / self.path
            drawn, files = (Markup(), {}) if isinstance(drawing, Gap) else figure_html(label, number, drawing, folder)
        except WbsiteError:
            raise
        except Exception as error:
            self.defects[f"figure {label}"] = defect(error)
            drawing = Gap(defect(error), failed=True)
        if isinstance(drawing, Gap):
            self.gaps.add(label)
            return gap_card(name, drawing)
        if label in self.numbers:
            raise WbsiteError(
                f"{self.path}: figure {label!r} stands twice.", "Give the second one another name with as_=."
            )
        self.numbers[label] = number
        self.files |= files
        self.drawn[label] = files
        return html("\n{}\n", drawn)

    def ref(self, name: str) -> Markup:
        """A link to a figure of this page; it may come later."""
        need_text("ref", name)
        if not LABEL.fullmatch(name):
            raise unknown(f"figure referred to on page {self.path!r}:", name, self.numbers)
        return html("@@ref:{}@@", name)

    def value(self, path: str, digits: int | None = None) -> str:
        """A stored number as text."""
        need_text("value", path)
        if digits is not None and not isinstance(digits, int):
            raise WbsiteError(f"value takes a number of decimals, not {digits!r}.", 'Write value("…", 2).')
        found = self.site.value(path)
        if digits is not None and isinstance(found, (int, float)):
            return f"{found:.{digits}f}".replace("-", "−")
        return number_text(found)

    def claim(self, name: str, brief: bool = False, **options: Any) -> Markup:
        """What the results say of a claim, in the words of its outcome; a card where they are not there.

        A claim that decides something is followed by a mark whose card has its effect, interval and rule, so that the
        words themselves can do with few numbers.

        Args:
            brief: in the words for a summary, without the mark.
        """
        need_text("claim", name)
        claim = registry.named("claims", name, "claim")
        decided = claim.decide(self.site, **options)
        if isinstance(decided, Gap):
            return gap_card(claim.statement, decided)
        verdict, evidence = decided
        words = claim.brief if brief else claim.wording
        wording = environment().from_string(words[verdict])
        text = Markup(wording.render(**self.words(), e=evidence))  # noqa: S704 (a template's, with all else escaped)
        if brief or not claim.decides or not text.strip():
            return text
        usual, _ = claim.put(verdict)
        effect = claim.effect(evidence) if claim.effect and usual != NOTHING else None
        self.cards += 1
        mark = cards.evidence(claim, usual, effect, self.up, self.cards)
        return text + "\n\n" + mark if text.rstrip().endswith(">") else text.rstrip() + mark

    def cite(self, *keys: str) -> Markup:
        """A citation with a card that opens on hover."""
        need_text("cite", *keys)
        return self.bibliography.cite(*keys)

    def term(self, name: str, shown: str = "") -> Markup:
        """A term of the glossary with its meaning on hover; `shown` in place of the glossary's own form."""
        need_text("term", name, shown)
        self.cards += 1
        return cards.term(glossary(), name, shown, self.up, self.cards)

    def note(self, text: str) -> Markup:
        """A numbered side note, in the margin where there is room."""
        need_text("note", text)
        self.notes += 1
        mark = html("<sup>{}</sup>", self.notes)
        return html(
            '<span class="wb-note-mark">{}</span><span class="wb-note" role="note">{} {}</span>', mark, mark, text
        )

    def link(self, model: Model | str, layer: LayerInfo | str = "") -> Markup:
        """Address of a model's or layer's page, relative to this page."""
        parts = ["models", slug(model if isinstance(model, str) else model.id)]
        if layer:
            parts.append(slug(layer if isinstance(layer, str) else layer.name))
        address = "/".join(parts) + "/"
        below = self.path and address.startswith(f"{self.path}/") and address != f"{self.path}/"
        return Markup(address[len(self.path) + 1 :] if below else self.up + address)  # noqa: S704 (slugs are letters, digits, _ . -)

    def words(self) -> Mapping[str, Any]:
        """What a template may use; an article, those of them that `sandbox.WORDS` lists."""
        return {
            "site": self.site, "model": self.model, "layer": self.layer, "up": self.up, "figure": self.figure,
            "ref": self.ref, "value": self.value, "claim": self.claim, "cite": self.cite, "note": self.note,
            "term": self.term, "link": self.link,
            "gap": lambda name, gap: gap_card(name, gap), "references": self.bibliography.references,
            "is_gap": lambda found: isinstance(found, Gap), "suite": self.site.suite,
        }  # fmt: skip

    def finish(self, text: str) -> Files:
        """The page's files, references between figures resolved.

        Raises:
            WbsiteError: a reference to a figure the page does not have.
        """

        def resolve(match: re.Match[str]) -> str:
            name = match[1]
            if name in self.gaps:
                return "The figure (which could not be drawn for this site)"
            if name not in self.numbers:
                raise unknown(f"figure referred to on page {self.path!r}:", name, self.numbers)
            return f'<a class="wb-ref" href="#fig-{name}">Figure {self.numbers[name]}</a>'

        text = with_code_shown(re.sub(r"@@ref:([\w.-]+)@@", resolve, text))
        text = with_formulas(text, self.defects.__setitem__)
        files = {**self.files, "index.md": text.encode()}
        return Incomplete(files, self.defects) if self.defects else files


@dataclass(frozen=True)
class Section:
    """A part of a model's or layer's page.

    Attributes:
        title: its heading.
        text: name of the template of what stands before its figures; "" for none.
        figures: names, in order.
        beside: whether they stand side by side where there is room.
    """

    title: str
    text: str
    figures: tuple[str, ...]
    beside: bool = False


def sections(writing: Writing, kind: Literal["model", "layer"]) -> list[Section]:
    """The parts of a model's or layer's page, as its figures say where they appear.

    A section's text is the template sections/KIND/TITLE.md.j2, TITLE in small letters with hyphens, where there is one.
    """
    scene = Scene(writing.site, writing.model, writing.layer, writing.up)
    placed = sorted(
        (figure for figure in registry.entries("figures") if figure.section and figure.of == kind),
        key=lambda figure: (figure.order, figure.name),
    )
    parts = []
    for title in dict.fromkeys(figure.section for figure in placed):
        text = f"sections/{kind}/{title.lower().replace(' ', '-')}.md.j2"
        own = [figure for figure in placed if figure.section == title and figure.belongs(scene)]
        has_text = sources.has_template(text)
        if own or has_text:
            names, beside = tuple(figure.name for figure in own), any(figure.beside for figure in own)
            parts.append(Section(title, text if has_text else "", names, beside))
    return parts


def defect(error: Exception) -> str:
    """What an unexpected exception says, and the line of code it comes from."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    said = f": {error}" if str(error) else ""
    return f"{type(error).__name__}{said} ({Path(last.filename).name}, line {last.lineno})"


def write(writing: Writing, template: str, **more: Any) -> Files:
    """Renders a template of the templates folder as the page.

    Raises:
        WbsiteError: the template fails; says which and where.
    """
    try:
        text = environment().get_template(template).render(**writing.words(), **more)
    except jinja2.TemplateError as error:
        raise template_error(template, error) from error
    return writing.finish(text)


def template_error(name: str, error: Exception, before: int = 0) -> WbsiteError:
    """What went wrong in a template or article, with file and line.

    Args:
        before: lines of the file before the template's first.
    """
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    line = getattr(error, "lineno", None) or (lines[-1] if lines else None)
    place = f"{name}, line {line + before}" if line else name
    if isinstance(error, WbsiteError):
        return WbsiteError(f"{place}: {error.message}", error.hint)
    said = error.message if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: {error}"
    return WbsiteError(f"{place}: {said}", "Repair the template or article.")


@contextmanager
def author_errors(name: str, before: int) -> Iterator[None]:
    """Turns what fails in an article's own Jinja into a message with its file and line.

    An exception from our code is a defect of ours and passes.
    """
    try:
        yield
    except DamagedEntry:
        raise
    except (WbsiteError, jinja2.TemplateError) as error:
        raise template_error(name, error, before) from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        if Path(frames[-1].filename).is_relative_to(sources.PACKAGE):
            raise
        raise template_error(name, error, before) from error
