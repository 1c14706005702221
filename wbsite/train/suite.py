"""Runs one experiment of a suite with one seed: data, network, loop, and the result that travels."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from wbsite import __version__, datasets
from wbsite.core import registry
from wbsite.core.device import choose, describe
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.core.store import left_over
from wbsite.datasets.base import Files, Pictures, check_trainable

from .base import Preset, Recipe, Suite, Trial
from .batches import Batches, Feed
from .loop import train
from .parallel import ALONE, Team
from .runs import Run
from .streaming import StreamedBatches, streamed

UNCHANGED = asdict(Recipe(epochs=0))
"""What a record's recipe leaves out, if it was written before there was such a field."""


@dataclass(frozen=True)
class Job:
    """One run to be made. Picklable: another process finds the experiment by its name.

    Attributes:
        dataset: in place of the preset's; an experiment's own data set stays.
        epochs: in place of the preset's.
        out: folder of results.
    """

    suite: str
    trial: str
    seed: int
    preset: str
    dataset: str | None
    epochs: int | None
    device: str
    out: Path

    @property
    def place(self) -> tuple[Suite, int, Trial, Preset]:
        """The suite, the experiment's place in it, the experiment, and the preset."""
        suite: Suite = registry.named("suites", self.suite, "suite")
        [(order, trial)] = suite.chosen((self.trial,))
        return suite, order, trial, suite.preset(self.preset)

    @property
    def setting(self) -> str:
        """Name of data set and scale, as in `cifar10-small`; what results are grouped by."""
        _, _, _, preset = self.place
        kind, _, argument = (self.dataset or preset.dataset).partition(":")
        return f"{Path(argument).name or kind}-{preset.name}" if argument else f"{kind}-{preset.name}"

    @property
    def result(self) -> Path:
        """Where the finished run lies."""
        return self.out / self.suite / self.setting / f"{self.trial}-seed{self.seed}.npz"

    @property
    def checkpoint(self) -> Path:
        """Where the unfinished one is kept."""
        return self.result.with_suffix(".ckpt")

    def finished(self) -> Run | None:
        """The finished run, None where there is none.

        Raises:
            WbsiteError: a run of another recipe lies in its place.
        """
        if not self.result.exists():
            return None
        _, _, trial, preset = self.place
        run = Run.read(self.result)
        if {**UNCHANGED, **run.record.get("recipe", {})} != asdict(trial.recipe_at(preset, self.epochs)):
            raise WbsiteError(f"{self.result} is the result of another recipe.", "Choose another --out, or delete it.")
        return run


@lru_cache(maxsize=4)
def on_device(source: str, preset: Preset, device: str) -> tuple[Feed, Feed, tuple[str, ...], str]:
    """Training and test pictures for a device, the classes, and the training pictures' digest; read once a process."""
    place = choose(device)
    training, held_out = streamed(source, preset.size, place) or (
        datasets.load(source, "train", preset.size, Progress()),
        datasets.load(source, "test", preset.size, Progress()),
    )
    check_trainable(training, held_out, source)
    return feed(training, preset, place), feed(held_out, preset, place), training.classes, training.digest


def feed(pictures: Pictures | Files, preset: Preset, place: torch.device) -> Feed:
    """Batches of pictures in memory, or in files."""
    if isinstance(pictures, Files):
        return StreamedBatches.of(pictures, preset.preprocess, place)
    return Batches.of(pictures, preset.preprocess, place)


def run(job: Job, progress: Progress, team: Team = ALONE) -> Run:
    """Makes a run, going on from its checkpoint where there is one, and writes its result.

    Raises:
        WbsiteError: unknown names, unreadable pictures, a result or checkpoint of another run, a loss that is not
            finite, no space left.
    """
    done = team.lead(job.finished)
    suite, order, trial, preset = job.place
    source = trial.dataset or job.dataset or preset.dataset
    data, held_out, classes, digest = team.each(lambda: on_device(source, preset, job.device))
    if done is not None:
        if done.record["provenance"]["dataset SHA-256"] != digest:
            raise WbsiteError(f"{job.result} is the result of other pictures.", "Choose another --out, or delete it.")
        progress.line(f"{job.trial} seed {job.seed}: done before ({job.result})")
        return done
    recipe = trial.recipe_at(preset, job.epochs)
    seed = job.seed + trial.seed_offset
    torch.manual_seed(seed)
    module = trial.build(preset, len(classes))
    look = suite.look(module, (len(preset.preprocess.mean), preset.size, preset.size))
    moments = [moment for moment in preset.moments if moment <= recipe.epochs]
    started = time.perf_counter()
    history = train(
        module,
        data,
        held_out,
        recipe,
        seed,
        job.checkpoint,
        progress,
        run=f"{suite.name} {trial.name} {job.setting} {digest[:16]}",
        measure=look.moment,
        moments=[*moments, *({recipe.epochs} - {*moments})],
        team=team,
    )
    record: dict[str, Any] = {
        "suite": suite.name,
        "setting": job.setting,
        "experiment": trial.name,
        "seed": job.seed,
        "order": order,
        "title": trial.title,
        "group": trial.group,
        "summary": trial.summary,
        "parameters": dict(trial.parameters),
        "network": trial.network,
        "baseline": trial.baseline,
        "accuracy": history.accuracy[-1],
        **look.record(module),
        "history": history.measured,
        "curve": [
            {"epoch": epoch, "loss": round(loss, 5), "accuracy": reached}
            for epoch, (loss, reached) in enumerate(zip(history.loss, history.accuracy, strict=True), 1)
        ],
        "preset": preset.name,
        "recipe": asdict(recipe),
        "provenance": {
            "command": command(job, team.size),
            "dataset": source.partition(":")[0] if trial.dataset else job.setting.removesuffix(f"-{preset.name}"),
            "dataset SHA-256": digest,
            **({"pictures": "streamed, randomly cropped"} if isinstance(data, StreamedBatches) else {}),
            "training pictures": len(data),
            "test pictures": len(held_out),
            "device": describe(choose(job.device)),
            "threads": torch.get_num_threads(),
            "seconds": round(time.perf_counter() - started, 1),
            "parameters": sum(p.numel() for p in module.parameters()),
            "torch": torch.__version__,
            "wbsite": __version__,
        },
    }
    result = Run(record, look.kept(module))
    team.lead(lambda: keep(result, job))
    return result


def keep(result: Run, job: Job) -> None:
    """Writes the result, which the checkpoint is then no longer needed for."""
    result.write(job.result)
    job.checkpoint.unlink(missing_ok=True)
    for partial, target in left_over(job.result.parent):
        if target in (job.result, job.checkpoint):  # of a process that was killed while it wrote
            partial.unlink(missing_ok=True)


def command(job: Job, processes: int = 1) -> str:
    """What repeats the run."""
    program = "wbsite" if processes == 1 else f"torchrun --nproc-per-node {processes} -m wbsite.cli"
    parts = [f"{program} train {job.suite} --only {job.trial} --seeds {job.seed} --preset {job.preset}"]
    if job.dataset:
        kind, colon, _ = job.dataset.partition(":")
        parts.append(f"--dataset {kind}{':PATH' if colon else ''}")
    if job.epochs is not None:
        parts.append(f"--epochs {job.epochs}")
    return " ".join(parts)
