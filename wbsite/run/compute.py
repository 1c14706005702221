"""The compute half: plans every subject, runs what the store lacks, records what each has."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wbsite.core import machine, registry
from wbsite.core.config import Config
from wbsite.core.errors import RunError, WbsiteError
from wbsite.core.processes import warm_up
from wbsite.core.progress import Progress
from wbsite.core.store import DamagedEntry, Store

from . import pending
from .costs import rendering
from .fingerprint import code_digest, fingerprint, still_valid
from .report import NOT_KEPT, RECORD, Kept, Report
from .subjects.base import Subject
from .subjects.suite import articles

if TYPE_CHECKING:
    from .plan import Plan, Task
    from .worker import Outcome


def compute(config: Config, progress: Progress, pages: Sequence[str] = ()) -> tuple[list[str], int]:
    """Computes what is missing.

    Args:
        pages: modules to import for making pages, where these are made afterwards, which then counts as time that is
            left.

    Returns:
        The ids of the models, and the number of failures.

    Raises:
        WbsiteError: a model cannot be loaded or a run not be read (unless `keep_going`), or the store
            cannot be used.
    """
    store = Store(config.store)
    if store.url.startswith("memory:"):
        progress.line(f"the store {store.url} is gone when this process ends: nothing can be resumed or rendered later")
    kinds: list[type[Subject]] = registry.ordered(registry.entries("subjects"))
    for kind in kinds:
        kind.forget()  # files may have changed since this process loaded them
    subjects = {kind: kind.requested(config, store, progress) for kind in kinds}
    failures, plans = 0, {}
    for subject in (subject for kind in kinds for subject in subjects[kind]):
        current = fingerprint(subject)
        damaged = [name for name in (subject.record, pending.name(subject)) if report_damage(store, name, progress)]
        if not damaged and still_valid(store, store.record(subject.record), config.profile, current):
            continue
        if not config.scheduler and config.device != "cuda" and (config.workers or machine.processors()) > 1:
            warm_up(["wbsite.run.pool_worker", *pages])  # which imports torch while this process does, too
        try:
            plans[subject] = planned(subject, config, progress), current
        except RunError:
            raise
        except WbsiteError as error:
            if not config.keep_going:
                raise
            progress.line(f"{subject.label}: {error}")
            reason = {"token": subject.token, "title": subject.title or subject.label, "failed": str(error)}
            store.put_record(subject.record, {"id": subject.id, **reason, "results": {}})
            failures += 1
    if not failures:  # what could not be loaded may have anything
        for kind in kinds:
            facts = (plans[s][0].facts if s in plans else store.record(s.record) or {} for s in subjects[kind])
            kind.check(config, subjects[kind], facts)
    if plans:
        count = len({(task.subject, task.layer) for plan, _ in plans.values() for task in plan.tasks})
        then = rendering(count, machine.processors()) if pages else 0.0
        failures += _run(list(plans.values()), config, store, Kept(progress, then))
    ids = {
        folder: [s.id for kind in kinds for s in subjects[kind] if s.folder == folder]
        for folder in ("models", "suites")
    }
    report_damage(store, "last", progress)
    store.put_record("last", {**ids, "articles": articles(store), "code": code_digest()})
    return ids["models"], failures


def report_damage(store: Store, name: str, progress: Progress) -> bool:
    """Whether a record is damaged, and so is to be made again, which is said."""
    if reason := store.damage(name):
        progress.line(f"damaged in the store: the record {name} ({reason}); it is made again")
    return bool(reason)


def planned(subject: Subject, config: Config, progress: Progress, only: Sequence[str] = ()) -> Plan:
    """The plan of a subject, which is downloaded where this machine lacks it; raises as `plan`."""
    from .plan import plan

    subject.fetch(progress)
    return plan(subject, config.profile, only, progress)


def _run(plans: Sequence[tuple[Plan, Any]], config: Config, store: Store, progress: Kept) -> int:
    prepare(store, config)
    tasks = [task for plan, _ in plans for task in plan.tasks]
    missing = [task for task in tasks if not intact(store, task, progress)]
    pending.note(store, tasks, {task.key for task in missing})
    reasons: dict[str, str] = {}
    report = Report(_where(config))
    for outcome in ended(missing, len(tasks), config, progress):
        report.add(outcome)
        if outcome.failed:
            reasons[outcome.task.key] = outcome.failed
            progress.line(f"{outcome.task.label} failed: {outcome.failed}")
    absent = lost(store, missing, reasons)
    reasons |= dict.fromkeys(absent, NOT_KEPT)
    if missing:
        store.put_record(RECORD, report.record([plan for plan, _ in plans], progress.lines, absent))
    for plan, current in plans:
        store.put_record(plan.subject.record, _record(plan, config.profile, current, reasons))
    pending.note(store, tasks, reasons)
    if absent:
        report_lost(store, len(absent), len(missing), config, progress)
    return len(reasons)


def lost(store: Store, tasks: Sequence[Task], failures: Container[str]) -> list[str]:
    """Keys of the results that did not fail and yet are not in the store."""
    return [task.key for task in tasks if task.key not in failures and store.get(task.key) is None]


def report_lost(store: Store, count: int, total: int, config: Config, progress: Progress) -> None:
    """Says that results were computed that the store does not have.

    Raises:
        WbsiteError: they were computed on a cluster, whose workers then have another store.
    """
    what = f"{count} of {total} results were computed and are not in the store {store.url}"
    if config.scheduler:
        raise WbsiteError(
            f"{what}: the workers do not share it with this machine.",
            "Give with --store a folder that all of them have under the same path, or an address such as s3://….",
        )
    progress.line(f"{what}: it was cleaned or moved meanwhile")


def prepare(store: Store, config: Config) -> None:
    """Refuses a device that is not there and a store that cannot be written, before anything is computed."""
    from wbsite.core.device import choose

    if not config.scheduler:  # a cluster's machines have devices of their own
        choose(config.device)
    store.prepare()


def intact(store: Store, task: Task, progress: Progress) -> bool:
    """Whether a result is there and as it was written; a damaged one is reported and taken out."""
    entry = store.get(task.key)
    try:
        if entry is None and store.torn(task.key):
            raise DamagedEntry(task.key, "manifest.json")
        if entry is not None:
            entry.check()
    except DamagedEntry:
        progress.line(f"damaged in the store: {task.label}; computed again")
        store.remove(task.key)
        return False
    return entry is not None


def ended(tasks: Sequence[Task], total: int, config: Config, progress: Progress) -> Iterator[Outcome]:
    """Runs tasks and yields what became of each.

    Args:
        total: how many results there are with those that the store has.
    """
    if not tasks:
        return
    from .executors import outcomes

    progress.step(f"compute {len(tasks)} of {total} results", len(tasks))
    for outcome in outcomes(tasks, replace(config, store=Store(config.store).url), progress):
        progress.advance(note=outcome.task.label)
        yield outcome


def _where(config: Config) -> str:
    if config.scheduler:
        return f"on the cluster of {config.scheduler}"
    return f"on this machine ({machine.processors()} processors, --device {config.device})"


def _record(plan: Plan, profile: str, current: Any, reasons: Mapping[str, str]) -> dict[str, Any]:
    """What the store says of a subject: what it is, and for every analysis and layer a result's key, the reason why
    there is none, or the failure. Pages are made from it."""
    results: dict[str, dict[str, dict[str, str]]] = {}
    for task in plan.tasks:
        result = {"failed": reasons[task.key]} if task.key in reasons else {"key": task.key}
        results.setdefault(task.analysis, {})[task.layer] = result
    for (analysis, layer), reason in plan.skipped.items():
        results.setdefault(analysis, {})[layer] = {"skipped": reason}
    facts = {"id": plan.subject.id, **plan.facts, "digest": plan.digest}
    return {**facts, "profile": profile, "inputs": current, "results": results}
