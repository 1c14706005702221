"""The compute half: plans every model and suite, runs what the store lacks, records what each has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.naming import is_user
from wbsite.core.progress import Progress
from wbsite.core.store import DamagedEntry, Store, StoreError
from wbsite.datasets._photographs import files_of

from . import pending as unfinished
from .categories import CategoriesError, check_layers, read, units_of
from .fingerprint import code_digest, inputs, still_valid
from .subjects import ModelRequest, Request, StudyRequest, study_request
from .suites import articles, suite_requests

if TYPE_CHECKING:
    from .plan import Plan

Catalog = dict[str, Any]
"""A model's or suite's record in the store: what it is, and for every analysis and layer a result's key,
the reason why there is none, or the failure. Pages are made from it."""


def compute(config: Config, progress: Progress) -> tuple[list[str], int]:
    """Computes what is missing.

    Returns:
        The ids of the models, and the number of failures.

    Raises:
        WbsiteError: a model cannot be loaded or a run not be read (unless `keep_going`), or the store
            cannot be used.
    """
    store = open_store(config)
    if store.url.startswith("memory:"):
        progress.line(f"the store {store.url} is gone when this process ends: nothing can be resumed or rendered later")
    failures, waiting = 0, []
    models, known = requests(config), articles(store)
    suites = suite_requests(config, known, progress)
    study = study_request(config)
    studies = [study] if not config.articles or study.id in config.articles else []
    subjects: list[Request] = [*models, *suites, *studies]
    for request in subjects:
        found = inputs(request)
        if still_valid(store, store.record(request.record), config.profile, found):
            continue
        try:
            waiting.append((planned(request, config, progress), found))
        except (StoreError, CategoriesError):
            raise
        except WbsiteError as error:
            if not config.keep_going:
                raise
            title = request.token or request.id
            progress.line(f"{title}: {error}")
            store.put_record(
                request.record,
                {"id": request.id, "token": request.token, "title": title, "failed": str(error), "results": {}},
            )
            failures += 1
    if config.categories and not failures:  # a network that could not be loaded may have any layer
        check_categories(config, models, [plan for plan, _ in waiting], store)
    if waiting:
        failures += _run(waiting, config, store, progress)
    ids, named = (
        [request.id for request in models],
        [*(request.id for request in suites), *(request.id for request in studies)],
    )
    store.put_record("last", {"models": ids, "suites": named, "articles": known, "code": code_digest()})
    return ids, failures


def check_categories(config: Config, models: Sequence[ModelRequest], plans: Sequence[Plan], store: Store) -> None:
    """Refuses categories of a layer that none of the models has; those without a plan are as their record says.

    Raises:
        CategoriesError: there are some.
    """
    by_record = {plan.subject.record: plan.facts for plan in plans}
    facts = [by_record.get(request.record) or store.record(request.record) or {} for request in models]
    check_layers(config.categories, (name for of in facts for name in of.get("categories", ())), _layer_names(models))


def _layer_names(models: Sequence[ModelRequest]) -> Iterator[str]:
    from .plan import loaded

    for request in models:
        yield from units_of(*loaded(request))


def planned(request: Request, config: Config, progress: Progress, only: Sequence[str] = ()) -> Plan:
    """What to compute of a model, once its weights are here, or of a suite.

    Raises:
        WbsiteError: the model cannot be had or loaded, or the runs or photographs cannot be read.
    """
    from .plan import plan
    from .plan_suite import plan_suite

    if isinstance(request, StudyRequest):
        from .studies import plan_study

        return plan_study(request, config.profile, only)
    if not isinstance(request, ModelRequest):
        return plan_suite(request, config.profile, only)
    obtain(request, progress)
    return plan(request, config.profile, only, progress)


def requests(config: Config) -> list[ModelRequest]:
    """The models asked for.

    Raises:
        WbsiteError: two of them would have the same pages, the folder of weights is not there, there is no such
            data set of photographs, or nothing in it, or the file of categories cannot be used.
    """
    files_of(config.photographs)
    if config.categories:
        read(config.categories)
    if config.weights_dir and not Path(config.weights_dir).is_dir():
        raise WbsiteError(
            f"weights folder {config.weights_dir!r} does not exist.",
            "Give the folder that `wbsite weights convert --out` wrote.",
        )
    found: dict[str, ModelRequest] = {}
    for token in config.models:
        request = ModelRequest(token, config.weights_dir, config.photographs, config.categories)
        if request.id in found:
            raise WbsiteError(
                f"{found[request.id].token} and {token} would both have the pages of {request.id!r}.",
                "Rename one weights file, or build them into different sites.",
            )
        found[request.id] = request
    return list(found.values())


def obtain(request: ModelRequest, progress: Progress) -> None:
    """Downloads the published weights of a named model that are nowhere on this machine.

    Raises:
        WbsiteError: the model is unknown, or the weights cannot be had.
    """
    from wbsite.models.fetch import fetch
    from wbsite.models.weights import find

    if is_user(request.token):
        return
    spec, path = find(request.token, weights_dir=request.weights_dir or None)
    if path is None and spec.source is not None:
        fetch(request.token, progress=progress)


def open_store(config: Config) -> Store:
    """The store of a configuration."""
    return Store(config.store)


def _run(waiting: Sequence[tuple[Plan, Any]], config: Config, store: Store, progress: Progress) -> int:
    from dataclasses import replace

    from wbsite.core.device import choose

    from .executors import outcomes

    if not config.scheduler:  # a cluster's machines have devices of their own
        choose(config.device)
    store.prepare()
    tasks = [task for plan, _ in waiting for task in plan.tasks]
    missing = [task for task in tasks if not intact(store, task.key, task.label, progress)]
    reasons: dict[str, str] = {}
    unfinished.note(store, tasks, {task.key for task in missing})
    if missing:
        progress.step(f"compute {len(missing)} of {len(tasks)} results", len(missing))
        for outcome in outcomes(missing, replace(config, store=store.url), progress):
            progress.advance(note=outcome.task.label)
            if outcome.failed:
                reasons[outcome.task.key] = outcome.failed
                progress.line(f"{outcome.task.label} failed: {outcome.failed}")
    for plan, found in waiting:
        store.put_record(plan.subject.record, _catalog(plan, config.profile, found, reasons))
    unfinished.note(store, tasks, reasons)
    return len(reasons)


def forget(config: Config, key: str) -> None:
    """Takes a damaged result out of the store."""
    open_store(config).remove(key)


def intact(store: Store, key: str, label: str, progress: Progress) -> bool:
    """Whether a result is there and as it was written; a damaged one is reported and taken out."""
    entry = store.get(key)
    if entry is None:
        if store.torn(key):
            progress.line(f"damaged in the store: {label}; computed again")
        return False
    try:
        entry.check()
    except DamagedEntry:
        progress.line(f"damaged in the store: {label}; computed again")
        store.remove(key)
        return False
    return True


def _catalog(plan: Plan, profile: str, found: Any, reasons: Mapping[str, str]) -> Catalog:
    results: dict[str, dict[str, dict[str, str]]] = {}
    for task in plan.tasks:
        place = {"failed": reasons[task.key]} if task.key in reasons else {"key": task.key}
        results.setdefault(task.analysis, {})[task.layer] = place
    for (analysis, layer), reason in plan.skipped.items():
        results.setdefault(analysis, {})[layer] = {"skipped": reason}
    return {
        "id": plan.subject.id,
        **plan.facts,
        "digest": plan.digest,
        "profile": profile,
        "inputs": found,
        "results": results,
    }
