"""Do two maps point at the same places? Four standard numbers, and the places themselves.

A map is (h, w), larger where a model found more. The numbers that compare saliency maps are those of Bylinskii et
al., "What do different evaluation metrics tell us about saliency models?", TPAMI 2019 (arXiv 1604.03605); all are
symmetric. nan marks positions that one of the models does not see, and answers that do not exist.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

GRID = 56  # rows and columns that maps of all sizes are compared on
AREA = 0.2  # share of the image that counts as "where it looks"
NOWHERE, ONLY_FIRST, ONLY_SECOND, BOTH = 0, 1, 2, 3

Frame = tuple[float, float, float, float]  # xyxy, the part of a photo, in photo pixels


@dataclass(frozen=True)
class Agreement:
    """Two maps compared; nan where a number does not exist because a map is flat."""

    pearson: float  # -1 .. 1, see `pearson`
    spearman: float  # -1 .. 1, see `spearman`
    similarity: float  # 0 .. 1, see `similarity`
    iou: float  # 0 .. 1, see `intersection_over_union`


def agreement(first: np.ndarray, second: np.ndarray, area: float = AREA) -> Agreement:
    """All four numbers for two maps of one shape; `area` is that of `intersection_over_union`.

    Raises:
        ValueError: the maps differ in shape, or share no position; put them on one grid with `on_grid`.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"expected two maps of one shape, got {first.shape} and {second.shape}; put them on one grid first"
        )
    seen = np.isfinite(first) & np.isfinite(second)
    if not seen.any():
        raise ValueError("expected maps that share a part of the image, got two without a common position")
    a, b = first[seen].astype(np.float64), second[seen].astype(np.float64)
    return Agreement(pearson(a, b), spearman(a, b), similarity(a, b), intersection_over_union(a, b, area))


def on_grid(values: np.ndarray, frame: Frame, onto: Frame | None = None, side: int = GRID) -> np.ndarray:
    """A map resampled between its cells' centres, so that maps of all sizes can be compared.

    Args:
        values: (h, w).
        frame: the part of the photo that the map covers.
        onto: the part of the photo that the result covers; None: the same.
        side: rows and columns of the result.

    Returns:
        (side, side) float64, bilinear; nan outside `frame`.
    """
    onto = frame if onto is None else onto
    down = _weights(values.shape[0], (frame[1], frame[3]), (onto[1], onto[3]), side)
    across = _weights(values.shape[1], (frame[0], frame[2]), (onto[0], onto[2]), side)
    return down @ values.astype(np.float64) @ across.T


def _weights(count: int, span: tuple[float, float], onto: tuple[float, float], side: int) -> np.ndarray:
    """(side, count): how much each of `count` cells over `span` gives to each of `side` cells over `onto`."""
    centres = onto[0] + (np.arange(side) + 0.5) * (onto[1] - onto[0]) / side
    position = (centres - span[0]) / (span[1] - span[0])  # 0 .. 1 inside the map
    place = np.clip(position * count - 0.5, 0, count - 1)
    weights = np.clip(1 - np.abs(place[:, None] - np.arange(count)), 0, None)
    weights[(position < 0) | (position > 1)] = np.nan
    return weights


def pearson(first: np.ndarray, second: np.ndarray) -> float:
    """Linear correlation of two maps: 1 the same up to brightness and contrast, 0 unrelated, -1 opposite.

    Source: "CC" of Bylinskii et al.
    """
    return float(stats.pearsonr(first, second).statistic) if _varies(first) and _varies(second) else float("nan")


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of the ranks: 1 where both maps put the places in the same order, whatever the values.

    Equal values share the mean of their ranks. Source: Spearman, 1904.
    """
    return float(stats.spearmanr(first, second).statistic) if _varies(first) and _varies(second) else float("nan")


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Shared mass: each map stretched to 0 .. 1 and made to sum to one, then the sum of the smaller of the two.

    1 for equal maps, 0 for disjoint ones.

    Source: "SIM", the histogram intersection of Bylinskii et al. and the MIT saliency benchmark.
    """
    if not (_varies(first) and _varies(second)):
        return float("nan")
    masses = [values - values.min() for values in (first, second)]
    return float(np.minimum(*(mass / mass.sum() for mass in masses)).sum())


def intersection_over_union(first: np.ndarray, second: np.ndarray, area: float = AREA) -> float:
    """Of the places where each map is highest: those that both hold, as a share of those that at least one holds.

    Two unrelated maps share a few by chance: on average area / (2 - area), 0.11 for a fifth of the image.

    Source: Jaccard, 1912.
    """
    a, b = top_area(first, area), top_area(second, area)
    return float((a & b).sum() / (a | b).sum()) if a.any() and b.any() else float("nan")


def top_area(values: np.ndarray, area: float = AREA) -> np.ndarray:
    """Where a map is highest, at most that share of the positions it covers; same shape, bool.

    Positions that tie with the last place are left out where not all of them fit; if that leaves none, all of them
    are taken. A flat map is highest nowhere.
    """
    seen = values[np.isfinite(values)]
    if not _varies(seen):
        return np.zeros(values.shape, bool)
    count = max(1, round(area * seen.size))
    limit = np.sort(seen)[seen.size - count]
    with np.errstate(invalid="ignore"):  # nan is high nowhere
        above, reaching = values > limit, values >= limit
    return reaching if reaching.sum() <= count or not above.any() else above


def look_map(first: np.ndarray, second: np.ndarray, area: float = AREA) -> np.ndarray:
    """Where both maps are highest and where only one of them is.

    Returns:
        The maps' shape, int8: `NOWHERE`, `ONLY_FIRST`, `ONLY_SECOND` or `BOTH`.
    """
    return (ONLY_FIRST * top_area(first, area) + ONLY_SECOND * top_area(second, area)).astype(np.int8)


def _varies(values: np.ndarray) -> bool:
    """Whether a map has more than one value, beyond rounding."""
    return bool(np.ptp(values) > 1e-9 * max(1e-30, float(np.abs(values).max())))
