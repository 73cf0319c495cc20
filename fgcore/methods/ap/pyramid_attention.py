"""AP-CNN's two looks at one image: gates, candidates, ROIs, zoom, dropblock and what each head says."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from fgcore.methods.ap import roi as regions
from fgcore.methods.ap.output import HEAD_NAMES, APCNNOutput, ROIs, Stage
from fgcore.methods.ap.records import Candidates, Dropped, PyramidAttention, StageMaps
from fgcore.methods.ap.settings import ROIConfig
from fgcore.methods.ap.suppression import candidates
from fgcore.methods.heads import predictions
from fgcore.outputs import LEVELS, Pyramid
from fgcore.records import Box, FeatureMap, Prediction


@torch.no_grad()
def pyramid_attention(
    model: nn.Module,
    output: APCNNOutput,
    pixels: np.ndarray,
    draw_seed: int | None = None,
) -> PyramidAttention:
    """The attention of AP-CNN on the first image of a batch.

    Args:
        model: the APCNN that made `output`; its second pass is used.
        output: from evaluation mode, nothing dropped.
        pixels: (H, W, 3) uint8, the network input, from which the zoomed crop is cut.
        draw_seed: draw a dropblock as in training from this seed and look again without that ROI; None: do not.
    """
    roi = output.roi
    cells = tuple(int(cell) for cell in output.zoom_cells[0])
    drop, mask, dropped_output = Dropped(0, 0, None), np.ones(output.stage1.backbone.level3.shape[-2:], "float32"), None
    if draw_seed is not None:
        choice = regions.draw_drop(output.rois, roi, torch.Generator().manual_seed(draw_seed))
        dropped_output = model.second_pass(output.stage1, roi=roi, drop=choice)
        drop, mask = dropped_roi(dropped_output), dropped_output.drop_mask[0, 0].cpu().numpy()
    return PyramidAttention(
        stage1=_stage_maps(output.stage1),
        stage2=_stage_maps(output.stage2),
        candidates=_candidates(output.stage1, roi),
        rois=output.rois.map(_boxes),
        zoom_box=tuple(float(side) for side in output.zoom_boxes[0]),
        zoom_cells=cells,
        zoom_factor=zoom_factor(cells, pixels.shape[:2]),
        zoomed=_feature_map(output.zoomed),
        zoomed_pixels=_zoom(pixels, cells),
        drop=drop,
        drop_mask=mask,
        heads=predictions(output.head_logits[0], HEAD_NAMES),
        stage1_mean=_mean("stage1", output.stage1.logits),
        stage2_mean=_mean("stage2", output.stage2.logits),
        dropped_heads=predictions(dropped_output.head_logits[0], HEAD_NAMES) if dropped_output else (),
        dropped_mean=_mean("dropped", dropped_output.head_logits) if dropped_output else None,
    )


def _mean(name: str, logits: Tensor) -> Prediction:
    return predictions(logits[:1].mean(1), [name])[0]


def _stage_maps(stage: Stage) -> StageMaps:
    def flat(gate: Tensor) -> np.ndarray:
        return gate[0, :, 0, 0].float().cpu().numpy()

    return StageMaps(
        backbone=stage.backbone.map(_feature_map),
        features=stage.features.map(_feature_map),
        refined=stage.refined.map(_feature_map),
        spatial_gates=stage.spatial_gates.map(lambda gate: gate[0, 0].float().cpu().numpy()),
        channel_gates=stage.channel_gates.map(flat),
        raw_channel_gates=stage.raw_channel_gates.map(flat),
    )


def _boxes(rois: ROIs) -> tuple[Box, ...]:
    rows = zip(rois.boxes[0].tolist(), rois.scores[0].tolist(), rois.valid[0].tolist(), strict=True)
    return tuple(Box(*box, score) for box, score, valid in rows if valid)


def _candidates(stage1: Stage, roi: ROIConfig) -> Pyramid[Candidates]:
    return Pyramid(
        *(candidates(gates[:1], level, roi)[0] for level, gates in zip(LEVELS, stage1.spatial_gates, strict=True))
    )


def _feature_map(features: Tensor) -> FeatureMap:
    return FeatureMap(features[0].float().abs().mean(0).cpu().numpy(), features.shape[1])


def dropped_roi(output: APCNNOutput, image: int = 0) -> Dropped:
    """Which ROI was dropped from an image of a batch."""
    level, index = int(output.drop.level[image]), int(output.drop.index[image])
    if not level:
        return Dropped(0, 0, None)
    box = output.rois[level - LEVELS[0]].boxes[image, index]
    return Dropped(level, index, tuple(float(side) for side in box))


def zoom_factor(cells: Sequence[int], size: tuple[int, int]) -> float:
    """Side of the network input (H, W) over side of the cells (xyxy, level 3) that were cut out."""
    x1, y1, x2, y2 = cells
    return float(np.sqrt(size[0] * size[1] / (64 * (x2 - x1) * (y2 - y1))))


def _zoom(pixels: np.ndarray, cells: tuple[int, ...]) -> np.ndarray:
    """The crop that the second stage looks at, cut from the image and resized to it."""
    x1, y1, x2, y2 = (8 * cell for cell in cells)
    return cv2.resize(pixels[y1:y2, x1:x2], pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC)
