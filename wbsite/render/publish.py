"""The render half: pages into build/docs, then mkdocs, then the finished site into its folder."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path

import yaml
from filelock import FileLock

from wbsite.core import log, registry, source
from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.filing.documents import canonical
from wbsite.core.markup import Markup
from wbsite.core.progress import Progress
from wbsite.core.store import Store
from wbsite.render.pages._report import write_report
from wbsite.render.pages.articles import chosen
from wbsite.results.site import Results, Site, stored_site

from . import sources
from .finished import publish, refuse_foreign, try_to_write, up_to_date
from .offline import archive
from .offline.configuration import configuration
from .offline.standalone import prepare
from .output import MANIFEST, Output, digest, unwritable, write_file
from .page import Page, PageKind, slug
from .parallel import made
from .templating.policy import partials

BUILD = sources.PAGES.parent
OWN = "wbsite-"
"""How folders in build/mkdocs begin that wbsite makes there, and removes."""

GENERATED = ("docs", "theme", "mkdocs")
"""Folders in BUILD whose content is made anew."""


@cache
def code_digest() -> str:
    """Of the code and templates every page is made with, plug-ins included."""
    parts = [version(name) for name in ("altair", "jinja2", "latex2mathml", "vl-convert-python")]
    files = [path for name, path in sources.templates().items() if name.endswith((".j2", "charts.json"))]
    plug_ins = [[kind, *point] for kind in ("figures", "pages", "claims") for point in registry.plug_ins(kind)]
    modules = [*source.modules_in("wbsite.render"), *source.declaring("figures"), *source.declaring("pages")]
    code = source.digest(tuple(modules), ())
    return digest(canonical([parts, plug_ins, code, [digest(path.read_bytes()) for path in files]]))


def made_from(offline: bool) -> str:
    """Digest of all that mkdocs makes the site from: pages, theme, configuration."""
    paths = (sources.PAGES / MANIFEST, BUILD / "theme" / MANIFEST, BUILD / "mkdocs.yml", Path("mkdocs.yml"))
    tools = [version(name) for name in ("mkdocs", "mkdocs-material")]
    after = (
        source.digest(("wbsite.render.offline.configuration", "wbsite.render.offline.standalone")) if offline else ""
    )
    return digest(canonical([tools, after, [digest(path.read_bytes()) for path in paths]]))


def check_request(config: Config) -> None:
    """Refuses what can be refused before anything is computed; writes nothing.

    Raises:
        WbsiteError: an unknown article, a folder that holds other files or cannot be written, a
            site and a store within each other, a mkdocs.yml that is not for the generated pages.
    """
    chosen(config.articles)
    out = Path(config.out).absolute()
    taken = {f"{BUILD / name}": (BUILD / name).absolute() for name in GENERATED}
    if "://" not in config.store:
        taken["the store"] = Path(config.store).absolute()
    for name, folder in taken.items():
        if out == folder or out in folder.parents or folder in out.parents:
            raise WbsiteError(
                f"the site's folder {config.out} overlaps with {name}.", "Give another folder with --out."
            )
    refuse_foreign(out)
    if config.zip:
        archive.refuse_foreign(out)
    try_to_write(sources.PAGES, "Run wbsite in a folder you may write to.")
    if any((BUILD / "mkdocs").glob("*")) and not (BUILD / "mkdocs.yml").exists():
        raise WbsiteError(
            f"{BUILD / 'mkdocs'} holds files that wbsite did not write.", "Move them, or run wbsite in another folder."
        )
    own = Path("mkdocs.yml")
    if own.exists() and sources.PAGES.as_posix() not in own.read_text(encoding="utf-8", errors="replace"):
        raise WbsiteError(
            "the mkdocs.yml of this folder makes another site.",
            "Run wbsite in another folder, or set docs_dir: build/docs and INHERIT: build/mkdocs.yml in it.",
        )


def all_pages(site: Site) -> list[Page]:
    """Every page of the site.

    Raises:
        WbsiteError: two of them would lie in the same folder.
    """
    pages: list[Page] = []
    kinds: list[PageKind] = registry.ordered(registry.entries("pages"))
    for kind in kinds:
        pages += kind.pages(site)
    paths = [page.path for page in pages]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise WbsiteError(f"two pages would both lie at {twice}/.", "Rename one of the layers, models or articles.")
    return pages


def render_site(config: Config, ids: Sequence[str] | None, progress: Progress, strict: bool = False) -> int:
    """Renders the models of the store and builds the site into `config.out`.

    Args:
        ids: models by id or as `--models` names them; None means those of the last build.

    Returns:
        The number of results and figures that failed and stand on the pages as gaps.

    Raises:
        WbsiteError: nothing to render, an unknown model or article, a folder that is not ours.
        DamagedEntry: a result is damaged.
    """
    check_request(config)
    site = stored_site(config, ids)
    BUILD.mkdir(parents=True, exist_ok=True)
    with FileLock(BUILD / ".render.lock"):
        pages = all_pages(site)
        output = Output(sources.PAGES)
        if output.doubt:
            progress.line(output.doubt)
        progress.step(f"render {len(pages)} pages", len(pages))
        stale = [page for page in pages if not output.is_fresh(page, code_digest())]
        progress.advance(len(pages) - len(stale))
        for page, files in made(stale, site, all_pages):
            output.page(page, code_digest(), files)
            progress.advance(note=page.path)
            for part, reason in output.defects.get(page.path, {}).items():
                progress.line(f"{part} of /{page.path} could not be drawn: {reason}")
        write_assets(output, site)
        output.finish()
        write_theme()
        write_configuration(pages)
        progress.line(f"rendered {output.made} of {len(pages)} pages, {output.changed} files changed")
        out, state = Path(config.out), made_from(config.offline)
        if not up_to_date(out, state, strict):
            progress.step("mkdocs")
            with mkdocs_site(strict, config.offline) as built:
                if doubt := publish(built, out, state, strict):
                    progress.line(doubt)
        if config.zip:
            progress.line(f"the whole site in one file: {archive.pack(out)}")
    if report := write_report(Store(config.store)):
        progress.line(f"report on what was done: {report}")
    undrawn = sum(map(len, output.defects.values()))
    subjects: list[Results] = [*site.models, *site.suites]
    failures = sum(1 if subject.failed else len(list(subject.failures())) for subject in subjects)
    return failures + undrawn


def write_assets(output: Output, site: Site) -> None:
    """Styles, scripts, fonts, the layers whose units the search knows, and the one Vega bundle.

    Pages load all style sheets as assets/css/wbsite.css and all scripts as assets/js/wbsite.js, which the theme names:
    a mkdocs.yml that lists those of an earlier wbsite lacks none. (The sheets stay, as such a file asks for them.)
    Not the notes that lie beside them: mkdocs would make pages of their Markdown.
    """
    found = sources.templates().items()
    files = {n: path.read_bytes() for n, path in found if n.startswith("assets/") and path.suffix != ".md"}
    files = {name: data for name, data in files.items() if not name.startswith("assets/js/")}
    files |= {"assets/css/wbsite.css": sources.styles(), "assets/js/wbsite.js": sources.scripts()}
    files["assets/layers.js"] = searched_layers(site)
    code = source.digest(("wbsite.render.assets",))
    bundle = f"vega {version('altair')} {version('vl-convert-python')} {code}"
    known = output.before.get("assets")
    vega = known["files"].get("assets/vega.js", "") if known and known.get("inputs") == bundle else ""
    if output.holds("assets/vega.js", vega):
        files["assets/vega.js"] = (output.root / "assets/vega.js").read_bytes()
    else:
        from .assets import vega_bundle

        files["assets/vega.js"] = vega_bundle().encode()
    output.write("assets", bundle, files)


def searched_layers(site: Site) -> bytes:
    """A script for the search: [page, layer, model, first unit, last unit + 1] of layers whose pages show units."""
    layers = [
        [f"models/{slug(m.id)}/{slug(layer.name)}/", layer.name, m.title, layer.units.start, layer.units.stop]
        for m in site.working
        for layer in m.layers
        if any("key" in m.places(layer.name).get(analysis, {}) for analysis in ("filters", "nmf", "connections"))
    ]
    return f"self.wbsiteLayers = {json.dumps(layers, ensure_ascii=False, separators=(',', ':'))};\n".encode()


def write_theme() -> None:
    """Copies the theme override to build/theme, and adds the policy of its pages."""
    found = sources.templates().items()
    output = Output(BUILD / "theme")
    theme = {name.removeprefix("theme/"): path.read_bytes() for name, path in found if name.startswith("theme/")}
    output.write("theme", "", {**theme, **partials(theme)})
    output.finish()


def write_configuration(pages: Sequence[Page]) -> None:
    """Writes the navigation for mkdocs.yml to inherit, and mkdocs.yml itself where there is none."""
    navigation: list = []
    sections: dict[str, list] = {}
    for page in pages:
        if not page.listed:
            continue
        entry = {str(Markup.escape(page.listed)): f"{page.path}/index.md".lstrip("/")}  # themes show it as it is
        if not page.section:
            navigation.append(entry)
        elif page.section in sections:
            sections[page.section].append(entry)
        else:
            sections[page.section] = [entry]
            navigation.append({page.section: sections[page.section]})
    listed = {f"{page.path}/index.md".lstrip("/") for page in pages if page.listed}
    unlisted = "\n".join(
        f"/{path}" for path in sorted({f"{page.path}/index.md" for page in pages} - listed) if path != "/index.md"
    )
    text = yaml.safe_dump({"nav": navigation, "not_in_nav": unlisted}, sort_keys=False, allow_unicode=True).encode()
    wanted = [(BUILD / "mkdocs.yml", text)]
    if not Path("mkdocs.yml").exists():
        wanted.append((Path("mkdocs.yml"), sources.mkdocs_configuration().read_bytes()))
    for path, data in wanted:
        if not path.exists() or path.read_bytes() != data:
            write_file(path, data)


@contextmanager
def mkdocs_site(strict: bool, offline: bool = False) -> Iterator[Path]:
    """A new folder in build/mkdocs with the site, for as long as it is needed.

    New each time: when wbsite is killed, its mkdocs may go on for a while and write to its own.

    Raises:
        WbsiteError: the folder cannot be made, or mkdocs fails.
    """
    folder = BUILD / "mkdocs"
    try:
        if folder.is_symlink():
            folder.unlink()
        folder.mkdir(exist_ok=True)
        for left_over in folder.glob(f"{OWN}*"):
            shutil.rmtree(left_over, ignore_errors=True)  # one still being written goes the next time
        built = Path(tempfile.mkdtemp(dir=folder, prefix=OWN))
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        run_mkdocs(built, strict, configuration() if offline else None)
        if offline:
            try:
                prepare(built)
            except OSError as error:
                raise (full() if error.errno in (errno.ENOSPC, errno.EDQUOT) else unwritable(built, error)) from error
        yield built
    finally:
        shutil.rmtree(built, ignore_errors=True)


def full() -> WbsiteError:
    """The error for a disk that mkdocs filled."""
    size = sum(path.stat().st_size for path in sources.PAGES.rglob("*") if path.is_file())
    needed, free = (f"{number / 1e6:.0f} MB" for number in (2 * size, shutil.disk_usage(BUILD).free))
    return WbsiteError(
        f"no space left for the site that mkdocs makes in {BUILD / 'mkdocs'}.",
        f"The pages take about {needed} there, and {free} are free. Free some, as with `wbsite clean`, or work on"
        " another disk, and run the same command again: results and pages are kept.",
    )


def run_mkdocs(built: Path, strict: bool, settings: bytes | None = None) -> None:
    """mkdocs, as a user would run it.

    Args:
        settings: what is read in place of mkdocs.yml.

    Raises:
        WbsiteError: it fails; its own words are in the message.
    """
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(built)]
    if strict:
        command.append("--strict")
    if settings is not None:
        command += ["--config-file", "-"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    # In a process group of its own: signals that ask to end reach this process alone, which ends it.
    done = subprocess.run(command, capture_output=True, input=settings, env=environment, process_group=0)
    said = (done.stderr + done.stdout).decode(errors="replace").strip()
    if done.returncode and any(os.strerror(number) in said for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)):
        raise full()
    if done.returncode:
        raise WbsiteError(
            f"mkdocs failed:\n{said}", "Repair mkdocs.yml or the page it names; `mkdocs build` shows the same."
        )
    if said:
        log.say("mkdocs", said)
