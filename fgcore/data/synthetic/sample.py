"""One synthetic photograph with everything known about it."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from fgcore.data.synthetic import birds, cars
from fgcore.data.synthetic.backdrops import bird_backdrop
from fgcore.data.synthetic.birds import shapes as bird_shapes
from fgcore.data.synthetic.canvas import Canvas
from fgcore.data.synthetic.cars import shapes as car_shapes
from fgcore.data.synthetic.cars.street import car_backdrop, car_occluders
from fgcore.data.synthetic.field_guide import KINDS, PartSheet, discriminative_parts, nearest_relative, sheet_of
from fgcore.data.synthetic.geometry import Affine, Points, move, placement
from fgcore.data.synthetic.part_painter import PartPainter
from fgcore.data.synthetic.props import PERCHES, bird_occluders
from fgcore.data.synthetic.scene import finish, random_light

SMALLEST = 64  # pixels; below this the discriminative parts are no longer drawn
_MARGIN = 0.03  # frame units kept free around the object

Box = tuple[float, float, float, float]
Rng = np.random.Generator


@dataclass(frozen=True)
class Sample:
    """An image and its ground truth.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        part_masks: part -> (S, S) bool, the pixels where the part is visible (not occluded, not covered by
            another part). Every part of the sheet is a key. For a part the class lacks ("none") the mask marks
            the visible place where it would be, so that where one must look is known for both relatives. The
            masks of parts that are there do not overlap; such places lie over them. All False where hidden.
        object_mask: (S, S) bool, visible pixels of the whole bird or car.
        box: xyxy in pixels around the whole object, its hidden pixels included.
        kind: "birds" or "cars".
        class_index: class drawn.
        class_name: its name.
        seed: seed of everything that is not the class.
        relative: class index of the nearest relative.
        discriminative_parts: parts that differ from the nearest relative.
    """

    image: np.ndarray
    part_masks: Mapping[str, np.ndarray]
    object_mask: np.ndarray
    box: Box
    kind: str
    class_index: int
    class_name: str
    seed: int
    relative: int
    discriminative_parts: tuple[str, ...]


def draw(kind: str, class_index: int, seed: int, size: int = 256) -> Sample:
    """Draws one sample: a pure function of its arguments, the same bits every time.

    Pose, place, light and occluders depend on `kind`, `seed` and the build of the family only, so relatives
    drawn with the same seed are the same image but for the parts that tell them apart.

    Args:
        kind: "birds" or "cars".
        class_index: index into `class_names(kind)`.
        seed: 0 or more.
        size: side of the image in pixels, 64 or more; the composition is the same at every size.

    Raises:
        ValueError: unknown kind, no such class, a negative seed, or a size below 64.
    """
    sheet = sheet_of(kind, class_index)
    if seed < 0:
        raise ValueError(f"expected a seed of 0 or more, got {seed}; any whole number from 0 up will do")
    if size < SMALLEST:
        raise ValueError(f"expected an image of at least {SMALLEST} pixels, got {size}; choose a larger size")
    pose, place, front, sensor = (np.random.default_rng([KINDS.index(kind), seed, stream]) for stream in range(4))
    canvas = Canvas(size)
    paint = _paint_bird if kind == "birds" else _paint_car
    image, box, painter = paint(canvas, sheet, pose, place, front, sensor)
    object_mask, part_masks = painter.masks()
    relative = nearest_relative(kind, class_index)
    return Sample(
        image=image,
        part_masks=part_masks,
        object_mask=object_mask,
        box=box,
        kind=kind,
        class_index=class_index,
        class_name=sheet.name,
        seed=seed,
        relative=relative,
        discriminative_parts=discriminative_parts(kind, class_index, relative),
    )


def _paint_bird(
    canvas: Canvas, sheet: PartSheet, pose: Rng, place: Rng, front: Rng, sensor: Rng
) -> tuple[np.ndarray, Box, PartPainter]:
    """The finished image, the box of the whole object, and the painter that knows its parts."""
    light, mirror = random_light(pose), bool(pose.random() < 0.5)
    figure = bird_shapes.BirdFigure(
        bird_shapes.SHAPES[sheet.family],
        tilt=pose.uniform(-9, 9),
        nod=pose.uniform(-14, 12),
        slope=pose.uniform(-0.16, 0.16),
        frame=placement(mirror=mirror),
    )
    frame = _framed(figure.extent, pose, (0.70, 0.94), (0.0, 1.0), mirror)
    figure = figure.placed(frame)
    slope = -figure.slope if mirror else figure.slope
    perch = PERCHES[place.integers(len(PERCHES))]
    scale = float(np.linalg.norm(frame[:, 0]))
    perch(canvas, place, move(frame, figure.perch), slope, max(8 * scale, 0.03))
    painter = birds.paint_bird(canvas, sheet, figure)
    canvas.shade(birds.relief(figure, light.direction))
    box = _box_around(canvas.small_labels()[..., 0])
    bird_occluders(canvas, front, *figure.extent)
    return finish(canvas, bird_backdrop(place, canvas.size), light, sensor), box, painter


def _paint_car(
    canvas: Canvas, sheet: PartSheet, pose: Rng, place: Rng, front: Rng, sensor: Rng
) -> tuple[np.ndarray, Box, PartPainter]:
    """The finished image, the box of the whole object, and the painter that knows its parts."""
    light, mirror, roll = random_light(pose), bool(pose.random() < 0.5), pose.uniform(-2, 2)
    figure = car_shapes.CarFigure(
        car_shapes.SHAPES[sheet.family],
        yaw=pose.uniform(25, 38),
        pitch=pose.uniform(4, 9),
        frame=placement(angle=roll, mirror=mirror),
    )
    colour = cars.PAINTS[pose.integers(len(cars.PAINTS))]
    figure = figure.placed(_framed(figure.extent, pose, (0.80, 0.94), (0.45, 0.85), mirror, roll))
    painter = cars.paint_car(canvas, sheet, figure, colour)
    box = _box_around(canvas.small_labels()[..., 0])
    low, high = figure.extent
    car_occluders(canvas, front, low, high)
    backdrop = car_backdrop(place, canvas.size, float(high[1] - 0.45 * (high[1] - low[1])))
    shadow = cv2.resize(cars.ground_shadow(figure), (canvas.size, canvas.size), interpolation=cv2.INTER_LINEAR)
    backdrop = cv2.multiply(backdrop, cv2.merge([shadow] * 3), dtype=cv2.CV_8U)
    return finish(canvas, backdrop, light, sensor), box, painter


def _framed(
    extent: tuple[Points, Points],
    rng: Rng,
    sizes: tuple[float, float],
    heights: tuple[float, float],
    mirror: bool,
    roll: float = 0.0,
) -> Affine:
    """A map that brings the extent into the frame at a random size and place.

    Args:
        extent: corners of the object, mirrored already where it will be.
        rng: source of chance.
        sizes: range of the longer side, frame units.
        heights: range of the vertical place, 0 at the top and 1 at the bottom.
        mirror: whether the object faces left.
        roll: degrees it is turned in the image; the extent is that of the turned object.
    """
    low, high = extent
    scale = rng.uniform(*sizes) / float((high - low).max())
    free = 1 - 2 * _MARGIN - scale * (high - low)
    corner = _MARGIN + free * (rng.random(), rng.uniform(*heights))
    return placement(scale, roll, corner - scale * low, mirror)


def _box_around(labels: np.ndarray) -> Box:
    """Corners of the labelled pixels, the far ones exclusive."""
    columns, rows = np.flatnonzero(labels.any(0)), np.flatnonzero(labels.any(1))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
