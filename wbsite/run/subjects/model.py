"""Models as subjects: which are asked for, what decides their results, what their analyses are given."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wbsite.core.config import Config
from wbsite.core.errors import WbsiteError
from wbsite.core.filing.paths import check_text, expanded
from wbsite.core.model_input import NOTHING_SAID, ModelInput
from wbsite.core.naming import ModelName, is_own, library_of, model_id, model_names
from wbsite.core.progress import Progress
from wbsite.core.store import Store
from wbsite.datasets._categories import check_layers, labels, read
from wbsite.datasets._photographs import files_of
from wbsite.models.weights import find, search_folders
from wbsite.run import inputs
from wbsite.run.costs import cost
from wbsite.run.inputs import Input

from .base import Material, Subject, stamps

if TYPE_CHECKING:
    from wbsite.analyses.base import Analysis, Context
    from wbsite.graph.layers import Layers
    from wbsite.models import LoadedModel
    from wbsite.run.plan import Task

SMALL = 64 * 64
"""Pixels of an input up to which a network counts as small."""

ALONE = "it takes the network's forward pass, and the file holds weights alone"
"""Why most analyses have nothing to say of a file without a network."""

PRODUCTS, CALL = 3e10, 2e-5
"""Products that a processor adds up in a second, and seconds for a call."""


@dataclass(frozen=True)
class ModelSubject(Subject):
    """A network as `--models` names it.

    Attributes:
        token: `NAME`, `NAME@WEIGHTS`, `LIBRARY:NAME` or `module:factory[@FILE]`.
        weights_dir: where its weights are looked for first.
        photographs: the data set of photographs that it is shown.
        categories: the file of the user's categories of its units.
        input: what the user says of its input.
        max_weights_memory: what reading its file may take; "" for what the file's size lets expect.
        named: how it is called among the models of its build; None where it is alone.
    """

    name = "model"
    scopes = ("layer", "model")
    folder = "models"

    weights_dir: str = ""
    photographs: str = Config.photographs
    categories: str = ""
    input: ModelInput = NOTHING_SAID
    max_weights_memory: str = ""
    named: ModelName | None = None

    @property
    def id(self) -> str:
        return self.named.id if self.named else model_id(self.token)

    @property
    def label(self) -> str:
        return self.token

    @property
    def title(self) -> str:
        return self.named.title if self.named else ""

    @classmethod
    def of(cls, token: str, config: Config) -> ModelSubject:
        """A model with what the configuration says of all; WbsiteError for what can be no name of one."""
        check_text(token, "the model")
        own = (config.weights_dir, config.photographs, config.categories, config.input_of(token))
        return cls(token, *own, config.max_weights_memory)

    @classmethod
    def requested(cls, config: Config, store: Store, progress: Progress) -> list[ModelSubject]:
        if config.input and len(config.models) > 1:
            raise WbsiteError(
                f"an input of {list(config.input)} is given for {len(config.models)} models.",
                f'Name one with --models, or write [models."{config.models[0]}"] with input = {list(config.input)} in'
                " wbsite.toml, and a table for each of the others.",
            )
        files_of(config.photographs)  # refuses what cannot be shown
        if config.categories:
            read(config.categories)
        if config.weights_dir and not Path(config.weights_dir).is_dir():
            raise WbsiteError(
                f"weights folder {config.weights_dir!r} does not exist.",
                "Give the folder that `wbsite weights convert --out` wrote.",
            )
        return [replace(cls.of(token, config), named=name) for token, name in model_names(config.models).items()]

    @classmethod
    def exported(cls, analysis: Analysis, config: Config, model: str | None) -> ModelSubject:
        if model is None:
            raise WbsiteError(
                f"{analysis.name} is computed of a model, and none is given.",
                "Name one with --model; `wbsite list models` has them all.",
            )
        files_of(config.photographs)
        return cls.of(model, config)

    @classmethod
    def check(cls, config: Config, subjects: Sequence[ModelSubject], facts: Iterable[Mapping[str, Any]]) -> None:
        """Refuses categories of a layer that none of the models has."""
        if config.categories:
            present = (name for record in facts for name in record.get("categories", ()))
            known = (name for model in subjects for name in model.load("").units())
            check_layers(config.categories, present, known)

    def sources(self) -> dict[str, Any] | None:
        """Of weights, every file that could be chosen. None for a user's own factory: what its module imports is not
        known without running it; and for a library's network, whose weights only the library knows."""
        if is_own(self.token) or library_of(self.token):
            return None
        name = self.token.partition("@")[0]
        folders = search_folders(self.weights_dir or None)
        every = (path for folder in folders for path in sorted(folder.glob("*.safetensors")))
        paths = [path for path in every if path.name.startswith(f"{name}-")]
        if self.categories:
            paths.append(expanded(self.categories))
        photographs = {"name": self.photographs, "files": [list(file) for file in files_of(self.photographs)]}
        said = asdict(self.input) if self.input else None
        return {"files": stamps(paths), "photographs": photographs, "input": said}

    def fetch(self, progress: Progress) -> None:
        """Downloads the published weights of a named model that are nowhere on this machine."""
        if is_own(self.token) or library_of(self.token):
            return
        spec, path = find(self.token, weights_dir=self.weights_dir or None)
        if path is None and spec.source is not None:
            from wbsite.models.fetch import fetch

            fetch(self.token, progress=progress)

    @classmethod
    def forget(cls) -> None:
        loaded.cache_clear()
        inputs.forget_photographs()

    def load(self, profile: str) -> Network:
        return Network(self, *loaded(self))


@lru_cache(maxsize=4)
def loaded(subject: ModelSubject) -> tuple[LoadedModel, Layers]:
    """The model and its layers.

    All models are planned before the first task runs, so that a bad one is refused early. Four are
    kept from then on and loaded once (the bundled three, and one more); of more, each is loaded
    again for its tasks, since all of them (575 MB the largest) might not fit into memory.

    Raises:
        WbsiteError: unknown model, or weights that are missing, damaged or another network's.
    """
    from wbsite.graph.layers import discover
    from wbsite.graph.stored_kernels import StoredKernels
    from wbsite.models import load
    from wbsite.models.memory import allowed

    with allowed(subject.max_weights_memory):
        model = load(subject.token, weights_dir=subject.weights_dir or None, said=subject.input)
    if isinstance(model.module, StoredKernels):
        return model, model.module.layers(model.spec.input_shape)
    return model, discover(model.module, model.spec.input_shape)


class Network(Material):
    """A model with its layers."""

    content = "weights"

    subject: ModelSubject

    def __init__(self, subject: ModelSubject, model: LoadedModel, layers: Layers) -> None:
        super().__init__(subject, model.digest)
        self.model, self.layers, self.small = model, layers, math.prod(model.spec.input_shape[1:]) <= SMALL

    def units(self) -> dict[str, dict[str, range]]:
        """Layer or block → its layers → the numbers that their units have on pages."""
        units: dict[str, dict[str, range]] = {}
        for layer in self.layers.layers:
            block, first = self.model.spec.blocks.get(layer.name, ("", 0))
            numbers = range(first, first + layer.out_channels)
            if block:
                units.setdefault(block, {})[layer.name] = numbers
            units[layer.name] = {layer.name: numbers}
        return units

    def facts(self) -> Mapping[str, Any]:
        facts: dict[str, Any] = {"token": self.subject.token, "title": self.subject.title or self.model.spec.title}
        if path := self.subject.categories:
            facts["categories"] = list(labels(path, self.model.spec.name, self.units()).named)
        return facts

    def remarks(self) -> Iterator[str]:
        if self.model.spec.assumed:
            yield str(self.model.provenance["input"])

    def layers_for(self, analysis: Analysis) -> Iterator[tuple[str, str]]:
        lacking = ALONE if self.model.alone and not analysis.of_weights else ""
        shown = not {"photographs", "photograph_collection"}.isdisjoint(analysis.inputs)
        unreadable = self.model.spec.preprocess.unsuitable() if shown else ""
        if analysis.scope == "model":
            yield "", lacking or unreadable
        elif analysis.scope == "layer":
            for layer in self.layers.layers:
                lost = f"{layer.name}.weight" in self.model.missing
                reason = "the weights file does not hold this layer" if lost else analysis.applies(layer)
                yield layer.name, lacking or unreadable or reason

    def seconds(self, analysis: Analysis, layer: str) -> float:
        if analysis.scope == "model":
            return cost(analysis.name).seconds(1, self.forward)
        units = {layer.name: layer.out_channels for layer in self.layers.layers}
        return cost(analysis.name).seconds(1, self.forward * units[layer] / sum(units.values()))

    @cached_property
    def forward(self) -> float:
        """About how many seconds of one processor a forward pass of one picture takes, or might take where there is
        none."""
        from wbsite.graph.recording import Recorded
        from wbsite.graph.stored_kernels import StoredKernels

        if isinstance(self.model.module, StoredKernels):
            return self.model.module.products() / PRODUCTS
        tape = Recorded.of(self.model).tape
        products = sum(
            tape.kernels[name].weight[0].numel() * math.prod(map(int, use.shape))
            for name, uses in tape.uses.items()
            for use in uses
        )
        return products / PRODUCTS + len(tape.calls) * CALL

    @cached_property
    def computation(self) -> str:
        """Digest of what the network computes, "" of a file of weights alone."""
        from wbsite.graph.recording import Recorded

        return "" if self.model.alone else Recorded.of(self.model).tape.digest

    def decides(self, analysis: Analysis, layer: str) -> Mapping[str, Any]:
        facts = spec_facts(self.model) if analysis.scope == "model" else {}
        decisive = {"weights": self.digest, "computation": self.computation, "layer": layer}
        spec = self.model.spec
        read = {**asdict(spec.preprocess), "turned": spec.turned, "arguments": repr(spec.arguments)}
        return {**decisive, "preprocess": read, "spec": facts}

    def inputs(self, analysis: Analysis, progress: Progress) -> Mapping[str, Input]:
        read = ((name, inputs.READERS[name](self, progress, None)[1]) for name in analysis.inputs)
        return {name: content for name, content in read if content.digest}

    def context(self, analysis: Analysis, task: Task, common: Mapping[str, Any]) -> Context:
        from wbsite.analyses.base import Context

        def reader(name: str) -> Callable[[], Any]:
            def read() -> Any:
                value, current = inputs.READERS[name](self, common["progress"], common["device"])
                self.check(name, current.digest, task.inputs[name].digest if name in task.inputs else "")
                return value

            return read

        layer = next((layer for layer in self.layers.layers if layer.name == task.layer), None)
        readers = {name: reader(name) for name in analysis.inputs}
        return Context(self.model, self.layers, layer, **common, inputs=readers)


def spec_facts(model: LoadedModel) -> dict[str, Any]:
    """What a result of the whole model shows of its spec."""
    spec = model.spec
    facts = {name: getattr(spec, name) for name in ("name", "weights", "title", "note", "reference")}
    source = [spec.source.url, spec.source.digest] if spec.source else None
    return {**facts, "source": source, "blocks": {layer: list(block) for layer, block in spec.blocks.items()}}


SUBJECTS = (ModelSubject,)
