"""Paints the head of a bird: bill, throat, cheek, nape, crown, stripes and eye. Head frame, radius 1."""

from functools import lru_cache

import numpy as np

from fgcore.data.synthetic.birds.shapes import BirdFigure
from fgcore.data.synthetic.geometry import brush, closed_curve, ellipse, move
from fgcore.data.synthetic.part_painter import PartPainter
from fgcore.data.synthetic.tones import darker, paler

_EYE = (0.40, -0.15)
_THROAT = closed_curve(((1.2, 0.16), (0.78, 0.26), (0.42, 0.42), (0.1, 0.84), (0.2, 1.2), (0.7, 1.3), (1.3, 0.7)))
_CHEEK = closed_curve(((1.3, -0.5), (1.2, 0.24), (0.7, 0.32), (0.36, 0.5), (0.0, 0.72), (-0.42, 0.6), (-0.66, 0.2),
                       (-0.62, -0.3), (-0.3, -0.6), (0.6, -0.7)))  # fmt: skip
_NAPE = closed_curve(((-0.62, -0.7), (-0.56, -0.2), (-0.48, 0.2), (-0.3, 0.62), (-0.5, 0.95), (-0.9, 0.7),
                      (-1.5, 0.4), (-1.5, -0.6)))  # fmt: skip
_MASK = brush(((1.0, -0.08), (0.62, -0.12), (0.2, -0.10), (-0.3, 0.0), (-0.72, 0.16)), (0.18, 0.34, 0.44, 0.34, 0.05))
_BROW = brush(((0.98, -0.28), (0.6, -0.47), (0.1, -0.5), (-0.4, -0.36), (-0.85, -0.12)), (0.1, 0.19, 0.21, 0.19, 0.04))

_stroke = lru_cache(maxsize=64)(brush)
_shape = lru_cache(maxsize=64)(closed_curve)


def paint_bill(painter: PartPainter, figure: BirdFigure) -> None:
    """Lower and upper mandible, painted before the body so that feathers cover their base."""
    colour, head = painter.sheet.colour("bill"), figure.head
    b, d, h = figure.shape.bill, figure.shape.bill_depth, figure.shape.bill_hook
    tip, low_tip = (0.92 + b, 0.06 + h), (0.92 + b * 0.9, 0.07 + h * 0.7)
    lower = _shape(((0.6, 0.02), (0.9 + b * 0.5, 0.09), low_tip, low_tip,
                    (0.9 + b * 0.45, 0.13 + d * 0.34), (0.8, 0.10 + d * 0.55), (0.6, 0.4)))  # fmt: skip
    upper = _shape(((0.6, 0.10), (0.9 + b * 0.5, 0.09), tip, tip, (0.9 + b * 0.66, 0.03 - d * 0.34),
                    (0.9 + b * 0.25, -d * 0.62), (0.7, -d * 0.8)))  # fmt: skip
    shine = _stroke(((0.94, -d * 0.40), (0.9 + b * 0.45, -d * 0.28), (0.9 + b * 0.85, 0.03)), 0.3 * d)
    gape = _stroke(((0.7, 0.12), (0.9 + b * 0.5, 0.09), low_tip), (0.05, 0.05, 0.02))
    painter.solid(move(head, lower), darker(colour, 0.22), "bill")
    painter.solid(move(head, upper), colour, "bill")
    painter.detail(move(head, shine), paler(colour, 0.30))
    painter.detail(move(head, gape), darker(colour, 0.55))


def paint_throat(painter: PartPainter, figure: BirdFigure) -> None:
    """Throat and chin."""
    painter.solid(move(figure.head, _THROAT), painter.sheet.colour("throat"), "throat")


def paint_face(painter: PartPainter, figure: BirdFigure) -> None:
    """Cheek, nape, crown, and the stripes through and over the eye."""
    sheet, head, k = painter.sheet, figure.head, figure.shape.crest
    crown = _shape(((1.1, -0.26), (0.66, -0.47), (0.1, -0.52), (-0.42, -0.42), (-0.82, -0.26), (-1.02, -0.32),
                    (-1.6 - k, -0.8 - k), (-1.0 - k, -1.8 - k), (0.8, -1.6)))  # fmt: skip
    for part, area in (("cheek", _CHEEK), ("nape", _NAPE), ("crown", crown)):
        painter.solid(move(head, area), sheet.colour(part), part)
    painter.detail([move(head, tuft) for tuft in _tufts()], darker(sheet.colour("cheek"), 0.09))
    painter.optional(move(head, _MASK), "mask")
    painter.optional(move(head, _BROW), "brow")


def paint_eye(painter: PartPainter, figure: BirdFigure) -> None:
    """The eye and the ring around it."""
    head, (x, y) = figure.head, _EYE
    painter.optional(move(head, ellipse(_EYE, 0.36)), "eye_ring")
    painter.solid(move(head, ellipse(_EYE, 0.235)), (26, 20, 18))
    painter.detail(move(head, ellipse((x, y + 0.06), (0.15, 0.12))), (58, 42, 34))
    painter.detail(move(head, ellipse((x + 0.08, y - 0.09), 0.075, count=16)), (252, 252, 250))


@lru_cache(maxsize=1)
def _tufts() -> list[np.ndarray]:
    """Short feather strokes on the cheek."""
    places = np.random.default_rng(5).random((7, 2)) * (0.38, 0.34) + (-0.08, 0.1)
    return [brush(place + 0.035 * np.array([(0, 0), (-3.5, 1.4), (-7, 1.2)]), 0.052, 4) for place in places]
