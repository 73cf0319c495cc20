"""Inspect: one image, what each model says of it, and what it rests on."""

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import resources, state
from app.charts.panels import Outline
from app.checkpoints import Entry
from app.components import cards, classes
from app.components.inspect import report
from app.components.inspect.cams import cam_figure
from app.components.text import plain, section
from app.methods import view_of
from app.methods.base import Inspected
from app.state.sidebar import Choice
from fgcore.records import Explanation

_CARD_HEIGHT = 340  # pixels
Answer = tuple[Entry, Explanation]


def show() -> None:
    """The page."""
    choice = state.sidebar.choice()
    st.title("Inspect", anchor=False)
    st.markdown("One image: what each model says, and where it looked. The sidebar has other images and models.")
    lesson = "New here? Start with Learn."
    st.page_link(state.page("learn"), label=lesson, icon=":material/school:")
    head = st.container()
    if choice.label_set is None:
        with head:
            cards.image_head(choice.image, None)
        cards.no_models()
        return
    if not choice.entries:
        with head:
            cards.image_head(choice.image, None)
        st.info("Choose a model in the sidebar to hear what it says.", icon=":material/arrow_back:")
        return
    answers = _answers(choice, head)
    if not answers:
        return
    shown = report.Shown({entry.key: (entry, answer) for entry, answer in answers})
    _class_in_question(shown)
    _own_sections(shown, of_class=False)
    report.downloads(choice, shown)


def _answers(choice: Choice, head: DeltaGenerator) -> list[Answer]:
    """The image and a card for each model, filled one by one as the models answer."""
    label_set, image = choice.label_set, choice.image
    with head:
        place = st.skeleton(height=220)
    section("What each model says", _audience(choice))
    columns = st.columns(len(choice.entries), border=True)
    slots = [column.skeleton(height=_CARD_HEIGHT) for column in columns]
    answers: list[Answer] = []
    for entry, slot in zip(choice.entries, slots, strict=True):
        shown = resources.attempt(entry, lambda entry=entry: resources.explanation(entry, image))
        if isinstance(shown, str):
            with slot.container():
                cards.failure(entry, label_set, shown)
            continue
        if not answers:
            with place.container():
                cards.image_head(image, shown.view)
        with slot.container():
            cards.model_card(shown, entry, label_set, image)
        answers.append((entry, shown))
    if not answers:
        with place.container():
            cards.image_head(image, None)
    return answers


def _audience(choice: Choice) -> str:
    """What the models know, and whether this image is of that kind."""
    label_set, source = choice.label_set, choice.image.source
    drawn = label_set.dataset.startswith("synthetic_")
    fits = not drawn if source == "photo" else label_set.dataset == f"synthetic_{resources.KINDS[source]}"
    learned = f"Learned from: {plain(label_set.title)}."
    if fits:
        return f"{learned} The probabilities of these classes add up to 100&nbsp;%."
    return f"{learned} **This image is of another kind**, yet they can only answer with the classes they know."


@st.fragment
def _class_in_question(shown: report.Shown) -> None:
    """Everything that depends on the class and its contrast class; another choice reruns only this."""
    choice = state.sidebar.choice()
    section("Where each model looks", "Choose which class the maps should explain, and which one to hold against it.")
    truth = cards.truth_in(choice.image, choice.label_set.class_names)
    shown.chosen = classes.choose(choice.label_set.class_names, truth)
    _cams(choice, shown)
    _own_sections(shown, of_class=True)


def _cams(choice: Choice, shown: report.Shown) -> None:
    """Grad-CAM of each model, which `shown` is told of."""
    maps = []
    with st.skeleton(height=300):
        for entry, explained in list(shown.models.values()):
            index = classes.pair(explained, shown.chosen)[0]
            values = resources.attempt(entry, lambda e=entry, i=index: resources.cam(e, choice.image, "Grad-CAM", i))
            if not isinstance(values, str):
                shown.keep(entry, replace(explained, cam=values, cam_class=index))
                maps.append((choice.label_set.label(entry), shown.models[entry.key][1]))
    st.markdown(
        "**Grad-CAM**, the familiar reference: where the last layer raised the score of the class. "
        "It works for any network. What a method adds of its own is read from the network itself, without gradients."
    )
    if maps:
        view = maps[0][1].view
        cam_figure(view, maps, _marks(choice, maps[0][1]), cells=choice.cells)


def _marks(choice: Choice, shown: Explanation) -> list[Outline]:
    return cards.discriminative_frames(choice.image, shown.view) if choice.marks else []


def _own_sections(shown: report.Shown, *, of_class: bool) -> None:
    """Those that another class changes, or the others."""
    for key, (entry, _) in shown.models.items():
        if view_of(entry.method).of_class == of_class:
            _own_section(key, shown)


@st.fragment
def _own_section(key: str, shown: report.Shown) -> None:
    """The section of a model's method; a choice within it reruns only this."""
    choice, (entry, explained) = state.sidebar.choice(), shown.models[key]
    pair, truth = classes.pair(explained, shown.chosen), cards.truth_in(choice.image, explained.class_names)
    marks = _marks(choice, explained)
    view_of(entry.method).section(
        Inspected(choice, entry, explained, pair, truth, marks, lambda new: shown.keep(entry, new))
    )
