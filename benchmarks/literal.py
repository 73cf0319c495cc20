"""Both methods written out word for word, as slow as the formulas read: what the library is timed against.

Loops over images, classes and boxes; a mask built per call; transposes for cross-channel pooling. The tests hold them
against the library, so that both sides of a ratio compute the same thing.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from fgcore.methods.ap.network import APCNN
from fgcore.methods.ap.output import Stage
from fgcore.methods.ap.settings import ROIConfig
from fgcore.outputs import LEVELS, Pyramid


def mc_mask(classes: int, xi: int, images: int) -> Tensor:
    """CWA built anew: one list of zeros and ones per class and call, the same for every image. (B, C, 1, 1)."""
    rows = []
    for _ in range(classes):
        row = torch.tensor([1.0] * (xi - xi // 2) + [0.0] * (xi // 2))
        rows.append(row[torch.randperm(xi)])
    mask = torch.cat(rows)
    return torch.stack([mask for _ in range(images)])[:, :, None, None]


def cross_channel_max(features: Tensor, xi: int) -> Tensor:
    """CCMP by transposing channels into the width of an image and pooling there. (B, C, H, W) -> (B, C / xi, H, W)."""
    swapped = features.transpose(1, 3)  # (B, W, H, C)
    return F.max_pool2d(swapped, (1, xi), stride=(1, xi)).transpose(1, 3)


def mc_loss(features: Tensor, targets: Tensor, sizes: tuple[int, ...], masks: list[Tensor] | None = None) -> Tensor:
    """L_dis - L_div, a run of equally large groups at a time.

    Args:
        features: (B, C, H, W).
        targets: (B,).
        sizes: channels of each class.
        masks: one per run of equal sizes, (1, C_run, 1, 1); None: built here.
    """
    images, _, height, width = features.shape
    scores, spreads, first, run = [], [], 0, 0
    while first < len(sizes):
        xi, count = sizes[first], sizes.count(sizes[first])
        start = sum(sizes[:first])
        part = features[:, start : start + count * xi]
        mask = mc_mask(count, xi, images) if masks is None else masks[run]
        kept = cross_channel_max(part * mask.to(part), xi)
        scores.append(F.avg_pool2d(kept, (height, width)).reshape(images, -1))
        maps = part.reshape(images, count * xi, height * width).softmax(2).reshape(part.shape)
        spreads.append(cross_channel_max(maps, xi).reshape(images, count, -1).sum(2))
        first, run = first + count, run + 1
    return F.cross_entropy(torch.cat(scores, 1), targets) - torch.cat(spreads, 1).mean()


def level_boxes(gate: Tensor, stride: int, side: float, top_k: int, config: ROIConfig) -> list[tuple[float, ...]]:
    """The ROIs of one image and level, cell by cell and box by box; gate is (h, w)."""
    height, width = gate.shape
    kept = torch.zeros_like(gate)
    top, bottom = int(config.border * height), int((1 - config.border) * height)
    left, right = int(config.border * width), int((1 - config.border) * width)
    kept[top:bottom, left:right] = gate[top:bottom, left:right]
    bar = config.threshold * kept.mean().item()
    candidates = [
        (score, (x * stride - side / 2, y * stride - side / 2, x * stride + side / 2, y * stride + side / 2))
        for y, row in enumerate(kept.tolist())
        for x, score in enumerate(row)
        if score > bar
    ]
    candidates.sort(key=lambda item: -item[0])
    boxes: list[tuple[float, ...]] = []
    for _, box in candidates:
        if len(boxes) == top_k:
            break
        if all(iou(box, other) <= config.nms_iou for other in boxes):
            boxes.append(box)
    limit_x, limit_y = width * stride - 1, height * stride - 1
    return [(max(x1, 0), max(y1, 0), min(x2, limit_x), min(y2, limit_y)) for x1, y1, x2, y2 in boxes]


def iou(box: tuple[float, ...], other: tuple[float, ...]) -> float:
    """In the +1 pixel convention."""
    width = min(box[2], other[2]) - max(box[0], other[0]) + 1
    height = min(box[3], other[3]) - max(box[1], other[1]) + 1
    overlap = max(width, 0) * max(height, 0)
    areas = sum((b[2] - b[0] + 1) * (b[3] - b[1] + 1) for b in (box, other))
    return overlap / (areas - overlap)


def image_boxes(gates: Pyramid[Tensor], image: int, config: ROIConfig) -> list[tuple[float, ...]]:
    """All ROIs of one image, level 3 first."""
    boxes = []
    for level, gate, side, k in zip(LEVELS, gates, config.anchors, config.top_k, strict=True):
        boxes += level_boxes(gate[image, 0].detach().float(), 2**level, side, k, config)
    return boxes


def refine(level3: Tensor, gates: Pyramid[Tensor], config: ROIConfig) -> Tensor:
    """Zoom-in image by image: union of the boxes, crop, resize. (B, C, h, w), nothing dropped."""
    zoomed = []
    for image in range(len(level3)):
        boxes = image_boxes(gates, image, config)
        height, width = level3.shape[2:]
        x1, y1, x2, y2 = 0, 0, width, height
        if boxes:
            x1, y1 = (int(min(box[i] for box in boxes) / 8) for i in (0, 1))
            x2, y2 = (int(max(box[i] for box in boxes) / 8) for i in (2, 3))
        crop = level3[image : image + 1, :, y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
        zoomed.append(F.interpolate(crop, (height, width), mode="bilinear", align_corners=False))
    return torch.cat(zoomed)


def ap_cnn(model: APCNN, images: Tensor) -> tuple[Stage, Stage]:
    """Both stages of AP-CNN with the weights of `model` and the loops above."""
    stage1 = model.first_pass(images)
    return stage1, model.stage(refine(stage1.backbone.level3, stage1.spatial_gates, model.roi))


def ap_loss(stages: tuple[Stage, Stage], targets: Tensor) -> Tensor:
    """Eight cross-entropies, one after the other."""
    return sum(F.cross_entropy(stage.logits[:, head].float(), targets) for stage in stages for head in range(4))
