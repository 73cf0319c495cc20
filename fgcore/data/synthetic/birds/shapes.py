"""The build of each bird family and its posture: outlines of body, wing and tail, and where the feet stand.

Three frames, all facing right, x forward and y down. Body: about 100 units from breast to tail base, origin
in the middle, axis horizontal. Head: origin in its centre, radius 1. Tail: origin at its base, pointing to -x.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from fgcore.data.synthetic.geometry import Affine, Points, after, closed_curve, move, placement, shifted


@dataclass(frozen=True)
class BirdShape:
    """Proportions of a family; 1 or 0 is a songbird's."""

    head: float = 1.0
    plump: float = 1.0  # depth of the body
    length: float = 1.0  # length of the body
    posture: float = 36.0  # degrees the breast is raised above the horizontal
    tail_length: float = 46.0  # body units
    tail_width: float = 17.0
    tail_cock: float = 0.0  # degrees the tail is raised above the body axis
    tail_fork: float = 5.0  # depth of the notch; below zero a rounded tail
    bill: float = 0.6  # length in head radii
    bill_depth: float = 0.34
    bill_hook: float = 0.05  # droop of the tip
    legs: float = 17.0  # length of the tarsus, body units
    crest: float = 0.0
    wing: float = 1.0  # length of the folded wing


SHAPES: dict[str, BirdShape] = {
    "Ash Warbler": BirdShape(bill=0.56, bill_depth=0.24, tail_length=44),
    "Rosehip Finch": BirdShape(head=1.06, plump=1.06, bill=0.5, bill_depth=0.54, bill_hook=0.14, tail_length=42),
    "Brook Kingfisher": BirdShape(
        head=1.32, plump=1.04, length=0.96, posture=50, bill=1.45, bill_depth=0.38, bill_hook=0.02,
        tail_length=24, tail_width=15, tail_fork=-4, legs=5, crest=0.22, wing=0.9,
    ),
    "Hazel Thrush": BirdShape(
        head=0.95, plump=1.03, length=1.06, posture=44, bill=0.64, bill_depth=0.28, legs=25, tail_length=44
    ),
    "Fern Tit": BirdShape(
        head=1.16, plump=1.1, length=0.86, posture=30, bill=0.36, bill_depth=0.27, legs=14, tail_length=38, wing=0.92
    ),
    "Heath Wren": BirdShape(
        head=1.08, plump=1.12, length=0.84, posture=18, bill=0.62, bill_depth=0.22, bill_hook=0.12, legs=18,
        tail_length=34, tail_width=15, tail_cock=62, tail_fork=-3, wing=0.74,
    ),
    "Dusk Swallow": BirdShape(
        head=0.95, plump=0.86, length=1.04, posture=42, bill=0.3, bill_depth=0.2, legs=4, tail_length=66,
        tail_width=20, tail_fork=36, wing=1.22,
    ),
    "Cobalt Jay": BirdShape(
        head=1.04, plump=0.96, length=1.04, posture=40, bill=0.66, bill_depth=0.4, bill_hook=0.08,
        legs=17, crest=1.0, tail_length=70, tail_width=19, tail_fork=-5,
    ),
}  # fmt: skip

_TOES = ((9.5, 2.5), (6.0, 4.0), (-6.0, 3.0))


@dataclass(frozen=True)
class BirdFigure:
    """A bird of some shape in some pose.

    Attributes:
        shape: proportions.
        tilt: degrees the body is raised above the family's posture.
        nod: degrees the head is lowered.
        slope: rise of the perch, y per x, in the bird's own direction.
        frame: bird units to the frame of the image.
    """

    shape: BirdShape
    tilt: float = 0.0
    nod: float = 0.0
    slope: float = 0.0
    frame: Affine = field(default_factory=placement)

    def placed(self, frame: Affine) -> "BirdFigure":
        """The same figure seen through another map to the image."""
        return replace(self, frame=frame)

    @cached_property
    def _turned(self) -> Affine:
        """The body's posture, in bird units."""
        return placement(angle=-(self.shape.posture + self.tilt))

    @cached_property
    def body(self) -> Affine:
        """Body frame to image."""
        stretch = np.diag([self.shape.length, self.shape.plump])
        return after(self.frame, np.concatenate([self._turned[:, :2] @ stretch, self._turned[:, 2:]], axis=1))

    @cached_property
    def head(self) -> Affine:
        """Head frame to image; the head stays level while the body tilts."""
        s = self.shape
        neck = shifted(move(self._turned, (38 * s.length, -14 * s.plump)), 3.0, -5.0 * s.head)
        return after(self.frame, placement(20 * s.head, self.nod, neck))

    @cached_property
    def tail(self) -> Affine:
        """Tail frame to image."""
        s = self.shape
        base = move(self._turned, (-50 * s.length, (0 if s.tail_cock < 30 else -4) * s.plump))
        return after(self.frame, placement(1, s.tail_cock - s.posture - self.tilt, base))

    @cached_property
    def body_outline(self) -> Points:
        """Head and body in one smooth line, from the base of the bill over the back."""
        k = self.shape.crest
        peak = (-0.72 - 0.7 * k, -0.80 - 0.5 * k)
        rise = (-0.40 - 0.2 * k, -0.96 - 0.22 * k)
        sharp = [peak, peak] if k > 0.5 else [peak]
        behind = [(-0.80 - 0.34 * k, -0.58 - 0.2 * k), (-0.95, -0.4)]
        crest = [rise, *sharp, *behind] if k else [(-0.66, -0.75)]
        front = move(self.head, [(0.94, -0.22), (0.66, -0.68), (0.06, -1.0), *crest, (-0.98, -0.1)])
        back = [(16, -25), (-10, -24), (-34, -16), (-52, -8), (-60, -1), (-53, 8)]
        under = [(-38, 17), (-12, 26), (14, 27), (34, 20), (43, 10)]
        chin = move(self.head, [(0.84, 0.70), (0.99, 0.22)])
        return closed_curve(np.concatenate([front, move(self.body, back + under), chin]))

    @cached_property
    def wing_outline(self) -> Points:
        """The folded near wing."""
        knots = ((30, -9), (24, -18), (4, -22), (-26, -17), (-54, -9), (-86, -3), (-86, -3),
                 (-60, 3), (-36, 7), (-10, 10), (12, 9), (26, 1))  # fmt: skip
        return self.on_wing(closed_curve(knots))

    @cached_property
    def tail_outline(self) -> Points:
        """The closed tail: forked, square or rounded."""
        length, half, fork = self.shape.tail_length, 0.5 * self.shape.tail_width, self.shape.tail_fork
        corner = 0.0 if fork > 0 else 0.3 * half
        top, bottom = (-length + corner, -half), (-length + corner, half)
        ends = [top, top, (-length + fork, 0), bottom, bottom] if fork > 0 else [top, (-length + fork, 0), bottom]
        knots = [(12, -7), (-0.5 * length, -0.8 * half), *ends, (-0.5 * length, 0.8 * half), (12, 7)]
        return move(self.tail, closed_curve(knots))

    def on_wing(self, points: Points | Sequence[tuple[float, float]]) -> Points:
        """Body-frame points of the wing, stretched by the wing's length behind the shoulder, in the image."""
        p = np.array(points, dtype=float)
        behind = np.minimum(p[..., 0] - 20, 0.0)
        p[..., 0] += behind * (self.shape.wing - 1)
        return move(self.body, p)

    @cached_property
    def feet(self) -> tuple[tuple[Points, Points], tuple[Points, Points]]:
        """For the far and the near leg, in bird units: hip, knee and foot (3, 2), and the tips of the toes (3, 2)."""
        s = self.shape
        middle = shifted(move(self._turned, (2 * s.length, 24 * s.plump)), 1.0, 6 + s.legs)
        legs = []
        for along, lift in ((-6.5, -1.0), (6.5, 1.0)):
            hip = move(self._turned, ((2 + along) * s.length, 19 * s.plump))
            foot = shifted(middle, along, self.slope * along + lift)
            knee = shifted(0.5 * (hip + foot), -3.0, -0.1 * s.legs)
            toes = foot + np.array([(x, self.slope * x + y) for x, y in _TOES])
            legs.append((np.stack([hip, knee, foot]), toes))
        return legs[0], legs[1]

    @cached_property
    def perch(self) -> Points:
        """The point of the perch between the feet, bird units."""
        return 0.5 * (self.feet[0][0][2] + self.feet[1][0][2])

    @property
    def extent(self) -> tuple[Points, Points]:
        """Lowest and highest corner of everything drawn, in the image."""
        tip = move(self.head, [(0.95 + self.shape.bill, 0.05)])
        toes = np.concatenate([move(self.frame, leg[1]) for leg in self.feet])
        everything = np.concatenate([self.body_outline, self.wing_outline, self.tail_outline, tip, toes])
        return everything.min(0), everything.max(0)
