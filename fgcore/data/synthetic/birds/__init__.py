"""Paints a bird: tail, legs, bill, body, wing and eye, each part in the colours of its sheet."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from fgcore.data.synthetic.birds.head import paint_bill, paint_eye, paint_face, paint_throat
from fgcore.data.synthetic.birds.shapes import BirdFigure
from fgcore.data.synthetic.birds.wing import WING_SHADOW, paint_wing
from fgcore.data.synthetic.canvas import Canvas, soft_mask
from fgcore.data.synthetic.field_guide import PartSheet
from fgcore.data.synthetic.geometry import Points, brush, closed_curve, ellipse, move
from fgcore.data.synthetic.part_painter import OTHER, PartPainter
from fgcore.data.synthetic.tones import darker, mix, paler

_BACK = closed_curve(((30, -40), (24, -12), (-20, -8), (-56, -4), (-70, -12), (-30, -40)))
_BELLY = closed_curve(((14, 10), (-20, 8), (-56, 4), (-60, 20), (0, 44), (24, 34)))
_BREAST = closed_curve(((62, -14), (34, -12), (14, -2), (5, 12), (8, 36), (44, 38), (62, 16)))
_BAND = brush(((38, -18), (23, -4), (19, 8), (25, 34)), (8.0, 9.0, 9.0, 9.0))

_stroke = lru_cache(maxsize=256)(brush)


def paint_bird(canvas: Canvas, sheet: PartSheet, figure: BirdFigure) -> PartPainter:
    """Paints the bird of the sheet in the figure's pose; the painter knows where the parts are."""
    painter = PartPainter(canvas, sheet)
    _tail(painter, figure)
    _legs(painter, figure)
    paint_bill(painter, figure)
    painter.solid(figure.body_outline, sheet.colour("back"))
    with canvas.clip(figure.body_outline):
        _body(painter, figure)
        _breast(painter, figure)
        paint_throat(painter, figure)
        paint_face(painter, figure)
        canvas.shadow(figure.on_wing(WING_SHADOW), 0.012, 0.30)
    paint_wing(painter, figure)
    paint_eye(painter, figure)
    return painter


def relief(figure: BirdFigure, light: tuple[float, float]) -> np.ndarray:
    """How the light falls on a rounded body: (G, G) factors around 1; `light` points to where it comes from."""
    bulge = soft_mask(figure.body_outline, 0.034)
    rise_y, rise_x = np.gradient(bulge)
    return 1.0 - 3.4 * (light[0] * rise_x + light[1] * rise_y)


def _tail(painter: PartPainter, figure: BirdFigure) -> None:
    colour, length, width = painter.sheet.colour("tail"), figure.shape.tail_length, figure.shape.tail_width
    painter.solid(figure.tail_outline, colour, "tail")
    with painter.canvas.clip(figure.tail_outline):
        root = move(figure.tail, ((9, -9), (9, 9), (-14, 9), (-14, -9)))
        painter.canvas.wash(colour, [(root, darker(colour, 0.35))], 0.02)
        for y in (-0.36, -0.12, 0.12, 0.36):
            edge = ((0.0, y * width * 0.8), (-0.6 * length, y * width), (-1.1 * length, y * width * 1.15))
            painter.detail(move(figure.tail, _stroke(edge, (0.6, 1.2, 1.2))), darker(colour, 0.30))
            vane = tuple((x, v + 1.0) for x, v in edge)
            painter.detail(move(figure.tail, _stroke(vane, (0.3, 0.9, 0.9))), paler(colour, 0.16))
        pattern = painter.sheet.pattern("tail")
        if pattern:
            places, reach = {"bars": ((0.42, 0.60, 0.78, 0.95), 0.07), "tip": ((1.0,), 0.28)}[pattern[0]]
            for x in np.multiply(places, -length).tolist():
                band = ((x, -0.8 * width), (x + 0.5 * figure.shape.tail_fork, 0.0), (x, 0.8 * width))
                painter.detail(move(figure.tail, _stroke(band, (reach * length,) * 3)), pattern[1])


def _legs(painter: PartPainter, figure: BirdFigure) -> None:
    for (leg, toes), far in zip(figure.feet, (True, False), strict=True):
        colour = darker(painter.sheet.colour("legs"), 0.30 if far else 0.0)
        painter.solid(move(figure.frame, brush(leg, (7.0, 3.2, 2.8))), colour, "legs")
        for toe in toes:
            bent = np.stack([leg[2], 0.5 * (leg[2] + toe) - (0, 1.2), toe])
            painter.solid(move(figure.frame, brush(bent, (3.0, 2.9, 1.6))), colour, "legs")


def _body(painter: PartPainter, figure: BirdFigure) -> None:
    """Soft colour areas, then the hints of feathers."""
    sheet, body, head = painter.sheet, figure.body, figure.head
    back, breast, belly = sheet.colour("back"), sheet.colour("breast"), sheet.colour("belly")
    face = mix(back, sheet.colour("cheek"), 0.3)
    areas = [
        (move(body, ((64, -10), (30, -4), (8, 6), (-30, 4), (-70, 2), (-70, 40), (64, 44))), belly),
        (move(body, ((64, -20), (30, -8), (10, 2), (12, 22), (26, 40), (64, 40))), breast),
        (move(body, ((44, -50), (30, -6), (-20, -4), (-60, -1), (-96, -6), (-60, -60))), back),
        (move(head, ((1.4, -1.4), (1.4, 0.3), (0.3, 0.75), (-0.5, 0.9), (-1.6, 0.6), (-1.6, -1.4))), face),
    ]
    painter.canvas.wash(back, areas, blur=0.011, label=OTHER)
    for part, area in (("back", _BACK), ("belly", _BELLY), ("breast", _BREAST)):
        painter.region(move(body, area), part)
    for where, tone in (("belly", darker(belly, 0.10)), ("breast", darker(breast, 0.10)), ("back", paler(back, 0.14))):
        painter.detail([move(body, tuft) for tuft in _tufts(where)], tone)


def _breast(painter: PartPainter, figure: BirdFigure) -> None:
    pattern = painter.sheet.pattern("breast")
    if pattern:
        motif, ink = pattern
        tone = mix(ink, painter.sheet.colour("breast"), 0.12)
        painter.detail([move(figure.body, mark) for mark in _marks(motif)], tone)


@lru_cache(maxsize=4)
def _tufts(where: str) -> Sequence[Points]:
    """Short feather strokes at fixed, uneven places of the body."""
    rng = np.random.default_rng(len(where))
    low, high, count = {
        "belly": ((-38, 8), (8, 25), 9),
        "breast": ((22, 0), (44, 24), 9),
        "back": ((-40, -22), (14, -14), 7),
    }[where]
    places = low + rng.random((count, 2)) * np.subtract(high, low)
    return [brush(place + np.array([(0, 0), (-3.5, 1.4), (-7, 1.2)]), 1.5, 4) for place in places]


@lru_cache(maxsize=4)
def _marks(motif: str) -> Sequence[Points]:
    """The strokes of a breast pattern in the body frame."""
    if motif == "band":
        return [_BAND]
    marks = []
    for row in range(5):
        for column in range(6):
            x, y = 45 - 8.4 * row + 1.4 * column - 4.2 * (column % 2), -4.0 + 5.0 * column
            if motif == "streaks":
                marks.append(brush([(x + 3.8, y - 0.6), (x, y), (x - 3.8, y + 1.4)], 2.3, 4))
            else:
                marks.append(ellipse((x, y), (2.2, 1.7), -20, 14))
    return marks
