"""What a model shows on each picture of a batch: its answer, its maps, its boxes, and its method's own numbers."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from fgcore.evaluation import controls
from fgcore.evaluation.parts import Corners
from fgcore.inspection.cam import cam_layer
from fgcore.inspection.evidence import roi_coverage
from fgcore.inspection.trace_cam import grad_cams
from fgcore.methods.ap.stage_effects import drop_effects, zoom_effects
from fgcore.methods.mc.losses import group_max
from fgcore.methods.mc.purity import GROUP_MEASURES, class_channels, group_measures
from fgcore.outputs import LEVELS, APCNNOutput, MCOutput
from fgcore.records import Box

GRAD_CAM, CCMP, CHANNEL, ROIS, ZOOM = "gradcam", "ccmp", "channel", "rois", "zoom"
GATES = tuple(f"gate{level}" for level in LEVELS)
RANDOM, CENTRE = "random", "centre"  # the controls
CONTROLS = (RANDOM, CENTRE)
MAPS = (GRAD_CAM, CCMP, CHANNEL, *GATES, ROIS, ZOOM, *CONTROLS)  # in the order of tables


@dataclass(frozen=True)
class Look:
    """One model on one picture. Maps that speak for a class speak for the predicted one."""

    probabilities: np.ndarray  # (K,)
    maps: dict[str, np.ndarray]  # name of `MAPS` but `CHANNEL` -> (h, w)
    channels: np.ndarray | None = None  # MC-Loss: (xi, h, w), the predicted class's channels
    true_channels: np.ndarray | None = None  # MC-Loss: of the true class
    rois: np.ndarray | None = None  # AP-CNN: (N, 4) xyxy, pixels of the network input
    zoom_box: Corners | None = None
    numbers: dict[str, float] = field(default_factory=dict)  # measure, or measure@control -> value

    @property
    def best(self) -> int:
        """The predicted class."""
        return int(self.probabilities.argmax())


def looks(model: nn.Module, images: Tensor, targets: Tensor, rngs: list[np.random.Generator]) -> list[Look]:
    """What a model shows on a batch, in float32.

    Args:
        model: in evaluation mode, its parameters without gradients; hold its lock if threads share it.
        images: (B, 3, H, W), normalised, on the model's device.
        targets: (B,) int64, the true classes.
        rngs: one generator for each picture, the only source of its controls.
    """
    with torch.enable_grad():  # to the images, for Grad-CAM; the parameters stay out of it
        output = model(images.detach().requires_grad_(True))
    probabilities = output.logits.detach().float().softmax(1)
    best = probabilities.argmax(1)
    cams = grad_cams(output, best, cam_layer(model)[1])
    found = [
        Look(row, {GRAD_CAM: cam, RANDOM: controls.random_map(cam.shape, rng), CENTRE: controls.centre_map(cam.shape)})
        for row, cam, rng in zip(probabilities.cpu().numpy(), cams, rngs, strict=True)
    ]
    if isinstance(output, MCOutput):
        return _with_groups(found, output, best, targets, rngs)
    if isinstance(output, APCNNOutput):
        return _with_stages(found, model, output, targets, rngs)
    return found


def _with_groups(
    found: list[Look], output: MCOutput, best: Tensor, targets: Tensor, rngs: list[np.random.Generator]
) -> list[Look]:
    ccmp = group_max(output.features.detach().float(), output.group_sizes)[torch.arange(len(best)), best].cpu().numpy()
    shown, true = class_channels(output, best), class_channels(output, targets)
    count = len(output.group_sizes)
    others = [
        (target + 1 + int(rng.integers(max(1, count - 1)))) % count  # any class but the true one
        for target, rng in zip(targets.tolist(), rngs, strict=True)
    ]
    own = group_measures(output, targets)
    random = group_measures(output, torch.tensor(others, device=targets.device))
    numbers = own | {f"{name}@{RANDOM}": random[name] for name in GROUP_MEASURES}
    return [
        Look(look.probabilities, {CCMP: ccmp[i]} | look.maps, shown[i], true[i], numbers=_row(numbers, i))
        for i, look in enumerate(found)
    ]


def _with_stages(
    found: list[Look],
    model: nn.Module,
    output: APCNNOutput,
    targets: Tensor,
    rngs: list[np.random.Generator],
) -> list[Look]:
    size = tuple(8 * side for side in output.stage1.backbone.level3.shape[-2:])
    zooms = [tuple(float(side) for side in box) for box in output.zoom_boxes.cpu()]
    others = {
        RANDOM: [controls.random_box(box, size, rng) for box, rng in zip(zooms, rngs, strict=True)],
        CENTRE: [controls.centre_box(box, size) for box in zooms],
    }
    boxes = {name: output.zoom_boxes.new_tensor(rows) for name, rows in others.items()}
    numbers = zoom_effects(model, output, targets, boxes) | drop_effects(model, output, targets, rngs)
    for name, stage in (("stage1", output.stage1), ("stage2", output.stage2)):
        hits = stage.logits.detach().mean(1).argmax(1) == targets
        numbers[f"{name}_top1"] = hits.double().cpu().numpy()
    result = []
    for i, look in enumerate(found):
        kept = [level.boxes[i][level.valid[i]].cpu().numpy() for level in output.rois]
        rois = np.concatenate(kept).astype(np.float64)
        x1, y1, x2, y2 = zooms[i]
        covers = {
            ROIS: roi_coverage([Box(*row, 1) for row in rois.tolist()], size),
            ZOOM: roi_coverage([Box(x1, y1, x2, y2, 1)], size),
        }
        gates = {
            name: gate[i, 0].detach().float().cpu().numpy()
            for name, gate in zip(GATES, output.stage1.spatial_gates, strict=True)
        }
        cut = output.zoom_cells[i].tolist()
        factor = float(np.sqrt(size[0] * size[1] / (64 * (cut[2] - cut[0]) * (cut[3] - cut[1]))))
        values = _row(numbers, i) | {"zoom_factor": factor}
        result.append(Look(look.probabilities, gates | covers | look.maps, None, None, rois, zooms[i], values))
    return result


def _row(numbers: dict[str, np.ndarray], image: int) -> dict[str, float]:
    return {name: float(values[image]) for name, values in numbers.items()}
