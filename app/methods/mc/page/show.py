"""MC-Loss: one network on one image, from the channels of a class to the loss."""

from collections.abc import Sequence

import streamlit as st

from app import resources, state
from app.checkpoints import Entry, LabelSet
from app.components import cards, classes
from app.components.text import plain
from app.methods.mc import session
from app.methods.mc.page.case import Case, changed_by_hand, mask_control
from app.methods.mc.page.channels import discriminality
from app.methods.mc.page.classifier import classifier
from app.methods.mc.page.diversity import diversity
from app.methods.mc.page.loss_terms import loss_terms
from app.methods.mc.page.numbers import downloads
from app.methods.mc.page.overview import answer, overview
from app.state.sidebar import Choice
from fgcore.methods.mc import MC as METHOD
from fgcore.records import Explanation

_PARTS = {"Discriminality": discriminality, "Diversity": diversity, "Classifier": classifier, "Loss": loss_terms}


def show() -> None:
    """The page."""
    choice = state.sidebar.choice()
    st.title(METHOD.title, anchor=False)
    st.markdown(
        "Every class owns a few channels of the last feature map. A loss makes each of them recognise the class, and "
        "makes them respond at different places."
    )
    if choice.label_set is None:
        cards.no_models()
        return
    entries = [entry for entry in choice.entries if entry.method == METHOD.name]
    if not entries:
        _none_chosen(choice.label_set)
        return
    entry = _network(choice.label_set, entries)
    with st.skeleton(height=420):
        shown = resources.attempt(entry, lambda: resources.explanation(entry, choice.image))
    if isinstance(shown, str):
        cards.failure(entry, choice.label_set, shown)
        return
    _parts(entry, shown)


def _none_chosen(label_set: LabelSet) -> None:
    """What to do where no MC-Loss model is asked about the image."""
    known = [plain(label_set.label(entry)) for entry in label_set.entries if entry.method == METHOD.name]
    if known:
        st.info(f"Choose an MC-Loss model in the sidebar: {', '.join(known)}.", icon=":material/arrow_back:")
        return
    with st.container(border=True):
        st.subheader("No MC-Loss model here", anchor=False)
        st.markdown(
            f"None of the models trained on *{plain(label_set.title)}* is an MC-Loss model. Choose another set under "
            "*Trained on* in the sidebar, or train one:"
        )
        st.code(f"python -m fgcore train {cards.recipe(METHOD)}", language="bash")


def _network(label_set: LabelSet, entries: Sequence[Entry]) -> Entry:
    """The model to show; a choice only where there are several."""
    if len(entries) == 1:
        return entries[0]
    names = {label_set.label(entry): entry for entry in entries}
    name = st.segmented_control(
        "Network", list(names), default=next(iter(names)), required=True, key=session.NETWORK, bind="query-params"
    )
    return names.get(name, entries[0])


@st.fragment
def _parts(entry: Entry, shown: Explanation) -> None:
    """Everything that depends on class, contrast class and mask; a change of these reruns only this."""
    choice: Choice = state.sidebar.choice()
    truth = cards.truth_in(choice.image, shown.class_names)
    asked = classes.choose(shown.class_names, truth)
    marks = cards.discriminative_frames(choice.image, shown.view) if choice.marks else []
    pair = classes.pair(shown, asked)
    said, field, button = st.columns([3, 3, 1.7], gap="medium", vertical_alignment="bottom")
    number = mask_control(field, button, entry)
    kept = changed_by_hand(entry, number, pair)
    case = Case(entry, shown, choice.image, pair, truth, number, kept, marks, choice.cells)
    with said:
        answer(case)
    overview(case)
    parts = st.tabs(list(_PARTS), key=session.PART, on_change="rerun", bind="query-params")
    for tab, part in zip(parts, _PARTS.values(), strict=True):
        if tab.open:
            with tab:
                part(case)
    downloads(case)
