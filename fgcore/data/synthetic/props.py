"""Sharp things around a bird: the perch it sits on, and leaves or stems that pass in front of it."""

from collections.abc import Callable, Sequence

import numpy as np

from fgcore.data.synthetic.canvas import Canvas
from fgcore.data.synthetic.geometry import Affine, Points, brush, closed_curve, move, open_curve, placement, shifted
from fgcore.data.synthetic.tones import Colour, darker, mix, paler

BARKS: tuple[Colour, ...] = ((118, 96, 78), (98, 84, 74), (134, 122, 108), (108, 92, 66))
LEAVES: tuple[Colour, ...] = ((118, 154, 76), (92, 134, 74), (150, 168, 84), (186, 142, 66), (104, 142, 104))

_LEAF = closed_curve(((0, 0), (0, 0), (0.3, -0.2), (0.66, -0.17), (1, 0), (1, 0), (0.66, 0.15), (0.3, 0.19)), 6)
_RIB = brush(((0.02, 0), (0.5, 0.015), (0.9, 0)), (0.045, 0.03, 0.01))
_HALF = closed_curve(((0, 0), (0, 0), (0.3, 0.19), (0.66, 0.15), (1, 0), (1, 0), (0.5, 0.01)), 6)


_GRAIN = brush([(0, 0), (0.5, 0), (1, 0)], 1.0, 4)  # a stroke of unit length and width, for bark and wood
_BLADE = brush([(0, 0), (0.02, -0.4), (0.1, -0.8), (0.26, -1.0)], (0.07, 0.06, 0.04, 0.004))
_PIT = brush([(-1, 0), (0, 0.3), (1, 0)], 1.2, 3)


def leaf(canvas: Canvas, where: Affine, colour: Colour, label: int | None = None) -> None:
    """A leaf of unit length along x, with its rib and a darker half."""
    canvas.fill(move(where, _LEAF), colour, label)
    canvas.fill(move(where, _HALF), darker(colour, 0.12))
    canvas.fill(move(where, _RIB), paler(colour, 0.25))


def sprig(
    canvas: Canvas,
    rng: np.random.Generator,
    stem: Points,
    length: float,
    colour: Colour,
    label: int | None = None,
    count: int = 5,
) -> None:
    """A thin stem with alternate leaves.

    Args:
        canvas: painted on.
        rng: source of chance.
        stem: (N, 2) from root to tip.
        length: length of a leaf, frame units.
        colour: of the leaves.
        label: 0 where the sprig hides what is behind it.
        count: number of leaves; they sit on the outer end of the stem.
    """
    line = open_curve(stem)
    canvas.fill(
        brush(stem, np.linspace(0.09, 0.05, len(stem)) * length), darker(mix(colour, BARKS[0], 0.5), 0.2), label
    )
    first = max(0.15, 1 - 0.45 * count * length / float(np.linalg.norm(stem[-1] - stem[0])))
    for i, along in enumerate(np.linspace(first, 1, count)):
        place = min(round(along * (len(line) - 1)), len(line) - 2)
        ahead = line[place + 1] - line[max(place - 1, 0)]
        side = 0.0 if i == count - 1 else (46.0 if i % 2 else -46.0)
        angle = np.rad2deg(np.arctan2(ahead[1], ahead[0])) + side + rng.uniform(-14, 14)
        tone = mix(colour, LEAVES[2], rng.uniform(0, 0.35))
        leaf(canvas, placement(length * rng.uniform(0.8, 1.1), angle, line[place + (i == count - 1)]), tone, label)


def branch(canvas: Canvas, rng: np.random.Generator, at: Points, slope: float, thick: float) -> None:
    """A branch across the frame whose upper edge passes through `at` with the given slope, and some leaves."""
    bark = BARKS[rng.integers(len(BARKS))]
    x = np.array([-0.15, 0.5 * (at[0] - 0.15), at[0], 0.5 * (at[0] + 1.15), 1.15])
    y = at[1] + 0.42 * thick + slope * (x - at[0])
    y[[0, 4]] += rng.uniform(-0.05, 0.05, 2)
    knots = np.stack([x, y], axis=1)
    for root, way in ((knots[1], -1), (knots[3], 1)):
        out = np.array((rng.uniform(0.08, 0.16) * way, rng.choice((-1, 1)) * rng.uniform(0.06, 0.12)))
        stem = np.stack([root, root + 0.55 * out + (0, 0.01), root + out])
        sprig(canvas, rng, stem, rng.uniform(0.055, 0.085), LEAVES[rng.integers(len(LEAVES))])
    outline = brush(knots, thick * np.array([1.5, 1.15, 1.0, 0.85, 0.6]), 10)
    canvas.fill(outline, bark)
    with canvas.clip(outline):
        low = brush(shifted(knots, 0, 0.42 * thick), (0.8 * thick,) * 5)
        high = brush(shifted(knots, 0, -0.44 * thick), (0.4 * thick,) * 5)
        canvas.wash(bark, [(low, darker(bark, 0.5)), (high, paler(bark, 0.3))], 0.006)
        for start, lane, run in rng.random((16, 3)) * (1.0, 0.7, 0.1) + (0, -0.35, 0.03):
            grain = shifted(_GRAIN * (run, 0.07 * thick), start, at[1] + (0.42 + lane) * thick)
            grain[:, 1] += slope * (grain[:, 0] - at[0])
            canvas.fill(grain, darker(bark, 0.3))


def post(canvas: Canvas, rng: np.random.Generator, at: Points, slope: float, thick: float) -> None:
    """A weathered wooden post under the bird."""
    wood = mix(BARKS[2], (150, 140, 126), rng.random())
    half = thick * rng.uniform(1.5, 1.9)
    left, right = at[0] - half, at[0] + half
    edge = np.array([(left, at[1] - slope * half), (right, at[1] + slope * half)])
    front = np.array([*edge, (right + 0.01, 1.1), (left - 0.01, 1.1)])
    canvas.fill(front, wood)
    with canvas.clip(front):
        shade = np.array([(at[0] + 0.3 * half, 0), (right + 0.1, 0), (right + 0.1, 1.2), (at[0] + 0.3 * half, 1.2)])
        canvas.wash(wood, [(shade, darker(wood, 0.4))], 0.02)
        for x, y, run in rng.random((14, 3)) * (2 * half, 1 - at[1], 0.2) + (left, at[1], 0.08):
            canvas.fill(shifted(_GRAIN[:, ::-1] * (0.006, run), x, y), darker(wood, 0.35))
    rim = np.stack([shifted(edge[0], -0.006, 0), at, shifted(edge[1], 0.006, 0)])
    canvas.fill(brush(shifted(rim, 0, 0.15 * thick), (0.45 * thick,) * 3, 4), paler(wood, 0.22))


def stone(canvas: Canvas, rng: np.random.Generator, at: Points, slope: float, thick: float) -> None:
    """A broad stone lit from above, with a little moss."""
    grey = mix((150, 150, 146), (134, 122, 108), rng.random())
    w, bump = rng.uniform(0.34, 0.46), rng.uniform(-0.03, 0.03, 4)
    x, y = at
    lean = 0.3 * slope * w
    shape = closed_curve([
        (x - w - 0.12, 1.2), (x - w, y + 0.24 + bump[0]), (x - 0.72 * w, y + 0.09 + bump[1]),
        (x - 0.3 * w, y + 0.006 - lean), (x, y), (x + 0.3 * w, y + 0.008 + lean),
        (x + 0.66 * w, y + 0.07 + bump[2]), (x + w, y + 0.2 + bump[3]), (x + w + 0.12, 1.2),
    ])  # fmt: skip
    moss = closed_curve([
        (x - 0.7 * w, y - 0.1), (x - 0.1 * w, y - 0.1), (x - 0.2 * w, y + 0.035), (x - 0.5 * w, y + 0.09),
        (x - 0.9 * w, y + 0.16),
    ])  # fmt: skip
    canvas.fill(shape, grey)
    with canvas.clip(shape):
        falloff = ((0.012, 0.05, 0.0), (0.024, 0.11, 0.14), (0.036, 0.19, 0.28), (0.048, 0.3, 0.4))
        steps = [(shifted(shape, right, drop), darker(grey, dim)) for right, drop, dim in falloff]
        canvas.wash(paler(grey, 0.26), [*steps, (moss, mix((124, 142, 84), grey, 0.25))], 0.024)
        for px, py, size in rng.random((22, 3)) * (2 * w, 0.34, 0.006) + (x - w, y + 0.02, 0.002):
            canvas.fill(shifted(_PIT * size, px, py), darker(grey, 0.25))


Perch = Callable[[Canvas, np.random.Generator, Points, float, float], None]
PERCHES: Sequence[Perch] = (branch, branch, branch, post, stone)


def grass(canvas: Canvas, rng: np.random.Generator, x: float, height: float) -> None:
    """A few blades rising from the lower edge, hiding what is behind them."""
    for _ in range(5):
        tone = mix(LEAVES[1], LEAVES[2], rng.random())
        root = (x + rng.uniform(-0.07, 0.07), 1.03)
        where = placement(height * rng.uniform(0.6, 1.1), rng.uniform(-14, 14), root, mirror=rng.random() < 0.5)
        canvas.fill(move(where, _BLADE), tone, 0)


def bird_occluders(canvas: Canvas, rng: np.random.Generator, low: Points, high: Points) -> None:
    """Sometimes a sprig or grass in front of the bird, whose box is given by its corners."""
    kind = rng.random()
    if kind < 0.28:  # a sprig reaching in from the side of the frame
        side = -1.0 if rng.random() < 0.5 else 1.0
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        tip = middle + half * (side * rng.uniform(0.2, 0.75), rng.uniform(-0.8, 0.8))
        root = np.array((-0.06 if side < 0 else 1.06, tip[1] + rng.uniform(-0.2, 0.12)))
        stem = np.stack([root, 0.5 * (root + tip) + (0, rng.uniform(-0.05, 0.02)), tip])
        sprig(canvas, rng, stem, rng.uniform(0.075, 0.115), LEAVES[rng.integers(len(LEAVES))], 0, 6)
    elif kind < 0.46:
        grass(canvas, rng, rng.uniform(low[0], high[0]), rng.uniform(0.25, 0.5))
