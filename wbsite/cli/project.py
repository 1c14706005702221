"""`wbsite new`: the folder of a user's own site, from the templates in templates/project/."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path, PurePath

from wbsite import __version__
from wbsite.core import registry
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.filing.paths import expanded
from wbsite.core.naming import is_file, is_own, is_user, library_of

TEMPLATES = "project/"
HIDDEN = ("github", "gitignore")
"""Names that begin with a dot in the new folder."""


def create(folder: Path, model: str) -> list[str]:
    """Fills a new or empty folder; the names of its files.

    Args:
        model: as `--models` of build names it; a path in it is written as seen from the folder.

    Raises:
        WbsiteError: the folder holds files or cannot be made, or there is no model of that name.
    """
    from wbsite.render import sources
    from wbsite.render.finished import try_to_write
    from wbsite.render.output import write_file

    _need_model(model)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise WbsiteError(
            f"{folder} {'is a file' if folder.is_file() else 'holds files'}.", "Give the name of a new or empty folder."
        )
    try_to_write(folder, "Give a folder in a place where you may write.")
    name = folder.absolute().resolve().name or "site"
    token = seen_from(folder, model)
    words = {
        "NAME": name,
        "AUTHORS": _quoted(f"The authors of {name}"),
        "MODEL": _quoted(token),
        "VERSION": __version__,
    }
    found = sources.templates().items()
    files = {place(key): _filled(path, words) for key, path in found if key.startswith(TEMPLATES)}
    named = f"site_name: {_quoted(name)}"
    own = sources.mkdocs_configuration().read_text(encoding="utf-8")
    files["mkdocs.yml"] = re.sub(r"^site_name:.*$", lambda _: named, own, count=1, flags=re.MULTILINE)
    for file, text in files.items():
        write_file(folder / file, text.encode())
    return sorted(files)


def place(template: str) -> str:
    """Where a template's file goes in the folder."""
    first, *rest = PurePath(template.removeprefix(TEMPLATES)).parts
    return str(PurePath(f".{first}" if first in HIDDEN else first, *rest))


def seen_from(folder: Path, token: str) -> str:
    """A name of a model whose paths lead from a folder to where they lead from here."""
    if not is_own(token):
        return token
    file, _, weights = token.rpartition("@") if is_user(token) and "@" in token else (token, "", "")
    parts = [re.split(r"([:#])", part, maxsplit=1) for part in (file, weights) if part]
    for part in parts:
        if expanded(part[0]).is_file() and not expanded(part[0]).is_absolute():
            path = PurePath(os.path.relpath(part[0], folder)).as_posix()
            part[0] = path if path.startswith(".") else f"./{path}"
    return "@".join(map("".join, parts))


def _quoted(text: str) -> str:
    """A text as TOML and YAML have it."""
    return json.dumps(text, ensure_ascii=False)


def _filled(path: Path, words: dict[str, str]) -> str:
    text = path.read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def _need_model(token: str) -> None:
    """Raises WbsiteError for a name that no model of wbsite has; whether others' can be loaded, `doctor` says."""
    if is_own(token) or library_of(token) is not None:
        return
    known = {name for spec in registry.entries("models") for name in (spec.name, f"{spec.name}@{spec.weights}")}
    if token not in known and not is_file(token):
        raise unknown("model", token, {name.partition("@")[0] for name in known})
