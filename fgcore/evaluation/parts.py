"""Where the evidence of a map lies: on the object, on its parts, on the part that tells, or on the background.

Pure NumPy, one map at a time. A map is (h, w), any size, and covers the network input of size (H, W), whose pixels are
the unit of all lengths; pixel i covers [i, i + 1), its centre is i + 0.5. A region is a mask (H, W) bool. A part is
given by points (N, 2), x and y: one point where its place is annotated, the centres of its pixels where it is a mask.
nan is the answer where there is none: no region, no part, or a map without evidence.
"""

from collections.abc import Mapping

import cv2
import numpy as np

from fgcore.report.render import resize_map

Corners = tuple[float, float, float, float]  # xyxy
Parts = Mapping[str, np.ndarray]  # name -> points (N, 2)

ELSEWHERE, NOWHERE = "elsewhere", "nowhere"  # what `looks_at` says beside the names of parts


def share_on(heatmap: np.ndarray, mask: np.ndarray) -> float:
    """The share of a map's mass that lies on a part, from 0 (none of it) to 1 (all).

    A map that knows nothing spreads evenly, so the share to hold it against is `mask.mean()`, the part's own area.

    Args:
        heatmap: (h, w), values >= 0; brought to the mask's size bilinearly.
        mask: (H, W) bool, True on the part; it covers the same image.

    Returns:
        0 to 1; 0 for a map without evidence.

    Raises:
        ValueError: negative values have no mass.

    Source: the proportion of the energy-based pointing game, Wang et al., Score-CAM, CVPR Workshops 2020 (arXiv
    1910.01279), with a box or a mask of the object; here with any region.
    """
    mass = evidence_mass(heatmap, mask.shape)
    return 0.0 if np.isnan(mass[0, 0]) else float(mass[mask].sum())


def evidence_mass(heatmap: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map as a distribution over the pixels. (H, W) float64 that sums to one; all nan without evidence.

    Raises:
        ValueError: negative values have no mass.
    """
    if heatmap.min() < 0:
        raise ValueError(f"expected a map without negative values, got {heatmap.min():.4g}; clip it first")
    values = resize_map(heatmap, size).astype(np.float64)
    total = values.sum()
    return values / total if total > 0 else np.full(size, np.nan)


def in_view(mask: np.ndarray, photo_box: tuple[float, float, float, float]) -> np.ndarray:
    """A mask of the image cut as the network sees the image. See `View.photo_box`."""
    x1, y1, x2, y2 = (round(side) for side in photo_box)
    return mask[y1:y2, x1:x2]


def peaks(heatmap: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Centres of the map's highest cells, x and y in pixels. (N, 2), N > 1 where several tie."""
    rows, columns = np.nonzero(heatmap == heatmap.max())
    height, width = size
    return np.stack([(columns + 0.5) * width / heatmap.shape[1], (rows + 0.5) * height / heatmap.shape[0]], axis=1)


def pointing_game(heatmap: np.ndarray, region: np.ndarray) -> float:
    """Whether the map's highest point lies in a region: 1 a hit, 0 a miss.

    Where several cells tie, it is the share of them that hit: the expectation of drawing one. So a flat map scores what
    chance scores, and a silent one (all 0) has no highest point: nan.

    Args:
        heatmap: (h, w).
        region: (H, W) bool; grow it first where the annotation is thin (`near`, `grown`). Empty: nan.

    Source: Zhang et al., Top-down Neural Attention by Excitation Backprop, IJCV 2018 (arXiv 1608.00507). Their hits
    allow a tolerance of 15 pixels around the object.
    """
    if not region.any() or not heatmap.any():
        return float("nan")
    x, y = np.floor(peaks(heatmap, region.shape)).astype(int).T
    return float(region[y, x].mean())


def box_region(box: Corners, size: tuple[int, int]) -> np.ndarray:
    """The pixels whose centre lies in a box. (H, W) bool."""
    x, y = (np.arange(side) + 0.5 for side in (size[1], size[0]))
    return np.outer((box[1] <= y) & (y < box[3]), (box[0] <= x) & (x < box[2]))


def near(points: np.ndarray, radius: float, size: tuple[int, int]) -> np.ndarray:
    """The pixels whose centre lies within `radius` of one of the points (N, 2). (H, W) bool."""
    region = np.zeros(size, bool)
    x, y = (np.arange(side) + 0.5 for side in (size[1], size[0]))
    for point_x, point_y in points:
        region |= ((x - point_x) ** 2)[None] + ((y - point_y) ** 2)[:, None] <= radius**2
    return region


def grown(region: np.ndarray, radius: float) -> np.ndarray:
    """A region and every pixel whose centre lies within `radius` of one of its pixels' centres. (H, W) bool."""
    if not region.any():
        return region
    return cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= radius


def pixel_centres(region: np.ndarray) -> np.ndarray:
    """A region as the points of a part, (N, 2) x and y."""
    return np.argwhere(region)[:, ::-1] + 0.5


def part_at(point: np.ndarray, parts: Parts, radius: float) -> str:
    """The part nearest to a point x, y, or `ELSEWHERE` where none comes within `radius`."""
    distances = {name: _distance(points, point) for name, points in parts.items() if len(points)}
    name = min(distances, key=distances.__getitem__, default="")
    return name if name and distances[name] <= radius else ELSEWHERE


def _distance(points: np.ndarray, point: np.ndarray) -> float:
    return float(np.hypot(*(points - point).T).min())


def looks_at(heatmap: np.ndarray, parts: Parts, radius: float, size: tuple[int, int]) -> str:
    """The part at the map's highest cell (the first of several), `ELSEWHERE`, or `NOWHERE` for a flat map."""
    if heatmap.max() == heatmap.min():
        return NOWHERE
    return part_at(peaks(heatmap, size)[0], parts, radius)


def parts_covered(maps: np.ndarray, parts: Parts, radius: float, size: tuple[int, int]) -> int:
    """How many different parts the highest cells of several maps lie on, as those of a class's channels.

    Args:
        maps: (xi, h, w); silent ones count for nothing.
        parts: the visible parts.
        radius: see `part_at`.
        size: (H, W).

    Source: ours; Chang et al., TIP 2020, claim that diversity makes a class's channels find different parts.
    """
    return len({looks_at(heatmap, parts, radius, size) for heatmap in maps} - {ELSEWHERE, NOWHERE})
