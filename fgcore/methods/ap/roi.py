"""From spatial gates to boxes, dropblock masks and zoomed features: pure functions on whole batches.

No Python loop runs over images or boxes and nothing is copied to the host, so a GPU is never waited for. Boxes are
xyxy in pixels of the network input.

Source: Ding et al., TIP 2021, ROI pyramid and ROI-guided refinement, in the conventions of the authors' code.
"""

import torch
from torch import Generator, Tensor

from fgcore.methods.ap.output import Drop, ROIs
from fgcore.methods.ap.settings import ROIConfig
from fgcore.methods.draws import rand
from fgcore.outputs import LEVELS, Pyramid


def inner_scores(gates: Tensor, border: float) -> Tensor:
    """Spatial gates with a border set to zero, in which no box is centred.

    Args:
        gates: (B, 1, h, w) in (0, 1).
        border: share of each side; rows int(border * h) to int((1 - border) * h) - 1 are kept, columns likewise.

    Returns:
        (B, h, w) float32 or wider.
    """
    scores = gates.squeeze(1)
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    height, width = scores.shape[-2:]
    keep = torch.zeros_like(scores[0])
    keep[int(border * height) : int((1 - border) * height), int(border * width) : int((1 - border) * width)] = 1
    return scores * keep


def candidate_scores(gates: Tensor, config: ROIConfig) -> Tensor:
    """Scores of the cells that may centre a box; -inf elsewhere.

    A cell is a candidate where its score exceeds `threshold` times the mean over the whole map. The mean includes
    the zeroed border, so the bar is lower than the mean of the inner window, as in the authors' code.

    Args:
        gates: (B, 1, h, w) in (0, 1).
        config: its border and threshold are used.

    Returns:
        (B, h * w).
    """
    scores = inner_scores(gates, config.border).flatten(1)
    return scores.masked_fill(~(scores > config.threshold * scores.mean(1, keepdim=True)), -torch.inf)


def anchor_boxes(cells: tuple[int, int], level: int, config: ROIConfig, device: torch.device) -> Tensor:
    """One square anchor per cell of a level, in row-major order. (h * w, 4), not clipped.

    As published an anchor's centre is its cell's index * stride, the cell's upper left corner: all boxes lie half a
    cell too far up and left, 16 pixels at level 5. **Differs** with `config.centred`: half a stride further.

    Args:
        cells: (h, w) of the level.
        level: 3, 4 or 5.
        config: its anchors are used, and `centred`.
        device: where to make them.
    """
    stride, shift = 2**level, 0.5 if config.centred else 0.0
    ys, xs = torch.meshgrid(*((torch.arange(count, device=device) + shift) * stride for count in cells), indexing="ij")
    centres = torch.stack([xs, ys, xs, ys], dim=-1).flatten(0, 1)
    half = config.anchors[level - LEVELS[0]] / 2
    return centres + torch.tensor([-half, -half, half, half], device=device)


def box_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Intersection over union in the +1 pixel convention: a box from 0 to 9 is 10 pixels wide.

    Args:
        boxes: (..., 4).
        others: (..., 4), broadcast against `boxes`.
    """
    low = torch.maximum(boxes[..., :2], others[..., :2])
    high = torch.minimum(boxes[..., 2:], others[..., 2:])
    overlap = (high - low + 1).clamp(min=0).prod(-1)
    areas = (boxes[..., 2:] - boxes[..., :2] + 1).prod(-1) + (others[..., 2:] - others[..., :2] + 1).prod(-1)
    return overlap / (areas - overlap)


def keep_best(left: Tensor, anchors: Tensor, max_iou: float) -> tuple[Tensor, Tensor, Tensor]:
    """One step of non-maximum suppression: keeps the best box left in every image, removes those that overlap it.

    Args:
        left: (B, N) scores of the boxes still there, -inf for the others.
        anchors: (N, 4).
        max_iou: a box that overlaps the kept one by more is removed; see `box_iou`.

    Returns:
        Score and number of the kept box, (B,) each, the score -inf where no box was left; what is left now, (B, N).
    """
    best, index = left.max(dim=1)
    suppressed = box_iou(anchors[index][:, None], anchors) > max_iou  # (B, N)
    return best, index, left.masked_fill(suppressed, -torch.inf).scatter(1, index[:, None], -torch.inf)


def best_boxes(scores: Tensor, anchors: Tensor, k: int, max_iou: float) -> ROIs:
    """Greedy non-maximum suppression, stopped after the first k boxes, on all images at once. See `keep_best`.

    Args:
        scores: (B, N), -inf for what is no candidate.
        anchors: (N, 4).
        k: boxes wanted per image; fewer are valid where the candidates run out.
        max_iou: see `box_iou`.
    """
    left, boxes, found = scores, [], []
    for _ in range(min(k, scores.shape[1])):
        best, index, left = keep_best(left, anchors, max_iou)
        boxes.append(anchors[index])  # (B, 4)
        found.append(best)
    if not boxes:
        empty = scores.new_zeros(len(scores), 0)
        return ROIs(scores.new_zeros(len(scores), 0, 4), empty, empty.bool())
    values = torch.stack(found, dim=1)  # (B, k)
    valid = values > -torch.inf
    return ROIs(torch.stack(boxes, 1) * valid[..., None], values.where(valid, 0), valid)


def clip_boxes(boxes: Tensor, image_size: tuple[int, int]) -> Tensor:
    """Boxes with corners moved into [0, W - 1] x [0, H - 1]; image_size is (H, W)."""
    height, width = image_size
    low = boxes[..., :2].clamp(min=0)
    return torch.cat([low, torch.minimum(boxes[..., 2:], boxes.new_tensor([width - 1, height - 1]))], dim=-1)


@torch.no_grad()
def roi_pyramid(spatial_gates: Pyramid[Tensor], config: ROIConfig) -> Pyramid[ROIs]:
    """The boxes of every level: the best anchors of its spatial gate after non-maximum suppression.

    Args:
        spatial_gates: (B, 1, H/2^n, W/2^n) per level, in (0, 1).
        config: anchors, centred, top_k, nms_iou, border, threshold.

    Returns:
        Per level up to top_k boxes an image, clipped to [0, W - 1] x [0, H - 1]. No gradient flows through them.
    """
    height, width = (8 * side for side in spatial_gates.level3.shape[-2:])
    levels = []
    for level, gates, k in zip(LEVELS, spatial_gates, config.top_k, strict=True):
        anchors = anchor_boxes(gates.shape[-2:], level, config, gates.device)
        rois = best_boxes(candidate_scores(gates, config), anchors, k, config.nms_iou)
        levels.append(rois._replace(boxes=clip_boxes(rois.boxes, (height, width))))
    return Pyramid(*levels)


def all_rois(rois: Pyramid[ROIs]) -> ROIs:
    """The levels side by side: (B, k_3 + k_4 + k_5, ...), level 3 first."""
    return ROIs(*(torch.cat(parts, dim=1) for parts in zip(*rois, strict=True)))


def union_box(rois: Pyramid[ROIs], image_size: tuple[int, int]) -> Tensor:
    """The smallest box around all ROIs of an image, or the whole (H, W) input where there is none. (B, 4)."""
    boxes, _, valid = all_rois(rois)
    height, width = image_size
    whole = boxes.new_tensor([0, 0, width, height])
    if not boxes.shape[1]:
        return whole.expand(len(boxes), 4)
    low = boxes[..., :2].masked_fill(~valid[..., None], torch.inf).amin(1)
    high = boxes[..., 2:].masked_fill(~valid[..., None], -torch.inf).amax(1)
    return torch.cat([low, high], dim=1).where(valid.any(1, keepdim=True), whole)


def to_cells(boxes: Tensor, map_size: tuple[int, int], stride: int = 8) -> Tensor:
    """Boxes in cells of a feature map: divided by the stride and truncated, ends exclusive, at least one cell.

    Args:
        boxes: (..., 4) xyxy, pixels.
        map_size: (h, w) in cells.
        stride: pixels per cell.

    Returns:
        (..., 4) int64.
    """
    height, width = map_size
    cells = (boxes / stride).long()
    limit = cells.new_tensor([width, height])
    low = torch.minimum(cells[..., :2].clamp(min=0), limit - 1)
    high = torch.minimum(torch.maximum(cells[..., 2:], low + 1), limit)
    return torch.cat([low, high], dim=-1)


def draw_drop(rois: Pyramid[ROIs], config: ROIConfig, generator: Generator | None = None) -> Drop:
    """Draw per image whether an ROI of level 3 or of level 4 is dropped, and which; all of a level are alike.

    An image without ROIs at the drawn level drops nothing.

    Source: the authors' code (0.3, 0.3, else none; their comment speaks of the best-scored one, the code draws).
    """
    device = rois.level3.valid.device
    images = len(rois.level3.valid)
    noise = rand((2, images), generator, images_axis=1)
    which, position = noise.to(device, non_blocking=True)
    first, second = config.drop_probabilities
    level = torch.where(which < first, 3, torch.where(which < first + second, 4, 0))
    counts = torch.where(level == 3, rois.level3.valid.sum(1), rois.level4.valid.sum(1))
    index = torch.minimum((position * counts).long(), counts - 1).clamp(min=0)
    return Drop(level.where(counts > 0, 0), index.where((level > 0) & (counts > 0), 0))


def drop_cells(rois: Pyramid[ROIs], drop: Drop) -> Tensor:
    """The dropped ROI of each image in cells of level 3, ends exclusive. (B, 4) int64; zeros: nothing is dropped."""
    boxes, _, valid = all_rois(rois)
    if not boxes.shape[1]:
        return boxes.new_zeros(len(boxes), 4, dtype=torch.long)
    k3, k4, k5 = (level.valid.shape[1] for level in rois)
    asked = drop.index < torch.where(drop.level == 3, k3, torch.where(drop.level == 4, k4, k5))
    slot = torch.where(drop.level == 3, 0, torch.where(drop.level == 4, k3, k3 + k4)) + drop.index
    slot = slot.clamp(0, boxes.shape[1] - 1)
    images = torch.arange(len(boxes), device=boxes.device)
    dropped = asked & (drop.level > 0) & valid[images, slot]
    return (boxes[images, slot] / 8).long() * dropped[:, None]


def dropblock_mask(cells: Tensor, map_size: tuple[int, int]) -> Tensor:
    """RoI-guided dropblock: a level-3 map that is 0 inside the dropped ROI and 1 elsewhere.

    Args:
        cells: (B, 4) from `drop_cells`.
        map_size: (h, w) of level 3.

    Returns:
        (B, 1, h, w) float32.
    """
    inside = _inside(cells, map_size)
    return (~inside)[:, None].float()


def _inside(cells: Tensor, map_size: tuple[int, int]) -> Tensor:
    height, width = map_size
    ys, xs = torch.arange(height, device=cells.device)[:, None], torch.arange(width, device=cells.device)
    x1, y1, x2, y2 = cells[:, :, None, None].unbind(1)  # each (B, 1, 1)
    return (ys >= y1) & (ys < y2) & (xs >= x1) & (xs < x2)


def dropblock_scale(zoom_boxes: Tensor, zoom_cells: Tensor, mask: Tensor) -> Tensor:
    """The factor that restores the energy of a zoomed crop after dropblock. (B, 1, 1, 1).

    Area of the zoom box in cells, not truncated, divided by the kept cells of the truncated crop. It exceeds 1 at
    clipped borders even when nothing is dropped, as in the authors' code. **Differs**: a crop that is dropped as
    a whole gives zeros, where the authors' code divides zero by zero.

    Args:
        zoom_boxes: (B, 4) xyxy, pixels.
        zoom_cells: (B, 4) from `to_cells`.
        mask: (B, 1, h, w) from `dropblock_mask`.
    """
    cells = zoom_boxes / 8
    area = (cells[:, 2:] - cells[:, :2]).prod(1)
    kept = (mask[:, 0] * _inside(zoom_cells, mask.shape[-2:])).sum((1, 2))
    return (area / kept.clamp(min=1))[:, None, None, None]


def zoom_in(features: Tensor, cells: Tensor) -> Tensor:
    """Cut a box out of each feature map and resize it to the map's own size, bilinearly.

    Equal to `interpolate(crop, mode="bilinear", align_corners=False)` image by image, written as two batched
    matrix products with the interpolation weights, which are deterministic on every device.

    Args:
        features: (B, C, h, w).
        cells: (B, 4) int64 xyxy, ends exclusive.

    Returns:
        (B, C, h, w).
    """
    rows = _interpolation(cells[:, 1], cells[:, 3], features.shape[2]).to(features.dtype)  # (B, h, h)
    columns = _interpolation(cells[:, 0], cells[:, 2], features.shape[3]).to(features.dtype)  # (B, w, w)
    pixels = features.permute(0, 2, 3, 1)  # (B, h, w, C)
    resized = (rows @ pixels.flatten(2)).unflatten(2, pixels.shape[2:])
    return (columns[:, None] @ resized).permute(0, 3, 1, 2)


def _interpolation(start: Tensor, end: Tensor, size: int) -> Tensor:
    """Weights that resize [start, end) to `size` positions. (B,), (B,) -> (B, size, size), rows sum to one."""
    positions = torch.arange(size, device=start.device, dtype=torch.float32)
    length = (end - start)[:, None].float()
    source = ((positions + 0.5) * length / size - 0.5).clamp(min=0).minimum(length - 1) + start[:, None]
    return (1 - (source[:, :, None] - positions).abs()).clamp(min=0)
