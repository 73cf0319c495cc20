"""The build of each car family and the view of it: a box of curves in space, seen from the front corner.

Car units are about centimetres: x forward from the middle, h up from the ground, z across from the near side
(z = 0) to the far side (z = width). Painted facing right; the frame mirrors it where the car faces left.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from fgcore.data.synthetic.geometry import Affine, Points, closed_curve, move, open_curve, placement

Knots = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class CarShape:
    """Side view of a family in (x, h), and its width.

    Attributes:
        lower: outline of the body below the windows, from the bottom of the nose over the bonnet to the tail.
        cowl: where the windscreen starts; also a point of `lower`.
        roof: line of the roof from the top of the windscreen to the foot of the rear window.
        wheels: x of the front and of the rear wheel.
        wheel: outer radius of the tyres.
        nose: index in `lower` of the leading edge of the bonnet.
        width: from side to side.
        inset: how far the roof stands in from the sides.
        pillars: x at the belt of the pillars between the side windows.
        doors: x of the vertical door seams.
        open_top: no roof; `roof` is then only the top of the windscreen.
        bed: (rear, front) x of an open load bed, or None.
        lamp: (z, h) centre of the near headlight.
        grille: (half width, low h, high h).
    """

    lower: Knots
    cowl: tuple[float, float]
    roof: Knots
    wheels: tuple[float, float]
    wheel: float
    nose: int
    width: float = 150.0
    inset: float = 15.0
    pillars: tuple[float, ...] = ()
    doors: tuple[float, ...] = ()
    open_top: bool = False
    bed: tuple[float, float] | None = None
    lamp: tuple[float, float] = (24.0, 64.0)
    grille: tuple[float, float, float] = (34.0, 46.0, 66.0)


SHAPES: dict[str, CarShape] = {
    "Orrin Pico": CarShape(  # city car
        lower=((140, 24), (146, 40), (143, 62), (132, 78), (92, 92), (30, 98), (-60, 100), (-128, 98), (-142, 84),
               (-146, 52), (-138, 24)),
        cowl=(78, 94), roof=((24, 146), (-20, 153), (-80, 151), (-116, 142), (-136, 98)),
        wheels=(92, -90), wheel=31, nose=3, pillars=(-40,), doors=(62, -44), lamp=(25, 68), grille=(30, 42, 58),
    ),
    "Halden Vale": CarShape(  # saloon
        lower=((180, 24), (186, 42), (183, 62), (172, 76), (120, 86), (50, 94), (-60, 97), (-120, 96), (-168, 92),
               (-184, 80), (-186, 48), (-178, 24)),
        cowl=(76, 92), roof=((18, 136), (-30, 142), (-78, 138), (-128, 95)),
        wheels=(118, -116), wheel=32, nose=3, pillars=(-28, -84), doors=(70, -26, -90), grille=(36, 44, 68),
    ),
    "Brisa Coast": CarShape(  # roadster
        lower=((168, 20), (175, 36), (170, 52), (154, 64), (100, 76), (44, 82), (-30, 80), (-80, 84), (-136, 84),
               (-160, 72), (-166, 44), (-158, 20)),
        cowl=(52, 82), roof=((22, 118), (22, 118), (16, 118)), open_top=True,
        wheels=(108, -104), wheel=32, nose=3, doors=(38, -40), lamp=(27, 56), grille=(36, 34, 48),
    ),
    "Corvane GT": CarShape(  # coupe
        lower=((182, 20), (190, 36), (184, 54), (166, 66), (110, 80), (50, 88), (-40, 91), (-110, 94), (-160, 92),
               (-182, 82), (-184, 48), (-174, 20)),
        cowl=(62, 87), roof=((-6, 124), (-50, 129), (-96, 122), (-156, 93)),
        wheels=(120, -114), wheel=34, nose=3, pillars=(-66,), doors=(56, -52), lamp=(27, 58), grille=(42, 30, 50),
    ),
    "Nordal Trek": CarShape(  # off-roader
        lower=((166, 36), (172, 56), (170, 86), (160, 102), (106, 110), (60, 114), (-60, 115), (-150, 115), (-162, 104),
               (-166, 66), (-160, 36)),
        cowl=(70, 112), roof=((44, 168), (0, 173), (-120, 172), (-148, 164), (-156, 115)), width=158, inset=9,
        wheels=(104, -100), wheel=38, nose=3, pillars=(-18, -84), doors=(66, -20, -86), lamp=(25, 86),
        grille=(34, 66, 94),
    ),
    "Tilbury Carrier": CarShape(  # van
        lower=((168, 28), (176, 46), (174, 72), (164, 90), (140, 104), (60, 108), (-60, 108), (-166, 108), (-176, 96),
               (-178, 60), (-172, 28)),
        cowl=(140, 104), roof=((92, 176), (50, 188), (-100, 190), (-160, 184), (-174, 108)), width=160, inset=8,
        wheels=(112, -108), wheel=32, nose=3, pillars=(30, -60), doors=(100, 26, -60), lamp=(24, 76),
        grille=(38, 50, 70),
    ),
    "Kestro Haul": CarShape(  # pickup
        lower=((186, 34), (192, 54), (190, 84), (180, 98), (120, 106), (76, 109), (-30, 110), (-44, 108), (-170, 108),
               (-184, 102), (-186, 64), (-180, 34)),
        cowl=(84, 108), roof=((48, 156), (10, 160), (-26, 156), (-38, 108)), width=158, inset=11, bed=(-178, -44),
        wheels=(122, -116), wheel=37, nose=3, doors=(78, -32), lamp=(25, 82), grille=(36, 62, 92),
    ),
    "Wickford Eight": CarShape(  # post-war classic
        lower=((150, 28), (160, 44), (158, 66), (146, 84), (104, 98), (58, 100), (-30, 102), (-90, 98), (-134, 84),
               (-156, 62), (-158, 38), (-150, 26)),
        cowl=(60, 100), roof=((28, 142), (-14, 150), (-62, 145), (-98, 124), (-116, 92)), width=144, inset=20,
        wheels=(100, -96), wheel=33, nose=3, pillars=(-30,), doors=(48, -34), lamp=(30, 70), grille=(24, 38, 78),
    ),
}  # fmt: skip

_EYE_DISTANCE = 1500.0


@dataclass(frozen=True)
class CarFigure:
    """A car of some shape seen from some side.

    Attributes:
        shape: its curves.
        yaw: degrees the nose is turned towards the viewer.
        pitch: degrees the viewer looks down.
        frame: projected car units to the frame of the image.
    """

    shape: CarShape
    yaw: float = 30.0
    pitch: float = 7.0
    frame: Affine = field(default_factory=placement)

    def placed(self, frame: Affine) -> "CarFigure":
        """The same figure seen through another map to the image."""
        return replace(self, frame=frame)

    def at(self, x: np.ndarray | float, h: np.ndarray | float, z: np.ndarray | float) -> Points:
        """Points in space to the image, (N, 2); x and z broadcast, and at least one is an array."""
        yaw, pitch = math.radians(self.yaw), math.radians(self.pitch)
        across = z - 0.5 * self.shape.width
        depth = across * math.cos(yaw) - x * math.sin(yaw)
        near = 1 / (1 + depth / _EYE_DISTANCE)
        seen = np.empty((*np.shape(near), 2))
        seen[:, 0] = (x * math.cos(yaw) + across * math.sin(yaw)) * near
        seen[:, 1] = (-h * math.cos(pitch) - depth * math.sin(pitch)) * near
        return move(self.frame, seen)

    def side(self, points: Points | Sequence[tuple[float, float]], z: float = 0.0) -> Points:
        """Points (x, h) of a plane parallel to the side."""
        p = np.asarray(points, dtype=float)
        return self.at(p[:, 0], p[:, 1], z)

    def front(self, points: Points | Sequence[tuple[float, float]], out: float = 0.0) -> Points:
        """Points (z, h) of the curved nose; `out` ahead of it."""
        p = np.asarray(points, dtype=float)
        return self.at(self.nose_at(p[:, 1], p[:, 0]) + out, p[:, 1], p[:, 0])

    def nose_at(self, h: np.ndarray, z: np.ndarray) -> np.ndarray:
        """How far forward the nose reaches at some height and place across."""
        profile = self._nose
        return np.interp(h, profile[:, 1], profile[:, 0]) + bulge(z, self.shape.width)

    def between(self, near: Points, near_z: float, far_z: float) -> Points:
        """The surface swept by a side curve (x, h) from one z to another."""
        return np.concatenate([self.side(near, near_z), self.side(near[::-1], far_z)])

    @cached_property
    def _profile(self) -> Points:
        """The lower outline with a straight sill, (N, 2) in (x, h)."""
        knots = self.shape.lower
        return closed_curve((knots[0], *knots, knots[-1]))

    @cached_property
    def _nose(self) -> Points:
        """The front of the outline, from below to the edge of the bonnet, rising in h."""
        line = open_curve(self.shape.lower)[: self.shape.nose * 8 + 1]
        return line[np.argsort(line[:, 1])]

    @cached_property
    def top_line(self) -> Points:
        """The upper edge of the lower body from the edge of the bonnet to the tail, (N, 2) in (x, h)."""
        line = open_curve(self.shape.lower)[self.shape.nose * 8 :]
        return line[line[:, 1] > 0.75 * self.shape.cowl[1]]

    @cached_property
    def bonnet_line(self) -> Points:
        """The part of the top line ahead of the windscreen."""
        return self.top_line[self.top_line[:, 0] >= self.shape.cowl[0]]

    @cached_property
    def bonnet_edge(self) -> Points:
        """The leading edge of the bonnet from the near to the far side, in the image."""
        across = np.linspace(0, self.shape.width, 11)
        return self.front(np.stack([across, np.full(11, self._nose[-1, 1])], axis=1))

    @cached_property
    def screen_foot(self) -> Points:
        """The lower edge of the windscreen from near to far, in the image."""
        across = np.linspace(0, 1, 9)
        (x, h), width = self.shape.cowl, self.shape.width
        return self.at(x + 12 * _arc(across), h, 5 + across * (width - 10))

    @cached_property
    def screen_head(self) -> Points:
        """The upper edge of the windscreen from near to far, in the image."""
        across = np.linspace(0, 1, 9)
        (x, h), inset = self.shape.roof[0], self.shape.inset
        return self.at(x + 7 * _arc(across), h + 2 * _arc(across), inset + across * (self.shape.width - 2 * inset))

    @cached_property
    def lower_outline(self) -> Points:
        """The near side below the windows, in the image."""
        return self.side(self._profile)

    @cached_property
    def nose_outline(self) -> Points:
        """The nose from side to side, in the image."""
        w, nose = self.shape.width, self._nose
        across = np.linspace(0, w, 11)
        low = self.front(np.stack([across, np.full(11, nose[0, 1])], axis=1))
        return np.concatenate([self.side(nose), self.bonnet_edge, self.side(nose[::-1], w), low[::-1]])

    @cached_property
    def roof_line(self) -> Points:
        """The roof in (x, h), from the top of the windscreen backwards."""
        return open_curve(self.shape.roof)

    def wheel(self, index: int, radius: float, z: float = 2.0, turn: int = 36) -> Points:
        """A circle around the hub of the front (0) or rear (1) wheel, `radius` 1 being the tyre's."""
        angle = np.linspace(0, 2 * np.pi, turn, endpoint=False)
        r = self.shape.wheel
        return self.at(self.shape.wheels[index] + radius * r * np.cos(angle), r + radius * r * np.sin(angle), z)

    @property
    def extent(self) -> tuple[Points, Points]:
        """Lowest and highest corner of everything drawn, in the image."""
        roof = [self.side(self.roof_line, z) for z in (self.shape.inset, self.shape.width - self.shape.inset)]
        everything = np.concatenate(
            [self.lower_outline, self.nose_outline, *roof, self.wheel(0, 1.0), self.wheel(1, 1.0)]
        )
        return everything.min(0), everything.max(0)


def upright(low_x: float, high_x: float, low_h: float, high_h: float) -> Points:
    """An upright rectangle in (x, h) or (z, h), with points along its long sides so that it can follow a curve."""
    along = np.linspace(low_x, high_x, 7)
    low, high = np.stack([along, np.full(7, low_h)], 1), np.stack([along[::-1], np.full(7, high_h)], 1)
    return np.concatenate([low, high])


def _arc(across: np.ndarray) -> np.ndarray:
    """A shallow bow: 0 at both ends of [0, 1], 1 in the middle."""
    return 1 - (2 * across - 1) ** 2


def bulge(z: np.ndarray, width: float) -> np.ndarray:
    """How much the nose comes forward between its corners."""
    return 10.0 * (1 - np.abs(2 * np.asarray(z) / width - 1) ** 2.4)
