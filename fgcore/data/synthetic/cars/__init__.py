"""Paints a car: underside, nose, bonnet, side, windows and roof, then what is fitted to them."""

import numpy as np

from fgcore.data.synthetic.canvas import Canvas, soft_mask
from fgcore.data.synthetic.cars.face import paint_nose
from fgcore.data.synthetic.cars.fittings import (
    bonnet_marks,
    car_colour,
    mirror,
    roof_rails,
    side_details,
    spoiler,
    wheel,
)
from fgcore.data.synthetic.cars.shapes import CarFigure, CarShape, upright
from fgcore.data.synthetic.field_guide import PartSheet
from fgcore.data.synthetic.geometry import closed_curve, convex_hull, resized, shifted
from fgcore.data.synthetic.part_painter import OTHER, PartPainter
from fgcore.data.synthetic.tones import Colour, darker, paler

PAINTS: tuple[Colour, ...] = (
    (176, 58, 52), (44, 92, 124), (112, 140, 112), (214, 164, 66), (84, 98, 114),
    (196, 104, 66), (116, 164, 184), (66, 72, 84), (122, 46, 62), (62, 116, 104),
)  # fmt: skip

_GLASS: Colour = (52, 66, 78)
_FLOOR: Colour = (24, 24, 28)
_FAR = 260.0  # beyond either end of any car


def paint_car(canvas: Canvas, sheet: PartSheet, figure: CarFigure, paint: Colour) -> PartPainter:
    """Paints the car of the sheet as the figure shows it; the painter knows where the parts are."""
    painter = PartPainter(canvas, sheet)
    _underside(painter, figure)
    paint_nose(painter, figure, paint)
    _deck(painter, figure, paint)
    if figure.shape.open_top:
        _cockpit(painter, figure, paint)
    else:
        _roof(painter, figure, paint)
    _screen(painter, figure, paint)
    _side(painter, figure, paint)
    if not figure.shape.open_top:
        _cabin(painter, figure, paint)
        roof_rails(painter, figure)
    for index in (1, 0):
        wheel(painter, figure, index)
    mirror(painter, figure, paint)
    spoiler(painter, figure)
    return painter


def ground_shadow(figure: CarFigure) -> np.ndarray:
    """The car's soft shadow on the road, (G, G) factors up to 1 on the coarse grid."""
    shape, width = figure.shape, figure.shape.width
    rear, front = min(x for x, _ in shape.lower), max(x for x, _ in shape.lower)
    wide = figure.at(np.array([rear - 4, front + 8, front + 10, rear]), 0.0, np.array([-14, -12, width, width]))
    inner = np.array([4, 4, width - 8, width - 8])
    tight = figure.at(np.array([rear + 12, front - 4, front, rear + 16]), 0.0, inner)
    return (1 - 0.42 * soft_mask(wide, 0.014)) * (1 - 0.45 * soft_mask(tight, 0.008))


def _underside(painter: PartPainter, figure: CarFigure) -> None:
    """The far wheels and the dark floor."""
    (front, rear), width = figure.shape.wheels, figure.shape.width
    for index in (1, 0):
        far = convex_hull(figure.wheel(index, 1.0, width - 4), figure.wheel(index, 1.0, width - 26))
        painter.solid(far, (23, 22, 27))
    low = min(h for _, h in figure.shape.lower)
    floor = np.array([(rear - 40, low + 10), (front + 24, low + 10)])
    painter.solid(figure.between(floor, 6, width - 20), _FLOOR)
    painter.solid(figure.side(upright(rear - 30, front, low - 8, low + 10), 40), _FLOOR)


def _deck(painter: PartPainter, figure: CarFigure, paint: Colour) -> None:
    """Everything that faces the sky below the windows: tail, load bed, and the bonnet with what it carries."""
    shape, width = figure.shape, figure.shape.width
    tail = figure.top_line[figure.top_line[:, 0] < shape.cowl[0] + 20]
    painter.solid(figure.between(tail, 0, width), paler(paint, 0.18))
    line = figure.bonnet_line
    bonnet = np.concatenate([figure.bonnet_edge, figure.side(line, width), figure.screen_foot[::-1]])
    painter.solid(np.concatenate([bonnet, figure.side(line[::-1])]), paler(paint, 0.24))
    bonnet_marks(painter, figure)
    if shape.bed:
        rim = np.array([(x, shape.cowl[1] - 2) for x in shape.bed])
        painter.solid(figure.between(rim, 4, width - 5), (40, 42, 46))


def _cockpit(painter: PartPainter, figure: CarFigure, paint: Colour) -> None:
    """The open interior of a roadster and its seats."""
    width, h = figure.shape.width, figure.shape.cowl[1] + 1
    line = np.array([(-50, h), (figure.shape.cowl[0] - 4, h)])
    painter.solid(figure.between(line, 7, width - 7), (44, 36, 34))
    painter.solid(figure.between(shifted(line, 0, 4), width - 7, width - 3), paler(paint, 0.1))
    knots = ((-22, -12), (-32, 4), (-35, 16), (-31, 24), (-24, 25), (-20, 17), (-12, -12))
    seat = shifted(closed_curve(knots, 6), 0, h)
    front = shifted(seat, 3, -4)
    for z in (0.72 * width, 0.30 * width):
        painter.solid(convex_hull(figure.side(seat, z - 17), figure.side(seat, z + 17)), (104, 68, 50))
        painter.detail(convex_hull(figure.side(front, z - 12), figure.side(front, z + 12)), (140, 96, 70))


def _roof(painter: PartPainter, figure: CarFigure, paint: Colour) -> None:
    """The top of the roof; the cabin's side covers its lower part."""
    inset, width = figure.shape.inset, figure.shape.width
    edges = [figure.side(figure.roof_line, z) for z in (inset, width - inset)]
    colour = car_colour(painter.sheet, "roof", paint)
    painter.solid(convex_hull(*edges, figure.screen_head), paler(colour, 0.20), "roof")


def _screen(painter: PartPainter, figure: CarFigure, paint: Colour) -> None:
    """The windscreen, its frame and a reflection."""
    foot, head = figure.screen_foot, figure.screen_head
    frame = np.concatenate([foot, head[::-1]])
    glass = resized(frame, 0.95, 0.90)
    painter.solid(frame, (60, 64, 70) if figure.shape.open_top else darker(paint, 0.12))
    painter.solid(glass, _GLASS)
    with painter.canvas.clip(glass):
        sky = np.concatenate([head, shifted(head[::-1], 0, 0.03)])
        painter.canvas.wash(_GLASS, [(sky, (150, 172, 186))], 0.02)
        painter.detail(np.array([foot[2], foot[4], head[7], head[5]]), (98, 118, 130))


def _side(painter: PartPainter, figure: CarFigure, paint: Colour) -> None:
    """The near side below the windows, with bands of reflected sky and ground."""
    shape = figure.shape
    low, belt = min(h for _, h in shape.lower), shape.cowl[1]
    waist = belt - 0.52 * (belt - low)
    painter.solid(figure.lower_outline, paint)
    with painter.canvas.clip(figure.lower_outline):
        bands = (
            (belt - 7, belt + 40, paler(paint, 0.42)),
            (low - 30, waist, darker(paint, 0.20)),
            (low - 30, low + 14, darker(paint, 0.55)),
            (waist - 7, waist - 2, paler(paint, 0.10)),
        )
        areas = [(figure.side(upright(-_FAR, _FAR, h0, h1)), tone) for h0, h1, tone in bands]
        painter.canvas.wash(paint, areas, 0.007, OTHER)
        side_details(painter, figure, paint)
        for index in (0, 1):
            painter.solid(figure.wheel(index, 1.2, 0.0), darker(paint, 0.35))
            painter.solid(figure.wheel(index, 1.15, 0.0), (20, 20, 24))


def _cabin(painter: PartPainter, figure: CarFigure, paint: Colour) -> None:
    """Side windows, their trim, and the pillars and edge of the roof."""
    shape, roof = figure.shape, figure.roof_line
    line = np.concatenate([[shape.cowl], roof])
    belt, top = min(shape.cowl[1], roof[-1, 1]), roof[:, 1].max()
    middle = (line[:, 0].mean(), 0.5 * (belt + top) - 2)
    pane = resized(line, 0.90, 0.80, middle)
    pane[:, 1] = np.maximum(pane[:, 1], belt + 3)
    glass = _leaning(figure, pane)
    painter.solid(_leaning(figure, line), car_colour(painter.sheet, "roof", paint), "roof")
    trim = _leaning(figure, resized(pane, 1.015, 1.05, middle))
    painter.solid(trim, car_colour(painter.sheet, "window_trim", paint), "window_trim")
    painter.solid(glass, _GLASS)
    with painter.canvas.clip(glass):
        sky = figure.side(upright(-_FAR, _FAR, top - 22, top + 20), 6)
        painter.canvas.wash(_GLASS, [(sky, (138, 160, 174))], 0.016)
        for x in (-70, 10):
            painter.detail(figure.side([(x, belt), (x + 16, belt), (x + 44, top), (x + 28, top)], 6), (110, 130, 142))
        for x in shape.pillars:
            pillar = np.array([(x - 4, belt - 5), (x + 4, belt - 5), (x + 2, top), (x - 5, top)])
            painter.solid(_leaning(figure, pillar), (36, 38, 44))


def _leaning(figure: CarFigure, points: np.ndarray) -> np.ndarray:
    """Points (x, h) of the cabin's side, which leans in towards the roof, in the image."""
    return figure.at(points[:, 0], points[:, 1], _lean(points[:, 1], figure.shape))


def _lean(h: np.ndarray, shape: CarShape) -> np.ndarray:
    """How far in from the near side the cabin stands at height h."""
    belt, top = shape.cowl[1], max(h for _, h in shape.roof)
    return 4 + (shape.inset - 4) * np.clip((h - belt) / (top - belt), 0, 1)
