"""The one training step: what a run does with a batch, and what `fgcore.training.plan` times."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor, nn

from fgcore.machine import runtime
from fgcore.outputs import LossTerms


def forward(
    network: Callable[..., Any],
    loss: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    *,
    generator: Generator,
    precision: str,
    device: torch.device,
) -> tuple[LossTerms, Tensor]:
    """The loss of a batch, and its logits (B, K), detached.

    Args:
        network: as training calls it.
        loss: of the network.
        inputs: (B, 3, H, W), normalised, on the device.
        targets: (B,) int64, or (B, K) shares of the classes.
        generator: source of everything random in network and loss.
        precision: of the network; the loss is computed in float32 or wider.
        device: where all of it is.
    """
    with runtime.autocast(precision, device):
        output = network(inputs, generator=generator)
    return loss(output, targets, generator=generator), output.logits.detach()
