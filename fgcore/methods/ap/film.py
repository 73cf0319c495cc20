"""AP-CNN's filmstrip: ROIs and zoom box."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fgcore.methods.base import Film
from fgcore.outputs import LEVELS, Pyramid
from fgcore.records import Box, Corners, Explanation
from fgcore.report import render


@dataclass(frozen=True)
class Regions:
    """One probe after one epoch."""

    gates: Pyramid[np.ndarray]  # spatial gates of stage I, (h, w) in (0, 1)
    rois: Pyramid[tuple[Box, ...]]
    zoom_box: Corners  # xyxy, pixels


def pack(explanation: Explanation, target: int) -> dict[str, np.ndarray]:
    """Gates in half precision, boxes and scores."""
    shown, arrays = explanation.detail, {}
    for level, gate, boxes in zip(LEVELS, shown.stage1.spatial_gates, shown.rois, strict=True):
        arrays[f"gate{level}"] = gate.astype(np.float16)
        rows = [(box.x1, box.y1, box.x2, box.y2, box.score) for box in boxes]
        arrays[f"rois{level}"] = np.array(rows, np.float32).reshape(-1, 5)
    return arrays | {"zoom_box": np.array(shown.zoom_box, np.float32)}


def unpack(arrays: Mapping[str, np.ndarray]) -> Regions:
    """See `pack`."""
    return Regions(
        Pyramid(*(arrays[f"gate{level}"].astype(np.float32) for level in LEVELS)),
        Pyramid(*(tuple(Box(*row) for row in arrays[f"rois{level}"].tolist()) for level in LEVELS)),
        tuple(arrays["zoom_box"].tolist()),
    )


def image(pixels: np.ndarray, shown: Regions, stretch: float) -> np.ndarray:
    """The boxes drawn on the image, which is `stretch` times as large as the network input."""
    drawn = render.draw_zoom(pixels, tuple(stretch * side for side in shown.zoom_box))
    for level, boxes in zip(LEVELS, shown.rois, strict=True):
        scaled = [Box(*(stretch * side for side in (b.x1, b.y1, b.x2, b.y2)), b.score) for b in boxes]
        drawn = render.draw_boxes(drawn, scaled, level, scores=False)
    return drawn


FILM = Film(pack, unpack, image, caption=lambda shown, target: "")
