"""What a trunk is: a backbone in three parts, and how parts of it are kept from training."""

from collections import OrderedDict
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fgcore.outputs import LEVELS, Pyramid

STRIDE = 32  # of the coarsest level
FREEZE = ("nothing", "stem", "trunk")


class Frozen(nn.Module):
    """A module parts of which can be kept from training."""

    frozen: str = FREEZE[0]
    frozen_norm: bool = False

    def freeze(self, part: str, norm: bool) -> None:
        """Keep a part as it is: its parameters need no gradient, and its batch norms stay in evaluation mode.

        Args:
            part: "nothing"; "stem", up to level 3, which then keeps no graph while training and costs no gradient; or
                "trunk", all of it.
            norm: keep the batch norms of the whole trunk, their scales and shifts among them.

        Raises:
            ValueError: another part, or a stem where there is none.
        """
        if part not in FREEZE:
            raise ValueError(f"freeze takes {', '.join(FREEZE)}, got {part!r}")
        self.frozen, self.frozen_norm = part, norm
        for module in self._kept():
            module.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "Frozen":
        """Training or evaluation mode; frozen parts stay in evaluation mode."""
        super().train(mode)
        for module in self._kept():
            module.eval()
        return self

    def stem_of(self) -> nn.Module:
        """The part up to level 3."""
        raise ValueError("this network cannot be split at level 3, so it has no stem to freeze; use freeze=trunk")

    def _kept(self) -> Iterator[nn.Module]:
        if self.frozen == "trunk":
            yield from self.children()
        elif self.frozen == "stem":
            yield self.stem_of()
        if self.frozen_norm:
            yield from (module for module in self.modules() if isinstance(module, _BatchNorm))

    def _through(self, part: nn.Module, inputs: Tensor) -> Tensor:
        """`part(inputs)`, without a graph where it is frozen and nothing below it trains."""
        keeps_graph = not self.training or inputs.requires_grad or any(p.requires_grad for p in part.parameters())
        with torch.set_grad_enabled(torch.is_grad_enabled() and keeps_graph):
            return part(inputs)


class Trunk(Frozen):
    """A backbone in three parts: images -> level 3 (stride 8) -> level 4 (16) -> level 5 (32).

    Sides of the input must be multiples of 32; every level n is then exactly side / 2^n.
    """

    splits = True  # whether it can start again from a level-3 map, as AP-CNN's second pass does

    def __init__(
        self,
        stem: nn.Module,
        level4: nn.Module,
        level5: nn.Module,
        channels: Pyramid[int],
        *,
        signed: Callable[[], bool] = lambda: False,
        size: int = 0,
    ) -> None:
        """Put the parts together.

        Args:
            stem: images -> level 3.
            level4: level 3 -> level 4.
            level5: level 4 -> level 5.
            channels: of each level.
            signed: whether the levels may be negative; asked only by who needs to know.
            size: the side of the only input that it takes, pixels; 0: any multiple of 32.
        """
        super().__init__()
        self.stem = stem
        self.level4 = level4
        self.level5 = level5
        self.channels = channels
        self.size = size
        self._signed = signed
        self.last_level = 5 if any(True for _ in level5.parameters()) else 4

    @property
    def signed(self) -> bool:
        """Whether the levels may be negative."""
        return self._signed()

    def stem_of(self) -> nn.Module:
        """See `Frozen.stem_of`."""
        return self.stem

    def above_stem(self, level3: Tensor) -> Pyramid[Tensor]:
        """All three levels from a level-3 map. (B, C_3, h, w) -> (B, C_n, H/2^n, W/2^n)."""
        level4 = self._through(self.level4, level3)
        return Pyramid(level3, level4, self._through(self.level5, level4))

    def level3(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C_3, H/8, W/8)."""
        check_input(images, self.size)
        return self._through(self.stem, images)

    def forward(self, images: Tensor) -> Pyramid[Tensor]:
        """The pyramid of an input batch. (B, 3, H, W) -> (B, C_n, H/2^n, W/2^n)."""
        return self.above_stem(self.level3(images))

    def up_to(self, level: int) -> "TrunkPart":
        """The part that ends at `level` (4 or 5), sharing this trunk's weights under their own names."""
        if level not in LEVELS[1:]:
            raise ValueError(f"features are read at level 4 (stride 16) or 5 (stride 32), got {level}")
        parts = OrderedDict(stem=self.stem, level4=self.level4)
        return TrunkPart(parts | ({"level5": self.level5} if level == 5 else {}), self.size)


class TrunkPart(Frozen):
    """A trunk up to one of its levels."""

    def __init__(self, parts: "OrderedDict[str, nn.Module]", size: int = 0) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.size = size

    def stem_of(self) -> nn.Module:
        """See `Frozen.stem_of`."""
        return self.stem if "stem" in self._modules else super().stem_of()

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, H/2^level, W/2^level)."""
        check_input(images, self.size)
        for part in self.children():
            images = self._through(part, images)
        return images


def check_input(images: Tensor, size: int = 0) -> None:
    """Refuse what the networks cannot take.

    Args:
        images: a batch.
        size: the only side that a network takes, pixels; 0: any multiple of 32.

    Raises:
        ValueError: not (B, 3, H, W), or a side that the network cannot take.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"expected images of shape (B, 3, H, W), got {tuple(images.shape)}")
    height, width = images.shape[-2:]
    if size and (height, width) != (size, size):
        raise ValueError(f"this trunk takes {size} x {size} pixels only, got {height} x {width}; set data.crop={size}")
    if height % STRIDE or width % STRIDE or not height or not width:
        raise ValueError(f"expected sides that are multiples of 32, got {height} x {width}; resize or pad the images")
