"""The render half: pages into build/docs, then mkdocs, then the finished site into its folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import yaml
from filelock import FileLock

from .. import registry
from ..config import Config
from ..errors import WbsiteError, unknown
from ..progress import Progress
from ..store import Store, canonical, write_atomically
from . import sources
from .output import Output, digest, remove_file
from .page import Page, PageKind
from .site import Site

BUILD = Path("build")
OURS = ".wbsite.json"


@cache
def code_digest() -> str:
    """Of the code and templates every page is made with."""
    parts = [version(name) for name in ("altair", "jinja2", "vl-convert-python")]
    files = [*Path(__file__).parent.rglob("*.py"), *(p for p in sources.files("templates") if p.suffix == ".j2")]
    return digest(canonical([parts, [digest(path.read_bytes()) for path in sorted(files)]]))


def all_pages(site: Site, articles: Sequence[str]) -> list[Page]:
    """Every page of the site; `articles` limits the articles by name.

    Raises:
        WbsiteError: there is no article of that name.
    """
    pages: list[Page] = []
    kinds: list[PageKind] = registry.ordered(registry.entries("pages"))
    for kind in kinds:
        pages += kind.pages(site)
    if articles:
        names = {page.path.removeprefix("articles/") for page in pages if page.path.startswith("articles/")}
        for name in articles:
            if name not in names:
                raise unknown("article", name, names)
        pages = [
            page
            for page in pages
            if not page.path.startswith("articles/") or page.path.removeprefix("articles/") in articles
        ]
    return pages


def render_site(config: Config, ids: Sequence[str] | None, progress: Progress, strict: bool = False) -> int:
    """Renders the models of the store and builds the site into `config.out`.

    Returns:
        The number of results that failed and stand on the pages as gaps.

    Raises:
        WbsiteError: nothing to render, an unknown model or article, a folder that is not ours.
        DamagedEntry: a result is damaged.
    """
    out = Path(config.out)
    refuse_foreign(out)
    if "://" not in config.store and not Path(config.store).is_dir():
        raise WbsiteError(
            f"there is no store at {config.store}.", "Run `wbsite compute` first, or give its place with --store."
        )
    site = Site(Store(config.store), ids)
    BUILD.mkdir(parents=True, exist_ok=True)
    with FileLock(BUILD / ".render.lock"):
        pages = all_pages(site, config.articles)
        output = Output(BUILD / "docs")
        progress.step(f"render {len(pages)} pages", len(pages))
        for page in pages:
            output.page(page, code_digest())
            progress.advance(note=page.path)
        write_assets(output)
        output.finish()
        theme = write_theme()
        configuration = write_configuration(pages)
        progress.line(f"rendered {output.made} of {len(pages)} pages, {output.changed} files changed")
        if output.changed or theme or configuration or not (out / OURS).exists() or stale(out):
            progress.step("mkdocs")
            run_mkdocs(strict)
            publish(BUILD / "mkdocs", out)
    return len(site.models) - len(site.working) + sum(len(list(model.failures())) for model in site.working)


def write_assets(output: Output) -> None:
    """Styles, scripts, KaTeX and the one Vega bundle."""
    root = sources.folder("templates") / "assets"
    files = {
        f"assets/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sources.files("templates")
        if path.is_relative_to(root)
    }
    bundle = f"vega {version('altair')} {version('vl-convert-python')}"
    known = output.before.get("assets")
    if known and known["inputs"] == bundle and output._holds("assets/vega.js", known["files"]["assets/vega.js"]):
        files["assets/vega.js"] = (output.root / "assets/vega.js").read_bytes()
    else:
        from .assets import vega_bundle

        files["assets/vega.js"] = vega_bundle().encode()
    output.write("assets", bundle, files)


def write_theme() -> int:
    """Copies the theme override to build/theme; returns the number of files that changed."""
    root = sources.folder("templates") / "theme"
    output = Output(BUILD / "theme")
    output.write(
        "theme", "", {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}
    )
    output.finish()
    return output.changed


def write_configuration(pages: Sequence[Page]) -> int:
    """Writes the navigation for mkdocs.yml to inherit, and mkdocs.yml itself where there is none."""
    navigation: list = []
    sections: dict[str, list] = {}
    for page in pages:
        if not page.listed:
            continue
        entry = {page.listed: f"{page.path}/index.md".lstrip("/")}
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
    changed = 0
    wanted = [(BUILD / "mkdocs.yml", text)]
    if not Path("mkdocs.yml").exists():
        wanted.append((Path("mkdocs.yml"), sources.mkdocs_configuration().read_bytes()))
    for path, data in wanted:
        if not path.exists() or path.read_bytes() != data:
            write_atomically(path, data)
            changed += 1
    return changed


def run_mkdocs(strict: bool) -> None:
    """mkdocs, as a user would run it, into build/mkdocs.

    Raises:
        WbsiteError: it fails; its own words are in the message.
    """
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(BUILD / "mkdocs")]
    if strict:
        command.append("--strict")
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"})
    said = (done.stderr + done.stdout).strip()
    if done.returncode:
        raise WbsiteError(
            f"mkdocs failed:\n{said}", "Repair mkdocs.yml or the page it names; `mkdocs build` shows the same."
        )
    if said:
        print(said, file=sys.stderr)


def refuse_foreign(out: Path) -> None:
    """Raises WbsiteError unless `out` is free, or a site that wbsite wrote."""
    if out.exists() and not out.is_dir():
        raise WbsiteError(f"{out} is a file.", "Give another folder with --out.")
    if out.is_dir() and any(out.iterdir()) and not (out / OURS).is_file():
        raise WbsiteError(
            f"{out} holds files that wbsite did not write.", "Give another folder with --out, or empty it yourself."
        )
    parent = next(p for p in (out.absolute(), *out.absolute().parents) if p.exists())
    if not os.access(parent, os.W_OK):
        raise WbsiteError(f"{out} cannot be written.", "Give another folder with --out.")


def _ours(out: Path) -> dict[str, str]:
    try:
        return json.loads((out / OURS).read_text())["files"]
    except (OSError, ValueError, KeyError):
        return {}


def stale(out: Path) -> bool:
    """Whether files of the finished site are gone, or mkdocs.yml is newer than it."""
    if any(not (out / name).is_file() for name in _ours(out)):
        return True
    return Path("mkdocs.yml").stat().st_mtime > (out / OURS).stat().st_mtime


def publish(built: Path, out: Path) -> None:
    """Brings `out` to the state of `built`, touching only files that wbsite wrote.

    Raises:
        WbsiteError: a file that is not ours stands where one of the site's should go.
    """
    ours = _ours(out)
    fresh = {path.relative_to(built).as_posix(): path for path in sorted(built.rglob("*")) if path.is_file()}
    fresh.pop(OURS, None)
    for name in fresh:
        if name not in ours and (out / name).exists():
            raise WbsiteError(
                f"{out / name} was not written by wbsite and is in the way.",
                "Move it, or give another folder with --out.",
            )
    record = {name: digest(path.read_bytes()) for name, path in fresh.items()}
    # Recorded before written: an interrupted copy leaves only files that are known to be ours.
    write_atomically(out / OURS, canonical({"files": {**ours, **record}}))
    for name, path in fresh.items():
        target = out / name
        if not target.exists() or digest(target.read_bytes()) != record[name]:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for name in set(ours) - set(record):
        remove_file(out, name)
    write_atomically(out / OURS, canonical({"files": record}))
