"""How one level's boxes are chosen, step by step, by the very functions that AP-CNN chooses them with."""

import numpy as np
import torch
from torch import Tensor

from fgcore.methods.ap import roi as regions
from fgcore.methods.ap.records import Candidates, NMSStep, Suppression
from fgcore.methods.ap.settings import ROIConfig
from fgcore.outputs import LEVELS
from fgcore.records import Box


def candidates(gates: Tensor, level: int, roi: ROIConfig) -> tuple[Candidates, Tensor]:
    """What a level offers to non-maximum suppression.

    Args:
        gates: (1, 1, h, w), its spatial gate, in (0, 1).
        level: 3, 4 or 5.
        roi: its anchors, border and threshold are used.

    Returns:
        The candidates, best first; and the cell of each, (N,) int64 in row-major order.
    """
    scores = regions.candidate_scores(gates, roi)[0]  # (h * w,)
    anchors = regions.anchor_boxes(gates.shape[-2:], level, roi, gates.device)
    order = scores.argsort(descending=True, stable=True)[: int((scores > -torch.inf).sum())]
    found = Candidates(
        cells=(scores > -torch.inf).view(gates.shape[-2:]).cpu().numpy(),
        threshold=float(roi.threshold * regions.inner_scores(gates, roi.border).mean()),
        boxes=anchors[order].cpu().numpy(),
        scores=scores[order].cpu().numpy(),
    )
    return found, order


def suppression(gate: np.ndarray, level: int, roi: ROIConfig) -> Suppression:
    """Non-maximum suppression of one level with every step kept.

    Args:
        gate: (h, w) float32, the level's spatial gate in stage I.
        level: 3, 4 or 5.
        roi: how boxes are chosen.
    """
    gates = torch.from_numpy(gate)[None, None]
    stride, place = 2**level, level - LEVELS[0]
    offered, order = candidates(gates, level, roi)
    left = regions.candidate_scores(gates, roi)
    anchors = regions.anchor_boxes(gate.shape, level, roi, gates.device)
    position = torch.full((anchors.shape[0],), -1)  # of a cell among the candidates
    position[order] = torch.arange(len(order))
    steps: list[NMSStep] = []
    for _ in range(min(roi.top_k[place], len(order))):
        before = left > -torch.inf
        score, index, left = regions.keep_best(left, anchors, roi.nms_iou)
        if score.isinf():  # the candidates ran out
            break
        gone = before[0] & left[0].isinf()
        gone[index] = False
        box = regions.clip_boxes(anchors[index], (gate.shape[0] * stride, gate.shape[1] * stride))[0]
        steps.append(
            NMSStep(
                Box(*box.tolist(), float(score)), int(position[index]), position[gone].sort().values.numpy(),
                int((left > -torch.inf).sum()),
            )
        )  # fmt: skip
    centres = (offered.boxes[:, :2] + offered.boxes[:, 2:]) / 2
    return Suppression(level, offered, centres, tuple(steps))
