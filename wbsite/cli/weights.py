"""The commands `wbsite weights fetch|convert|show|verify`: options in, file names out."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from wbsite.core.errors import WbsiteError

from .from_config import annotation, configuration, local

app = typer.Typer(help="Fetch, convert, show and verify weights files.", no_args_is_help=True)

Label = Annotated[str | None, typer.Option("--weights", help="Label of the weights, where a model has several.")]


@app.command()
def fetch(
    model: Annotated[str, typer.Argument(help="NAME or NAME@WEIGHTS.")],
    weights: Label = None,
) -> None:
    """Download a model's published weights into the cache, and convert them."""
    from wbsite.core.log import reporter
    from wbsite.models.fetch import fetch as run

    with reporter() as progress:
        path = run(model, weights, progress)
    _say(path)


class ReadsFormats(TyperCommand):
    """A command whose help ends with the formats of weights files; they are looked up when it is asked for."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Writes one line a format: its suffixes, and what keeps weights so."""
        from wbsite.core import registry

        with formatter.section("Formats"):
            formatter.write_dl([(", ".join(entry.suffixes), entry.summary) for entry in registry.entries("formats")])


@app.command(cls=ReadsFormats)
def convert(
    source: Annotated[Path, typer.Argument(help="File of weights in one of the formats below.")],
    model: Annotated[str, typer.Option(help="NAME or NAME@WEIGHTS.")],
    out: Annotated[Path, typer.Option(help="Folder for NAME-WEIGHTS.safetensors.")],
    weights: Label = None,
    max_weights_memory: annotation("max_weights_memory") = None,  # type: ignore[valid-type]
) -> None:
    """Convert a weights file to the canonical one, for --weights-dir."""
    from wbsite.models.convert import convert as run

    with _allowed(max_weights_memory):
        path = run(local(source, "source"), model, weights, local(out, "out"))
    _say(path)


@app.command(cls=ReadsFormats)
def show(
    source: Annotated[Path, typer.Argument(help="File of weights in one of the formats below.")],
    max_weights_memory: annotation("max_weights_memory") = None,  # type: ignore[valid-type]
) -> None:
    """List what a weights file holds: where, every tensor's name and shape, and H of kernels."""
    from wbsite.models.contents import lines

    with _allowed(max_weights_memory):
        for line in lines(local(source, "source")):
            typer.echo(line)


@app.command()
def verify(
    target: Annotated[str | None, typer.Argument(help="A file or a model; all files found by default.")] = None,
    weights_dir: annotation("weights_dir") = None,  # type: ignore[valid-type]
    max_weights_memory: annotation("max_weights_memory") = None,  # type: ignore[valid-type]
) -> None:
    """Hash weights files again and load them: are they whole, and their network's?"""
    from wbsite.models.verify import targets, verify_file

    failures = []
    paths = targets(target, local(Path(weights_dir), "weights_dir") if weights_dir else None)
    for path in paths:
        try:
            with _allowed(max_weights_memory):
                typer.echo(f"{path}: {verify_file(path)}")
        except WbsiteError as error:
            failures.append(error)
            typer.echo(f"{path}: {error.message}")
    if failures:
        raise WbsiteError(f"{len(failures)} of {len(paths)} weights files cannot be used.", failures[0].hint)


def _allowed(size: str | None) -> AbstractContextManager[None]:
    """Files may take so much memory; where the command does not say, what `wbsite.toml` says."""
    from wbsite.models.memory import allowed

    return allowed(configuration({"max_weights_memory": size}).max_weights_memory)


def _say(path: Path) -> None:
    """The file's name, and what it lacks."""
    from wbsite.models.weights import read_provenance

    typer.echo(str(path))
    if missing := read_provenance(path).get("missing"):
        typer.echo(f"without {', '.join(missing[:6])}{', …' if len(missing) > 6 else ''}", err=True)
