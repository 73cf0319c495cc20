"""What the lesson is made of: its steps, the bird they look at, and the models that look."""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app import checkpoints, resources
from app.charts import style
from app.charts.panels import Panel, panels
from app.checkpoints import Entry
from app.components.cards import SHORT, recipe
from app.components.text import plain
from app.state.sidebar import Image
from fgcore.data.images import pixels_sha256
from fgcore.data.synthetic import Sample, class_names
from fgcore.evaluation.parts import in_view
from fgcore.methods.base import Method
from fgcore.records import Explanation, View

T = TypeVar("T")
BIRD, NUMBER = "Ring-eyed Ash Warbler", 4  # the lesson's bird, and its drawing
CONTROL = 460  # pixels, width of a slider


@dataclass(frozen=True)
class Scene:
    """The bird of the lesson and the models that know it."""

    image: Image
    entries: Mapping[str, Entry]  # method -> its checkpoint; a method without one is left out

    @property
    def sample(self) -> Sample:
        """What was drawn, part by part."""
        return self.image.sample

    @cached_property
    def part(self) -> str:
        """The parts that tell the bird from its nearest relative, in words."""
        return " and ".join(part.replace("_", " ") for part in self.sample.discriminative_parts)

    @cached_property
    def relative(self) -> str:
        """Name of the nearest relative."""
        return class_names(self.sample.kind)[self.sample.relative]

    def discriminative_mask(self, view: View) -> np.ndarray:
        """(h, w) bool: the discriminative parts in the part of the image that a network sees."""
        masks = [self.sample.part_masks[part] for part in self.sample.discriminative_parts]
        return in_view(np.logical_or.reduce(masks), view.photo_box)

    def with_drawing(self, number: int) -> "Scene":
        """Another drawing of the same bird."""
        return Scene(drawn(BIRD, number), self.entries)

    def ask(self, method: Method, question: Callable[[Entry], T]) -> T | None:
        """What `question` returns for the method's checkpoint; where there is none, a sentence on the page says so."""
        entry = self.entries.get(method.name)
        if entry is None:
            without(self, method)
            return None
        found = resources.attempt(entry, lambda: question(entry))
        if isinstance(found, str):
            st.error(plain(found), icon=":material/block:")
            return None
        return found

    def shown(self, method: Method, *, draw_seed: int | None = None) -> Explanation | None:
        """What the method's model shows of the bird. See `ask`."""
        return self.ask(method, lambda entry: resources.explanation(entry, self.image, draw_seed=draw_seed))

    def origin_line(self, method: Method) -> str:
        """Which checkpoint a result comes from, Markdown."""
        checkpoint = self.entries[method.name].checkpoint
        test = checkpoint.report.get("test")
        top1 = test.get("top1") if isinstance(test, dict) else None
        accuracy = f", {100 * top1:.1f} % right on {test.get('images', '?')} test drawings" if top1 is not None else ""
        return (
            f"Computed now by {method.title}, {plain(checkpoint.path.name)} (sha256 {checkpoint.sha256[:SHORT]}"
            f"{accuracy}), on a drawing that it was not trained on."
        )


@dataclass(frozen=True)
class Step:
    """One step of the lesson."""

    part: str  # of the lesson
    title: str
    sentence: str  # one, Markdown
    draw: Callable[[Scene], None]  # the image and its control
    code: tuple[Callable[..., object], ...]  # the functions that computed the image


def drawn(name: str, number: int) -> Image:
    """A drawing of a bird that no model was trained on."""
    sample = resources.drawing("bird", class_names("birds").index(name), number)
    return Image(sample.image, pixels_sha256(sample.image), f"{name}, drawing {number}", "bird", sample)


def scene() -> Scene:
    """The lesson's bird, and the first checkpoint of each method that knows all drawn birds."""
    entries: dict[str, Entry] = {}
    for label_set in checkpoints.catalogue().label_sets:
        if label_set.dataset == "synthetic_birds" and label_set.class_names == class_names("birds"):
            for entry in label_set.entries:
                entries.setdefault(entry.method, entry)
    return Scene(drawn(BIRD, NUMBER), entries)


def without(scene: Scene, method: Method) -> None:
    """Say that a method has no checkpoint, and show the bird."""
    left, right = st.columns([1.15, 1], gap="large", vertical_alignment="center")
    with left:
        chart([Panel(html.escape(scene.sample.class_name), scene.image.pixels)], key="bird", alt="The lesson's bird")
    with right:
        st.info(
            f"There is no {method.title} checkpoint for the drawn birds here, so this step can "
            "only show the bird. This command trains one in a few minutes; then reload the page.",
            icon=":material/school:",
        )
        st.code(f"python -m fgcore train {recipe(method)}", language="bash")


def chart(items: list[Panel], *, key: str, alt: str, side: int = 380, bar: str = "") -> None:
    """Images in a row. See `panels`."""
    figure = panels(items, columns=len(items), side=side, bar=bar)
    without_slider(figure)
    st.plotly_chart(figure, config=style.CONFIG, key=f"lesson-{key}", alt=alt)


def without_slider(figure: go.Figure) -> None:
    """Take the opacity slider away: a step has one control."""
    if figure.layout.sliders:
        margin = 8  # pixels
        figure.update_layout(height=figure.layout.height - figure.layout.margin.b + margin, margin_b=margin)
        figure.layout.sliders = ()


def says(text: str) -> None:
    """The result of the control, Markdown: it stands out from the captions."""
    with st.container(key="lesson-result"):
        st.markdown(text.replace(" %", "\u00a0%"))  # a number keeps its unit on its line


def fine_percent(share: float) -> str:
    """A small share in percent, with one decimal."""
    return f"{100 * share:.1f} %"
