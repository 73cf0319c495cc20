"""MC-Loss: the whole story of one network on one picture, from the channels of a class to the loss."""

from collections.abc import Sequence

import streamlit as st

from app import resources, state
from app.checkpoints import Entry, World
from app.components import cards, mc_overview, question
from app.components.mc_channels import discriminality
from app.components.mc_classifier import classifier
from app.components.mc_loss_terms import loss_terms
from app.components.mc_numbers import downloads
from app.components.mc_places import diversity
from app.components.mc_story import Story, changed_by_hand, mask_control
from app.components.text import plain
from app.state.sidebar import Choice
from fgcore.records import Explanation

_PARTS = {"Discriminality": discriminality, "Diversity": diversity, "Classifier": classifier, "Loss": loss_terms}


def show() -> None:
    """The page."""
    choice = state.sidebar.choice()
    st.title("MC-Loss", anchor=False)
    st.markdown(
        "Every class owns a few channels of the last feature map. A loss makes each of them recognise the class, and "
        "makes them look at different places."
    )
    if choice.world is None:
        cards.no_models()
        return
    entries = [entry for entry in choice.entries if entry.method == "mc"]
    if not entries:
        _none_chosen(choice.world)
        return
    entry = _network(choice.world, entries)
    picture = choice.picture
    with st.skeleton(height=420):
        look = resources.attempt(entry, lambda: resources.look(entry, picture.pixels, picture.sha256))
    if isinstance(look, str):
        cards.failure(entry, choice.world, look)
        return
    _story(entry, look)


def _none_chosen(world: World) -> None:
    """What to do where no MC-Loss model looks at the picture."""
    known = [plain(world.label(entry)) for entry in world.entries if entry.method == "mc"]
    if known:
        st.info(f"Choose an MC-Loss model in the sidebar: {', '.join(known)}.", icon=":material/arrow_back:")
        return
    with st.container(border=True):
        st.subheader("No MC-Loss model here", anchor=False)
        st.markdown(
            f"None of the models trained on *{plain(world.title)}* is an MC-Loss model. Choose another set under "
            "*Trained on* in the sidebar, or train one:"
        )
        st.code("python -m fgcore train mc_birds", language="bash")


def _network(world: World, entries: Sequence[Entry]) -> Entry:
    """The model to look at; a choice only where there are several."""
    if len(entries) == 1:
        return entries[0]
    names = {world.label(entry): entry for entry in entries}
    name = st.segmented_control(
        "Network", list(names), default=next(iter(names)), required=True, key=state.mc_loss.NETWORK, bind="query-params"
    )
    return names.get(name, entries[0])


@st.fragment
def _story(entry: Entry, look: Explanation) -> None:
    """Everything that depends on class, rival and mask; a change of these reruns only this."""
    choice: Choice = state.sidebar.choice()
    truth = cards.truth_in(choice.picture, look.class_names)
    asked = question.class_and_rival(look.class_names, truth)
    marks = cards.telling_frames(choice.picture, look.view) if choice.marks else []
    pair = question.pair(look, asked)
    said, field, button = st.columns([3, 3, 1.7], gap="medium", vertical_alignment="bottom")
    number = mask_control(field, button, entry)
    kept = changed_by_hand(entry, number, pair)
    story = Story(entry, look, choice.picture, pair, truth, number, kept, marks, choice.cells)
    with said:
        mc_overview.answer(story)
    mc_overview.overview(story)
    parts = st.tabs(list(_PARTS), key=state.mc_loss.PART, on_change="rerun", bind="query-params")
    for tab, part in zip(parts, _PARTS.values(), strict=True):
        if tab.open:
            with tab:
                part(story)
    downloads(story)
