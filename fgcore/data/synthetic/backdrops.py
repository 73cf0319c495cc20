"""What lies out of focus behind the object: foliage, sky, meadow; wall, skyline, trees, coast.

Backdrops are painted on a coarse grid and enlarged smoothly, which is what makes them soft, cheap, and the
same at every size.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from fgcore.data.synthetic.tones import Colour

GRID = 128  # cells across the frame


@dataclass(frozen=True)
class Mood:
    """The colours of a backdrop.

    Attributes:
        top: colour of the gradient's upper end.
        bottom: colour of its lower end.
        blobs: colours of the large soft areas.
        lights: colours of the out-of-focus discs.
        stems: colour of soft upright stems, or None.
    """

    top: Colour
    bottom: Colour
    blobs: tuple[Colour, ...]
    lights: tuple[Colour, ...]
    stems: Colour | None = None


BIRD_MOODS = (
    Mood((172, 198, 150), (96, 132, 92), ((120, 158, 96), (84, 122, 80), (150, 182, 118), (66, 102, 72)),
         ((226, 236, 178), (188, 214, 140), (244, 244, 214))),  # spring leaves
    Mood((176, 210, 232), (222, 234, 236), ((236, 242, 244), (198, 222, 236), (246, 246, 242)),
         ((250, 250, 246), (224, 238, 244))),  # sky
    Mood((214, 178, 120), (140, 96, 66), ((196, 132, 70), (166, 102, 58), (222, 172, 96), (120, 92, 64)),
         ((250, 214, 142), (240, 176, 104), (252, 236, 196))),  # autumn
    Mood((150, 176, 178), (94, 122, 122), ((122, 152, 152), (104, 134, 130), (172, 194, 190)),
         ((206, 224, 218), (176, 204, 196)), (84, 112, 106)),  # reeds in mist
    Mood((214, 224, 196), (150, 172, 98), ((182, 198, 124), (206, 208, 142), (140, 166, 92)),
         ((246, 240, 178), (250, 250, 226)), (128, 150, 82)),  # meadow
    Mood((232, 206, 208), (176, 156, 168), ((240, 214, 214), (206, 176, 188), (186, 190, 168)),
         ((252, 226, 228), (255, 242, 238), (238, 196, 206))),  # blossom
    Mood((238, 204, 164), (150, 130, 150), ((232, 178, 136), (196, 154, 148), (246, 216, 176)),
         ((255, 232, 184), (250, 204, 158))),  # evening
    Mood((110, 136, 120), (52, 76, 70), ((72, 104, 86), (92, 126, 98), (48, 72, 64)),
         ((168, 196, 142), (136, 172, 132), (210, 222, 172))),  # deep wood
)  # fmt: skip


def bird_backdrop(rng: np.random.Generator, size: int) -> np.ndarray:
    """Sky, leaves or meadow far behind the bird, (size, size, 3) uint8 RGB."""
    mood = BIRD_MOODS[rng.integers(len(BIRD_MOODS))]
    field = gradient(mood.top, mood.bottom)
    for x, y, radius, flat in rng.random((14, 4)) * (1.2, 1.2, 0.18, 0.6) + (-0.1, -0.1, 0.08, 0.6):
        disc(field, (x, y), (radius, radius * flat), mood.blobs[rng.integers(len(mood.blobs))])
    field = soften(field, 9)
    if mood.stems is not None:
        for x, lean, width in rng.random((9, 3)) * (1.2, 0.3, 0.014) + (-0.1, -0.15, 0.006):
            ends = np.array([(x, 1.1), (x + 0.4 * lean, 0.5), (x + lean, rng.uniform(-0.2, 0.4))])
            cv2.polylines(field, [fixed(ends)], False, mood.stems, max(1, round(width * GRID)), cv2.LINE_AA, 4)
        field = cv2.GaussianBlur(field, (0, 0), 2.2)
    return enlarge(bokeh(rng, field, mood.lights, (0.0, 1.0)), size)


def bokeh(
    rng: np.random.Generator, field: np.ndarray, lights: tuple[Colour, ...], band: tuple[float, float]
) -> np.ndarray:
    """Translucent discs of out-of-focus light, in three layers; `band` bounds their height in the frame."""
    for layer in range(3):
        over = field.copy()
        for x, y, radius in rng.random((rng.integers(3, 8), 3)) * (1.1, band[1] - band[0], 0.045) + (
            -0.05,
            band[0],
            0.018,
        ):
            colour = lights[rng.integers(len(lights))]
            disc(over, (x, y), (radius, radius), colour)
        share = 0.16 + 0.09 * layer
        field = cv2.addWeighted(over, share, field, 1 - share, 0)
        field = cv2.GaussianBlur(field, (0, 0), 1.5 - 0.35 * layer)
    return field


def gradient(top: Colour, bottom: Colour) -> np.ndarray:
    """A vertical gradient over the grid."""
    down = np.linspace(0, 1, GRID)[:, None, None]
    column = np.asarray(top) * (1 - down) + np.asarray(bottom) * down
    return np.repeat(column, GRID, axis=1).astype(np.uint8)


def fixed(points: np.ndarray) -> np.ndarray:
    """Frame units to OpenCV's fixed-point grid coordinates."""
    return np.round(points * (GRID * 16) - 8).astype(np.int32)


def disc(field: np.ndarray, centre: tuple[float, float], radii: tuple[float, float], colour: Colour) -> None:
    """Paints an ellipse; centre and radii in frame units."""
    middle, axes = fixed(np.array(centre)), fixed(np.array(radii)) + 8
    cv2.ellipse(field, middle.tolist(), axes.tolist(), 0, 0, 360, colour, -1, cv2.LINE_AA, 4)


def soften(field: np.ndarray, blur: float) -> np.ndarray:
    """A wide blur, done on a quarter of the grid; `blur` in cells."""
    small = cv2.resize(field, (GRID // 4, GRID // 4), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), blur / 4), (GRID, GRID), interpolation=cv2.INTER_LINEAR)


def enlarge(field: np.ndarray, size: int) -> np.ndarray:
    """The grid at the size of the image."""
    return cv2.resize(field, (size, size), interpolation=cv2.INTER_CUBIC)
