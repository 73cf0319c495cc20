"""Paints the folded wing of a bird: flight feathers, tertials, and three rows of coverts whose tips are the bars."""

from functools import lru_cache

import numpy as np

from fgcore.data.synthetic.birds.shapes import BirdFigure
from fgcore.data.synthetic.canvas import soft_mask
from fgcore.data.synthetic.geometry import Points, brush, closed_curve, resized, shifted
from fgcore.data.synthetic.part_painter import PartPainter
from fgcore.data.synthetic.tones import Colour, darker, mix, paler

WING_SHADOW = closed_curve(((30, -2), (8, -14), (-50, -8), (-70, 2), (-34, 13), (-8, 15), (14, 14), (28, 7)))

_SHOULDER = closed_curve(((40, -8), (30, -20), (0, -24), (-30, -18), (-30, -10), (10, -6), (32, 2)))
_REAR = ((-24, -40), (-30, 40), (-130, 40), (-130, -40))
_VANE = closed_curve(((0.2, -0.5), (-0.55, -0.52), (-0.93, -0.3), (-1, 0.08), (-0.85, 0.4), (-0.5, 0.5), (0.2, 0.5)), 5)
_TIP = _VANE[_VANE[:, 0] < -0.6]
_BAR = 4.8  # body units of a covert's tip that make a wing bar

# Secondaries and primaries: long thin edges running to the tip of the wing, and the light beside each.
_EDGES = [((-4.0, 12 - 2.6 * i), (-46, 5.5 - 2.4 * i), (-88 + 7 * i, -1.2 - 1.5 * i)) for i in range(5)]
_FLIGHT = [(brush(edge, (0.6, 1.4, 1.0)), brush([(x, y + 1.1) for x, y in edge], (0.4, 0.8, 0.4))) for edge in _EDGES]

# Three broad stepped feathers over them.
_TERTIALS = [
    closed_curve((
        (6, -5 - 4 * i), (-16 + 4 * i, 1 - 4.6 * i), (-38 + 7 * i, 1.5 - 5 * i), (-47 + 9 * i, -2.5 - 4.8 * i),
        (-36 + 7 * i, -6.5 - 4.4 * i), (-8, -10 - 4 * i),
    ))
    for i in range(3)
]  # fmt: skip


def paint_wing(painter: PartPainter, figure: BirdFigure) -> None:
    """The whole folded wing."""
    canvas, sheet = painter.canvas, painter.sheet
    colour, back = sheet.colour("wing"), sheet.colour("back")
    painter.solid(figure.wing_outline, colour, "wing")
    with canvas.clip(figure.wing_outline):
        canvas.wash(colour, [(figure.on_wing(_REAR), darker(colour, 0.25))], 0.02, painter.labels["wing"])
        for edge, light in _FLIGHT:
            painter.detail(figure.on_wing(edge), darker(colour, 0.38))
            painter.detail(figure.on_wing(light), paler(colour, 0.30))
        for feather in _TERTIALS:
            painter.detail(figure.on_wing(feather), paler(colour, 0.28))
            painter.detail(
                figure.on_wing(shifted(resized(feather, 0.985, 1.0, (0, 0)), 0.6, -1.1)), darker(colour, 0.16)
            )
        greater, median = darker(mix(colour, back, 0.2), 0.12), mix(colour, back, 0.4)
        _coverts(painter, figure, _row((4, -19), (8, 10), 6, 20, 7.4), greater, bar=True)
        one = sheet.parts["wing_bars"].startswith("one")
        _coverts(painter, figure, _row((17, -19), (20, 8), 5, 15, 8.4), median, bar=not one)
        _coverts(painter, figure, _row((27, -18), (29, 5), 4, 13, 9.6), mix(colour, back, 0.6), bar=False)
        canvas.shade(0.97 + 0.13 * soft_mask(figure.on_wing(_SHOULDER), 0.02))


@lru_cache(maxsize=8)
def _row(
    start: tuple[float, float], end: tuple[float, float], count: int, length: float, width: float
) -> tuple[Points, Points, Points]:
    """A row of rounded feathers, the lowest first: outlines, inner parts and tips, (count, N, 2) in the body frame."""
    size, bases = np.array((length, width)), np.linspace(end, start, count)[:, None]
    tip = np.concatenate([_TIP * size, shifted(_TIP[::-1] * size, _BAR, 0.0)])
    vanes = _VANE * size + bases
    return vanes, shifted(vanes, 0.9, -0.5), tip + bases


def _coverts(
    painter: PartPainter, figure: BirdFigure, row: tuple[Points, Points, Points], colour: Colour, bar: bool
) -> None:
    """One row of coverts; the tips of a row with `bar` are the wing bar, or the place of one."""
    for feather, inner, tip in zip(*map(figure.on_wing, row), strict=True):
        painter.solid(feather, paler(colour, 0.22), "wing")
        painter.detail(inner, colour)
        if bar:
            painter.optional(tip, "wing_bars")
