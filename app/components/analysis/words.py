"""What the pages call measures, maps and models of an analysis."""

import pandas as pd

from app.checkpoints import Catalogue, Entry, LabelSet
from fgcore.evaluation.maps import CENTRE, GRAD_CAM, RANDOM
from fgcore.evaluation.store import Analysis
from fgcore.evaluation.summary import ITSELF, LOSES, TIES, WINS, measures
from fgcore.methods import METHODS
from fgcore.methods.base import Measure

MAP_NAMES = {
    ITSELF: "itself",
    GRAD_CAM: "Grad-CAM",
    **{name: title for method in METHODS.values() for name, title in method.maps.items()},
    RANDOM: "random",
    CENTRE: "centre bias",
}
VERDICTS = {WINS: "better", TIES: "tie", LOSES: "worse", "": ""}


def measure(name: str) -> Measure:
    """What a measure says."""
    return measures()[name]


def is_share(name: str) -> bool:
    """Whether a measure is a share of one, or a difference of probabilities."""
    return measures()[name].share


def measures_of(table: pd.DataFrame) -> list[str]:
    """The measures that a summary holds, those of models first."""
    present = set(table["measure"])
    return [name for name in measures() if name in present]


def models_of(analysis: Analysis) -> dict[str, str]:
    """Every model of an analysis and what to call it: its method, and its file where two share a method."""
    models = analysis.about["models"]
    methods = [model["method"] for model in models]
    return {
        model["name"]: _title(model["method"]) + (f" ({model['name']})" if methods.count(model["method"]) > 1 else "")
        for model in models
    }


def _title(method: str) -> str:
    """Of a method; its name where this program does not know it."""
    return METHODS[method].title if method in METHODS else method


def entries_of(analysis: Analysis, catalogue: Catalogue) -> dict[str, Entry]:
    """The checkpoints of an analysis that lie here, by their name in it: the same content, whatever the file's name."""
    here = {entry.checkpoint.sha256: entry for entry in catalogue.entries}
    return {model["name"]: here[model["sha256"]] for model in analysis.about["models"] if model["sha256"] in here}


def label_set_of(analysis: Analysis, catalogue: Catalogue) -> LabelSet | None:
    """Who knows the classes of an analysis; None where no checkpoint here does."""
    known = analysis.about["data"]["dataset"], tuple(analysis.about["class_names"])
    return next(
        (label_set for label_set in catalogue.label_sets if (label_set.dataset, label_set.class_names) == known), None
    )
