"""The command line: options become a configuration, errors become an exit status.

0 done, 1 a defect of ours, 2 bad input, 3 built with gaps, 130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperGroup

from wbsite import __version__
from wbsite.core.errors import WbsiteError

from .weights import app as weights_app

INTERRUPTED = "wbsite: interrupted. What is done is kept; run the same command again to go on."


class Commands(TyperGroup):
    """The commands; an interrupted one says how to go on, where Typer would end without a word."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Runs the command that was asked for."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print(f"\n{INTERRUPTED}", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    name="wbsite",
    cls=Commands,
    help="Reads the weights of vision networks and publishes what it finds as a site.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(weights_app, name="weights")

GAPS = 3

Models = Annotated[
    Optional[str],
    typer.Option(help="Comma-separated: NAME, NAME@WEIGHTS or module:factory[@FILE]. Left out: the bundled networks."),
]
Articles = Annotated[Optional[str], typer.Option(help="Comma-separated names of articles. Left out: all.")]
ProfileName = Annotated[
    Optional[str], typer.Option(help="quick: what the articles show; full: everything for every unit.")
]
WeightsDir = Annotated[Optional[Path], typer.Option(help="Folder of converted weights, looked at before the cache.")]
Device = Annotated[Optional[str], typer.Option(help="auto, cpu or cuda.")]
Workers = Annotated[Optional[int], typer.Option(help="Compute on this many local processes (needs wbsite[cluster]).")]
Scheduler = Annotated[Optional[str], typer.Option(help="Compute on a running Dask cluster, as in tcp://host:8786.")]
StoreUrl = Annotated[Optional[str], typer.Option("--store", help="Folder or address of the results.")]
Out = Annotated[Optional[str], typer.Option(help="Folder of the finished site.")]
KeepGoing = Annotated[
    Optional[bool], typer.Option("--keep-going", help="Build the other models when one cannot be loaded.")
]
RunsDir = Annotated[
    Optional[Path],
    typer.Option(help="Folder of runs that `wbsite train SUITE --out` wrote, in place of those that come with wbsite."),
]
Photographs = Annotated[
    Optional[str],
    typer.Option(help="Data set shown to the networks, as imagefolder:PATH. Left out: crops of two photographs."),
]
Categories = Annotated[
    Optional[Path],
    typer.Option(help="CSV file of your own categories of units, layer,unit,category, tested in every branch."),
]
StudyName = Annotated[
    Optional[str],
    typer.Option(
        "--study",
        help="What the information-plane article trains: a name from `wbsite list experiments`, or a TOML file.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Treat mkdocs' warnings as errors.")]


def _split(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def _config(**options: Any) -> Any:
    from wbsite.core.config import load

    for name in ("models", "articles"):
        if name in options:
            options[name] = _split(options[name])
    for name in ("weights_dir", "runs", "categories"):
        if options.get(name) is not None:
            options[name] = str(options[name])
    return load(options)


def _finish(failures: int, what: str) -> None:
    if failures:
        print(
            f"{what} with {failures} gap{'s' if failures > 1 else ''}: see the cards on the pages and the lines above.",
            file=sys.stderr,
        )
        raise typer.Exit(GAPS)


@app.command()
def build(
    models: Models = None,
    articles: Articles = None,
    profile: ProfileName = None,
    weights_dir: WeightsDir = None,
    device: Device = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    store: StoreUrl = None,
    out: Out = None,
    keep_going: KeepGoing = None,
    runs: RunsDir = None,
    photographs: Photographs = None,
    categories: Categories = None,
    study: StudyName = None,
    strict: Strict = False,
) -> None:
    """Compute what is missing, render the pages, and let mkdocs make the site."""
    from wbsite.core.progress import reporter

    from .build_site import build as run

    config = _config(
        models=models, articles=articles, profile=profile, weights_dir=weights_dir, device=device,
        workers=workers, scheduler=scheduler, store=store, out=out, keep_going=keep_going, runs=runs,
        photographs=photographs, categories=categories, study=study,
    )  # fmt: skip
    with reporter() as progress:
        failures = run(config, progress, strict)
    print(f"The site is in {config.out}. Look at it: mkdocs serve, then open the address it prints.")
    _finish(failures, "Built")


@app.command()
def compute(
    models: Models = None,
    profile: ProfileName = None,
    weights_dir: WeightsDir = None,
    device: Device = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    store: StoreUrl = None,
    keep_going: KeepGoing = None,
    runs: RunsDir = None,
    photographs: Photographs = None,
    categories: Categories = None,
    study: StudyName = None,
) -> None:
    """The first half of build: compute what the store lacks."""
    from wbsite.core.progress import reporter
    from wbsite.run.compute import compute as run

    config = _config(
        models=models, profile=profile, weights_dir=weights_dir, device=device, workers=workers,
        scheduler=scheduler, store=store, keep_going=keep_going, runs=runs, photographs=photographs,
        categories=categories, study=study,
    )  # fmt: skip
    with reporter() as progress:
        _, failures = run(config, progress)
    print(f"The results are in {config.store}.")
    _finish(failures, "Computed")


@app.command()
def render(
    models: Models = None,
    articles: Articles = None,
    store: StoreUrl = None,
    out: Out = None,
    strict: Strict = False,
) -> None:
    """The second half of build: pages and site from what is in the store; needs no torch.

    Without --models: the models of the last build or compute on this store.
    """
    from wbsite.core.progress import reporter
    from wbsite.render.publish import render_site

    config = _config(articles=articles, store=store, out=out)
    with reporter() as progress:
        failures = render_site(config, _split(models), progress, strict)
    print(f"The site is in {config.out}.")
    _finish(failures, "Rendered")


@app.command()
def train(
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
    device: Device = None,
    out: Annotated[Path, typer.Option(help="Folder of checkpoints and results.")] = Path("build/train"),
    store: StoreUrl = None,
) -> None:
    """Train; continue from the last checkpoint where there is one."""
    from wbsite.core.progress import reporter
    from wbsite.train.command import train_named

    config = _config(device=device, store=store)
    chosen = None if seeds is None else _seeds(seeds)
    with reporter() as progress:
        for line in train_named(
            names, chosen, config.device, out, progress, dataset, _split(only) or (), preset, epochs, jobs, config.store
        ):
            print(line)


def _seeds(text: str) -> list[int]:
    parts = _split(text) or ()
    if not parts or not all(part.isdigit() for part in parts):
        raise WbsiteError(f"seeds is {text!r}.", "Expected comma-separated whole numbers, as in 0,1,2.")
    return [int(part) for part in parts]


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="models, layers, experiments, analyses or datasets.")],
    model: Annotated[Optional[str], typer.Argument(help="With layers: the model.")] = None,
    weights_dir: WeightsDir = None,
) -> None:
    """What there is."""
    from wbsite.run.listing import lines

    for line in lines(what, model, str(weights_dir) if weights_dir else ""):
        print(line)


@app.command()
def export(
    analysis: Annotated[str, typer.Argument(help="Name from `wbsite list analyses`.")],
    model: Annotated[
        Optional[str],
        typer.Option(help="NAME, NAME@WEIGHTS or module:factory[@FILE]; left out for an analysis of a suite."),
    ] = None,
    layer: Annotated[Optional[str], typer.Option(help="One layer; all if left out.")] = None,
    format: Annotated[
        str, typer.Option(help="csv, json or parquet; webp, a moving picture, of information-plane.")
    ] = "csv",
    profile: ProfileName = None,
    weights_dir: WeightsDir = None,
    device: Device = None,
    store: StoreUrl = None,
    runs: RunsDir = None,
    photographs: Photographs = None,
    categories: Categories = None,
    study: StudyName = None,
) -> None:
    """A result as a table, or as a moving picture, on standard output; computes what is missing."""
    from wbsite.core.progress import reporter
    from wbsite.render.information import _animation as animation
    from wbsite.run import export as run

    animation.refuse(analysis, format)

    config = _config(
        profile=profile, weights_dir=weights_dir, device=device, store=store, runs=runs, photographs=photographs,
        categories=categories, study=study,
    )  # fmt: skip
    with reporter() as progress:
        if format in animation.FORMATS:
            data = animation.animation(run.entries(config, analysis, model, layer, progress), progress)
        else:
            data = run.export(config, analysis, model, layer, format, progress)
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has seen enough
        sys.stdout = None
    except OSError as error:
        sys.stdout = None
        raise WbsiteError(f"the result cannot be written ({error.strerror}).", "Write it to another place.") from error


@app.command()
def check(
    site: Annotated[Path, typer.Argument(help="Folder of a built site.")] = Path("site"),
) -> None:
    """Links, anchors, page weight, alt text, figures without data, requests to other hosts."""
    from wbsite.render.check.check import check_site

    problems = check_site(site)
    for problem in problems:
        print(problem)
    if problems:
        raise WbsiteError(
            f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in {site}.", "Each is listed above."
        )
    print(f"{site}: no problems.")


@app.command()
def clean(store: StoreUrl = None) -> None:
    """Prune the store: results no record names, damaged ones, and what interruptions left."""
    from wbsite.run.clean import clean as run

    config = _config(store=store)
    removed, damaged = run(config)
    print(f"{config.store}: {removed} entries removed, {damaged} of them damaged.")


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """wbsite reads the weights of vision networks and publishes what it finds as a site."""
    if version:
        print(f"wbsite {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of the `wbsite` command."""
    try:
        app()
    except WbsiteError as error:
        print(f"wbsite: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print(f"\n{INTERRUPTED}", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
