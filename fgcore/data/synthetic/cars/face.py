"""Paints the nose of a car: bumper, fog lamps, plate, grille and headlights. Points are (z, h) of the nose."""

import numpy as np

from fgcore.data.synthetic.cars.fittings import car_colour
from fgcore.data.synthetic.cars.shapes import CarFigure, upright
from fgcore.data.synthetic.geometry import Points, closed_curve, ellipse, resized, shifted
from fgcore.data.synthetic.part_painter import OTHER, PartPainter
from fgcore.data.synthetic.tones import Colour, darker, mix, paler


def paint_nose(painter: PartPainter, figure: CarFigure, paint: Colour) -> None:
    """The front of the car from side to side."""
    shape, width = figure.shape, figure.shape.width
    low, top = shape.lower[0][1], max(h for _, h in shape.lower[: shape.nose + 1])
    painter.solid(figure.nose_outline, paint)
    with painter.canvas.clip(figure.nose_outline):
        sky = figure.front([(-9, top + 30), (width + 9, top + 30), (width + 9, top - 13), (-9, top - 13)])
        ground = figure.front([(-9, low + 26), (width + 9, low + 26), (width + 9, low - 20), (-9, low - 20)])
        areas = [(sky, paler(paint, 0.25)), (ground, darker(paint, 0.45))]
        painter.canvas.wash(mix(paint, (60, 70, 90), 0.10), areas, 0.012, OTHER)
        _bumper(painter, figure, low, paint)
        _fog_lamps(painter, figure, low + 9)
        _grille(painter, figure)
        _headlights(painter, figure)


def _bumper(painter: PartPainter, figure: CarFigure, low: float, paint: Colour) -> None:
    width, tone = figure.shape.width, car_colour(painter.sheet, "bumper", paint)
    top = low + (11.0 if painter.sheet.parts["bumper"] == "chrome" else 17.0)
    painter.solid(figure.front(upright(-6, width + 6, low - 8, top)), tone, "bumper")
    painter.detail(figure.front(upright(-6, width + 6, top - 3, top)), paler(tone, 0.3))
    plate = upright(0.5 * width - 22, 0.5 * width + 22, low + 3, low + 13)
    painter.solid(figure.front(plate), (232, 232, 222))


def _fog_lamps(painter: PartPainter, figure: CarFigure, h: float) -> None:
    for z in (26.0, figure.shape.width - 26.0):
        rim = figure.front(ellipse((z, h), (8.5, 6.0)))
        if painter.sheet.has("fog_lamps"):
            glow = painter.sheet.colour("fog_lamps")
            painter.solid(rim, darker(glow, 0.45), "fog_lamps")
            painter.detail(figure.front(ellipse((z, h), (6.8, 4.7))), glow)
        else:
            painter.place(rim, "fog_lamps")


def _grille(painter: PartPainter, figure: CarFigure) -> None:
    half, low, high = figure.shape.grille
    mid, motif = 0.5 * figure.shape.width, painter.sheet.parts["grille"].split()[-1]
    tone = car_colour(painter.sheet, "grille")
    corners = ((-half, low + 3), (-half, high - 3), (4 - half, high), (0, high + 1.5), (half - 4, high),
               (half, high - 3), (half, low + 3), (half - 4, low), (4 - half, low))  # fmt: skip
    frame = shifted(closed_curve(corners, 4), mid, 0)
    painter.solid(figure.front(frame), tone if motif == "slats" else darker(tone, 0.2), "grille")
    painter.detail(figure.front(resized(frame, 0.92, 0.80, (mid, 0.5 * (low + high)))), (30, 31, 35))
    if motif == "slats":
        for z in np.linspace(mid - 0.78 * half, mid + 0.78 * half, 7):
            painter.detail(figure.front(upright(z - 2.0, z + 2.0, low + 2.6, high - 2.4)), tone)
    elif motif == "bars":
        for h in np.linspace(low, high, 5)[1:-1]:
            painter.detail(figure.front(upright(mid - 0.9 * half, mid + 0.9 * half, h - 1.1, h + 1.1)), (112, 116, 122))
    else:  # mesh
        for z in np.linspace(mid - 0.8 * half, mid + 0.8 * half, 6):
            for h in np.linspace(low + 4, high - 4, 3):
                painter.detail(figure.front(ellipse((z, h), (2.0, 1.5), count=8)), (92, 95, 101))


def _headlights(painter: PartPainter, figure: CarFigure) -> None:
    z, h = figure.shape.lamp
    for centre, way in ((z, 1.0), (figure.shape.width - z, -1.0)):
        painter.region(figure.front(ellipse((centre, h), (19, 12.5))), "headlights")
        for shape in _lenses(painter.sheet.parts["headlights"]):
            lens = shape * (way, 1.0) + (centre, h)
            middle = lens.mean(0)
            painter.solid(figure.front(resized(lens, 1.14, 1.14)), (58, 62, 68), "headlights")
            painter.detail(figure.front(lens), (226, 234, 238))
            painter.detail(figure.front(shifted(resized(lens, 0.62, 0.55, middle), 0, -1)), (184, 204, 216))
            painter.detail(figure.front(shifted(resized(lens, 0.3, 0.28, middle), 1.5, 1.5)), (255, 255, 250))


def _lenses(kind: str) -> list[Points]:
    """The outlines of one headlight around its centre, the corner of the car towards -z."""
    if kind == "slim":
        return [np.array([(-19, 5.5), (0, 4), (18, -1), (17, -5), (-4, -4), (-18, -1)])]
    if kind == "square":
        corners = ((-16, -9), (-16, 9), (-13, 11), (13, 11), (16, 9), (16, -9), (13, -11), (-13, -11))
        return [closed_curve(corners, 3)]
    if kind == "twin round":
        return [ellipse((-9.5, 0), 9.5), ellipse((9.5, 0), 9.5)]
    return [ellipse((0, 0), (14.5, 13.0))]  # round
