"""AP-CNN's two looks at one picture: gates, candidates, ROIs, zoom, dropblock and what each head says."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from fgcore.introspect.explanation import Box, Candidates, Dropped, Prediction, PyramidAttention, StageMaps
from fgcore.models import roi as regions
from fgcore.outputs import HEADS, LEVELS, APCNNOutput, Pyramid, ROIs, Stage


def head_predictions(logits: Tensor, names: Sequence[str]) -> tuple[Prediction, ...]:
    """(N, K) logits -> N predictions."""
    probabilities = logits.detach().float().softmax(1).cpu().numpy()
    return tuple(Prediction(name, row) for name, row in zip(names, probabilities, strict=True))


@torch.no_grad()
def pyramid_attention(
    model: nn.Module, output: APCNNOutput, pixels: np.ndarray, drop_seed: int | None = None
) -> PyramidAttention:
    """The attention of AP-CNN on the first image of a batch.

    Args:
        model: the APCNN that made `output`; its ROI settings and second pass are used.
        output: from evaluation mode, nothing dropped.
        pixels: (H, W, 3) uint8, the network input, from which the zoomed crop is cut.
        drop_seed: draw a dropblock as in training from this seed and look again without that ROI; None: do not.
    """
    cells = tuple(int(cell) for cell in output.zoom_cells[0])
    height, width = pixels.shape[:2]
    drop, mask, dropped_output = Dropped(0, 0, None), np.ones(output.stage1.backbone.level3.shape[-2:], "float32"), None
    if drop_seed is not None:
        choice = regions.draw_drop(output.rois, model.roi, torch.Generator().manual_seed(drop_seed))
        dropped_output = model.look_again(output.stage1, drop=choice)
        drop, mask = _dropped(dropped_output), dropped_output.drop_mask[0, 0].cpu().numpy()
    names = [f"{stage}/{head}" for stage in ("stage1", "stage2") for head in HEADS]
    return PyramidAttention(
        stage1=_stage_maps(output.stage1),
        stage2=_stage_maps(output.stage2),
        candidates=_candidates(output, model),
        rois=output.rois.map(_boxes),
        zoom_box=tuple(float(side) for side in output.zoom_boxes[0]),
        zoom_cells=cells,
        zoom_factor=float(np.sqrt(height * width / (64 * (cells[2] - cells[0]) * (cells[3] - cells[1])))),
        zoomed_pixels=_zoom(pixels, cells),
        drop=drop,
        drop_mask=mask,
        heads=head_predictions(output.head_logits[0], names),
        stage1_mean=_mean("stage1", output.stage1.logits),
        stage2_mean=_mean("stage2", output.stage2.logits),
        dropped_heads=head_predictions(dropped_output.head_logits[0], names) if dropped_output else (),
        dropped_mean=_mean("dropped", dropped_output.head_logits) if dropped_output else None,
    )


def _mean(name: str, logits: Tensor) -> Prediction:
    return head_predictions(logits[:1].mean(1), [name])[0]


def _stage_maps(stage: Stage) -> StageMaps:
    def flat(gate: Tensor) -> np.ndarray:
        return gate[0, :, 0, 0].float().cpu().numpy()

    return StageMaps(
        spatial_gates=stage.spatial_gates.map(lambda gate: gate[0, 0].float().cpu().numpy()),
        channel_gates=stage.channel_gates.map(flat),
        raw_channel_gates=stage.raw_channel_gates.map(flat),
    )


def _boxes(rois: ROIs) -> tuple[Box, ...]:
    rows = zip(rois.boxes[0].tolist(), rois.scores[0].tolist(), rois.valid[0].tolist(), strict=True)
    return tuple(Box(*box, score) for box, score, valid in rows if valid)


def _candidates(output: APCNNOutput, model: nn.Module) -> Pyramid[Candidates]:
    levels = []
    for level, gates, side in zip(LEVELS, output.stage1.spatial_gates, model.roi.anchors, strict=True):
        gates = gates[:1]
        scores = regions.candidate_scores(gates, model.roi)[0]
        anchors = regions.anchor_boxes(*gates.shape[-2:], 2**level, side, gates.device)
        order = scores.argsort(descending=True)[: int((scores > -torch.inf).sum())]
        levels.append(
            Candidates(
                cells=(scores > -torch.inf).view(gates.shape[-2:]).cpu().numpy(),
                threshold=float(model.roi.threshold * regions.inner_scores(gates, model.roi.border).mean()),
                boxes=anchors[order].cpu().numpy(),
                scores=scores[order].cpu().numpy(),
            )
        )
    return Pyramid(*levels)


def _dropped(output: APCNNOutput) -> Dropped:
    level, index = int(output.drop.level[0]), int(output.drop.index[0])
    if not level:
        return Dropped(0, 0, None)
    box = output.rois[level - 3].boxes[0, index]
    return Dropped(level, index, tuple(float(side) for side in box))


def _zoom(pixels: np.ndarray, cells: tuple[int, ...]) -> np.ndarray:
    """The crop that the second stage looks at, cut from the picture and resized to it."""
    x1, y1, x2, y2 = (8 * cell for cell in cells)
    return cv2.resize(pixels[y1:y2, x1:x2], pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC)
