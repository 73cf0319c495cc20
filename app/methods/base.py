"""What the app asks of a method beyond `fgcore.methods.base.Method`: how it is shown. Everything has a default."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.charts import style
from app.charts.filmstrip import Curve, Detail
from app.charts.panels import Outline
from app.checkpoints import Entry
from app.components.lesson.step import Step
from app.components.text import plain
from app.state.sidebar import Choice
from fgcore.config import Experiment
from fgcore.records import Explanation
from fgcore.training.probes import Strip


@dataclass(frozen=True)
class Inspected:
    """One model on the image of the Inspect page, as its method's section gets it."""

    choice: Choice  # the image, and how to show maps
    entry: Entry
    shown: Explanation
    classes: tuple[int, ...]  # the class in question and its contrast class; one where the model knows no other
    truth: str | None  # the class that was drawn or is labelled, where the model knows it
    marks: Sequence[Outline]  # frames to draw on maps of the network input
    keep: Callable[[Explanation], None]  # what the report should tell instead of `shown`

    @property
    def label(self) -> str:
        """What the page calls the model, as Markdown."""
        return plain(self.choice.label_set.label(self.entry))


@dataclass(frozen=True)
class Page:
    """A page of its own, which looks at the sidebar's image."""

    path: str  # in the address
    title: str
    show: Callable[[], None]


@dataclass(frozen=True)
class OwnMap:
    """One of `fgcore.records.Detail.maps` on the Compare page."""

    words: str  # what it shows, to follow "MC-Loss: "
    unit: str = "no unit"
    palette: str = style.CHANNELS


@dataclass(frozen=True)
class Film:
    """A filmstrip on the Train page, around the images that `fgcore.methods.base.Film` draws."""

    lesson: str = "What the network shows on a few test images after every epoch. Play it, or drag the slider."
    note: Callable[[Strip], str] = lambda strip: ""  # what the figure's parts are, Markdown
    told: Callable[[Strip], str] = lambda strip: ""  # what came of the training so far, Markdown
    detail: Detail | None = None  # a row that shows one probe in detail
    curves: Callable[[Strip], Sequence[Curve]] = lambda strip: ()  # beside the probability of the right class


@dataclass(frozen=True)
class FirstRun:
    """A training for a visitor's first minutes, which the Train page offers with one button."""

    recipe: str  # one of `fgcore.presets`
    title: str
    words: str  # what it is and what one sees, Markdown
    probes: int = 4  # test images that the filmstrip follows


class Fields(Protocol):
    """What the Train page offers to a method's form: widgets that keep what differs from the recipe.

    A path names a setting in full, such as "model.settings.channels_per_class"; limits and choices are the config's.
    """

    def number(self, label: str, path: str, **more: Any) -> float:
        """A number field; `more` goes to `st.number_input`."""

    def choice(self, label: str, path: str, words: Mapping[str, str] | None = None) -> str:
        """A select box; `words` say what to call the options."""

    def toggle(self, label: str, path: str, **more: Any) -> bool:
        """A switch; `more` goes to `st.toggle`."""


@dataclass(frozen=True)
class View:
    """How the app shows a method; its name, title and summary are those of `fgcore.methods.METHODS`."""

    method: str
    section: Callable[[Inspected], None] | None = None  # of the Inspect page; None: `generic.section`
    of_class: bool = True  # whether that depends on the class in question; if not, another class leaves it alone
    page: Page | None = None
    maps: Mapping[str, OwnMap] = field(default_factory=dict)  # of `Detail.maps`, by name
    film: Film = field(default_factory=Film)
    form: Callable[[Experiment, Fields], None] | None = None  # of the Train page; None: `generic.form`
    steps: tuple[Step, ...] = ()  # of the lesson
    first_run: FirstRun | None = None  # the first method that has one is offered

    def own_map(self, name: str, quantity: str) -> OwnMap:
        """How to show one of the maps."""
        return self.maps.get(name, OwnMap(f"its own map, {quantity}"))
