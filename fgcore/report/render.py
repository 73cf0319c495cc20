"""Maps as images: colour, overlays, boxes and tiles, all (H, W, 3) uint8 RGB."""

from collections.abc import Sequence

import cv2
import numpy as np

from fgcore.records import Box

PALETTES = {
    "viridis": cv2.COLORMAP_VIRIDIS,
    "magma": cv2.COLORMAP_MAGMA,
    "inferno": cv2.COLORMAP_INFERNO,
    "cividis": cv2.COLORMAP_CIVIDIS,
}
LEVEL_COLOURS = {3: (86, 180, 233), 4: (230, 159, 0), 5: (204, 121, 167)}  # Okabe-Ito, safe for colour-blind readers
ZOOM_COLOUR = (255, 255, 255)


def scaled(heatmap: np.ndarray, low: float | None = None, high: float | None = None) -> np.ndarray:
    """The map moved to [0, 1] between `low` and `high` (its own extremes by default); a flat map becomes zeros."""
    low = float(heatmap.min()) if low is None else low
    high = float(heatmap.max()) if high is None else high
    if high <= low:
        return np.zeros(heatmap.shape, np.float32)
    return np.clip((heatmap - low) / (high - low), 0, 1).astype(np.float32)


def colour(
    heatmap: np.ndarray, *, low: float | None = None, high: float | None = None, palette: str = "viridis"
) -> np.ndarray:
    """A map (h, w) in false colours, (h, w, 3) uint8.

    Args:
        heatmap: any finite values.
        low: value of the darkest colour; None: the map's minimum.
        high: value of the brightest colour; None: the map's maximum.
        palette: viridis, magma, inferno or cividis; all are safe for colour-blind readers.

    Raises:
        ValueError: another palette.
    """
    if palette not in PALETTES:
        raise ValueError(f"palette must be one of {', '.join(PALETTES)}, got {palette!r}")
    levels = np.round(scaled(heatmap, low, high) * 255).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(levels, PALETTES[palette]), cv2.COLOR_BGR2RGB)


def resize_map(heatmap: np.ndarray, size: tuple[int, int], *, smooth: bool = True) -> np.ndarray:
    """A map at (H, W): bilinear, or with visible cells when not `smooth`."""
    interpolation = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    return cv2.resize(heatmap.astype(np.float32), size[::-1], interpolation=interpolation)


def overlay(
    pixels: np.ndarray,
    heatmap: np.ndarray,
    *,
    alpha: float = 0.5,
    low: float | None = None,
    high: float | None = None,
    palette: str = "viridis",
) -> np.ndarray:
    """The image with a map over it; the image's own brightness is kept.

    Args:
        pixels: (H, W, 3) uint8.
        heatmap: (h, w), resized to the image.
        alpha: share of the map, 0 .. 1.
        low: see `colour`.
        high: see `colour`.
        palette: see `colour`.
    """
    tinted = colour(resize_map(heatmap, pixels.shape[:2]), low=low, high=high, palette=palette)
    return np.round((1 - alpha) * pixels + alpha * tinted).astype(np.uint8)


def draw_boxes(pixels: np.ndarray, boxes: Sequence[Box], level: int, *, scores: bool = True) -> np.ndarray:
    """The image with the ROIs of a level drawn in that level's colour."""
    canvas = pixels.copy()
    for box in boxes:
        corner, opposite = (round(box.x1), round(box.y1)), (round(box.x2), round(box.y2))
        cv2.rectangle(canvas, corner, opposite, LEVEL_COLOURS[level], 2, cv2.LINE_AA)
        if scores:
            anchor = (corner[0] + 4, corner[1] + 13)
            for tint, thickness in (((0, 0, 0), 3), (LEVEL_COLOURS[level], 1)):  # a dark edge keeps it legible
                cv2.putText(
                    canvas, f"{box.score:.2f}", anchor, cv2.FONT_HERSHEY_SIMPLEX, 0.38, tint, thickness, cv2.LINE_AA
                )
    return canvas


def draw_zoom(pixels: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """The image darkened outside the zoom box, which is framed."""
    x1, y1, x2, y2 = (round(side) for side in box)
    canvas = (pixels * 0.45).astype(np.uint8)
    canvas[y1:y2, x1:x2] = pixels[y1:y2, x1:x2]
    return cv2.rectangle(canvas, (x1, y1), (max(x1, x2 - 1), max(y1, y2 - 1)), ZOOM_COLOUR, 2)


def drop_overlay(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image with dropped cells in flat grey, as in the paper's figure. mask (h, w), 0 where dropped."""
    dropped = resize_map(mask, pixels.shape[:2], smooth=False) < 0.5
    canvas = pixels.copy()
    canvas[dropped] = 128
    return canvas


def tiles(images: Sequence[np.ndarray], columns: int, gap: int = 6) -> np.ndarray:
    """Images of one size side by side on white, `columns` in a row."""
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    canvas = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for number, image in enumerate(images):
        y, x = (number // columns) * (height + gap), (number % columns) * (width + gap)
        canvas[y : y + height, x : x + width] = image
    return canvas


def png(pixels: np.ndarray) -> bytes:
    """An (H, W, 3) uint8 RGB image as PNG."""
    return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()


_COLOURS = (  # Okabe and Ito's, told apart by colour-blind readers; yellow and sky blue last, they drown on photos
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233), (240, 228, 66),
)  # fmt: skip


def channel_colours(count: int) -> np.ndarray:
    """A colour for each of `count` channels, (count, 3) uint8; beyond seven they are spread over the hues."""
    if count <= len(_COLOURS):
        return np.array(_COLOURS[:count], np.uint8)
    hues = np.arange(count) * 180 // count  # OpenCV's hues are half degrees
    hsv = np.stack([hues, np.full(count, 190), np.full(count, 215)], axis=1).astype(np.uint8)
    return cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0]


def colour_map(softmax: np.ndarray) -> np.ndarray:
    """Where a class's channels look, all in one map: a colour for each channel, grey where they look alike.

    Args:
        softmax: (xi, h, w), each channel a distribution over positions.

    Returns:
        (h, w, 4) uint8 RGBA: the mean of the channels' colours, weighted by their shares at that position; opaque
        where the strongest channel is at its strongest, clear where none looks.
    """
    strongest = softmax.max(0)
    shares = softmax / softmax.sum(0)  # softmax is positive everywhere
    colours = np.einsum("chw,cr->hwr", shares, channel_colours(len(softmax)).astype(np.float32))
    alpha = 235 * np.sqrt(strongest / strongest.max())
    return np.round(np.dstack([colours, alpha])).astype(np.uint8)


def grey(pixels: np.ndarray) -> np.ndarray:
    """Under a map, colour belongs to the map."""
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def blend(pixels: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """An RGBA layer (h, w, 4), stretched over the image (H, W, 3) uint8."""
    layer = cv2.resize(layer.astype(np.float32), pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    alpha = layer[..., 3:] / 255
    return np.round((1 - alpha) * pixels + alpha * layer[..., :3]).astype(np.uint8)
