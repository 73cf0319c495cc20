"""How well regions of interest fit what is known of an image: its object's box and its visible parts.

Pure NumPy. Boxes are xyxy in pixels of the network input, continuous. nan is the answer where there is none.
"""

import numpy as np

from fgcore.evaluation.parts import Corners, Parts

NAN = float("nan")


def box_iou(first: Corners, second: Corners) -> float:
    """Intersection over union of two boxes, 0 (apart) to 1 (equal).

    Source: Jaccard, 1912; Everingham et al., PASCAL VOC, IJCV 2010. **Differs** from AP-CNN's own `roi.box_iou`, which
    keeps the authors' +1 pixel.
    """
    width = max(0.0, min(first[2], second[2]) - max(first[0], second[0]))
    height = max(0.0, min(first[3], second[3]) - max(first[1], second[1]))
    union = area(first) + area(second) - width * height
    return width * height / union if union > 0 else 0.0


def area(box: Corners) -> float:
    """Of a box, square pixels."""
    return (box[2] - box[0]) * (box[3] - box[1])


def clipped(box: Corners, size: tuple[int, int]) -> Corners | None:
    """The part of a box that the network sees, (H, W) being its input; None where it sees none of it."""
    x1, y1 = max(0.0, box[0]), max(0.0, box[1])
    x2, y2 = min(float(size[1]), box[2]), min(float(size[0]), box[3])
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None


def centres(boxes: np.ndarray) -> np.ndarray:
    """Of boxes (N, 4): (N, 2) x and y."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def roi_recall(places: np.ndarray, parts: Parts, radius: float) -> float:
    """The share of the visible parts that have the centre of an ROI within `radius`; nan without parts.

    Args:
        places: centres of the ROIs, (N, 2).
        parts: the visible ones.
        radius: pixels.

    Source: ours: recall with the hit of PCK (a point within a fraction of the object's size counts as found), Yang and
    Ramanan, TPAMI 2013. A box's centre and not its area decides, since boxes of half the image would hold every part.
    """
    if not parts:
        return NAN
    return float(np.mean([bool(_hits(places, points, radius).any()) for points in parts.values()]))


def roi_precision(places: np.ndarray, parts: Parts, radius: float) -> float:
    """The share of the ROIs whose centre lies within `radius` of a visible part; nan without ROIs. See `roi_recall`."""
    if not parts or not len(places):
        return NAN
    return float(np.any([_hits(places, points, radius) for points in parts.values()], axis=0).mean())


def _hits(places: np.ndarray, points: np.ndarray, radius: float) -> np.ndarray:
    """Which places lie within `radius` of one of a part's points. (N,) bool."""
    distances = np.hypot(places[:, None, 0] - points[None, :, 0], places[:, None, 1] - points[None, :, 1])
    return (distances <= radius).any(axis=1)
