"""AP-CNN's feature pyramid (top-down) and attention pyramid (bottom-up)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from fgcore.outputs import Pyramid


class GlobalContext(nn.Module):
    """Level 5 of the feature pyramid before its output convolution: local plus global features.

    ReLU(BN(conv(x))) + ReLU(BN(conv(GAP(x)))). Source: SimpleFPA of the authors' code (BN momentum 0.01).
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.local_conv = nn.Conv2d(channels, width, kernel_size=1, bias=False)
        self.local_norm = nn.BatchNorm2d(width, momentum=0.01)
        self.pooled_conv = nn.Conv2d(channels, width, kernel_size=1, bias=False)
        self.pooled_norm = nn.BatchNorm2d(width, momentum=0.01)

    def forward(self, level5: Tensor) -> Tensor:
        """(B, channels, h, w) -> (B, width, h, w), non-negative."""
        pooled = level5.mean((2, 3), keepdim=True)
        local = self.local_norm(self.local_conv(level5)).relu()
        return local + self.pooled_norm(self.pooled_conv(pooled)).relu()


class FeaturePyramid(nn.Module):
    """Top-down pathway: 1x1 lateral connections, nearest upsampling, 3x3 output convolutions, no activation.

    Source: Ding et al., TIP 2021, feature pyramid; the sum is passed down before the output convolution.
    """

    def __init__(self, channels: Pyramid[int], width: int = 256) -> None:
        super().__init__()
        self.lateral3 = nn.Conv2d(channels.level3, width, kernel_size=1)
        self.lateral4 = nn.Conv2d(channels.level4, width, kernel_size=1)
        self.context5 = GlobalContext(channels.level5, width)
        self.output3 = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.output4 = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.output5 = nn.Conv2d(width, width, kernel_size=3, padding=1)

    def forward(self, backbone: Pyramid[Tensor]) -> Pyramid[Tensor]:
        """(B, C_n, H/2^n, W/2^n) -> (B, width, H/2^n, W/2^n), signed."""
        top5 = self.context5(backbone.level5)
        top4 = self.lateral4(backbone.level4) + interpolate(top5, scale_factor=2)
        top3 = self.lateral3(backbone.level3) + interpolate(top4, scale_factor=2)
        return Pyramid(self.output3(top3), self.output4(top4), self.output5(top5))


class SpatialGate(nn.Module):
    """Where a level is worth looking at: sigmoid of a 3x3 transposed convolution to one channel.

    **Differs** when standardised, a setting of ours: the convolution's result is standardised over each image's map
    before the sigmoid, see `standardised`. As published nothing keeps a gate from 1.0 on half of the image, where its
    cells tie, or from closing on the object; the weights have the same names and shapes either way.
    """

    def __init__(self, width: int, *, standardise: bool = False) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(width, 1, kernel_size=3, padding=1)
        self.standardise = standardise

    def forward(self, features: Tensor) -> Tensor:
        """(B, width, h, w) -> (B, 1, h, w) in (0, 1), in float32 also under autocast.

        In bf16 half of the gates round to 1, and which box is best would be decided among equals.
        """
        with torch.autocast(features.device.type, enabled=False):
            scores = self.conv(features.float() if features.dtype.itemsize < 4 else features)
            return (standardised(scores) if self.standardise else scores).sigmoid()


def standardised(scores: Tensor) -> Tensor:
    """Arguments for a gate's sigmoid: 2 z - 2, where z has mean zero and variance one over each image's map.

    The gate of a cell at the mean is 0.12, at one standard deviation above it 0.5: a gate cannot be open or closed
    everywhere, so its shape is all that training can change. A map without variance has a gate of 0.12 throughout.

    Args:
        scores: (B, 1, h, w).
    """
    centred = scores - scores.mean((2, 3), keepdim=True)
    return 2 * centred / (centred.square().mean((2, 3), keepdim=True) + 1e-5).sqrt() - 2


class ChannelGate(nn.Module):
    """Which channels of a level matter: GAP and a bottleneck of width / 16."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(width, width // 16, kernel_size=1)
        self.expand = nn.Conv2d(width // 16, width, kernel_size=1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, width, h, w) -> (B, width, 1, 1) in (0, 1)."""
        pooled = features.mean((2, 3), keepdim=True)
        return self.expand(self.squeeze(pooled).relu()).sigmoid()


class AttentionPyramid(nn.Module):
    """A spatial and a channel gate per level; the channel path is accumulated bottom-up.

    Source: Ding et al., TIP 2021, attention pyramid. **Differs** from the first release's figure, as the authors'
    code does: the channel path is halved at each step, so level 5 weighs levels 3, 4, 5 as 1/4, 1/4, 1/2.
    """

    def __init__(self, width: int = 256, *, standardise: bool = False) -> None:
        super().__init__()
        self.spatial = nn.ModuleList(SpatialGate(width, standardise=standardise) for _ in range(3))
        self.channel = nn.ModuleList(ChannelGate(width) for _ in range(3))

    @torch.no_grad()
    def soften(self, gain: float) -> None:
        """Multiply the weights before the sigmoids, so that no gate starts out saturated."""
        for gate in self.spatial:
            gate.conv.weight.mul_(gain)
        for gate in self.channel:
            gate.expand.weight.mul_(gain)

    def spatial_gates(self, features: Pyramid[Tensor]) -> Pyramid[Tensor]:
        """(B, width, h, w) -> (B, 1, h, w) in (0, 1), per level."""
        return Pyramid(*(gate(level) for gate, level in zip(self.spatial, features, strict=True)))

    def raw_channel_gates(self, features: Pyramid[Tensor]) -> Pyramid[Tensor]:
        """(B, width, h, w) -> (B, width, 1, 1) in (0, 1), per level on its own."""
        return Pyramid(*(gate(level) for gate, level in zip(self.channel, features, strict=True)))


def accumulate(raw: Pyramid[Tensor]) -> Pyramid[Tensor]:
    """Channel gates bottom-up: each level is averaged with the accumulated one below it."""
    gate4 = (raw.level4 + raw.level3) / 2
    return Pyramid(raw.level3, gate4, (raw.level5 + gate4) / 2)
