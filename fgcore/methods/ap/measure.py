"""What AP-CNN adds to an evaluation: gates, ROIs and zoom box, and what zoom-in and dropblock change.

Each change has its control: a zoom box or a dropped block of the same size elsewhere.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from fgcore.evaluation import controls
from fgcore.methods.ap import roi as regions
from fgcore.methods.ap.detail import roi_coverage
from fgcore.methods.ap.output import HEADS, APCNNOutput, Drop
from fgcore.methods.ap.pyramid_attention import zoom_factor
from fgcore.methods.base import Measure, Shown
from fgcore.outputs import LEVELS
from fgcore.records import Box

ROIS, ZOOM = "rois", "zoom"
GATES = tuple(f"gate{level}" for level in LEVELS)
MAPS = {ROIS: "ROIs", **{f"gate{level}": f"gate {level}" for level in LEVELS}, ZOOM: "zoom box"}
_LEVELS = {f"level{n}": f"level {n}" for n in LEVELS}
MEASURES = {
    "stage1_top1": Measure("Stage I top-1", "Share correct by the mean of stage I's heads.", 1),
    "stage2_top1": Measure("Stage II top-1", "Share correct by the mean of stage II's heads.", 1),
    "zoom": Measure("Zoom-in", "Probability of the true class in stage II minus that in stage I.", 1),
    **{
        f"zoom_{head}": Measure(f"Zoom-in, {name}", f"The same for the head of {name} alone.", 1)
        for head, name in (_LEVELS | {"concat": "all levels"}).items()
    },
    "zoom_factor": Measure("Zoom factor", "Side of the input over side of the zoom box.", 0, False),
    "tied": Measure("Ties", "Share of images with an ROI whose score is another candidate's too.", -1),
    **{
        f"saturated_{head}": Measure(
            f"Saturated, {name}", f"Share of the gate's cells of {name} above 0.99 or below 0.01.", -1
        )
        for head, name in _LEVELS.items()
    },
    **{
        f"drop_{head}": Measure(
            f"Drop, {name}", f"Change of the true class's probability without the best ROI of {name}.", -1
        )
        for head, name in _LEVELS.items()
    },
}


def measure(
    network: nn.Module, output: APCNNOutput, targets: Tensor, rngs: Sequence[np.random.Generator]
) -> list[Shown]:
    """Maps and boxes of each image, and the true class's probability with and without each step, beside controls."""
    size = tuple(8 * side for side in output.stage1.backbone.level3.shape[-2:])
    zooms = [tuple(float(side) for side in box) for box in output.zoom_boxes.cpu()]
    numbers = _numbers(network, output, targets, rngs, zooms, size)
    return [_one(output, i, zooms[i], size, {n: float(v[i]) for n, v in numbers.items()}) for i in range(len(zooms))]


def _numbers(
    network: nn.Module, output: APCNNOutput, targets: Tensor, rngs: Sequence[np.random.Generator], zooms: list,
    size: tuple[int, int],
) -> dict[str, np.ndarray]:  # fmt: skip
    others = {
        "random": [controls.random_box(box, size, rng) for box, rng in zip(zooms, rngs, strict=True)],
        "centre": [controls.centre_box(box, size) for box in zooms],
    }
    boxes = {name: output.zoom_boxes.new_tensor(rows) for name, rows in others.items()}
    numbers = zoom_effects(network, output, targets, boxes) | drop_effects(network, output, targets, rngs)
    numbers |= gate_faults(output)
    for name, stage in (("stage1", output.stage1), ("stage2", output.stage2)):
        hits = stage.logits.detach().mean(1).argmax(1) == targets
        numbers[f"{name}_top1"] = hits.double().cpu().numpy()
    return numbers


def _one(output: APCNNOutput, i: int, zoom: tuple, size: tuple[int, int], numbers: dict[str, float]) -> Shown:
    kept = [level.boxes[i][level.valid[i]].cpu().numpy() for level in output.rois]
    rois = np.concatenate(kept).astype(np.float64)
    covers = {
        ROIS: roi_coverage([Box(*row, 1) for row in rois.tolist()], size),
        ZOOM: roi_coverage([Box(*zoom, 1)], size),
    }
    gates = {
        name: gate[i, 0].detach().float().cpu().numpy()
        for name, gate in zip(GATES, output.stage1.spatial_gates, strict=True)
    }
    factor = zoom_factor(output.zoom_cells[i].tolist(), size)
    return Shown(maps=gates | covers, regions={ROIS: rois}, box={ZOOM: zoom}, numbers=numbers | {"zoom_factor": factor})


@torch.no_grad()
def gate_faults(output: APCNNOutput) -> dict[str, np.ndarray]:
    """What makes boxes an accident: ROIs chosen among equals, and gates that are open or closed for good.

    Returns:
        Name -> (B,) float64: `tied`, 1 where the score of an ROI is that of another candidate of its level too, so that
        the order of cells decides; `saturated_level3` .. `saturated_level5`, share of cells above 0.99 or below 0.01.
    """
    tied = torch.zeros(len(output.zoom_boxes), dtype=torch.bool, device=output.zoom_boxes.device)
    faults = {}
    for level, gates, rois in zip(LEVELS, output.stage1.spatial_gates, output.rois, strict=True):
        offered = regions.candidate_scores(gates, output.roi)  # (B, N), -inf for what is no candidate
        equal = (rois.scores[:, :, None] == offered[:, None]).sum(2)  # (B, k)
        tied |= ((equal > 1) & rois.valid).any(1)
        share = ((gates > 0.99) | (gates < 0.01)).double().mean((1, 2, 3))
        faults[f"saturated_level{level}"] = share.cpu().numpy()
    return {"tied": tied.double().cpu().numpy()} | faults


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
