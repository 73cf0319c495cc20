"""Inspect: one picture, what each model says of it, and where it looked."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import resources, state
from app.checkpoints import Entry
from app.components import ap, cam, cards, mc, question, takeaway
from app.components.text import plain, section
from app.state.sidebar import Choice
from fgcore.records import Explanation

_CARD_HEIGHT = 340  # pixels
Look = tuple[Entry, Explanation]


def show() -> None:
    """The page."""
    choice = state.sidebar.choice()
    st.title("Inspect", anchor=False)
    st.markdown("One picture: what each model says, and where it looked. The sidebar has other pictures and models.")
    lesson = "New to the two methods? Learn shows them in small steps."
    st.page_link(state.page("learn"), label=lesson, icon=":material/school:")
    head = st.container()
    if choice.world is None:
        with head:
            cards.picture_head(choice.picture, None)
        cards.no_models()
        return
    if not choice.entries:
        with head:
            cards.picture_head(choice.picture, None)
        st.info("Choose a model in the sidebar to hear what it says.", icon=":material/arrow_back:")
        return
    looks = _answers(choice, head)
    if not looks:
        return
    shown = takeaway.Shown({entry.key: (entry, look) for entry, look in looks})
    _class_in_question(shown)
    for entry, look in looks:
        if look.attention is not None:
            _ap(entry, shown)
    takeaway.downloads(choice, shown)


def _look(choice: Choice, entry: Entry) -> Explanation:
    picture, seed = choice.picture, st.session_state[state.question.DROP_SEED]
    return resources.look(entry, picture.pixels, picture.sha256, drop_seed=seed)


def _answers(choice: Choice, head: DeltaGenerator) -> list[Look]:
    """The picture and a card for each model, filled one by one as the models answer."""
    world, picture = choice.world, choice.picture
    with head:
        place = st.skeleton(height=220)
    section("What each model says", _audience(choice))
    columns = st.columns(len(choice.entries), border=True)
    slots = [column.skeleton(height=_CARD_HEIGHT) for column in columns]
    looks: list[Look] = []
    for entry, slot in zip(choice.entries, slots, strict=True):
        look = resources.attempt(entry, lambda entry=entry: _look(choice, entry))
        if isinstance(look, str):
            with slot.container():
                cards.failure(entry, world, look)
            continue
        if not looks:
            with place.container():
                cards.picture_head(picture, look.view)
        with slot.container():
            cards.model_card(look, entry, world, picture)
        looks.append((entry, look))
    if not looks:
        with place.container():
            cards.picture_head(picture, None)
    return looks


def _audience(choice: Choice) -> str:
    """What the models know, and whether this picture is of that kind."""
    world, source = choice.world, choice.picture.source
    drawn = world.dataset.startswith("synthetic_")
    fits = not drawn if source == "photo" else world.dataset == f"synthetic_{resources.KINDS[source]}"
    learned = f"Learned from: {plain(world.title)}."
    if fits:
        return f"{learned} The probabilities of these classes add up to 100&nbsp;%."
    return f"{learned} **This picture is of another kind**, yet they can only answer with the classes they know."


@st.fragment
def _class_in_question(shown: takeaway.Shown) -> None:
    """Everything that depends on the class and its rival; another choice reruns only this."""
    choice = state.sidebar.choice()
    looks = list(shown.looks.values())
    section("Where each model looks", "Choose which class the maps should explain, and which one to hold against it.")
    truth = cards.truth_in(choice.picture, choice.world.class_names)
    shown.question = question.class_and_rival(choice.world.class_names, truth)
    _cams(choice, looks, shown)
    for entry, look in looks:
        if look.groups is not None:
            _mc(entry, look, question.pair(look, shown.question))


def _cams(choice: Choice, looks: Sequence[Look], shown: takeaway.Shown) -> None:
    """Grad-CAM of each model, which `shown` is told of."""
    picture, maps = choice.picture, []
    with st.skeleton(height=300):
        for entry, look in looks:
            index = question.pair(look, shown.question)[0]
            values = resources.attempt(
                entry,
                lambda e=entry, i=index: cam.class_map(e, picture.pixels, picture.sha256, i, "Grad-CAM", i),
            )
            if not isinstance(values, str):
                explained = replace(shown.looks[entry.key][1], cam=values, cam_class=index)
                maps.append((choice.world.label(entry), explained))
                shown.looks[entry.key] = entry, explained
    st.markdown(
        "**Grad-CAM**, the familiar reference: where the last layer raised the score of the class. "
        "It works for any network. What the two methods add is read from the networks themselves, without gradients."
    )
    if maps:
        view = looks[0][1].view
        cam.cam_figure(view, maps, _marks(choice, looks[0][1]), cells=choice.cells)


def _marks(choice: Choice, look: Explanation) -> list:
    return cards.telling_frames(choice.picture, look.view) if choice.marks else []


@st.fragment
def _mc(entry: Entry, look: Explanation, pair: Sequence[int]) -> None:
    """The section of an MC-Loss model; another mask reruns only this."""
    choice = state.sidebar.choice()
    section(
        f"{plain(choice.world.label(entry))}: every class owns its channels",
        "MC-Loss gives each class a few channels of the last feature map and trains them to recognise it, each at "
        "another place. So they can be looked at directly, without gradients.",
    )
    dropped = entry.checkpoint.experiment.loss.dropped
    mc.mc_section(look, pair, dropped, _marks(choice, look), key=entry.key, cells=choice.cells)


@st.fragment
def _ap(entry: Entry, shown: takeaway.Shown) -> None:
    """The section of an AP-CNN model; another dropblock reruns only this, so it tells `shown` of it."""
    choice = state.sidebar.choice()
    section(
        f"{plain(choice.world.label(entry))}: look, then look closer",
        "Stage I looks at the whole picture at three levels of detail. The best regions of each level decide where "
        "to zoom, and stage II looks again with the same weights.",
    )
    look = resources.attempt(entry, lambda: _look(choice, entry))
    if isinstance(look, str):
        cards.failure(entry, choice.world, look)
        return
    key = entry.key
    _, before = shown.looks[key]
    shown.looks[key] = entry, replace(look, cam=before.cam, cam_class=before.cam_class)
    ap.pyramid(look, key=key, cells=choice.cells)
    ap.channel_gates(look, key=key)
    ap.zoom(look, entry.checkpoint.experiment.model.roi.drop_probabilities, key=key)
    ap.opinions(look, cards.truth_in(choice.picture, look.class_names))
