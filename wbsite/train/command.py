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

if TYPE_CHECKING:
    from .base import Suite
    from .job import Job
    from .parallel import Team


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
    jobs: int | None = None,
    store: str = "build/store",
) -> Iterator[str]:
    """Trains suites and experiments, and yields a line for each finished run.

    Under torchrun all processes train each run together, and the first process alone yields lines.

    Args:
        names: suites, or single experiments.
        seeds: left out, three for a suite and one for an experiment.
        device: as in `--device`.
        out: folder of checkpoints and results.
        dataset: in place of the preset's or the experiment's.
        only: experiments of a suite; left out, all.
        preset: scale of a suite; left out, its first.
        epochs: in place of the preset's.
        jobs: number of runs at a time; left out, what suits the device.
        store: URL of the store that also gets the metrics of a suite's runs.

    Raises:
        WbsiteError: an unknown name, an option that does not go with it, a store that cannot be written, or a run that
            failed (after all others are done).
    """
    _check_options(names, only, preset, epochs, jobs)
    from wbsite.datasets import picture_dataset

    from .experiment import train_experiment
    from .job import Job
    from .parallel import team

    suites = {suite.name: suite for suite in registry.entries("suites")}
    with team(device) as processes:
        try:
            _check_team(processes, [name for name in names if name not in suites], jobs)
            for name in names:
                if name not in suites:
                    for seed in seeds or (0,):
                        path, accuracy = train_experiment(name, dataset, seed, device, out, progress)
                        yield f"{path}: test accuracy {accuracy:.4f}"
                    continue
                suite = suites[name]
                scale, trials = suite.preset(preset), suite.select(only)
                picture_dataset(dataset or scale.dataset)
                # Seed by seed, so that an interrupted suite has runs of every experiment.
                runs = [
                    Job(name, trial.name, seed, scale.name, dataset, epochs, device, out)
                    for seed in dict.fromkeys(seeds or (0, 1, 2))
                    for _, trial in trials
                ]
                yield from _train_suite(suite, runs, jobs, Store(store), progress, processes)
        except WbsiteError:
            if processes.rank == 0:  # all processes have the same error, which is printed once
                raise


def _check_options(
    names: Sequence[str], only: tuple[str, ...], preset: str | None, epochs: int | None, jobs: int | None
) -> None:
    for option, value in (("epochs", epochs), ("jobs", jobs)):
        if value is not None and value < 1:
            raise WbsiteError(f"{option} is {value}.", "Expected a whole number, at least 1.")
    suites, experiments = registry.names("suites"), registry.names("experiments")
    for name in names:
        if name in (STUDY, *registry.names("studies")):
            option = "" if name == STUDY else f" --study {name}"
            raise WbsiteError(
                f"{name} is a study of many small networks, which are trained where they are measured.",
                f"Run wbsite build --articles {STUDY}{option}, or wbsite export information_plane{option}.",
            )
        if name not in suites and name not in experiments:
            raise unknown("experiment", name, [*suites, *experiments], "`wbsite list experiments` lists all.")
        if name not in suites and (only or preset or epochs or jobs):
            raise WbsiteError(
                f"--only, --preset, --epochs and --jobs belong to a suite; {name} is a single experiment.",
                f"Suites: {', '.join(suites)}.",
            )


def _check_team(processes: Team, experiments: Sequence[str], jobs: int | None) -> None:
    if processes.size > 1 and experiments:
        raise WbsiteError(
            f"torchrun trains suites; {experiments[0]} is a single experiment.", "Start it without torchrun."
        )
    if processes.size > 1 and jobs not in (None, 1):
        raise WbsiteError(
            f"jobs is {jobs}, and torchrun lets all its processes work on one run after another.",
            "Leave out --jobs, or start the command without torchrun.",
        )


def _train_suite(
    suite: Suite, jobs: Sequence[Job], workers: int | None, store: Store, progress: Progress, processes: Team
) -> Iterator[str]:
    from .deposit import deposit
    from .jobs import default_jobs, train_jobs

    is_first = processes.rank == 0
    progress = progress if is_first else Progress()
    processes.on_first(store.prepare)  # a store that cannot be written is refused before hours of training
    workers = 1 if processes.size > 1 else min(workers or default_jobs(jobs[0].device), len(jobs))
    failures: dict[str, list[str]] = {}
    store_error: StoreError | None = None
    progress.step(f"{suite.name}: {len(jobs)} runs", len(jobs))
    for job, outcome in train_jobs(jobs, workers, progress, processes):
        title = f"{job.trial} seed {job.seed}"
        progress.advance(note=title)
        if isinstance(outcome, WbsiteError):
            titles = failures.setdefault(str(outcome), [])
            progress.line(f"{title}: {f'as {titles[0]}' if titles else outcome}")
            titles.append(title)
            continue
        if not is_first:
            continue
        try:
            deposit(outcome, job.result_path, store)
        except StoreError as error:
            store_error = store_error or error
            progress.line(f"{job.result_path} is kept, but not in the store: {error}")
        yield f"{job.result_path}: test accuracy {outcome.record['accuracy']:.4f}, {suite.describe(outcome)}"
    if failures:
        message, titles = next(iter(failures.items()))
        raise WbsiteError(
            f"{sum(map(len, failures.values()))} of {len(jobs)} runs failed; the first: {titles[0]}: {message}",
            "The others are done and kept; repair the cause and run the command again.",
        )
    if store_error is not None:
        raise store_error
