"""What zoom-in and dropblock change: the probability of a class with and without them, on a whole batch of AP-CNN.

Each change has its control: a zoom box or a dropped block of the same size elsewhere.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fgcore.methods.ap import roi as regions
from fgcore.methods.ap.output import HEADS, APCNNOutput, Drop
from fgcore.outputs import LEVELS


@torch.no_grad()
def zoom_effects(
    model: nn.Module, output: APCNNOutput, classes: Tensor, other_boxes: dict[str, Tensor]
) -> dict[str, np.ndarray]:
    """The class's probability in stage II, zoomed in, minus that in stage I.

    Args:
        model: the APCNN that made `output`, in evaluation mode.
        output: B images, nothing dropped.
        classes: (B,) int64, whose probability.
        other_boxes: name -> (B, 4) xyxy, to zoom into as controls.

    Returns:
        Name -> (B,) float64 in -1 .. 1: `zoom_level3`, `zoom_level4`, `zoom_level5`, `zoom_concat` of the single heads,
        `zoom` of the mean of a stage's four logits, and `zoom@NAME` of each control.
    """
    before = _probabilities(output.stage1.logits, classes)
    after = _probabilities(output.stage2.logits, classes)
    start, end = (_probabilities(stage.logits.mean(1), classes) for stage in (output.stage1, output.stage2))
    result = {f"zoom_{head}": after[:, i] - before[:, i] for i, head in enumerate(HEADS)} | {"zoom": end - start}
    level3 = output.stage1.backbone.level3
    for name, boxes in other_boxes.items():
        logits = model.stage(model.refine(level3, boxes)[0]).logits
        result[f"zoom@{name}"] = _probabilities(logits.mean(1), classes) - start
    return result


@torch.no_grad()
def drop_effects(
    model: nn.Module, output: APCNNOutput, classes: Tensor, rngs: Sequence[np.random.Generator]
) -> dict[str, np.ndarray]:
    """The class's probability in stage II without the best ROI of a level, minus that with all of them.

    As in training the rest of the crop is scaled up by the share that is gone.

    Args:
        model: the APCNN that made `output`, in evaluation mode.
        output: B images, nothing dropped.
        classes: (B,) int64, whose probability.
        rngs: one for each image: where the control's block goes.

    Returns:
        Name -> (B,) float64 in -1 .. 1: `drop_level3` .. `drop_level5`, nan without an ROI at that level, and
        `drop_level3@random` ..: a block as large at a random place of the zoom box.
    """
    start = _probabilities(output.stage2.logits.mean(1), classes)
    result = {}
    for level, rois in zip(LEVELS, output.rois, strict=True):
        name, missing = f"drop_level{level}", ~rois.valid.any(1).cpu().numpy()
        best = Drop(torch.full_like(classes, level), torch.zeros_like(classes))
        cells = regions.drop_cells(output.rois, best)  # (B, 4)
        for label, block in ((name, cells), (f"{name}@random", _moved(cells, output.zoom_cells, rngs))):
            change = _probabilities(without(model, output, block).mean(1), classes) - start
            result[label] = np.where(missing, np.nan, change)
    return result


@torch.no_grad()
def without(model: nn.Module, output: APCNNOutput, cells: Tensor) -> Tensor:
    """Stage II's logits (B, 4, K) with cells (B, 4) xyxy of level 3 dropped as `APCNN.refine` drops an ROI."""
    return model.stage(model.refine(output.stage1.backbone.level3, output.zoom_boxes, cells)[0]).logits


def _moved(cells: Tensor, within: Tensor, rngs: Sequence[np.random.Generator]) -> Tensor:
    """Boxes as large as `cells`, each at a random place inside `within`; the upper left where they do not fit."""
    size = cells[:, 2:] - cells[:, :2]
    room = (within[:, 2:] - within[:, :2] - size).clamp(min=0)
    chance = torch.from_numpy(np.stack([rng.random(2) for rng in rngs])).to(cells.device)
    corner = within[:, :2] + (chance * (room + 1)).long()
    return torch.cat([corner, corner + size], dim=1)


def _probabilities(logits: Tensor, classes: Tensor) -> np.ndarray:
    """Of one class per image: (B, K) -> (B,), or (B, N, K) -> (B, N)."""
    index = classes.view(-1, *(1,) * (logits.ndim - 1)).expand(*logits.shape[:-1], 1)
    return logits.detach().double().softmax(-1).gather(-1, index)[..., 0].cpu().numpy()
