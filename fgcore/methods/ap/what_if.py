"""What would AP-CNN have said, had it looked elsewhere: stage II alone, run again from a stage I that is kept."""

import dataclasses
import math

import numpy as np
import torch
from torch import Tensor, nn

from fgcore.methods.ap.output import APCNNOutput, Drop, Stage
from fgcore.methods.ap.pyramid_attention import dropped_roi
from fgcore.methods.ap.records import DropEffects
from fgcore.methods.ap.settings import ROIConfig
from fgcore.outputs import LEVELS, Pyramid
from fgcore.records import Corners


def check_zoom_box(box: Corners, size: tuple[int, int]) -> None:
    """Refuse a zoom box that is empty or leaves the image of size (H, W).

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
def what_if(
    model: nn.Module, output: APCNNOutput, *, roi: ROIConfig | None = None, zoom_box: Corners | None = None
) -> APCNNOutput:
    """Stage II again, from the same stage I.

    Args:
        model: the APCNN that made `output`, in evaluation mode.
        output: of one image.
        roi: other ROI settings; None: the model's own.
        zoom_box: xyxy in pixels of the network input: zoom in there instead of into the box around the ROIs; it is cut
            to whole cells of level 3.

    Raises:
        ValueError: a box that means nothing.
    """
    stage1, boxes = output.stage1, None
    if zoom_box is not None:
        height, width = (8 * side for side in stage1.backbone.level3.shape[-2:])
        check_zoom_box(zoom_box, (height, width))
        boxes = stage1.logits.new_tensor([zoom_box])
    return model.second_pass(stage1, roi=roi, zoom_boxes=boxes)


@torch.no_grad()
def drop_effects(model: nn.Module, output: APCNNOutput) -> DropEffects:
    """What every head says without each ROI in turn: one batch with a copy of stage I for each ROI.

    As in training, what is left of the crop is scaled up by the share that is gone.

    Args:
        model: see `what_if`.
        output: of one image, nothing dropped; its ROI settings stay.
    """
    stage1 = output.stage1
    which = [(n, i) for n, level in zip(LEVELS, output.rois, strict=True) for i in range(int(level.valid.sum()))]
    classes = stage1.logits.shape[-1]
    if not which:
        empty = np.zeros((0, *stage1.backbone.level3.shape[-2:]), np.float32)
        return DropEffects((), empty, np.zeros((0, 8, classes), np.float32), np.zeros((0, classes), np.float32))
    drop = Drop(*torch.tensor(which, device=stage1.logits.device).unbind(1))
    without = model.second_pass(_copies(stage1, len(which)), roi=output.roi, drop=drop)
    return DropEffects(
        dropped=tuple(dropped_roi(without, image) for image in range(len(which))),
        masks=without.drop_mask[:, 0].cpu().numpy(),
        heads=without.head_logits.float().softmax(2).cpu().numpy(),
        means=without.logits.float().softmax(1).cpu().numpy(),
    )


def _copies(stage: Stage, count: int) -> Stage:
    """The same pass for a batch of `count`; no memory is copied."""

    def repeat(value: Tensor) -> Tensor:
        return value.expand(count, *value.shape[1:])

    values = (getattr(stage, field.name) for field in dataclasses.fields(stage))
    return Stage(*(value.map(repeat) if isinstance(value, Pyramid) else repeat(value) for value in values))
