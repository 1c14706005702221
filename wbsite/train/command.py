"""`wbsite train`: suites and single experiments by name, in one process or under torchrun."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wbsite.core import registry
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.naming import STUDY
from wbsite.core.progress import Progress
from wbsite.core.store import Store, StoreError

from .base import check_epochs

if TYPE_CHECKING:
    from .parallel import Team
    from .suite import Job


def train_named(
    names: Sequence[str],
    seeds: Sequence[int] | None,
    device: str,
    out: Path,
    progress: Progress,
    dataset: str | None = None,
    only: tuple[str, ...] = (),
    preset: str | None = None,
    epochs: int | None = None,
    at_once: int | None = None,
    store: str = "build/store",
) -> Iterator[str]:
    """Trains what the names stand for, and yields a line for each finished run.

    Under torchrun the processes train one run after another together; the first of them speaks.

    Args:
        names: suites, or single experiments.
        seeds: three for a suite and one for an experiment where none are given.
        only: experiments of a suite; all where none is named.
        at_once: runs side by side; as many as the device is good for where not given.
        store: where the metrics of a suite's runs are put too.

    Raises:
        WbsiteError: an unknown name, an option that does not go with it, a store that cannot be
            written, or a run that failed (after all others are done).
    """
    check_epochs(epochs)
    if at_once is not None and at_once < 1:
        raise WbsiteError(f"jobs is {at_once}.", "Expected a whole number, at least 1.")
    suites, experiments = registry.names("suites"), registry.names("experiments")
    for name in names:
        if name in (STUDY, *registry.names("studies")):
            own = "" if name == STUDY else f" --study {name}"
            raise WbsiteError(
                f"{name} is a study of many small networks, which are trained where they are measured.",
                f"Run wbsite build --articles {STUDY}{own}, or wbsite export information_plane{own}.",
            )
        if name not in suites and name not in experiments:
            raise unknown("experiment", name, [*suites, *experiments], "`wbsite list experiments` lists all.")
        if name not in suites and (only or preset or epochs or at_once):
            raise WbsiteError(
                f"--only, --preset, --epochs and --jobs belong to a suite; {name} is a single experiment.",
                f"Suites: {', '.join(suites)}.",
            )
    from .parallel import team

    with team(device) as processes:
        try:
            _check_team(processes, [name for name in names if name not in suites], at_once)
            for name in names:
                if name in suites:
                    chosen = tuple(dict.fromkeys(seeds or (0, 1, 2)))
                    jobs = _jobs(name, only, chosen, preset, dataset, epochs, device, out)
                    yield from _suite(name, jobs, at_once, store, progress, processes)
                    continue
                from .run import train_experiment

                for seed in seeds or (0,):
                    path, reached = train_experiment(name, dataset, seed, device, out, progress)
                    yield f"{path}: test accuracy {reached:.4f}"
        except WbsiteError:
            if processes.rank == 0:  # what goes wrong in one goes wrong in all, and is said once
                raise


def _check_team(processes: Team, experiments: Sequence[str], at_once: int | None) -> None:
    if processes.size > 1 and experiments:
        raise WbsiteError(
            f"torchrun trains suites; {experiments[0]} is a single experiment.", "Start it without torchrun."
        )
    if processes.size > 1 and at_once not in (None, 1):
        raise WbsiteError(
            f"jobs is {at_once}, and torchrun lets all its processes work on one run after another.",
            "Leave out --jobs, or start the command without torchrun.",
        )


def _jobs(
    name: str,
    only: tuple[str, ...],
    seeds: Sequence[int],
    preset: str | None,
    dataset: str | None,
    epochs: int | None,
    device: str,
    out: Path,
) -> list[Job]:
    """The runs of a suite, seed by seed, so that an interrupted one has something of every experiment."""
    from wbsite.datasets import picture_dataset

    from .suite import Job

    suite = registry.named("suites", name, "suite")
    scale, trials = suite.preset(preset), suite.chosen(only)
    picture_dataset(dataset or scale.dataset)
    return [
        Job(name, trial.name, seed, scale.name, dataset, epochs, device, out) for seed in seeds for _, trial in trials
    ]


def _suite(
    name: str, jobs: Sequence[Job], at_once: int | None, store: str, progress: Progress, processes: Team
) -> Iterator[str]:
    from .deposit import deposit
    from .jobs import default_jobs, runs

    leads = processes.rank == 0
    progress = progress if leads else Progress()
    results = Store(store)
    processes.lead(results.prepare)  # a place that cannot be written is said before hours of training
    side_by_side = 1 if processes.size > 1 else min(at_once or default_jobs(jobs[0].device), len(jobs))
    failed: dict[str, list[str]] = {}
    unstored: StoreError | None = None
    progress.step(f"{name}: {len(jobs)} runs", len(jobs))
    for job, made in runs(jobs, side_by_side, progress, processes):
        title = f"{job.trial} seed {job.seed}"
        progress.advance(note=title)
        if isinstance(made, WbsiteError):
            told = failed.setdefault(str(made), [])
            progress.line(f"{title}: {f'as {told[0]}' if told else made}")
            told.append(title)
            continue
        if not leads:
            continue
        try:
            deposit(made, job.result, results)
        except StoreError as error:
            unstored = unstored or error
            progress.line(f"{job.result} is kept, but not in the store: {error}")
        reached = f"test accuracy {made.record['accuracy']:.4f}"
        yield f"{job.result}: {reached}, {job.place[0].shown(made)}"
    if failed:
        message, titles = next(iter(failed.items()))
        raise WbsiteError(
            f"{sum(map(len, failed.values()))} of {len(jobs)} runs failed; the first: {titles[0]}: {message}",
            "The others are done and kept; repair the cause and run the command again.",
        )
    if unstored is not None:
        raise unstored
