"""Scoring a model on every image of a set, each counted once."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from fgcore.config import DataConfig
from fgcore.data import datasets, transforms
from fgcore.evaluation.metrics import Counter, Evaluation, merged
from fgcore.machine import distributed, runtime


def network_input(images: Tensor, data: DataConfig, device: torch.device) -> Tensor:
    """Images (B, 3, H, W) uint8 as normalised float32 on `device`, in the layout of `runtime.place`."""
    images = images.to(device, non_blocking=True).contiguous(memory_format=torch.channels_last)
    return transforms.normalise(images, data)


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    images: datasets.ImageSet,
    data: DataConfig,
    *,
    precision: str = "fp32",
    batch_size: int = 32,
    workers: int = -1,
    on_batch: Callable[[int], None] | None = None,
) -> Evaluation:
    """Score `model` on every image of `images`, each counted once.

    Processes of one run share the batches; all of them get the scores of all images.

    Args:
        model: on the device to use; its mode is restored.
        images: an `ImageSet` without augmentation, of the model's classes.
        data: how the images become network inputs.
        precision: "fp32" (published figures), "bf16" (about three times as fast, may turn a few predictions) or "auto".
        batch_size: images at a time; the scores do not depend on it beyond rounding.
        workers: see `runtime.loader`.
        on_batch: called with the number of images done by this process.
    """
    started, device, was_training = time.perf_counter(), next(model.parameters()).device, model.training
    precision = runtime.pick_precision(precision, device)
    counter = Counter(len(images.class_names), device)
    rank, processes = distributed.rank(), distributed.size()
    batches = runtime.EvaluationBatches(len(images), batch_size, rank=rank, processes=processes)
    done = 0
    model.eval()
    for views, targets in runtime.loader(images, batches, device, workers):
        with runtime.autocast(precision, device):
            output = model(network_input(views, data, device))
        counter.add(output, targets.to(device, non_blocking=True))
        done += len(views)
        if on_batch:
            on_batch(done)
    model.train(was_training)
    counter = merged(distributed.gather(counter.on_cpu()))
    seconds = round(time.perf_counter() - started, 2)
    return counter.result(
        tuple(images.class_names), data=datasets.describe(images), precision=precision, seconds=seconds
    )
