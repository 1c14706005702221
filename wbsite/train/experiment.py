"""One single experiment with one seed: trained, and its weights written with their provenance."""

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
        The file of half-precision weights, a safetensors that `wbsite build --weights-dir` reads, and the accuracy of
        exactly these weights on the test pictures, in [0, 1].

    Raises:
        WbsiteError: unknown experiment or data set, unreadable pictures, pictures that a classifier cannot be trained
            on, another number of classes than the network's, a checkpoint of another run.
    """
    import torch

    from .batches import Batches
    from .loop import accuracy, train

    experiment: Experiment = registry.named("experiments", name, "experiment")
    spec: ModelSpec = registry.named("models", experiment.model, "model")
    target = choose(device)
    source = dataset or experiment.dataset
    training_pictures = datasets.load(source, "train", spec.preprocess.height, progress)
    test_pictures = datasets.load(source, "test", spec.preprocess.height, progress)
    check_trainable(training_pictures, test_pictures, source)
    torch.manual_seed(seed)
    module = spec.build()
    outputs = list(module.state_dict().values())[-1].shape[0]
    if len(training_pictures.classes) != outputs:
        raise WbsiteError(
            f"{name} has {outputs} outputs; {source} has {len(training_pictures.classes)} classes.",
            "Use a data set with as many classes as the network has outputs.",
        )
    training, test = (
        Batches.from_pictures(pictures, spec.preprocess, target) for pictures in (training_pictures, test_pictures)
    )
    checkpoint, run = out / f"{name}-seed{seed}.ckpt", f"{name} {training_pictures.digest[:16]}"
    history = train(module, training, test, experiment.recipe, seed, checkpoint, progress, run)
    state = {key: value.half() if value.is_floating_point() else value for key, value in module.state_dict().items()}
    module.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in state.items()})
    test_accuracy = accuracy(module, test)
    kind, colon, _ = source.partition(":")
    record = {
        "command": f"wbsite train {name} --dataset {kind}{':PATH' if colon else ''} --seeds {seed}",
        "dataset": kind,
        "training pictures": len(training_pictures.labels),
        "test pictures": len(test_pictures.labels),
        "classes": ", ".join(training_pictures.classes),
        "dataset SHA-256": training_pictures.digest,
        "seed": seed,
        "epochs": experiment.recipe.epochs,
        "test accuracy": round(test_accuracy, 4),
        "loss by epoch": ", ".join(f"{value:.3f}" for value in history.loss),
        "test accuracy by epoch": ", ".join(f"{value:.3f}" for value in history.accuracy),
        "device": describe(target),
        "wbsite": __version__,
        "torch": torch.__version__,
    }
    path = out / f"{spec.name}-{spec.weights}{f'-seed{seed}' if seed else ''}.safetensors"
    write_checkpoint(state, spec, {"training": record}, path)
    return path, test_accuracy
