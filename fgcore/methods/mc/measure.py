"""What MC-Loss adds to an evaluation: maps of the class's channels, and whether its groups do what the loss asks."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fgcore.methods.base import Measure, Shown
from fgcore.methods.mc.losses import group_max
from fgcore.methods.mc.output import MCOutput
from fgcore.methods.mc.purity import GROUP_MEASURES, class_channels, group_measures

CCMP, CHANNEL = "ccmp", "channel"
MAPS = {CCMP: "CCMP", CHANNEL: "single channels"}
MEASURES = {
    "group_rank": Measure("Rank of its group", "Place of the true class's group by g; 1 is pure.", -1, False),
    "group_first": Measure("Group comes first", "Share of the images where the true class's group has the best g.", 1),
    "diversity": Measure(
        "h", "Diversity of the true class's channels, 1 (alike) to their number (disjoint).", 1, False
    ),
    "overlap": Measure("Overlap", "Mean shared mass of two of the true class's channels.", -1),
}


def measure(network: nn.Module, output: MCOutput, targets: Tensor, rngs: Sequence[np.random.Generator]) -> list[Shown]:
    """The predicted class's maps of each image, and the true class's group beside a random other one's."""
    best = output.logits.detach().argmax(1)
    ccmp = group_max(output.features.detach().float(), output.group_sizes)[torch.arange(len(best)), best].cpu().numpy()
    shown, true = class_channels(output, best), class_channels(output, targets)
    count = len(output.group_sizes)
    others = [
        (target + 1 + int(rng.integers(max(1, count - 1)))) % count  # any class but the true one
        for target, rng in zip(targets.tolist(), rngs, strict=True)
    ]
    own = group_measures(output, targets)
    random = group_measures(output, torch.tensor(others, device=targets.device))
    numbers = own | {f"{name}@random": random[name] for name in GROUP_MEASURES}
    return [
        Shown(
            maps={CCMP: ccmp[i]},
            channels={CHANNEL: shown[i]},
            covering=true[i],
            numbers={name: float(values[i]) for name, values in numbers.items()},
        )
        for i in range(len(best))
    ]
