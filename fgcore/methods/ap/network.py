"""AP-CNN: two passes over one image with shared weights, the second on what the first found worth a look."""

import torch
from torch import Generator, Tensor, nn

from fgcore.config import ModelConfig
from fgcore.methods.ap import roi as regions
from fgcore.methods.ap.output import HEADS, APCNNOutput, Drop, Stage
from fgcore.methods.ap.pyramids import AttentionPyramid, FeaturePyramid, accumulate
from fgcore.methods.ap.settings import ROIConfig
from fgcore.methods.heads import dense_head
from fgcore.outputs import Pyramid
from fgcore.trunks import Trunk, build_trunk


class APCNN(nn.Module):
    """Attention pyramid CNN on any trunk.

    Source: Ding et al., TIP 2021 (arXiv 2002.03353); parity with the authors' ResNet code. **Differs** from their
    VGG19 file, which is another design: here every trunk has lateral connections, a concat head and averaged logits.
    """

    def __init__(
        self,
        trunk: Trunk,
        num_classes: int,
        *,
        hidden: int = 512,
        width: int = 256,
        roi: ROIConfig | None = None,
        gate: str = "published",
        gate_gain: float = 1.0,
    ) -> None:
        """Build pyramids and heads on `trunk`.

        Args:
            trunk: a backbone that can be cut at strides 8, 16, 32.
            num_classes: K.
            hidden: width of the heads' hidden layer (authors: 512 on CUB, else 256).
            width: channels of the feature pyramid.
            roi: settings of ROI selection and dropblock; each call can override them.
            gate: "published", or "standardised": see `SpatialGate`.
            gate_gain: factor on the initial weights of the gates' last layers (authors: 1).
        """
        super().__init__()
        self.trunk = trunk
        self.feature_pyramid = FeaturePyramid(trunk.channels, width)
        self.attention_pyramid = AttentionPyramid(width, standardise=gate == "standardised")
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(dense_head(width * (3 if name == "concat" else 1), hidden, num_classes))
                for name in HEADS
            }
        )
        self.roi = roi or ROIConfig()
        for part in (self.feature_pyramid, self.attention_pyramid):
            _init_convolutions(part)
        self.attention_pyramid.soften(gate_gain)

    def forward(self, images: Tensor, *, generator: Generator | None = None) -> APCNNOutput:
        """Both passes over a batch.

        Args:
            images: (B, 3, H, W), sides multiples of 32; B > 1 while training.
            generator: source of the dropblock draws while training; None: torch's global one.
        """
        return self.second_pass(self.first_pass(images), generator=generator)

    def first_pass(self, images: Tensor) -> Stage:
        """Stage I of a batch (B, 3, H, W). See `forward`."""
        if self.training and len(images) < 2:
            raise ValueError("AP-CNN's batch norms need at least two images while training, got one; call eval()")
        return self.stage(self.trunk.level3(images))

    def second_pass(
        self,
        stage1: Stage,
        *,
        generator: Generator | None = None,
        roi: ROIConfig | None = None,
        drop: Drop | None = None,
        zoom_boxes: Tensor | None = None,
    ) -> APCNNOutput:
        """ROIs, dropblock, zoom-in and stage II from a stage I.

        Args:
            stage1: what `first_pass` returned.
            generator: see `forward`.
            roi: other ROI settings for this call.
            drop: the ROI to drop from each image, also in evaluation; None: drawn while training, else none.
            zoom_boxes: (B, 4) xyxy in pixels to zoom into instead of the box around the ROIs.
        """
        settings, level3 = roi or self.roi, stage1.backbone.level3
        rois = regions.roi_pyramid(stage1.spatial_gates, settings)
        if drop is None and self.training:
            drop = regions.draw_drop(rois, settings, generator)
        if zoom_boxes is None:
            zoom_boxes = regions.union_box(rois, (8 * level3.shape[-2], 8 * level3.shape[-1]))
        zoomed, cells, mask = self.refine(level3, zoom_boxes, None if drop is None else regions.drop_cells(rois, drop))
        stage2, last_level = self.stage(zoomed), self.trunk.last_level
        return APCNNOutput(stage1, rois, zoom_boxes, cells, drop, mask, zoomed, stage2, settings, last_level)

    def refine(
        self, level3: Tensor, zoom_boxes: Tensor, drop_cells: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """RoI-guided refinement: drop a block, cut out a box, resize it to the whole map.

        Args:
            level3: (B, C_3, h, w).
            zoom_boxes: (B, 4) xyxy, pixels.
            drop_cells: (B, 4) int64 xyxy, cells of level 3, ends exclusive; zeros: nothing is dropped. None: neither a
                mask nor its factor.

        Returns:
            The zoomed map, like `level3`; the cells that were cut out, (B, 4); the mask (B, 1, h, w), or None.
        """
        map_size = level3.shape[-2:]
        cells = regions.to_cells(zoom_boxes, map_size)
        if drop_cells is None:
            return regions.zoom_in(level3, cells), cells, None
        mask = regions.dropblock_mask(drop_cells, map_size)
        scale = regions.dropblock_scale(zoom_boxes, cells, mask)
        return regions.zoom_in(level3 * (mask * scale).to(level3.dtype), cells), cells, mask

    def stage(self, level3: Tensor) -> Stage:
        """One pass from level 3 to the four heads."""
        backbone = self.trunk.above_stem(level3)
        features = self.feature_pyramid(backbone)
        spatial = self.attention_pyramid.spatial_gates(features)
        raw_channel = self.attention_pyramid.raw_channel_gates(features)
        channel = accumulate(raw_channel)
        refined = Pyramid(*(f * (s + c) for f, s, c in zip(features, spatial, channel, strict=True)))
        return Stage(backbone, features, spatial, channel, raw_channel, refined, self._classify(features, refined))

    @torch.compiler.disable  # a graph of its own, so that `guide.evidence` can ask for its gradient
    def _classify(self, features: Pyramid[Tensor], refined: Pyramid[Tensor]) -> Tensor:
        """(B, 4, K): heads 3, 4, 5 on refined features, concat on those before the gates."""
        pooled = [level.mean((2, 3)) for level in refined]
        pooled.append(torch.cat([level.mean((2, 3)) for level in features], dim=1))
        return torch.stack([head(x) for head, x in zip(self.heads.values(), pooled, strict=True)], dim=1)


def _init_convolutions(module: nn.Module) -> None:
    """He-normal, fan-out, as in the authors' code; biases keep torch's default."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")


def build(config: ModelConfig) -> APCNN:
    """The network of a config whose settings are `APSettings`."""
    own, trunk = config.settings, build_trunk(config.trunk, config.weights)
    if not trunk.splits:
        raise ValueError(
            f"AP-CNN starts again from level 3, and {config.trunk} cannot be split there; use a trunk that is a chain "
            "of stages, such as timm:tf_efficientnet_lite0 or resnet50"
        )
    return APCNN(
        trunk,
        config.num_classes,
        hidden=config.hidden,
        width=own.pyramid_channels,
        roi=own.roi,
        gate=own.gate,
        gate_gain=own.gate_gain,
    )
