"""AP-CNN: one network from its first pass to its second, and what it would have said of other regions."""

import dataclasses
from functools import partial

import streamlit as st

from app import resources, state
from app.checkpoints import Entry
from app.components import cards
from app.components.text import percent, plain, section
from app.methods.ap import ask, session
from app.methods.ap.drawing import opinions
from app.methods.ap.page import levels, numbers, what_if, zoom
from app.methods.ap.page.overview import overview
from app.methods.ap.session import Tried
from app.state.sidebar import Choice
from fgcore.methods.ap import AP as METHOD
from fgcore.outputs import LEVELS
from fgcore.records import Explanation

_PARTS = ("Level by level", "Zoom and drop", "Every head", "What if")


def show() -> None:
    """The page."""
    choice = state.sidebar.choice()
    st.title(METHOD.title, anchor=False)
    st.markdown("One network from its first pass to its second: which regions it picks, and what it sees there.")
    entry = _entry(choice)
    if entry is None:
        return
    with st.skeleton(height=600):
        shown = resources.attempt(entry, lambda: ask.explanation(entry, choice.image))
    if isinstance(shown, str):
        cards.failure(entry, choice.label_set, shown)
        return
    section("Two passes over one image", _answer(choice, entry, shown))
    st.caption(cards.sees(shown.view))
    overview(shown, cards.truth_in(choice.image, shown.class_names))
    index = _class(shown)
    tabs = st.tabs(list(_PARTS), key=session.PART, on_change="rerun", bind="query-params")
    for tab, part in zip(tabs, (_levels, _zoom, _heads, _what_if), strict=True):
        if tab.open:
            with tab:
                part(entry, shown, index)
    _download(choice, entry, shown)
    st.caption("Every figure has a button in its upper right corner that saves it as PNG.")


def _entry(choice: Choice) -> Entry | None:
    """The network to show, or what to do where there is none."""
    if choice.label_set is None:
        cards.no_models(METHOD)
        return None
    every = [entry for entry in choice.label_set.entries if entry.method == METHOD.name]
    offered = [entry for entry in choice.entries if entry.method == METHOD.name] or every
    if not every:
        st.info(
            f"No AP-CNN among the models trained on: {plain(choice.label_set.title)}. Choose others in the sidebar "
            "under Trained on, or train one: `python -m fgcore presets` lists the recipes, those named ap_ are AP-CNN.",
            icon=":material/arrow_back:",
        )
        return None
    if len(offered) == 1:
        return offered[0]
    labels = {choice.label_set.label(entry): entry for entry in offered}
    chosen = st.selectbox("Which AP-CNN", list(labels), key=session.MODEL, bind="query-params")
    return labels.get(chosen, offered[0])


def _names(choice: Choice, entry: Entry) -> tuple[str, str]:
    """Short names for widget keys: of the checkpoint, and of the checkpoint with the image."""
    return entry.key, entry.key + choice.image.sha256[:8]


def _answer(choice: Choice, entry: Entry, shown: Explanation) -> str:
    best, names = shown.prediction.best, shown.class_names
    said = f"**{plain(choice.label_set.label(entry))}** says *{plain(names[best])}*"
    share = percent(float(shown.prediction.probabilities[best]))
    truth = cards.truth_in(choice.image, names)
    verdict = "" if truth is None else (", which is right" if truth == names[best] else f"; it is: {plain(truth)}")
    return (
        f"{said}, {share}{verdict}. Stage I sees the whole image on three levels of detail; the best regions say "
        "where to zoom, and stage II goes over them again."
    )


def _class(shown: Explanation) -> int:
    """The class in question."""
    names = list(shown.class_names)
    chosen = st.selectbox(
        "Class in question", [state.classes.FIRST_CHOICE, *names], key=state.classes.CLASS, bind="query-params"
    )
    return names.index(chosen) if chosen in names else shown.prediction.best


def _marks(choice: Choice, shown: Explanation) -> list:
    return cards.discriminative_frames(choice.image, shown.view) if choice.marks else []


@st.fragment
def _levels(entry: Entry, shown: Explanation, index: int) -> None:
    """A level in detail; another level reruns only this."""
    choice = state.sidebar.choice()
    st.markdown(
        "Each level has its own gate, its own boxes and its own heads. Fine levels see parts, coarse ones wholes."
    )
    level = st.segmented_control(
        "Pyramid level", list(LEVELS), default=LEVELS[0], required=True, key=session.LEVEL, bind="query-params"
    )
    level = level if level in LEVELS else LEVELS[0]
    key = _names(choice, entry)[0]  # the same for all levels: a figure is changed faster than made anew
    levels.gates(shown, level, ask.own_settings(entry), _marks(choice, shown), key=key, cells=choice.cells)
    levels.steps(shown, level, ask.own_settings(entry), key=key)
    levels.channels(shown, level, key=key)


@st.fragment
def _zoom(entry: Entry, shown: Explanation, index: int) -> None:
    """Zoom-in and dropblock; another drop reruns only this."""
    choice = state.sidebar.choice()
    model, name = _names(choice, entry)
    st.markdown(
        "**Zoom-in.** Stage II gets the box around all ROIs, cut out of the features and stretched to full size."
    )
    zoom.zoom(shown, key=model)
    first, second = (f"{share:.0%}".replace("%", " %") for share in ask.own_settings(entry).drop_probabilities)
    st.markdown(
        f"**Dropblock.** In training one ROI of level 3 (in {first} of all steps) or of level 4 ({second}) is set to "
        "zero, so that the network learns to use other places too. Here you may drop any of them."
    )
    effects = resources.attempt(entry, lambda: ask.effects(entry, choice.image))
    if isinstance(effects, str):
        cards.failure(entry, choice.label_set, effects)
        return
    zoom.drop(shown, effects, index, case=name)


def _heads(entry: Entry, shown: Explanation, index: int) -> None:
    """What each head, each stage and their mean say."""
    choice = state.sidebar.choice()
    st.markdown("Eight heads vote: four per stage. The prediction is the softmax of the mean of their logits.")
    opinions(shown, cards.truth_in(choice.image, shown.class_names), index=index, closed=False)


@st.fragment
def _what_if(entry: Entry, shown: Explanation, index: int) -> None:
    """Other settings, or an own zoom box; each change reruns only this."""
    choice = state.sidebar.choice()
    own, (model, name) = ask.own_settings(entry), _names(choice, entry)
    st.markdown(
        "**Drag a box on the image**, or type its corners under *My own box*, to choose what stage II sees; or "
        "change how boxes are chosen. Stage I stays as it is; stage II is computed again, nothing is trained."
    )
    board, controls = st.columns([1.15, 1], gap="large")
    with controls:
        box = what_if.target(shown, name)
        wanted = what_if.settings(own, model)
        st.button(
            "Back to the model's own", icon=":material/restart_alt:", width="stretch", key=f"ap-reset-{name}",
            on_click=what_if.reset, args=(own, shown), kwargs={"model": model, "case": name},
        )  # fmt: skip
    with board:
        tried, changed = what_if.try_out(
            lambda: Tried(name, dataclasses.replace(own, **wanted), box),
            lambda tried: ask.explanation(entry, choice.image, tried.roi, tried.zoom_box),
            shown,
            case=name,
        )
        what_if.board(shown, changed, case=name)
        what_if.answers(shown, changed, index, cards.truth_in(choice.image, shown.class_names))
    what_if.second_gates(shown, changed, case=name, cells=choice.cells)
    steps = st.expander("The boxes with these settings, level by level", on_change="rerun", key=f"ap-steps-{name}")
    if steps.open:
        with steps:
            level = st.segmented_control(
                "Level", list(LEVELS), default=LEVELS[0], required=True, key=f"ap-steps-level-{model}"
            )
            levels.steps(changed, level, tried.roi if tried else own, key=f"what-if-{model}")
    if tried is not None and (tried.roi, tried.zoom_box) != (own, None):
        _download(choice, entry, shown, tried)


def _download(choice: Choice, entry: Entry, shown: Explanation, tried: Tried | None = None) -> None:
    """The numbers as files; with those of other settings, if there are any."""
    more = " with what if" if tried else ""
    with st.container(horizontal=True):
        for kind, mime, label, build in (
            ("json", "application/json", "All numbers", _document), ("csv", "text/csv", "Probabilities", _table),
        ):  # fmt: skip
            st.download_button(
                f"{label}{more} ({kind.upper()})", icon=":material/download:", file_name=f"ap-cnn.{kind}", mime=mime,
                key=f"ap-{kind}{more}", on_click="ignore", data=partial(build, choice, entry, shown, tried),
            )  # fmt: skip


def _changed(choice: Choice, entry: Entry, tried: Tried | None) -> Explanation | None:
    return None if tried is None else ask.explanation(entry, choice.image, tried.roi, tried.zoom_box)


def _document(choice: Choice, entry: Entry, shown: Explanation, tried: Tried | None) -> str:
    own, effects = ask.own_settings(entry), ask.effects(entry, choice.image)
    return numbers.document(choice.image, shown, own, effects, tried, _changed(choice, entry, tried))


def _table(choice: Choice, entry: Entry, shown: Explanation, tried: Tried | None) -> str:
    return numbers.table(shown, ask.effects(entry, choice.image), _changed(choice, entry, tried))
