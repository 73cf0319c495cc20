"""What would AP-CNN have said, had it looked elsewhere: stage II alone, run again from a stage I that is kept."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from fgcore.config import ROIConfig
from fgcore.methods.ap.pyramid_attention import dropped_roi
from fgcore.outputs import LEVELS, APCNNOutput, Drop, Pyramid, Stage
from fgcore.records import DropEffects, View

Corners = tuple[float, float, float, float]  # xyxy, pixels of the network input
_MOST_BOXES = 20  # per level: more than any picture needs


@dataclass(frozen=True)
class FirstLook:
    """Stage I of one picture. Keep it and hand it back; its tensors are for the functions that take it."""

    view: View
    stage1: Stage = dataclasses.field(repr=False)  # of a batch of one


def check_settings(roi: ROIConfig) -> None:
    """Refuse ROI settings that mean nothing.

    Raises:
        ValueError: one sentence on what was expected and what came.
    """
    for name, low, high, value in (
        ("the IoU of non-maximum suppression", 0, 1, roi.nms_iou),
        ("the border", 0, 0.49, roi.border),
        ("the threshold", 0, 10, roi.threshold),
        *((f"the anchor of level {n}", 1, 4096, side) for n, side in zip(LEVELS, roi.anchors, strict=True)),
        *((f"the number of boxes of level {n}", 0, _MOST_BOXES, k) for n, k in zip(LEVELS, roi.top_k, strict=True)),
    ):
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(f"expected {name} from {low} to {high}, got {value:g}")


def check_zoom_box(box: Corners, size: tuple[int, int]) -> None:
    """Refuse a zoom box that is empty or leaves the picture of size (H, W).

    Raises:
        ValueError: one sentence on what was expected and what came.
    """
    x1, y1, x2, y2 = box
    height, width = size
    if not all(map(math.isfinite, box)):
        raise ValueError(f"expected four numbers for the zoom box, got {box}")
    for axis, low, high, side in (("x", x1, x2, width), ("y", y1, y2, height)):
        if not 0 <= low < high <= side:
            raise ValueError(
                f"expected a zoom box with 0 <= {axis}1 < {axis}2 <= {side}, got {axis}1 = {low:g}, {axis}2 = {high:g}"
            )


@torch.no_grad()
def second_look(
    model: nn.Module, first: FirstLook, *, roi: ROIConfig | None = None, zoom_box: Corners | None = None
) -> APCNNOutput:
    """Stage II again, from the same stage I.

    Args:
        model: the APCNN that looked first, in evaluation mode; hold its lock if threads share it.
        first: its first look.
        roi: other ROI settings; None: the model's own.
        zoom_box: zoom in there instead of into the box around the ROIs; it is cut to whole cells of level 3.

    Raises:
        ValueError: settings or a box that mean nothing.
    """
    if roi is not None:
        check_settings(roi)
    boxes = None
    if zoom_box is not None:
        check_zoom_box(zoom_box, first.view.pixels.shape[:2])
        boxes = first.stage1.logits.new_tensor([zoom_box])
    return model.look_again(first.stage1, roi=roi, zoom_boxes=boxes)


@torch.no_grad()
def drop_effects(model: nn.Module, first: FirstLook, roi: ROIConfig | None = None) -> DropEffects:
    """What every head says without each ROI in turn: one batch with a copy of stage I for each ROI.

    As in training, what is left of the crop is scaled up by the share that is gone.

    Args:
        model: see `second_look`.
        first: its first look.
        roi: other ROI settings; None: the model's own.

    Raises:
        ValueError: settings that mean nothing.
    """
    rois = second_look(model, first, roi=roi).rois
    which = [(n, i) for n, level in zip(LEVELS, rois, strict=True) for i in range(int(level.valid.sum()))]
    classes = first.stage1.logits.shape[-1]
    if not which:
        empty = np.zeros((0, *first.stage1.backbone.level3.shape[-2:]), np.float32)
        return DropEffects((), empty, np.zeros((0, 8, classes), np.float32), np.zeros((0, classes), np.float32))
    drop = Drop(*torch.tensor(which, device=first.stage1.logits.device).unbind(1))
    output = model.look_again(_copies(first.stage1, len(which)), roi=roi, drop=drop)
    return DropEffects(
        dropped=tuple(dropped_roi(output, image) for image in range(len(which))),
        masks=output.drop_mask[:, 0].cpu().numpy(),
        heads=output.head_logits.float().softmax(2).cpu().numpy(),
        means=output.logits.float().softmax(1).cpu().numpy(),
    )


def _copies(stage: Stage, count: int) -> Stage:
    """The same pass for a batch of `count`; no memory is copied."""

    def repeat(value: Tensor) -> Tensor:
        return value.expand(count, *value.shape[1:])

    values = (getattr(stage, field.name) for field in dataclasses.fields(stage))
    return Stage(*(value.map(repeat) if isinstance(value, Pyramid) else repeat(value) for value in values))
