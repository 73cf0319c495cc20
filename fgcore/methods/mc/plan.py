"""The groups of a laid out network, in words."""

from torch import nn

from fgcore.methods.mc.output import MCOutput


def facts(network: nn.Module, output: MCOutput) -> dict[str, str]:
    """Such as "9 groups of 3 channels" or "38 groups of 10 and 12 of 11 channels", and the size of a channel's map."""
    sizes = output.group_sizes
    counts = [f"{sizes.count(size)} of {size}" for size in sorted(set(sizes))]
    height, width = output.features.shape[-2:]
    return {
        "groups": " and ".join(counts).replace(" of ", " groups of ", 1) + " channels",
        "map of a channel": f"{height} × {width} cells",
    }
