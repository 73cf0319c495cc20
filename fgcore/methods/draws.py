"""Random numbers for a batch, the same whether one process holds it or several share it."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor


class BatchGenerator(Generator):
    """A generator for one process's share of a batch; all processes seed theirs alike. See `rand`.

    Attributes:
        first: position of the share's first image in the whole batch.
        images: of the whole batch.
    """

    def __new__(cls, device: torch.device, first: int, images: int) -> "BatchGenerator":
        """A generator on `device`; the other arguments are the attributes."""
        return super().__new__(cls, device)

    def __init__(self, device: torch.device, first: int, images: int) -> None:
        self.first, self.images = first, images


@torch.compiler.disable  # it knows no generators: a break here, or it gives up on the whole network
def rand(shape: Sequence[int], generator: Generator | None, *, images_axis: int | None) -> Tensor:
    """Uniform numbers in [0, 1).

    Args:
        shape: of the result, for the images at hand.
        generator: source of randomness; None: torch's global one on the CPU. A `BatchGenerator` draws for the images
            of the whole batch and hands out those of its share, so an image's numbers do not depend on who holds it.
        images_axis: the axis that counts images; None: the numbers belong to the batch, and are equal in all shares.

    Returns:
        `shape`, on the generator's device.
    """
    device = generator.device if generator else None
    if images_axis is None or not isinstance(generator, BatchGenerator):
        return torch.rand(*shape, generator=generator, device=device)
    whole = [generator.images if axis == images_axis else side for axis, side in enumerate(shape)]
    mine = torch.rand(*whole, generator=generator, device=device)
    return mine.narrow(images_axis, generator.first, shape[images_axis])
