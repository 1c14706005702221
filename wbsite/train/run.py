"""Runs an experiment: data, network, loop, and the trained weights with their provenance."""

from __future__ import annotations

from pathlib import Path

from wbsite import __version__, datasets
from wbsite.core import registry
from wbsite.core.device import choose, describe
from wbsite.core.errors import WbsiteError
from wbsite.core.progress import Progress
from wbsite.datasets.base import check_trainable
from wbsite.models.base import ModelSpec
from wbsite.models.weights import write_checkpoint

from .base import Experiment


def train_experiment(
    name: str, dataset: str | None, seed: int, device: str, out: Path, progress: Progress
) -> tuple[Path, float]:
    """Trains one experiment with one seed, continuing from its checkpoint.

    Returns:
        The half-precision safetensors (`wbsite build --weights-dir` reads it) and the accuracy on
        the test pictures of exactly those half-precision weights.

    Raises:
        WbsiteError: unknown experiment or data set, unreadable pictures, pictures that a classifier cannot be
            trained on, a number of classes that is not the network's, a checkpoint of another run.
    """
    import torch

    from .batches import Batches
    from .loop import accuracy, train

    experiment: Experiment = registry.named("experiments", name, "experiment")
    spec: ModelSpec = registry.named("models", experiment.model, "model")
    place = choose(device)
    source = dataset or experiment.dataset
    training = datasets.load(source, "train", spec.preprocess.crop, progress)
    held_out = datasets.load(source, "test", spec.preprocess.crop, progress)
    check_trainable(training, held_out, source)
    torch.manual_seed(seed)
    module = spec.build()
    outputs = list(module.state_dict().values())[-1].shape[0]
    if len(training.classes) != outputs:
        raise WbsiteError(
            f"{name} has {outputs} outputs; {source} has {len(training.classes)} classes.",
            "Use a data set with as many classes as the network has outputs.",
        )
    test = Batches.of(held_out, spec.preprocess, place)
    history = train(
        module,
        Batches.of(training, spec.preprocess, place),
        test,
        experiment.recipe,
        seed,
        out / f"{name}-seed{seed}.ckpt",
        progress,
        run=f"{name} {training.digest[:16]}",
    )
    state = {key: value.half() if value.is_floating_point() else value for key, value in module.state_dict().items()}
    module.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in state.items()})
    reached = accuracy(module, test)
    named = source.partition(":")[0]
    record = {
        "command": f"wbsite train {name} --dataset {named}{':PATH' if ':' in source else ''} --seeds {seed}",
        "dataset": named,
        "training pictures": len(training.labels),
        "test pictures": len(held_out.labels),
        "classes": ", ".join(training.classes),
        "dataset SHA-256": training.digest,
        "seed": seed,
        "epochs": experiment.recipe.epochs,
        "test accuracy": round(reached, 4),
        "loss by epoch": ", ".join(f"{value:.3f}" for value in history.loss),
        "test accuracy by epoch": ", ".join(f"{value:.3f}" for value in history.accuracy),
        "device": describe(place),
        "wbsite": __version__,
        "torch": torch.__version__,
    }
    path = (
        out / f"{spec.name}-{spec.weights}.safetensors"
        if seed == 0
        else out / f"{spec.name}-{spec.weights}-seed{seed}.safetensors"
    )
    write_checkpoint(state, spec, {"training": record}, path)
    return path, reached
