"""Where a car stands: the view behind it, its shadow on the ground, and what passes in front of it."""

from dataclasses import dataclass

import cv2
import numpy as np

from fgcore.data.synthetic.backdrops import GRID, bokeh, disc, enlarge, fixed, soften
from fgcore.data.synthetic.canvas import Canvas
from fgcore.data.synthetic.geometry import Points, closed_curve, ellipse, placement, shifted
from fgcore.data.synthetic.props import LEAVES, leaf
from fgcore.data.synthetic.tones import Colour, darker, mix, paler


@dataclass(frozen=True)
class Place:
    """The colours of a street.

    Attributes:
        top: sky overhead.
        low: sky at the horizon.
        far: what stands at the horizon: "hills", "houses", "trees", "wall" or "sea".
        tones: its colours.
        ground: colour of the road.
        lights: colours of distant lights, may be empty.
    """

    top: Colour
    low: Colour
    far: str
    tones: tuple[Colour, ...]
    ground: Colour
    lights: tuple[Colour, ...] = ()


PLACES = (
    Place((150, 190, 220), (226, 232, 226), "hills",
          ((136, 160, 128), (112, 142, 112), (160, 176, 144)), (136, 134, 130)),
    Place((186, 206, 220), (232, 230, 220), "houses",
          ((206, 190, 172), (186, 164, 148), (170, 176, 178), (214, 204, 188), (178, 148, 132)), (124, 124, 126)),
    Place((70, 84, 122), (236, 172, 132), "houses", ((74, 76, 104), (92, 84, 110), (62, 66, 94), (110, 92, 110)),
          (86, 84, 98), ((255, 220, 150), (255, 188, 120), (250, 236, 204))),
    Place((176, 204, 206), (214, 224, 204), "trees", ((94, 130, 86), (118, 150, 96), (76, 112, 82), (140, 164, 104)),
          (142, 138, 130), ((226, 236, 190),)),
    Place((216, 180, 128), (236, 206, 158), "trees", ((196, 128, 66), (172, 104, 58), (214, 160, 82), (140, 92, 62)),
          (138, 124, 114), ((252, 224, 160),)),
    Place((206, 196, 182), (214, 204, 190), "wall",
          ((206, 190, 170), (178, 150, 128), (192, 166, 142), (186, 158, 138)), (134, 130, 126)),
    Place((158, 176, 176), (170, 186, 184), "wall",
          ((156, 176, 174), (118, 142, 146), (138, 160, 160), (128, 150, 152)), (118, 120, 122)),
    Place((128, 186, 220), (238, 232, 214), "sea", ((92, 160, 180), (116, 178, 190), (80, 146, 170)), (196, 182, 156)),
)  # fmt: skip


def car_backdrop(rng: np.random.Generator, size: int, horizon: float) -> np.ndarray:
    """Sky, something at the horizon and a road, (size, size, 3) uint8 RGB.

    Args:
        rng: source of chance.
        size: side of the image.
        horizon: where the ground begins, frame units from above.
    """
    place = PLACES[rng.integers(len(PLACES))]
    edge = round(horizon * GRID)
    field = np.full((GRID, GRID, 3), place.low, np.uint8)
    down = np.linspace(0, 1, edge)[:, None, None]
    field[:edge] = np.asarray(place.top) * (1 - down) + np.asarray(place.low) * down
    if place.far in ("hills", "houses", "sea"):
        for x, y, wide in rng.random((5, 3)) * (1.2, 0.5 * horizon, 0.14) + (-0.1, 0.02, 0.1):
            disc(field, (x, y), (wide, 0.22 * wide), paler(place.low, 0.4))
        field = soften(field, 5)
    _horizon(rng, field, place, horizon)
    field = cv2.GaussianBlur(field, (0, 0), 1.7)
    if place.lights:
        field = bokeh(rng, field, place.lights, (0.3 * horizon, horizon))
    depth = np.linspace(0, 1, GRID - edge)[:, None, None]
    field[edge:] = np.asarray(paler(place.ground, 0.16)) * (1 - depth) + np.asarray(darker(place.ground, 0.22)) * depth
    kerb = np.array([(-0.1, horizon), (1.1, horizon), (1.1, horizon + 0.022), (-0.1, horizon + 0.022)])
    cv2.fillPoly(field, [fixed(kerb)], paler(mix(place.ground, place.tones[0], 0.3), 0.3), cv2.LINE_AA, 4)
    for x, y, wide in rng.random((12, 3)) * (1.1, 1 - horizon, 0.12) + (-0.05, horizon + 0.05, 0.04):
        disc(field, (x, y), (wide, 0.012), mix(place.ground, darker(place.ground, 0.3), rng.random()))
    return enlarge(cv2.GaussianBlur(field, (0, 0), 1.1), size)


def _horizon(rng: np.random.Generator, field: np.ndarray, place: Place, horizon: float) -> None:
    """Paints what stands at the horizon."""
    tones = place.tones
    if place.far == "hills":
        for layer in range(3):
            x = np.linspace(-0.1, 1.1, 7)
            y = horizon - rng.uniform(0.02, 0.2, 7) * (1 - 0.25 * layer)
            ridge = closed_curve(np.concatenate([np.stack([x, y], 1), [(1.2, 1.1), (-0.2, 1.1)]]))
            haze = mix(tones[layer], place.low, 0.5 - 0.22 * layer)
            cv2.fillPoly(field, [fixed(ridge)], haze, cv2.LINE_AA, 4)
    elif place.far == "houses":
        x = -0.1
        while x < 1.1:
            wide, high = rng.uniform(0.09, 0.22), rng.uniform(0.18, 0.5)
            tone = tones[rng.integers(len(tones))]
            _rectangle(field, (x, horizon - high), (x + wide, 1.0), tone)
            rows, columns = int(high / 0.085), max(1, int(wide / 0.06))
            for row in range(rows):
                for column in range(columns):
                    lit = place.lights and rng.random() < 0.45
                    pane = place.lights[0] if lit else darker(tone, 0.28)
                    at = (x + (column + 0.28) * wide / columns, horizon - high + 0.03 + 0.085 * row)
                    _rectangle(field, at, (at[0] + 0.45 * wide / columns, at[1] + 0.042), pane)
            x += wide
    elif place.far == "trees":
        for layer in range(3):
            for x, y, r in rng.random((9, 3)) * (1.2, 0.24, 0.1) + (-0.1, horizon - 0.34 + 0.12 * layer, 0.07):
                disc(field, (x, y), (r, r), tones[rng.integers(len(tones))])
        _rectangle(field, (-0.1, horizon - 0.06), (1.1, 1.0), darker(tones[0], 0.2))
    elif place.far == "wall":
        top = horizon - rng.uniform(0.4, 0.62)
        _rectangle(field, (-0.1, top), (1.1, 1.0), tones[0])
        course = 0.07
        for row in range(int((horizon - top) / course) + 1):
            for x in np.arange(-0.1 - 0.09 * (row % 2), 1.1, 0.18):
                at = (x + 0.006, top + row * course + 0.006)
                _rectangle(field, at, (x + 0.174, top + (row + 1) * course), tones[rng.integers(len(tones))])
        _rectangle(field, (-0.1, top - 0.02), (1.1, top + 0.01), paler(tones[0], 0.25))
    else:
        _rectangle(field, (-0.1, horizon - 0.13), (1.1, 1.0), tones[0])
        for x, y, wide in rng.random((16, 3)) * (1.1, 0.12, 0.12) + (-0.05, horizon - 0.125, 0.04):
            disc(field, (x, y), (wide, 0.004), paler(tones[rng.integers(len(tones))], 0.3))


def _rectangle(field: np.ndarray, low: tuple[float, float], high: tuple[float, float], colour: Colour) -> None:
    corners = np.array([low, (high[0], low[1]), high, (low[0], high[1])])
    cv2.fillPoly(field, [fixed(corners)], colour, cv2.LINE_AA, 4)


def car_occluders(canvas: Canvas, rng: np.random.Generator, low: Points, high: Points) -> None:
    """Sometimes a post, a bush or a cone in front of the car, whose box is given by its corners."""
    kind = rng.random()
    x = rng.uniform(low[0] + 0.06, high[0] - 0.06)
    if kind < 0.17:
        _post(canvas, rng, x, high[1])
    elif kind < 0.34:
        _bush(canvas, rng, low[0] if rng.random() < 0.5 else high[0], high[1])
    elif kind < 0.45:
        _cone(canvas, x, high[1] + rng.uniform(0.03, 0.07), rng.uniform(0.1, 0.14))


def _post(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A slim post with a round sign above the car."""
    steel: Colour = (150, 156, 160)
    pale: Colour = (240, 240, 234)
    half, foot = rng.uniform(0.008, 0.012), min(1.05, ground + 0.1)
    top = rng.uniform(0.02, 0.12)
    canvas.fill(_upright(x, (foot, half), (top, half)), steel, 0)
    canvas.fill(_upright(x + 0.6 * half, (foot, 0.4 * half), (top, 0.4 * half)), darker(steel, 0.3))
    hue = ((44, 96, 150), (186, 66, 58), (68, 120, 88))[rng.integers(3)]
    canvas.fill(ellipse((x, top + 0.05), 0.062), pale, 0)
    canvas.fill(ellipse((x, top + 0.05), 0.054), hue)
    canvas.fill(_upright(x, (top + 0.057, 0.03), (top + 0.043, 0.03)), pale)


def _bush(canvas: Canvas, rng: np.random.Generator, x: float, ground: float) -> None:
    """A leafy bush at one end of the car."""
    tone, top = LEAVES[rng.integers(len(LEAVES))], ground - rng.uniform(0.06, 0.1)
    knots = ((-0.2, 1.2 - top), (-0.15, 0.1), (-0.06, 0.01), (0.06, 0.0), (0.15, 0.1), (0.2, 1.2 - top))
    mound = shifted(closed_curve(knots), x, top)
    canvas.fill(mound, darker(tone, 0.36), 0)
    for layer, drop in enumerate((0.34, 0.22, 0.11, 0.02)):
        for dx, dy, size, turn in rng.random((15, 4)) * (0.34, 0.11, 0.035, 120) + (-0.17, -0.045, 0.06, -150):
            at = (x + dx, top + 0.03 + dy + drop + 2.6 * dx * dx)
            shade = mix(darker(tone, 0.30 - 0.09 * layer), LEAVES[2], 0.3 * rng.random())
            leaf(canvas, placement(size, turn, at), shade, 0)


def _cone(canvas: Canvas, x: float, foot: float, height: float) -> None:
    """A traffic cone on the road."""
    orange: Colour = (226, 106, 48)
    half = 0.34 * height
    canvas.fill(_upright(x, (foot, 1.2 * half), (foot - 0.12 * height, half)), darker(orange, 0.25), 0)
    canvas.fill(_upright(x, (foot - 0.1 * height, 0.8 * half), (foot - height, 0.16 * half)), orange, 0)
    for band in ((0.32, 0.5), (0.66, 0.8)):
        low, high = ((foot - t * height, (0.8 - 0.71 * (t - 0.1)) * half) for t in band)
        canvas.fill(_upright(x, low, high), (242, 238, 228))


def _upright(x: float, low: tuple[float, float], high: tuple[float, float]) -> Points:
    """A symmetrical trapezium around x; `low` and `high` are (y, half width) of its ends."""
    return np.array([(x - low[1], low[0]), (x + low[1], low[0]), (x + high[1], high[0]), (x - high[1], high[0])])
