"""One image through every measure: the rows of the tables, and what each of their columns means."""

from typing import Any

import numpy as np

from fgcore.evaluation import boxes, controls, parts
from fgcore.evaluation.boxes import NAN
from fgcore.evaluation.deletion import Curves
from fgcore.evaluation.maps import CENTRE, RANDOM, ImageMaps
from fgcore.evaluation.truth import Truth
from fgcore.methods import METHODS
from fgcore.methods.base import Measure, Shown

_ZHANG, _WANG = "Zhang et al., IJCV 2018", "Wang et al., CVPR Workshops 2020"
OF_MAPS = {
    "pointing_box": Measure("Pointing, object", f"The highest point lies in the object's box ({_ZHANG}).", 1),
    "pointing_part": Measure("Pointing, parts", f"The highest point lies at a visible part ({_ZHANG}).", 1),
    "pointing_discriminative": Measure(
        "Pointing, discriminative part", f"The highest point lies at a part that tells the class apart ({_ZHANG}).", 1
    ),
    "energy_box": Measure("Energy, object", f"Share of the evidence in the object's box ({_WANG}).", 1),
    "energy_part": Measure("Energy, parts", f"Share of the evidence at visible parts ({_WANG}).", 1),
    "energy_discriminative": Measure(
        "Energy, discriminative part", f"Share of the evidence on parts that tell the class apart ({_WANG}).", 1
    ),
    "background": Measure("Background", "Share of the evidence outside the object's mask, or its box.", -1),
    "recall": Measure("ROI recall", "Share of the visible parts with the centre of an ROI within the radius.", 1),
    "precision": Measure("ROI precision", "Share of the ROIs with their centre within the radius of a part.", 1),
    "iou": Measure("Zoom box IoU", "Intersection over union of the zoom box and the object's box.", 1),
    "deletion": Measure("Deletion", "Area under the deletion curve (Petsiuk et al., BMVC 2018).", -1),
    "insertion": Measure("Insertion", "Area under the insertion curve (Petsiuk et al., BMVC 2018).", 1),
}
OF_PREDICTIONS = {
    "top1": Measure("Top-1", "Share of the images classified correctly.", 1),
    "probability": Measure("True class", "Probability of the true class.", 1),
}
PARTS_COVERED = {
    "parts_covered": Measure("Parts covered", "Different parts under the peaks of the true class's channels.", 1, False)
}


def of_models() -> dict[str, Measure]:
    """The measures of a whole model, those of every method among them."""
    own = {name: measure for method in METHODS.values() for name, measure in method.measures.items()}
    return OF_PREDICTIONS | own | PARTS_COVERED


def map_rows(
    shown: ImageMaps, truth: Truth, curves: dict[str, Curves], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Every map of an image, measured: one row for each, the controls among them.

    Args:
        shown: by one model.
        truth: of the same image in the same geometry.
        curves: deletion and insertion of some or none of the maps.
        rng: of the controls' places and boxes.
    """
    rows = []
    for name, heatmap in shown.maps.items():
        row = {"map": name} | located(heatmap, truth)
        if name in curves:
            row |= {"deletion": curves[name].deletion, "insertion": curves[name].insertion}
        rows.append(row)
    for name, channels in shown.own.channels.items():
        rows.append({"map": name} | _mean([located(channel, truth) for channel in channels]))
    fits = _fits(shown.own, truth, rng)
    return [row | fits.get(row["map"], {}) for row in rows]


def located(heatmap: np.ndarray, truth: Truth) -> dict[str, Any]:
    """Where one map's evidence lies; nan without annotation or evidence. `part` names the part at its peak."""
    mass = parts.evidence_mass(heatmap, truth.size)
    row: dict[str, Any] = {}
    for name in ("box", "part", "discriminative"):
        region, pointing = truth.energy.get(name), truth.pointing.get(name)
        known = region is not None and region.any()
        row[f"pointing_{name}"] = parts.pointing_game(heatmap, pointing) if known else NAN
        row[f"energy_{name}"] = float(mass[region].sum()) if known else NAN
    known = "object" in truth.energy and truth.energy["object"].any()
    row["background"] = float(1 - mass[truth.energy["object"]].sum()) if known else NAN
    row["part"] = parts.looks_at(heatmap, truth.parts, truth.radius, truth.size) if truth.parts else ""
    return row


def _mean(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Of the numbers, without the nans; nan where all are."""
    result = {}
    for name in (key for key in rows[0] if key != "part"):
        values = [row[name] for row in rows if not np.isnan(row[name])]
        result[name] = float(np.mean(values)) if values else NAN
    return result | {"part": ""}


def _fits(shown: Shown, truth: Truth, rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """How regions and boxes fit the annotations, and how the controls do."""
    fits: dict[str, dict[str, float]] = {}
    for name, regions in shown.regions.items():
        places = {
            name: boxes.centres(regions),
            RANDOM: controls.random_places(len(regions), truth.size, rng),
            CENTRE: controls.centre_places(len(regions), truth.size),
        }
        for key, points in places.items():
            recall = boxes.roi_recall(points, truth.parts, truth.radius)
            precision = boxes.roi_precision(points, truth.parts, truth.radius)
            fits.setdefault(key, {}).update(recall=recall, precision=precision)
    for name, box in shown.box.items():
        zooms = {
            name: box,
            RANDOM: controls.random_box(box, truth.size, rng),
            CENTRE: controls.centre_box(box, truth.size),
        }
        for key, other in zooms.items():
            fits.setdefault(key, {})["iou"] = NAN if truth.box is None else boxes.box_iou(other, truth.box)
    return fits


def image_row(shown: ImageMaps, truth: Truth, target: int, rng: np.random.Generator) -> dict[str, Any]:
    """What a model says of one image, and its method's own measures; `measure@control` is a control's value."""
    row: dict[str, Any] = {
        "target": target,
        "prediction": shown.best,
        "top1": float(shown.best == target),
        "probability": float(shown.probabilities[target]),
        "confidence": float(shown.probabilities[shown.best]),
        **shown.own.numbers,
    }
    covering = shown.own.covering
    if covering is not None and truth.parts:
        count, cells = len(covering), covering.shape[1:]
        sets = {
            "parts_covered": covering,
            f"parts_covered@{RANDOM}": np.stack([controls.random_map(cells, rng) for _ in range(count)]),
            f"parts_covered@{CENTRE}": np.stack([controls.centre_map(cells)] * count),
        }
        row |= {
            name: float(parts.parts_covered(maps, truth.parts, truth.radius, truth.size)) for name, maps in sets.items()
        }
    return row
