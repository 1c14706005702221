"""What to compute of a subject: a list of tasks with their keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from wbsite.analyses.base import Analysis
from wbsite.core import registry, source
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.progress import Progress
from wbsite.core.store import result_key

from .inputs import Input
from .subjects.base import Material, Subject


@dataclass(frozen=True)
class Task:
    """One analysis of one subject or layer. Picklable: a worker loads what it is computed of itself.

    Attributes:
        digest: SHA-256 of the subject's weights, runs or data.
        layer: "" for an analysis of the whole.
        key: of the result.
        needs: analysis → key of its result, of the same layer where there is one, else of the whole.
        code: SHA-256 of the code behind the analysis.
        parts: what decides its parts, by content.
        inputs: what it reads besides.
        seconds: about how long it takes on one processor.
    """

    subject: Subject
    digest: str
    analysis: str
    layer: str
    profile: str
    key: str
    needs: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    parts: str = ""
    inputs: Mapping[str, Input] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def label(self) -> str:
        """As progress shows it."""
        return " ".join(filter(None, (self.analysis, self.subject.id, self.layer)))


@dataclass(frozen=True)
class Plan:
    """Everything one subject needs.

    Attributes:
        facts: what its record says besides the results.
        digest: of the weights, the runs or the data.
        tasks: in an order in which every task follows those it needs.
        skipped: (analysis, layer) → why the analysis does not apply there.
    """

    subject: Subject
    facts: Mapping[str, Any]
    digest: str
    tasks: tuple[Task, ...]
    skipped: Mapping[tuple[str, str], str]


def kind_for(analysis: Analysis) -> type[Subject]:
    """The kind of subjects that an analysis is computed of.

    Raises:
        WbsiteError: none has its scope.
    """
    kinds: dict[str, type[Subject]] = {scope: kind for kind in registry.entries("subjects") for scope in kind.scopes}
    if analysis.scope not in kinds:
        raise unknown("scope", analysis.scope, kinds, f"(of the analysis {analysis.name})")
    return kinds[analysis.scope]


def analyses() -> list[Analysis]:
    """All analyses, each after those it needs.

    Raises:
        WbsiteError: an analysis needs one that does not exist, or itself, or is of no kind of subject.
    """
    known = {analysis.name: analysis for analysis in registry.entries("analyses")}
    for analysis in known.values():
        kind_for(analysis)
        if lacking := next((need for need in analysis.needs if need not in known), None):
            raise WbsiteError(f"analysis {analysis.name!r} needs {lacking!r}, which does not exist.")
    try:
        return [known[name] for name in TopologicalSorter({name: known[name].needs for name in known}).static_order()]
    except CycleError as error:
        need, name = error.args[1][:2]
        raise WbsiteError(f"analysis {name!r} needs {need!r}, which needs it in turn.") from error


def with_needs(only: Iterable[str]) -> set[str]:
    """These analyses and all they need, directly or not; all there are where none is named."""
    wanted = set(only) or set(registry.names("analyses"))
    for analysis in reversed(analyses()):
        if analysis.name in wanted:
            wanted |= set(analysis.needs)
    return wanted


def plan(subject: Subject, profile: str, only: Iterable[str] = (), progress: Progress | None = None) -> Plan:
    """The tasks of one subject; with `only`, those analyses and what they need.

    Raises:
        WbsiteError: the subject cannot be loaded, or what its analyses read besides cannot be had.
    """
    material, wanted, progress = subject.load(profile), with_needs(only), progress or Progress()
    for remark in material.remarks():
        progress.line(f"{subject.label}: {remark}")
    tasks: dict[tuple[str, str], Task] = {}
    skipped: dict[tuple[str, str], str] = {}
    for analysis in analyses():
        for layer, reason in material.layers_for(analysis) if analysis.name in wanted else ():
            if reason:
                skipped[analysis.name, layer] = reason
                continue
            needed = {need: tasks.get((need, layer)) or tasks.get((need, "")) for need in analysis.needs}
            needs = {need: task.key for need, task in needed.items() if task is not None}
            inputs = material.inputs(analysis, progress)
            tasks[analysis.name, layer] = _task(material, analysis, layer, profile, needs, inputs)
    return Plan(subject, material.facts(), material.digest, tuple(tasks.values()), skipped)


def _task(
    material: Material, analysis: Analysis, layer: str, profile: str, needs: dict[str, str], inputs: Mapping[str, Input]
) -> Task:
    """A task with its key, and with that of its parts: without what only says which of them are wanted."""
    params, code = dict(analysis.parameters(profile)), source.behind(analysis.run)
    digests = {name: read.digest for name, read in inputs.items()}
    decisive = {"analysis": analysis.name, "code": code, **material.decides(analysis, layer), "inputs": digests}
    key = result_key({**decisive, "params": params, "needs": needs})
    named = analysis.decides_parts
    part_params, part_needs = (
        values if named is None else {name: value for name, value in values.items() if name in named}
        for values in (params, needs)
    )
    parts = result_key({**decisive, "params": part_params, "needs": part_needs})
    seconds = material.seconds(analysis, layer)
    return Task(
        material.subject, material.digest, analysis.name, layer, profile, key, needs, code, parts, inputs, seconds
    )
