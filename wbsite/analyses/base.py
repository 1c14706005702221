"""What an analysis is: from a model, one of its layers, or the runs of a suite, to a result."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.core.store import Contents, DamagedEntry, Entry, Store, result_key
from wbsite.graph.layers import Layer, Layers
from wbsite.graph.recording import Recorded
from wbsite.graph.stored_kernels import StoredKernels
from wbsite.models.base import LoadedModel
from wbsite.results.base import Result
from wbsite.train.runs import Run

if TYPE_CHECKING:
    import pandas as pd

    from wbsite.datasets.base import Samples
    from wbsite.train.study.study import Study


@dataclass(frozen=True)
class Photographs:
    """Pictures as a network takes them.

    Attributes:
        inputs: float32 (N, C, H, W) on the context's device, as the network's preprocessing makes them.
            Shared by all analyses: not to be changed in place.
        name: of the data set, without the folders above it.
        count: how many there are, N.
        what: number and source for a caption, as in "64 crops of …".
        digest: SHA-256 of the inputs.
        names: of each, as `PhotographCollection` has them.
    """

    inputs: torch.Tensor
    name: str
    count: int
    what: str
    digest: str
    names: tuple[str, ...] = ()

    @property
    def about(self) -> dict[str, Any]:
        """What the record of a result says of them, and its figures show."""
        return {"name": self.name, "count": self.count, "what": self.what}


@dataclass(frozen=True)
class PhotographCollection:
    """Pictures as a network takes them, more than are held in memory: read a few at a time.

    Attributes:
        name: of the data set, without the folders above it.
        names: of each picture: its file's below the data set's folder, or its class's where it has no file.
        what: number and source for a caption, as in "2000 pictures of …".
        digest: SHA-256 of names and pictures.
        read: numbers → float32 (n, C, H, W) on the context's device.
    """

    name: str
    names: tuple[str, ...]
    what: str
    digest: str
    read: Callable[[Sequence[int]], torch.Tensor]

    @property
    def about(self) -> dict[str, Any]:
        """What the record of a result says of them, and its figures show."""
        return {"name": self.name, "count": len(self.names), "what": self.what}


class Parts:
    """Finished pieces of a long analysis, so that a run that was killed goes on where it stopped.

    A part is found again by its name and by all that decides the analysis (see `Analysis.decides_parts`), never by
    what else was asked for. Go on with the entry that `put` returns: a resumed run then computes from the same.

    Args:
        store: where they are kept.
        of: what they are parts of, by content; part of their keys.
        about: what their records say.
        progress: is told of damaged ones.
    """

    def __init__(self, store: Store, of: str, about: Mapping[str, Any], progress: Progress) -> None:
        self.store, self.of, self.about, self.progress = store, of, about, progress

    @classmethod
    def forgotten(cls) -> Parts:
        """In memory, for a context that belongs to no store."""
        return cls(Store(f"memory://parts-{uuid.uuid4().hex}"), "", {}, Progress())

    def key(self, name: Mapping[str, Any]) -> str:
        """The key of a part in the store."""
        return result_key({"parts": self.of, "part": dict(name)})

    def get(self, name: Mapping[str, Any]) -> Entry | None:
        """The part, or None where it has to be computed; a damaged one is reported and taken out.

        Args:
            name: JSON values that tell this part from the others, as in {"unit": 3}.
        """
        key = self.key(name)
        entry = self.store.get(key)
        try:
            if entry is None and self.store.torn(key):
                raise DamagedEntry(key, "manifest.json")
            if entry is not None:
                entry.check()
        except DamagedEntry:
            self.progress.line(f"damaged in the store: part {dict(name)}; computed again")
            self.store.remove(key)
            return None
        return entry

    def put(self, name: Mapping[str, Any], result: Contents) -> Entry:
        """Keeps a finished part; it is on disk when this returns."""
        return self.store.put(self.key(name), result, {**self.about, "part": dict(name), "part_of": self.of})


INPUTS = ("photographs", "photograph_collection", "categories", "estimators")
"""What analyses can read beside their subject."""

R = TypeVar("R", bound=Result)


def needed(needs: Mapping[str, Entry], analysis: type[R]) -> R | None:
    """The result of an analysis among those that were asked for, or None."""
    entry = needs.get(analysis.analysis)
    return None if entry is None else analysis.read(entry)


@dataclass(frozen=True)
class Context:
    """What an analysis is given.

    Attributes:
        model: the network.
        layers: its layers, found by tracing.
        layer: the layer to look at; None for an analysis of the whole model.
        device: where to compute.
        params: the analysis's parameters in this profile.
        needs: results of the analyses it asked for, of the same layer where they have one of it, else of the
            model; without those that do not apply there.
        progress: told of the steps of a long analysis.
        parts: its finished pieces.
        inputs: how to get what else the analysis declares that it reads, by name.
    """

    model: LoadedModel
    layers: Layers
    layer: Layer | None
    device: torch.device
    params: Mapping[str, Any]
    needs: Mapping[str, Entry]
    progress: Progress = field(default_factory=Progress)
    parts: Parts = field(default_factory=Parts.forgotten)
    inputs: Mapping[str, Callable[[], Any]] = field(default_factory=dict)

    def need(self, analysis: type[R]) -> R | None:
        """The result of an analysis that this one needs; None where it does not apply here."""
        return needed(self.needs, analysis)

    def photographs(self) -> Photographs:
        """The photographs that `--photographs` names, read once a process.

        Raises:
            WbsiteError: the analysis does not say that it uses them; the network takes no pictures; they changed
                since they were planned with.
        """
        return self._input("photographs")

    def photograph_collection(self) -> PhotographCollection:
        """The same and, of a folder that has more, so many of them that they are read a few at a time; raises as
        `photographs`, and when a file cannot be read."""
        return self._input("photograph_collection")

    def categories(self) -> pd.DataFrame:
        """The units that the file of `--categories` names, one row a unit and category, sorted: layer, unit (number of
        the channel in its layer's output, from 0), category. Empty where there are none of this network.

        Raises:
            WbsiteError: the analysis does not say that it uses them; they changed since they were planned with.
        """
        return self._input("categories")

    def _input(self, name: str) -> Any:
        if name not in self.inputs:
            raise WbsiteError(
                f"an analysis asks for {name} that are no part of its result's key.",
                f"Declare inputs=({name!r},) in its ANALYSES.",
            )
        return self.inputs[name]()

    def weight(self) -> torch.Tensor:
        """The layer's kernels as the forward pass uses them, on the device, float32.

        (O, I/groups, kh, kw), or (O, I) of a fully connected layer.
        """
        assert self.layer is not None
        return self.kernels(self.layer.name)

    def kernels(self, layer: str) -> torch.Tensor:
        """Those of any layer, as `weight`."""
        module = self.model.module
        known = module.kernels if isinstance(module, StoredKernels) else Recorded.of(self.model).tape.kernels
        return known[layer].weight.to(self.device, torch.float32)

    def filters(self) -> torch.Tensor:
        """The weight of a layer that reads the picture, its channels in the order red, green, blue: (O, C, kh, kw)."""
        return self.model.spec.filters_in_rgb(self.weight())


@dataclass(frozen=True)
class SuiteContext:
    """What an analysis of a suite's experiments is given.

    Attributes:
        runs: the finished runs, in order of setting, experiment and seed.
        device: where to compute.
        params: the analysis's parameters in this profile.
        needs: results of the analyses it asked for, of the same suite.
        progress: told of the steps of a long analysis.
        parts: its finished pieces.
    """

    runs: Sequence[Run]
    device: torch.device
    params: Mapping[str, Any]
    needs: Mapping[str, Entry]
    progress: Progress = field(default_factory=Progress)
    parts: Parts = field(default_factory=Parts.forgotten)

    def need(self, analysis: type[R]) -> R | None:
        """The result of an analysis that this one needs, or None."""
        return needed(self.needs, analysis)


@dataclass(frozen=True)
class StudyContext:
    """What an analysis of an information-plane study is given.

    Attributes:
        study: what is trained, and by which estimators it is measured; without these for an analysis that does not
            declare `estimators`.
        samples: the data.
        device: where to compute.
        params: the analysis's parameters in this profile.
        needs: results of the analyses it asked for, of the same study.
        progress: told of the steps of a long analysis.
        parts: its finished pieces.
    """

    study: Study
    samples: Samples
    device: torch.device
    params: Mapping[str, Any]
    needs: Mapping[str, Entry]
    progress: Progress = field(default_factory=Progress)
    parts: Parts = field(default_factory=Parts.forgotten)

    def need(self, analysis: type[R]) -> R:
        """The result of an analysis that this one needs: a study's analyses apply to every study."""
        return analysis.read(self.needs[analysis.analysis])


def always(layer: Layer) -> str:
    """Applies to every layer."""
    return ""


def reads_pictures(layer: Layer) -> bool:
    """Whether the layer is fed by the input alone, in one or three channels: its kernels are pictures."""
    return layer.kind == "conv" and layer.inputs == ("input",) and layer.in_channels in (1, 3) and layer.groups == 1


@dataclass(frozen=True)
class Analysis:
    """An analysis, as the registry finds it in a file's ANALYSES.

    Attributes:
        result: schema of what `run` returns, with the analysis's name and summary.
        scope: "layer" runs once for every layer it applies to, "model" once a model, "suite" once for
            all runs of a suite of experiments, "study" once for an information-plane study; or that of another kind
            of subject.
        run: the computation, from a Context; for a suite, from a SuiteContext, for a study, from a StudyContext.
            A digest of its module and of all that this imports is part of the result's key.
        applies: layer → "" or the reason why it has no result there, as the layer's page says it.
        params: parameters by profile; part of the result's key.
        needs: analyses whose results it reads; an analysis of layers may need one of layers or of the model.
        inputs: what else it reads, and has in its result's key therefore: of a model "photographs", the
            "photograph_collection" and the user's "categories", of a study its "estimators".
        decides_parts: names of the parameters and needed analyses that decide a part of it (`Context.parts`); None
            for all of them. One that only says which parts are wanted is left out, so that profiles share parts.
        of_weights: whether kernels are all that it takes, so that files of weights without a network have it too.
        rows: the table that `wbsite export` prints.
        suite: name of the suite of experiments, for that scope.
    """

    result: type[Result]
    scope: str
    run: Callable[[Any], Result]
    applies: Callable[[Layer], str] = always
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    needs: tuple[str, ...] = ()
    rows: str = "rows"
    suite: str = ""
    inputs: tuple[str, ...] = ()
    decides_parts: tuple[str, ...] | None = None
    of_weights: bool = False

    def __post_init__(self) -> None:
        if odd := sorted(set(self.inputs) - set(INPUTS)):
            raise ValueError(f"analysis {self.name}: inputs names {odd}, expected some of {INPUTS}")
        known = {*self.needs, *(name for params in self.params.values() for name in params)}
        if missing := sorted(set(self.decides_parts or ()) - known):
            raise ValueError(f"analysis {self.name}: decides_parts names {missing}, which it neither takes nor needs")

    @property
    def name(self) -> str:
        """Its public name, as in `wbsite export NAME`."""
        return self.result.analysis

    @property
    def summary(self) -> str:
        """One line for `wbsite list analyses`."""
        return self.result.analysis_summary

    def parameters(self, profile: str) -> Mapping[str, Any]:
        """The parameters of a profile; an analysis with one set uses it for all."""
        return self.params.get(profile, self.params.get("quick", {}))
