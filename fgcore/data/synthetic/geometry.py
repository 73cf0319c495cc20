"""Curves and placements for the drawings: splines, tapered strokes, and 2 x 3 affine maps.

Points are (N, 2) float arrays, x to the right and y downwards; angles are degrees, positive clockwise
on the screen.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

Points = np.ndarray  # (N, 2) float
Affine = np.ndarray  # (2, 3) float

_CATMULL_ROM = 0.5 * np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]], dtype=float)


@lru_cache(maxsize=8)
def _spline_basis(steps: int) -> np.ndarray:
    """Weights of four neighbouring knots at `steps` places of a segment, (steps, 4)."""
    t = np.arange(steps) / steps
    return np.stack([t**0, t, t**2, t**3], axis=1) @ _CATMULL_ROM


def closed_curve(knots: Sequence[tuple[float, float]] | Points, steps: int = 8) -> Points:
    """A smooth closed outline through the knots; a knot given twice becomes a corner. (M, 2)."""
    p = np.asarray(knots, dtype=float)
    neighbours = np.stack([np.roll(p, 1, 0), p, np.roll(p, -1, 0), np.roll(p, -2, 0)], axis=1)  # (N, 4, 2)
    segments = np.einsum("sk,nkd->nsd", _spline_basis(steps), neighbours)
    return segments[(neighbours[:, 1] != neighbours[:, 2]).any(1)].reshape(-1, 2)  # a corner has no segment


def open_curve(knots: Sequence[tuple[float, float]] | Points, steps: int = 8) -> Points:
    """A smooth line through the knots, both ends included. ((N - 1) * steps + 1, 2)."""
    p = np.asarray(knots, dtype=float)
    padded = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    neighbours = np.stack([padded[:-3], padded[1:-2], padded[2:-1], padded[3:]], axis=1)  # (N - 1, 4, 2)
    line = np.einsum("sk,nkd->nsd", _spline_basis(steps), neighbours).reshape(-1, 2)
    return np.concatenate([line, p[-1:]])


@lru_cache(maxsize=64)
def _evenly(count: int) -> np.ndarray:
    """`count` numbers from 0 to 1."""
    return np.linspace(0, 1, count)


@lru_cache(maxsize=64)
def _taper(count: int) -> np.ndarray:
    """Width of a stroke that is pointed at both ends, 1 in the middle."""
    return np.sin(np.pi * _evenly(count)) ** 0.6


def brush(knots: Sequence[tuple[float, float]] | Points, width: float | Sequence[float], steps: int = 6) -> Points:
    """The outline of a brush stroke along the knots.

    Args:
        knots: the centre line.
        width: full width, one number for a stroke that tapers to a point at both ends, or one per knot.
        steps: points per segment.

    Returns:
        A closed outline, (2 * ((N - 1) * steps + 1), 2).
    """
    line = open_curve(knots, steps)
    if isinstance(width, int | float):
        half = 0.5 * width * _taper(len(line))
    else:
        half = 0.5 * np.interp(_evenly(len(line)), _evenly(len(width)), width)
    ahead = np.empty_like(line)
    ahead[1:-1] = line[2:] - line[:-2]
    ahead[0], ahead[-1] = line[1] - line[0], line[-1] - line[-2]
    aside = ahead[:, ::-1] * (half / (np.hypot(ahead[:, 0], ahead[:, 1]) + 1e-9))[:, None] * (-1.0, 1.0)
    return np.concatenate([line + aside, (line - aside)[::-1]])


@lru_cache(maxsize=4)
def _unit_circle(count: int) -> Points:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def ellipse(
    centre: tuple[float, float], radius: float | tuple[float, float], angle: float = 0.0, count: int = 32
) -> Points:
    """An ellipse of the given radius (or x and y radii), turned by `angle` degrees. (count, 2)."""
    rx, ry = (radius, radius) if isinstance(radius, int | float) else radius
    a = np.deg2rad(angle)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return (_unit_circle(count) * (rx, ry)) @ turn + centre


def resized(
    points: Points, along_x: float, along_y: float, about: tuple[float, float] | Points | None = None
) -> Points:
    """The points stretched about a centre, by default their mean."""
    centre = points.mean(0) if about is None else np.asarray(about, dtype=float)
    return (points - centre) * (along_x, along_y) + centre


def shifted(points: Points, x: float, y: float) -> Points:
    """The points moved by (x, y)."""
    return points + np.array((x, y))


def convex_hull(*points: Points) -> Points:
    """The convex outline around all the points, (M, 2)."""
    return cv2.convexHull(np.concatenate(points).astype(np.float32))[:, 0].astype(float)


def placement(
    scale: float = 1.0,
    angle: float = 0.0,
    to: tuple[float, float] | Points = (0.0, 0.0),
    mirror: bool = False,
) -> Affine:
    """The map that scales, turns by `angle` degrees, mirrors left-right if asked, and moves the origin to `to`."""
    a = np.deg2rad(angle)
    m = scale * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    if mirror:
        m[0] = -m[0]
    return np.concatenate([m, np.asarray(to, dtype=float)[:, None]], axis=1)


def move(affine: Affine, points: Points | Sequence[tuple[float, float]] | tuple[float, float]) -> Points:
    """The points after the map, same shape (..., 2)."""
    return np.asarray(points, dtype=float) @ affine[:, :2].T + affine[:, 2]


def after(outer: Affine, inner: Affine) -> Affine:
    """The map that applies `inner` and then `outer`."""
    linear = outer[:, :2] @ inner[:, :2]
    return np.concatenate([linear, (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]], axis=1)
