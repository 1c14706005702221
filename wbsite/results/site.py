"""What there is to draw: the records and results of models and suites, read from the store and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeVar, overload

from wbsite.core import registry
from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError, unknown
from wbsite.core.naming import CENSUS, STUDY, model_names
from wbsite.core.store import DamagedEntry, Entry, Store

from .base import Record, Result
from .network.architecture import Architecture, LayerInfo

R = TypeVar("R", bound=Result)

RECENT = 64
"""Entries of the store that are kept as they were read: a page asks for the same ones again and again."""


@dataclass(frozen=True)
class Gap:
    """Why a result is not there: it does not apply (`failed` is False), or its computation failed."""

    reason: str
    failed: bool


def schema_of(analysis: str) -> type[Result]:
    """The schema of an analysis's results.

    Raises:
        WbsiteError: there is no such analysis; the hint gives the nearest names.
    """
    schema: type[Result] = registry.named("results", analysis, "analysis")
    return schema


class Results:
    """The record and results of a model or suite.

    Attributes:
        failed: "" or why there are no results at all.
    """

    def __init__(self, store: Store, record: Mapping[str, Any]) -> None:
        self._store, self.record = store, record
        self.id: str = record["id"]
        self.title: str = record["title"]
        self.failed: str = record.get("failed", "")

    @property
    def shown(self) -> Mapping[str, Any]:
        """The part of the record that pages are made from: not the files it was computed from."""
        return {key: value for key, value in self.record.items() if key != "inputs"}

    def _entry_or_gap(self, analysis: str, layer: str = "") -> Entry | Gap:
        """A result, or why there is none.

        Raises:
            DamagedEntry: the record names a result that the store does not have.
        """
        place = self.record["results"].get(analysis, {}).get(layer)
        if place is None:
            return self.absent(analysis)
        if "key" not in place:
            return Gap(place.get("skipped") or place["failed"], failed="failed" in place)
        return _entry(self._store, place["key"])

    @overload
    def result_or_gap(self, analysis: type[R], layer: str = "") -> R | Gap: ...
    @overload
    def result_or_gap(self, analysis: str, layer: str = "") -> Any: ...
    def result_or_gap(self, analysis: type[R] | str, layer: str = "") -> Any:
        """A result, or why there is none.

        Args:
            analysis: the result's schema; or the analysis's name, in a template.
            layer: "" for an analysis of a whole model, suite or study.

        Raises:
            DamagedEntry: the record names a result that the store does not have.
            WbsiteError: there is no such analysis.
        """
        schema = schema_of(analysis) if isinstance(analysis, str) else analysis
        entry = self._entry_or_gap(schema.analysis, layer)
        return entry if isinstance(entry, Gap) else schema.read(entry)

    @overload
    def result(self, analysis: type[R], layer: str = "") -> R | None: ...
    @overload
    def result(self, analysis: str, layer: str = "") -> Any: ...
    def result(self, analysis: type[R] | str, layer: str = "") -> Any:
        """A result, or None; see `result_or_gap`."""
        result = self.result_or_gap(analysis, layer)
        return None if isinstance(result, Gap) else result

    def absent(self, analysis: str) -> Gap:
        """Why the record does not have a result at all."""
        return Gap(f"the analysis {analysis} has not been run on it", failed=False)

    def failures(self) -> Iterator[tuple[str, str, str]]:
        """(analysis, layer, reason) of everything that failed."""
        for analysis, layers in self.record["results"].items():
            for layer, place in layers.items():
                if "failed" in place:
                    yield analysis, layer, place["failed"]


class SuiteResults(Results):
    """The record and results of a suite of experiments: found(analysis), entry(analysis), facts."""

    @classmethod
    def none(cls, store: Store, name: str) -> SuiteResults:
        """A suite of which nothing was computed."""
        return cls(store, {"id": name, "title": name, "results": {}})

    @property
    def facts(self) -> Mapping[str, Any]:
        """Its record: title, summary, `experiments` (name → title, run or not), `runs` (setting → experiment →
        seeds), `devices`; empty where not computed."""
        return self.shown if self.record["results"] else {}

    def absent(self, analysis: str) -> Gap:
        """Why the record does not have a result at all."""
        if self.failed:
            return Gap(self.failed, failed=True)
        if self.record["results"]:
            return super().absent(analysis)
        if self.id == CENSUS:
            return Gap(
                "the census was not measured: `wbsite census` does it, and `wbsite build --census build/census`"
                " draws it",
                failed=False,
            )
        if self.id == STUDY:
            return Gap(f"no study of it was computed: `wbsite build --articles {STUDY}` does it", failed=False)
        return Gap(
            f"the experiments of {self.id} were not computed: there were no runs of them. `wbsite train {self.id}`"
            " makes them, and `wbsite build --runs build/train` draws them",
            failed=False,
        )


class Model(Results):
    """One model's record and results."""

    def __init__(self, store: Store, record: Mapping[str, Any]) -> None:
        super().__init__(store, record)
        architecture = record["results"].get("architecture", {}).get("", {})
        self.failed = self.failed or architecture.get("failed", "")

    @cached_property
    def architecture(self) -> Architecture:
        """The architecture result.

        Raises:
            WbsiteError: it is not there.
        """
        architecture = self.result_or_gap(Architecture)
        if isinstance(architecture, Gap):
            raise WbsiteError(f"{self.id}: no architecture: {self.failed or architecture.reason}")
        return architecture

    @cached_property
    def layers(self) -> list[LayerInfo]:
        """In execution order; of weights without a network in that of the file."""
        return [] if self.failed else self.architecture.layers

    def layer(self, name: str) -> LayerInfo:
        """A layer by name.

        Raises:
            WbsiteError: there is none of that name.
        """
        if name not in self._named:
            raise unknown(f"layer of {self.id}", name, list(self._named))
        return self._named[name]

    @cached_property
    def _named(self) -> dict[str, LayerInfo]:
        return {layer.name: layer for layer in self.layers}

    def having(self, analysis: str) -> list[LayerInfo]:
        """Layers for which the analysis has a result, in execution order."""
        places = self.record["results"].get(analysis, {})
        return [layer for layer in self.layers if "key" in places.get(layer.name, {})]

    @property
    def last_pictured(self) -> LayerInfo | None:
        """The last convolution with rows and columns, where it has NMF pictures and a banding index of them.

        None for a network whose weights end before it, since an earlier layer is no stand-in, and
        where the index is not defined (kernels without a shape, see `last_undefined`).
        """
        planar = [layer for layer in self.layers if layer.planar]
        if not planar or self.result("nmf", planar[-1].name) is None:
            return None
        banding = self.result("banding", planar[-1].name)
        defined = banding is not None and banding.nmf is not None and banding.nmf.index is not None
        return planar[-1] if defined else None

    @property
    def last_undefined(self) -> tuple[LayerInfo, str] | None:
        """The last convolution with rows and columns and why its banding is not defined, on its pictures or at all;
        None where it is, or was not measured."""
        planar = [layer for layer in self.layers if layer.planar]
        banding = self.result("banding", planar[-1].name) if planar else None
        reason = banding and ((banding.nmf or banding.weights).not_defined or banding.weights.not_defined)
        return (planar[-1], reason) if reason else None

    def places(self, layer: str) -> dict[str, Mapping[str, str]]:
        """What the record says of one layer, by analysis: all that the layer's page depends on."""
        return {a: layers[layer] for a, layers in self.record["results"].items() if layer in layers}


class Site:
    """The models of one site, in the order they were asked for, the suites, and the names of its articles
    (none: all)."""

    def __init__(self, store: Store, ids: Sequence[str] | None, articles: Sequence[str] = ()) -> None:
        self.store, self.articles = store, articles
        last = _last(store)
        ids = last.get("models") if ids is None else ids
        if not isinstance(ids, Sequence) or isinstance(ids, str) or not ids:
            raise WbsiteError(f"the store {store.url} holds no models.", "Run `wbsite compute` first.")
        self.models = [Model(store, _record(store, "model", name)) for name in ids]
        self.suites = [SuiteResults(store, _record(store, "suite", name)) for name in last.get("suites", ())]

    @property
    def working(self) -> list[Model]:
        """The models that could be loaded."""
        return [model for model in self.models if not model.failed]

    @property
    def networks(self) -> list[Model]:
        """Of these the networks: without files that hold weights alone, in which no order of layers is known."""
        return [model for model in self.working if not model.architecture.alone]

    def model(self, name: str) -> Model:
        """A model by id.

        Raises:
            WbsiteError: it is not part of this site.
        """
        for model in self.models:
            if model.id == name:
                return model
        raise unknown("model on this site", name, [model.id for model in self.models])

    def narrowed(self, model: Model) -> Site:
        """The same site with this model alone."""
        site = copy(self)
        site.models = [model]
        return site

    def suite(self, name: str) -> SuiteResults:
        """A suite by name; where it was not computed, one whose every result is a gap that says so."""
        return next((suite for suite in self.suites if suite.id == name), SuiteResults.none(self.store, name))

    def value(self, path: str) -> Any:
        """One stored value, as in "banding/inceptionv1/mixed5b_3x3/index".

        The path is ANALYSIS/MODEL/LAYER/FIELD, without LAYER for an analysis of whole models, and
        suite:NAME/ANALYSIS/FIELD for an analysis of a suite; more fields lead into nested values.

        Raises:
            WbsiteError: any part of it does not exist.
        """
        if path.startswith("suite:"):
            name, analysis, fields = (*path.removeprefix("suite:").split("/", 2), "", "")[:3]
            layer, result = "", self.suite(name).result(analysis)
        else:
            analysis, name, rest = (*path.split("/", 2), "", "")[:3]
            model = self.model(name)
            layer, _, fields = rest.partition("/")
            if "" in model.record["results"].get(analysis, {}):
                layer, fields = "", rest
            result = model.result(analysis, layer)
        if result is None:
            raise WbsiteError(f"value {path!r}: there is no result {analysis} for {name} {layer}".rstrip() + ".")
        value: Any = result
        for field in fields.split("/"):
            names = _names(value)
            if field not in names:
                raise unknown(f"field in value {path!r}:", field, names)
            value = value[field] if isinstance(value, Mapping) else getattr(value, field)
        return value


def stored_site(config: Config, ids: Sequence[str] | None) -> Site:
    """What the store has.

    Args:
        ids: models by id or as `--models` names them; None means those of the last build.

    Raises:
        WbsiteError: no store, nothing in it, or an unknown model.
    """
    store = Store(config.store)
    if not store.exists():
        raise WbsiteError(
            f"there is no store at {config.store}.", "Run `wbsite compute` first, or give its place with --store."
        )
    named = None if ids is None else _ids(store, list(dict.fromkeys(ids)))
    return Site(store, named, config.articles)


def _ids(store: Store, names: Sequence[str]) -> list[str]:
    """Ids of models by id, or as the last build or one of just these was asked for them.

    Raises:
        WbsiteError: an id that a name would have is that of another model's record.
    """
    last = _last(store).get("models", ())
    ids = []
    for name, asked in model_names(names).items():
        tokens = {known: (store.record(f"models/{known}") or {}).get("token") for known in (*last, asked.id)}
        ids.append(next((known for known, token in tokens.items() if token == name), asked.id))
        if ids[-1] != name and tokens.get(ids[-1], name) not in (name, None):
            raise WbsiteError(
                f"the store {store.url} has no results of {name}: {ids[-1]} in it are those of {tokens[ids[-1]]}.",
                f"Run `wbsite compute --models {','.join(names)}`: results that are there are used again.",
            )
    return list(dict.fromkeys(ids))


@lru_cache(maxsize=RECENT)  # what lies under a key never changes
def _entry(store: Store, key: str) -> Entry:
    entry = store.get(key)
    if entry is None:
        raise DamagedEntry(key, "manifest.json")
    return entry


def _names(value: object) -> list[str]:
    """What a result, a record or a mapping has, by name."""
    if isinstance(value, Mapping):
        return [str(name) for name in value]
    if isinstance(value, Result):
        properties = [name for name, member in vars(type(value)).items() if isinstance(member, property)]
        return [*(name for name, field in value.fields.items() if field.kind == "value"), *properties]
    return list(type(value).model_fields) if isinstance(value, Record) else []


def _last(store: Store) -> Mapping[str, Any]:
    """What was built last; empty where nothing was.

    Raises:
        WbsiteError: its record is damaged, so that nobody knows which suites belong to the site.
    """
    if reason := store.damage("last"):
        raise WbsiteError(
            f"the record of the last build in the store {store.url} is damaged ({reason}).",
            "Run `wbsite compute` with the options of that build: finished results are used again.",
        )
    return store.record("last") or {}


def _record(store: Store, kind: str, name: str) -> Mapping[str, Any]:
    """The record of a model or suite.

    Raises:
        WbsiteError: there is none, or it is damaged.
    """
    record = store.record(f"{kind}s/{name}")
    if record is not None and {"id", "title", "results"} <= record.keys():
        return record
    known = [known.rpartition("/")[2] for known in store.records(f"{kind}s")]
    if name in known:
        again = f"wbsite compute --models {name}" if kind == "model" else "wbsite compute"
        reason = store.damage(f"{kind}s/{name}") or f"it is that of no {kind}"
        raise WbsiteError(
            f"the record of {name} in the store {store.url} is damaged ({reason}).",
            f"Run `{again}`: finished results are used again.",
        )
    raise unknown(f"{kind} in the store {store.url}:", name, known)
