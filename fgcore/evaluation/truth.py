"""What is known of one image, in pixels of the network input: the box of its object, its parts, which discriminate."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fgcore.data.geometry import Geometry
from fgcore.data.records import Record
from fgcore.data.synthetic import Sample
from fgcore.evaluation import boxes, parts
from fgcore.evaluation.parts import Corners, Parts

RADIUS = 0.1  # of the longer side of the object's box: what counts as near a part

Region = np.ndarray  # (H, W) bool


@dataclass(frozen=True)
class Truth:
    """One image's annotations as the network sees it; what lies outside its view is left out."""

    size: tuple[int, int]  # (H, W) of the network input
    radius: float  # pixels: within it a point counts as at a part (PCK, Yang and Ramanan, TPAMI 2013)
    box: Corners | None  # of the object
    parts: Parts  # visible part -> points (N, 2); discriminative parts first
    pointing: Mapping[str, Region]  # "box", "part", "discriminative": where a pointing game is won; the last two grown
    energy: Mapping[str, Region]  # the same regions as they are, and "object": its mask, or else its box


def read_truth(record: Record, sample: Sample | None, geometry: Geometry, radius: float = RADIUS) -> Truth:
    """The annotations of an image through the same geometry as its pixels.

    Args:
        record: with box and parts in pixels of the stored image, where annotated.
        sample: of a drawn image; its masks and box are used.
        geometry: from `transforms.preprocess`.
        radius: share of the longer side of the object's box (of the network input where there is none), see `Truth`.
    """
    size = (geometry.input_size, geometry.input_size)
    given = sample.box if sample is not None else record.box
    seen = None if given is None else boxes.clipped(tuple(geometry.to_input(given)), size)
    whole = None if given is None else geometry.to_input(given)
    reach = radius * (max(size) if whole is None else max(whole[2] - whole[0], whole[3] - whole[1]))
    if sample is not None:
        return _drawn(sample, geometry, size, reach, seen)
    points = _points(record, geometry, size)
    energy: dict[str, Region] = {}
    if seen is not None:
        energy["box"] = energy["object"] = parts.box_region(seen, size)
    if points:
        energy["part"] = parts.near(np.concatenate(list(points.values())), reach, size)
    pointing = {name: region for name, region in energy.items() if name != "object"}
    return Truth(size, reach, seen, points, pointing, energy)


def _points(record: Record, geometry: Geometry, size: tuple[int, int]) -> dict[str, np.ndarray]:
    """The visible parts that the network sees, one point each."""
    points = {name: geometry.to_input(place) for name, place in (record.parts or {}).items()}
    return {name: point[None] for name, point in points.items() if (point >= 0).all() and (point < size[::-1]).all()}


def _drawn(sample: Sample, geometry: Geometry, size: tuple[int, int], reach: float, seen: Corners | None) -> Truth:
    masks = {name: warped(mask, geometry) for name, mask in sample.part_masks.items()}
    discriminative = np.logical_or.reduce([masks[name] for name in sample.discriminative_parts])
    order = [*sample.discriminative_parts, *(name for name in masks if name not in sample.discriminative_parts)]
    visible = {name: parts.pixel_centres(masks[name]) for name in order if masks[name].any()}
    energy = {
        "object": warped(sample.object_mask, geometry),
        "part": np.logical_or.reduce(list(masks.values())),
        "discriminative": discriminative,
    }
    pointing = {name: parts.grown(energy[name], reach) for name in ("part", "discriminative")}
    if seen is not None:
        energy["box"] = pointing["box"] = parts.box_region(seen, size)
    return Truth(size, reach, seen, visible, pointing, energy)


def warped(mask: Region, geometry: Geometry) -> Region:
    """A mask of the image as the network sees it: each input pixel takes the image's pixel at its centre."""
    centres = np.arange(geometry.input_size) + 0.5
    places = geometry.to_image(np.stack([centres, centres], axis=1))  # x and y are independent
    columns, rows = np.floor(places).astype(int).T
    inside_x, inside_y = (columns >= 0) & (columns < mask.shape[1]), (rows >= 0) & (rows < mask.shape[0])
    values = mask[np.clip(rows, 0, mask.shape[0] - 1)[:, None], np.clip(columns, 0, mask.shape[1] - 1)]
    return values & inside_y[:, None] & inside_x
