"""What the comparison needs of each model: its answer, its map, and how faithful that map is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from app import resources
from app.checkpoints import Entry
from app.components import classes
from app.components.classes import Chosen
from app.methods import view_of
from app.methods.base import OwnMap
from app.state.sidebar import Image
from fgcore.inspection import agreement as agreements
from fgcore.inspection import cams
from fgcore.inspection.faithfulness import Faithfulness, random_map
from fgcore.records import Explanation, Map, Prediction, View

OWN = "each method's own"
KINDS = (OWN, *cams.KINDS)
MOST = 3  # models side by side
_SEED = 0  # of ROAD's control
ClassMap = Callable[[str, int, int], np.ndarray]  # kind, class, contrast class -> (H, W)


@dataclass(frozen=True)
class Wish:
    """Which maps to compare."""

    kind: str  # one of `KINDS`
    own: tuple[tuple[str, str], ...]  # method -> which of its own maps, where it has several
    chosen: Chosen  # class and contrast class


@dataclass(frozen=True)
class Answer:
    """One model on one image."""

    entry: Entry
    view: View
    prediction: Prediction
    map: Map
    own: OwnMap | None  # how to show `map`, where it is the method's own; None: a class activation map
    layer: str  # in words, that class activation maps explain
    class_index: int  # the class in question for this model
    contrast: int  # and its contrast class; the same where there is only one


def own_maps(entry: Entry, explanation: Explanation) -> dict[str, str]:
    """The method's own maps: name -> what to call it."""
    size = explanation.view.pixels.shape[:2]
    return {name: found.quantity for name, found in explanation.detail.maps(size, explanation.prediction.best).items()}


def answer(entry: Entry, explanation: Explanation, wish: Wish, image: Image) -> Answer:
    """A model's map of the wished kind on an image whose explanation is known.

    Raises:
        ValueError, TypeError, OSError: `resources.EXPECTED`; one sentence.
    """
    return _answer(entry, explanation, wish, partial(resources.cam, entry, image))


def fresh_answer(entry: Entry, wish: Wish, pixels: np.ndarray) -> Answer:
    """The same for one of many images: nothing is kept but what is returned."""
    inspection = resources.inspector(entry).set_image(pixels)

    def class_map(kind: str, index: int, contrast: int) -> np.ndarray:
        return inspection.cam(kind, index, contrast if kind == "FinerCAM" else None)

    return _answer(entry, inspection.explanation(cam=False), wish, class_map)


def _answer(entry: Entry, explanation: Explanation, wish: Wish, class_map: ClassMap) -> Answer:
    pair, size = classes.pair(explanation, wish.chosen), explanation.view.pixels.shape[:2]
    index, contrast = pair[0], pair[-1]
    shown, own = None, None
    if wish.kind == OWN:
        maps = explanation.detail.maps(size, index)
        name = dict(wish.own).get(entry.method, next(iter(maps), ""))
        shown = maps.get(name)
        own = None if shown is None else view_of(entry.method).own_map(name, shown.quantity)
    if shown is None:
        kind = "Grad-CAM" if wish.kind == OWN else wish.kind
        cells = tuple(-(-side // 2**explanation.cam_level) for side in size)
        shown = Map(kind, class_map(kind, index, contrast), 0.0, 1.0, cells, index)
    return Answer(entry, explanation.view, explanation.prediction, shown, own, explanation.cam_layer, index, contrast)


def on_common_grid(answers: Sequence[Answer]) -> list[np.ndarray]:
    """Each map on the comparison's grid, over what the first model sees."""
    onto = answers[0].view.photo_box
    return [agreements.on_grid(each.map.values, each.view.photo_box, onto) for each in answers]


def pairs(count: int) -> list[tuple[int, int]]:
    """Every two of `count` models."""
    return [(first, second) for first in range(count) for second in range(first + 1, count)]


def road(answer: Answer, image: Image) -> tuple[Faithfulness, Faithfulness]:
    """How faithful a model's map is to its prediction, and how faithful a map of random numbers."""
    control = random_map(answer.map.cells, _SEED)
    return tuple(resources.road(answer.entry, image, each, answer.class_index) for each in (answer.map.values, control))


def several(entries: Sequence[Entry], explanations: Mapping[str, Explanation]) -> dict[str, dict[str, str]]:
    """The methods that have more than one map of their own: method -> name of a map -> what to call it."""
    found: dict[str, dict[str, str]] = {}
    for entry in entries:
        if entry.key in explanations and len(maps := own_maps(entry, explanations[entry.key])) > 1:
            found.setdefault(entry.method, maps)
    return found
