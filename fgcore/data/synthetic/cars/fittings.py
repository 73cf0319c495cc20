"""Paints what is fitted to the body of a car: wheels, mirror, seams, stripes, rails, spoiler."""

import numpy as np

from fgcore.data.synthetic.cars.shapes import CarFigure, bulge, upright
from fgcore.data.synthetic.families import PIGMENTS
from fgcore.data.synthetic.field_guide import PartSheet
from fgcore.data.synthetic.geometry import Points, brush, closed_curve, convex_hull, resized, shifted
from fgcore.data.synthetic.part_painter import PartPainter
from fgcore.data.synthetic.tones import Colour, darker, paler

_TYRE: Colour = (38, 38, 42)
_SPOKES = {"stars": (5, 0.20), "spokes": (10, 0.10)}  # number, half width in wheel radii


def car_colour(sheet: PartSheet, part: str, paint: Colour = (0, 0, 0)) -> Colour:
    """The colour named first in the part's attribute; "body" is the paint."""
    word = sheet.parts[part].split()[0]
    return paint if word == "body" else PIGMENTS[word]


def wheel(painter: PartPainter, figure: CarFigure, index: int) -> None:
    """The near front (0) or rear (1) wheel."""
    tone, motif = car_colour(painter.sheet, "wheels"), painter.sheet.parts["wheels"].split()[-1]
    painter.solid(convex_hull(figure.wheel(index, 1.0), figure.wheel(index, 1.0, 24.0)), darker(_TYRE, 0.3))
    painter.solid(figure.wheel(index, 1.0), _TYRE)
    painter.detail(figure.wheel(index, 0.9), (52, 52, 56))
    rim = 0.70
    if motif == "walls":
        painter.solid(figure.wheel(index, 0.88), tone, "wheels")
        painter.detail(figure.wheel(index, 0.70), _TYRE)
        tone, rim = PIGMENTS["chrome"], 0.62
    painter.solid(figure.wheel(index, rim), darker(tone, 0.25), "wheels")
    if motif in _SPOKES:
        painter.detail(figure.wheel(index, 0.92 * rim), (44, 46, 50))
        count, half = _SPOKES[motif]
        for angle in np.arange(count) * (2 * np.pi / count) - 0.3:
            painter.detail(_spoke(figure, index, angle, rim, half), tone)
    else:
        for radius, shade in ((0.92, tone), (0.64, darker(tone, 0.12)), (0.56, paler(tone, 0.3))):
            painter.detail(figure.wheel(index, radius * rim), shade)
    painter.detail(figure.wheel(index, 0.15, 1.0, 16), darker(tone, 0.4))


def _spoke(figure: CarFigure, index: int, angle: float, reach: float, half: float) -> Points:
    """A spoke from the hub to the rim."""
    along, aside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    outer, edge = reach * along, 0.7 * half * aside
    corners = np.stack([-half * aside, half * aside, outer + edge, outer - edge])
    radius = figure.shape.wheel
    return figure.side(shifted(corners * radius, figure.shape.wheels[index], radius), 2.0)


def mirror(painter: PartPainter, figure: CarFigure, paint: Colour) -> None:
    """The near mirror, a little outside the door."""
    tone, (x, h) = car_colour(painter.sheet, "mirror", paint), figure.shape.cowl
    knots = ((-10, -5), (-11, 5), (-4, 8), (7, 5), (9, -3), (0, -6))
    case = shifted(closed_curve(knots, 5), x - 16, h + 7)
    face = shifted(resized(case, 0.86, 0.7, (x - 16, h + 7)), 0, 1.6)
    painter.solid(figure.side(case, -9.0), darker(tone, 0.12), "mirror")
    painter.detail(figure.side(face, -9.0), paler(tone, 0.12))


def bonnet_marks(painter: PartPainter, figure: CarFigure) -> None:
    """Two stripes or scoops along the bonnet, or their place."""
    line, width = figure.bonnet_line, figure.shape.width
    kind = painter.sheet.parts["bonnet"].split()[-1]
    for z in (0.5 * width - 15, 0.5 * width + 15):
        forward = np.interp(line[:, 0], line[[-1, 0], 0], (12.0, float(bulge(z, width))))
        ahead = np.stack([line[:, 0] + forward, line[:, 1]], axis=1)
        lane = figure.between(ahead, z - 9, z + 9)
        if kind == "stripes":
            painter.solid(lane, car_colour(painter.sheet, "bonnet"), "bonnet")
        elif kind == "scoops":
            cut = len(ahead) // 4
            painter.region(lane, "bonnet")
            painter.detail(figure.between(ahead[cut : 3 * cut], z - 8, z + 8), car_colour(painter.sheet, "bonnet"))
        else:
            painter.place(lane, "bonnet")


def side_details(painter: PartPainter, figure: CarFigure, paint: Colour) -> None:
    """Crease, stripe, seams, handles and tail lamp of the near side."""
    shape = figure.shape
    low, belt = min(h for _, h in shape.lower), shape.cowl[1]
    shoulder, waist = belt - 0.16 * (belt - low), belt - 0.52 * (belt - low)
    crease = brush([(-200, shoulder - 4), (0, shoulder - 1), (200, shoulder - 10)], 1.6)
    painter.detail(figure.side(crease), paler(paint, 0.35))
    stripe = figure.side(upright(-260, 260, waist - 1, waist + 10))
    painter.optional(stripe, "stripe")
    for x in shape.doors:
        seam = brush([(x, belt + 2), (x + 3, waist), (x - 1, low + 8)], (1.3, 1.3, 1.3))
        painter.detail(figure.side(seam), darker(paint, 0.5))
    for x in shape.doors[:-1]:
        painter.detail(figure.side(upright(x - 26, x - 12, shoulder - 10.7, shoulder - 7.3)), paler(paint, 0.45))
        painter.detail(figure.side(upright(x - 26, x - 12, shoulder - 12, shoulder - 10.8)), darker(paint, 0.5))
    tail = shape.lower[-4][0]
    lamp = shifted(closed_curve(((-8, -4), (9, -5), (7, -21), (-8, -22)), 5), tail, shoulder)
    painter.detail(figure.side(lamp), (150, 34, 36))
    painter.detail(figure.side(resized(lamp, 0.7, 0.62)), (206, 60, 50))


def roof_rails(painter: PartPainter, figure: CarFigure) -> None:
    """A rail on two feet along the near edge of the roof, or its place on the edge."""
    roof, inset = figure.roof_line, figure.shape.inset
    top = roof[roof[:, 1] > roof[:, 1].max() - 5]
    edge = top[[0, len(top) // 2, -1]]
    if not painter.sheet.has("roof_rails"):
        painter.place(figure.side(brush(edge, (6.0, 6.0, 6.0)), inset), "roof_rails")
        return
    tone, rail = painter.sheet.colour("roof_rails"), shifted(edge, 0, 6)
    for (x, h), inward in ((rail[0], -8), (rail[2], 8)):
        foot = upright(x + inward - 4, x + inward + 4, h - 7, h)
        painter.solid(figure.side(foot, inset), darker(tone, 0.35), "roof_rails")
    painter.solid(figure.side(brush(rail, (5.0, 5.0, 5.0)), inset), tone, "roof_rails")


def spoiler(painter: PartPainter, figure: CarFigure) -> None:
    """A wing on the tail, or the strip of the tail where it would stand."""
    shape, width = figure.shape, figure.shape.width
    x = min(x for x, _ in shape.lower) + 16
    deck = sorted(knot for knot in shape.lower if knot[1] > shape.cowl[1] - 20)
    h = float(np.interp(x + 10, [knot[0] for knot in deck], [knot[1] for knot in deck]))
    if not painter.sheet.has("spoiler"):
        painter.place(figure.side(upright(x - 6, x + 26, h - 9, h - 1)), "spoiler")
        return
    tone = painter.sheet.colour("spoiler")
    for z in (0.75 * width, 0.2 * width):
        strut = [(x + 4, h - 4), (x + 14, h - 4), (x + 10, h + 9), (x + 1, h + 9)]
        painter.solid(figure.side(strut, z), darker(tone, 0.2), "spoiler")
    blade = figure.between(np.array([(x - 10, h + 13), (x + 18, h + 8)]), 8, width - 12)
    painter.solid(blade, paler(tone, 0.16), "spoiler")
    end = [(x - 12, h + 16), (x + 19, h + 10), (x + 19, h + 5), (x - 10, h + 8)]
    painter.solid(figure.side(end, 7), tone, "spoiler")
