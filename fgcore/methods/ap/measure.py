"""What AP-CNN adds to an evaluation: gates, ROIs and zoom box, and what zoom-in and dropblock change."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from fgcore.evaluation import controls
from fgcore.methods.ap.detail import roi_coverage
from fgcore.methods.ap.output import APCNNOutput
from fgcore.methods.ap.pyramid_attention import zoom_factor
from fgcore.methods.ap.stage_effects import drop_effects, zoom_effects
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
