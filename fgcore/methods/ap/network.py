"""AP-CNN: two passes over one image with shared weights, the second on what the first found worth a look."""

import torch
from torch import Generator, Tensor, nn

from fgcore.config import ROIConfig
from fgcore.methods.ap import roi as regions
from fgcore.methods.ap.pyramids import AttentionPyramid, FeaturePyramid, accumulate
from fgcore.methods.heads import dense_head
from fgcore.outputs import HEADS, APCNNOutput, Drop, Pyramid, ROIs, Stage
from fgcore.trunks.backbone import Trunk, check_input


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
        gate_gain: float = 1.0,
    ) -> None:
        """Build pyramids and heads on `trunk`.

        Args:
            trunk: a backbone cut at strides 8, 16, 32.
            num_classes: K.
            hidden: width of the heads' hidden layer (authors: 512 on CUB, else 256).
            width: channels of the feature pyramid.
            roi: settings of ROI selection and dropblock; each call can override them.
            gate_gain: factor on the initial weights of the gates' last layers (authors: 1).
        """
        super().__init__()
        self.trunk = trunk
        self.feature_pyramid = FeaturePyramid(trunk.channels, width)
        self.attention_pyramid = AttentionPyramid(width)
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

    def forward(
        self,
        images: Tensor,
        *,
        generator: Generator | None = None,
        roi: ROIConfig | None = None,
        drop: Drop | None = None,
        zoom_boxes: Tensor | None = None,
    ) -> APCNNOutput:
        """Look at a batch, find its ROIs, look again.

        Args:
            images: (B, 3, H, W), sides multiples of 32; B > 1 while training.
            generator: source of the dropblock draws while training; None: torch's global one.
            roi: other ROI settings for this call.
            drop: the ROI to drop from each image, also in evaluation; None: drawn while training, else none.
            zoom_boxes: (B, 4) xyxy in pixels to zoom into instead of the box around the ROIs.
        """
        check_input(images)
        if self.training and len(images) < 2:
            raise ValueError("AP-CNN's batch norms need at least two images while training, got one; call eval()")
        stage1 = self.look(self.trunk.stem(images))
        return self.look_again(stage1, generator=generator, roi=roi, drop=drop, zoom_boxes=zoom_boxes)

    def look_again(
        self,
        stage1: Stage,
        *,
        generator: Generator | None = None,
        roi: ROIConfig | None = None,
        drop: Drop | None = None,
        zoom_boxes: Tensor | None = None,
    ) -> APCNNOutput:
        """The second half of `forward`: ROIs, dropblock, zoom-in and stage II from a stage I already computed."""
        settings = roi or self.roi
        rois = regions.roi_pyramid(stage1.spatial_gates, settings)
        if drop is None and self.training:
            drop = regions.draw_drop(rois, settings, generator)
        zoomed, boxes, cells, mask = self.refine(stage1.backbone.level3, rois, drop, zoom_boxes)
        return APCNNOutput(stage1, rois, boxes, cells, drop, mask, zoomed, stage2=self.look(zoomed))

    def refine(
        self, level3: Tensor, rois: Pyramid[ROIs], drop: Drop | None, zoom_boxes: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """RoI-guided refinement: drop one ROI, cut out the box around all of them, resize it to the whole map."""
        map_size = level3.shape[-2:]
        boxes = regions.union_box(rois, (8 * map_size[0], 8 * map_size[1])) if zoom_boxes is None else zoom_boxes
        cells = regions.to_cells(boxes, map_size)
        if drop is None:
            return regions.zoom_in(level3, cells), boxes, cells, None
        mask = regions.dropblock_mask(regions.drop_cells(rois, drop), map_size)
        scale = regions.dropblock_scale(boxes, cells, mask)
        masked = level3 * (mask * scale).to(level3.dtype)
        return regions.zoom_in(masked, cells), boxes, cells, mask

    def look(self, level3: Tensor) -> Stage:
        """One pass from level 3 to the four heads."""
        backbone = self.trunk.above_stem(level3)
        features = self.feature_pyramid(backbone)
        spatial = self.attention_pyramid.spatial_gates(features)
        raw_channel = self.attention_pyramid.raw_channel_gates(features)
        channel = accumulate(raw_channel)
        refined = Pyramid(*(f * (s + c) for f, s, c in zip(features, spatial, channel, strict=True)))
        return Stage(backbone, features, spatial, channel, raw_channel, refined, self._classify(features, refined))

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
