"""What to compute of a suite's runs: its analyses, with their keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wbsite.core import registry
from wbsite.core.errors import WbsiteError
from wbsite.core.source import behind
from wbsite.core.store import result_key

from .plan import Plan, Task, analyses, with_needs
from .subjects import SuiteRequest
from .suites import Runs, loaded_runs


def plan_suite(request: SuiteRequest, profile: str, only: Iterable[str] = ()) -> Plan:
    """The tasks of one suite; with `only`, those analyses and what they need.

    Raises:
        WbsiteError: there are no runs, or they cannot be used.
    """
    found = loaded_runs(request)
    if not found.runs:
        raise WbsiteError(
            f"there are no runs of the suite {request.id}.",
            f"Make them with `wbsite train {request.id}`, and name their folder with --runs.",
        )
    chosen = with_needs(only) if only else {analysis.name for analysis in analyses()}
    tasks: list[Task] = []
    keys: dict[str, str] = {}
    for analysis in analyses():
        if analysis.name not in chosen or (analysis.scope, analysis.suite) != ("suite", request.id):
            continue
        needs = {need: keys[need] for need in analysis.needs if need in keys}
        code = behind(analysis.run)
        keys[analysis.name] = key = result_key(
            {
                "analysis": analysis.name,
                "code": code,
                "params": dict(analysis.parameters(profile)),
                "suite": request.id,
                "runs": list(found.digests),
                "needs": needs,
            }
        )
        tasks.append(Task(request, found.digest, analysis.name, "", profile, key, needs, code))
    return Plan(request, facts(request, found), found.digest, tuple(tasks), {})


def facts(request: SuiteRequest, found: Runs) -> dict[str, Any]:
    """What the suite's record says besides its results: what it is, and what was trained on what."""
    suite = registry.named("suites", request.id, "suite")
    devices = {run.record["provenance"].get("device", "") for run in found.runs} - {""}
    return {
        "title": suite.name,
        "summary": suite.summary,
        "article": suite.article,
        "experiments": {trial.name: trial.title for trial in suite.trials},
        "runs": found.seeds(),
        "devices": sorted(devices),
    }
