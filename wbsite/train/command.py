"""`wbsite train`: suites and single experiments by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from .. import registry
from ..errors import WbsiteError, unknown
from ..progress import Progress
from ..store import Store, StoreError
from .base import check_epochs


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
        if name not in suites and name not in experiments:
            raise unknown("experiment", name, [*suites, *experiments], "`wbsite list experiments` lists all.")
        if name not in suites and (only or preset or epochs):
            raise WbsiteError(
                f"--only, --preset and --epochs belong to a suite; {name} is a single experiment.",
                f"Suites: {', '.join(suites)}.",
            )
    for name in names:
        if name in suites:
            chosen = list(seeds or (0, 1, 2))
            yield from _suite(name, only, chosen, preset, dataset, epochs, device, out, at_once, store, progress)
            continue
        from .run import train_experiment

        for seed in seeds or (0,):
            path, reached = train_experiment(name, dataset, seed, device, out, progress)
            yield f"{path}: test accuracy {reached:.4f}"


def _suite(
    name: str,
    only: tuple[str, ...],
    seeds: Sequence[int],
    preset: str | None,
    dataset: str | None,
    epochs: int | None,
    device: str,
    out: Path,
    at_once: int | None,
    store: str,
    progress: Progress,
) -> Iterator[str]:
    from .deposit import deposit
    from .jobs import default_jobs, runs
    from .suite import Job

    suite = registry.named("suites", name, "suite")
    scale = suite.preset(preset)
    trials = suite.chosen(only)
    # Seed by seed, so that an interrupted suite has something of every experiment.
    jobs = [
        Job(name, trial.name, seed, scale.name, dataset, epochs, device, out) for seed in seeds for _, trial in trials
    ]
    results = Store(store)
    results.prepare()  # a place that cannot be written is said before hours of training
    failed: list[str] = []
    unstored: StoreError | None = None
    progress.step(f"{name}: {len(jobs)} runs", len(jobs))
    for job, made in runs(jobs, min(at_once or default_jobs(device), len(jobs)), progress):
        progress.advance(note=f"{job.trial} seed {job.seed}")
        if isinstance(made, WbsiteError):
            failed.append(f"{job.trial} seed {job.seed}: {made}")
            progress.line(failed[-1])
            continue
        try:
            deposit(made, job.result, results)
        except StoreError as error:
            unstored = unstored or error
            progress.line(f"{job.result} is kept, but not in the store: {error}")
        last, before = (made.record["layers"][made.record[place]]["index"] for place in ("last", "before"))
        yield (
            f"{job.result}: test accuracy {made.record['accuracy']:.4f},"
            f" H({made.record['before']}) {before:.3f}, H({made.record['last']}) {last:.3f}"
        )
    if failed:
        raise WbsiteError(
            f"{len(failed)} of {len(jobs)} runs failed; the first: {failed[0]}",
            "The others are done and kept; repair the cause and run the command again.",
        )
    if unstored is not None:
        raise unstored
