"""What the pages call measures, maps and models of an analysis."""

import pandas as pd

from app.checkpoints import METHOD_NAMES, Catalogue, Entry, World
from fgcore.evaluation.measures import OF_MAPS, OF_MODELS, Measure
from fgcore.evaluation.store import Analysis
from fgcore.evaluation.summary import ITSELF, LOSES, MEASURES, TIES, WINS

MAP_NAMES = {
    ITSELF: "itself",
    "gradcam": "Grad-CAM",
    "ccmp": "CCMP",
    "channel": "single channels",
    "gate3": "gate 3",
    "gate4": "gate 4",
    "gate5": "gate 5",
    "rois": "ROIs",
    "zoom": "zoom box",
    "random": "random",
    "centre": "centre bias",
}
VERDICTS = {WINS: "better", TIES: "tie", LOSES: "worse", "": ""}
_NO_SHARES = {"group_rank", "diversity", "parts_covered", "zoom_factor"}


def measure(name: str) -> Measure:
    """What a measure says."""
    return MEASURES[name]


def is_share(name: str) -> bool:
    """Whether a measure is a share of one, or a difference of probabilities."""
    return name not in _NO_SHARES


def measures_of(table: pd.DataFrame) -> list[str]:
    """The measures that a summary holds, those of models first."""
    present = set(table["measure"])
    return [name for name in (*OF_MODELS, *OF_MAPS) if name in present]


def models_of(analysis: Analysis) -> dict[str, str]:
    """Every model of an analysis and what to call it: its method, and its file where two share a method."""
    models = analysis.about["models"]
    methods = [model["method"] for model in models]
    return {
        model["name"]: METHOD_NAMES.get(model["method"], model["method"])
        + (f" ({model['name']})" if methods.count(model["method"]) > 1 else "")
        for model in models
    }


def entries_of(analysis: Analysis, catalogue: Catalogue) -> dict[str, Entry]:
    """The checkpoints of an analysis that lie here, by their name in it: the same content, whatever the file's name."""
    here = {entry.checkpoint.sha256: entry for entry in catalogue.entries}
    return {model["name"]: here[model["sha256"]] for model in analysis.about["models"] if model["sha256"] in here}


def world_of(analysis: Analysis, catalogue: Catalogue) -> World | None:
    """Who knows the classes of an analysis; None where no checkpoint here does."""
    known = analysis.about["data"]["dataset"], tuple(analysis.about["class_names"])
    return next((world for world in catalogue.worlds if (world.dataset, world.class_names) == known), None)
