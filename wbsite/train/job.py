"""One run of a suite: one experiment with one seed, trained, measured and written to a file."""

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
from wbsite.core.filing.files import left_over
from wbsite.core.progress import Progress
from wbsite.datasets.base import Files, Pictures, check_trainable

from .base import Preset, Recipe, Suite, Trial
from .batches import Batches, Feed
from .loop import train
from .parallel import ALONE, Team
from .runs import Run
from .streaming import StreamedBatches, files_to_stream

DEFAULTS = asdict(Recipe(epochs=0))
"""Values of the fields that a record's recipe lacks because they were added after it was written."""


@dataclass(frozen=True)
class Job:
    """A run to be trained. It names its experiment, so that it can be pickled and sent to another process.

    Attributes:
        suite, trial: names of a suite and of an experiment in it.
        seed: of the initial weights, the order of pictures and their augmentation.
        preset: name of a preset of the suite.
        dataset: in place of the preset's; an experiment that has its own data set keeps it.
        epochs: in place of the recipe's.
        device: as in `--device`.
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

    def look_up(self) -> tuple[Suite, int, Trial, Preset]:
        """The suite, the experiment's index in it, the experiment, and the preset."""
        suite: Suite = registry.named("suites", self.suite, "suite")
        [(index, trial)] = suite.select((self.trial,))
        return suite, index, trial, suite.preset(self.preset)

    @property
    def setting(self) -> str:
        """Name of data set and scale, as in `cifar10-small`, by which results are grouped."""
        _, _, _, preset = self.look_up()
        kind, _, argument = (self.dataset or preset.dataset).partition(":")
        return f"{Path(argument).name or kind}-{preset.name}"

    @property
    def result_path(self) -> Path:
        """File of the finished run."""
        return self.out / self.suite / self.setting / f"{self.trial}-seed{self.seed}.npz"

    @property
    def checkpoint_path(self) -> Path:
        """File of the unfinished run."""
        return self.result_path.with_suffix(".ckpt")

    def finished_run(self) -> Run | None:
        """The run, None where it is not finished.

        Raises:
            WbsiteError: the file holds a run of another recipe.
        """
        path = self.result_path
        if not path.exists():
            return None
        _, _, trial, preset = self.look_up()
        run = Run.read(path)
        if {**DEFAULTS, **run.record.get("recipe", {})} != asdict(trial.recipe(preset, self.epochs)):
            raise WbsiteError(f"{path} is the result of another recipe.", "Choose another --out, or delete it.")
        return run

    def command(self, processes: int = 1) -> str:
        """The command line that repeats the run with so many processes."""
        program = "wbsite" if processes == 1 else f"torchrun --nproc-per-node {processes} -m wbsite.cli"
        parts = [f"{program} train {self.suite} --only {self.trial} --seeds {self.seed} --preset {self.preset}"]
        if self.dataset:
            kind, colon, _ = self.dataset.partition(":")
            parts.append(f"--dataset {kind}{':PATH' if colon else ''}")
        if self.epochs is not None:
            parts.append(f"--epochs {self.epochs}")
        return " ".join(parts)


@lru_cache(maxsize=4)
def load_feeds(
    source: str, preset: Preset, device: str, several: bool = False
) -> tuple[Feed, Feed, tuple[str, ...], str]:
    """Training and test pictures for a device, the classes, and the training pictures' digest; read once a process.

    Args:
        several: whether a picture may have several labels.
    """
    target = choose(device)
    training, test = files_to_stream(source, preset.size, target) or (
        datasets.load(source, "train", preset.size, Progress()),
        datasets.load(source, "test", preset.size, Progress()),
    )
    check_trainable(training, test, source, several)
    return _feed(training, preset, target), _feed(test, preset, target), training.classes, training.digest


def _feed(pictures: Pictures | Files, preset: Preset, device: torch.device) -> Feed:
    if isinstance(pictures, Files):
        return StreamedBatches.from_files(pictures, preset.preprocess, device)
    return Batches.from_pictures(pictures, preset.preprocess, device)


def train_job(job: Job, progress: Progress, team: Team = ALONE) -> Run:
    """Trains a run, continuing from its checkpoint where there is one, and writes its file; reads a finished one.

    Raises:
        WbsiteError: unknown names, unreadable pictures, a result or checkpoint of another run, a loss that is not
            finite, no space left.
    """
    finished = team.on_first(job.finished_run)
    suite, index, trial, preset = job.look_up()
    source = trial.dataset or job.dataset or preset.dataset
    training, test, classes, digest = team.on_all(lambda: load_feeds(source, preset, job.device, bool(trial.dataset)))
    if finished is not None:
        if finished.record["provenance"]["dataset SHA-256"] != digest:
            raise WbsiteError(
                f"{job.result_path} is the result of other pictures.", "Choose another --out, or delete it."
            )
        progress.line(f"{job.trial} seed {job.seed}: done before ({job.result_path})")
        return finished
    recipe = trial.recipe(preset, job.epochs)
    seed = job.seed + trial.seed_offset
    torch.manual_seed(seed)
    module = trial.build(preset, len(classes))
    measures = suite.measure(module, training.shape)
    moments = [moment for moment in preset.moments if moment <= recipe.epochs]
    start = time.perf_counter()
    history = train(
        module, training, test, recipe, seed, job.checkpoint_path, progress, team=team,
        run=f"{suite.name} {trial.name} {job.setting} {digest[:16]}", measure=measures.history_rows,
        moments=[*moments, *({recipe.epochs} - {*moments})],
    )  # fmt: skip
    record: dict[str, Any] = {
        "suite": suite.name,
        "setting": job.setting,
        "experiment": trial.name,
        "seed": job.seed,
        "order": index,
        "title": trial.title,
        "group": trial.group,
        "summary": trial.summary,
        "parameters": dict(trial.parameters),
        "network": trial.network,
        "baseline": trial.baseline,
        "accuracy": history.accuracy[-1],
        "chance": test.chance,
        **measures.record(module),
        "history": history.measured,
        "curve": [
            {"epoch": epoch, "loss": round(loss, 5), "accuracy": accuracy}
            for epoch, (loss, accuracy) in enumerate(zip(history.loss, history.accuracy, strict=True), 1)
        ],
        "preset": preset.name,
        "recipe": asdict(recipe),
        "provenance": {
            "command": job.command(team.size),
            "dataset": source.partition(":")[0] if trial.dataset else job.setting.removesuffix(f"-{preset.name}"),
            "dataset SHA-256": digest,
            **({"pictures": "streamed, randomly cropped"} if isinstance(training, StreamedBatches) else {}),
            "training pictures": len(training),
            "test pictures": len(test),
            "device": describe(choose(job.device)),
            "threads": torch.get_num_threads(),
            "seconds": round(time.perf_counter() - start, 1),
            "parameters": sum(p.numel() for p in module.parameters()),
            "torch": torch.__version__,
            "wbsite": __version__,
        },
    }
    run = Run(record, measures.kept_kernels(module))
    team.on_first(lambda: write_result(run, job))
    return run


def write_result(run: Run, job: Job) -> None:
    """Writes a finished run, and removes its checkpoint."""
    run.write(job.result_path)
    job.checkpoint_path.unlink(missing_ok=True)
    for partial, target in left_over(job.result_path.parent):
        if target in (job.result_path, job.checkpoint_path):  # of a process that was killed while it wrote
            partial.unlink(missing_ok=True)
